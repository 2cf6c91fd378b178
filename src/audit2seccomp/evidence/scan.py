"""Blocks of any number of inputs → evidence: which reader an input needs, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.cuts import TOO_LONG, Cutter
from audit2seccomp.evidence.decide import Decider, Fate, Outcome
from audit2seccomp.evidence.entries import FORMS, HEAD_BYTES, detect, undecided
from audit2seccomp.evidence.lines import LineReader, tokens_at
from audit2seccomp.evidence.model import Evidence, RecordKey
from audit2seccomp.evidence.notes import Notes
from audit2seccomp.evidence.tally import Tally

if TYPE_CHECKING:
    from audit2seccomp.evidence.entries.entry import Decoder
    from audit2seccomp.evidence.query import Query
    from audit2seccomp.evidence.structured import EntryReader


class Scanner:
    """Reads blocks of any number of inputs and counts what it finds.

    `trust` is the level that a record needs; `assume_arch` is for records of old kernels, see `parse_record`; of sound
    and trusted records, those count that `query` takes. `on_new` is told each key when it is first seen. Without
    `count_lines` the evidence has no number of lines, and the places in it are inexact."""

    def __init__(
        self,
        trust: Trust = Trust.ANCHORED,
        assume_arch: int | None = None,
        on_new: Callable[[RecordKey], None] | None = None,
        *,
        query: Query | None = None,
        count_lines: bool = True,
    ) -> None:
        """Start with nothing seen."""
        self._count_lines = count_lines
        self._tally = Tally(on_new)
        self._decider = Decider(self._tally.key_of, trust, assume_arch, query)
        self._notes = Notes()
        self._lines_before = 0
        self._start("", None)

    def start_input(self, name: str, form: str | None = None) -> None:
        """From here on the blocks are those of another input; `finish_input` must have ended the one before.

        `form`: a name of `FORMS`, instead of what the input's first bytes look like."""
        self._lines.fold()
        self._lines_before += self.lines
        self._tally.start_input(name)
        self._start(name, form)

    def _start(self, name: str, form: str | None) -> None:
        self._name = name
        self._head = bytearray()
        self._feed: Callable[[bytes], None] = self._take_head
        self._lines = LineReader(name, self._tally, self._decider, self._notes, count_lines=self._count_lines)
        self._entries: EntryReader | None = None
        self._cutter = Cutter(self._lines.read, self._too_long, self._lines.skip_line, tokens_at(self._decider.trust))
        if form is not None:
            self._begin(FORMS[form])

    def feed(self, block: bytes) -> None:
        """Read one more block; where blocks are cut makes no difference."""
        self._feed(block)

    def finish_input(self) -> None:
        """The input has ended; its last line may lack a newline."""
        if self._feed == self._take_head:
            self._detect()
        if self._entries is not None:
            self._entries.finish()
        else:
            self._cutter.finish()

    @property
    def lines(self) -> int:
        """How many lines of this input were read."""
        return self._lines.lines if self._entries is None else self._entries.lines

    def _take_head(self, block: bytes) -> None:
        """Wait until there is enough to see the form."""
        self._head += block
        if not undecided(bytes(self._head[:HEAD_BYTES])):
            self._detect()

    def _detect(self) -> None:
        head = bytes(self._head)
        self._begin(detect(head))
        self._head.clear()
        self._feed(head)

    def _begin(self, form: Callable[[], Decoder] | None) -> None:
        if form is None:
            self._feed = self._cutter.feed
            return
        from audit2seccomp.evidence.structured import EntryReader

        self._entries = EntryReader(self._name, form(), self._tally, self._decider, self._notes, self._lines)
        self._feed = self._entries.feed

    def evidence(self) -> Evidence:
        """What was seen so far."""
        self._lines.fold()
        return Evidence(
            self._tally.counts(),
            self._lines_before + self.lines if self._count_lines else None,
            dict(self._notes.rejected),
            dict(self._notes.refused),
            dict(self._notes.losses),
            tuple(sorted(self._tally.once.segments(), key=repr)),
            self._tally.repeated,
            self._tally.unselected,
        )

    def _too_long(self, start: bytes) -> None:
        outcome = Outcome(None, 1, Fate.REJECTED, TOO_LONG)
        self._notes.outcome(outcome, self._name, lambda: self._lines.lines + 1, start)
