"""Blocks of any number of inputs → evidence: which reader an input needs, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial, reduce
from typing import TYPE_CHECKING

from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.beginning import STRACE, TEXT, Beginning
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.decide import Decider, Fate, Outcome
from audit2seccomp.evidence.entries import FORMS
from audit2seccomp.evidence.jobs import thread_count
from audit2seccomp.evidence.model import Evidence, Progress, RecordKey, Segment
from audit2seccomp.evidence.notes import Notes
from audit2seccomp.evidence.tally import Tally
from audit2seccomp.evidence.text.cuts import Cutter
from audit2seccomp.evidence.text.lines import LineReader, tokens_at

if TYPE_CHECKING:
    from audit2seccomp.evidence.entries.reader import EntryReader
    from audit2seccomp.evidence.entries.strace import StraceDecoder
    from audit2seccomp.evidence.inputs.stretches import Stretch
    from audit2seccomp.evidence.once import Chunk
    from audit2seccomp.evidence.parallel.portion import Portion
    from audit2seccomp.evidence.query.condition import Field
    from audit2seccomp.evidence.query.language import Query
    from audit2seccomp.evidence.stored.merging import Overlap
    from audit2seccomp.evidence.text.workers import Workers
    from audit2seccomp.kernel.abi import Abi

STRACE_BESIDE = (
    "strace's output counts only if nothing else is read: collect it, and give the evidence beside other logs"
)


class Scanner:
    """Reads blocks of any number of inputs and counts what it finds.

    `trust` is the level that a record needs; `assume_arch` is for records of old kernels, see `parse_record`; of sound
    and trusted records, those count that `query` takes. `on_new` is told each key when it is first seen. Without
    `count_lines` the evidence has no number of lines, and the places in it are inexact. With `apart` an event that is
    in two inputs counts in each of them. `form`, one of `FORM_NAMES`, is that of all inputs, instead of what
    they look like. `strace_abi` is that of programs under strace, whose output is not read without. `beside` reads
    other inputs at the same time: what is in both counts once."""

    def __init__(
        self,
        trust: Trust = Trust.ANCHORED,
        assume_arch: int | None = None,
        on_new: Callable[[RecordKey], None] | None = None,
        *,
        query: Query | None = None,
        count_lines: bool = True,
        apart: bool = False,
        form: str | None = None,
        strace_abi: Abi | None = None,
        beside: Scanner | None = None,
        jobs: int | None = 1,
    ) -> None:
        """Start with nothing seen."""
        self._count_lines = count_lines
        self._workers = cache(partial(_workers, jobs))
        self._on_new = on_new
        self._query = query
        self._form_in = form
        self._strace_abi = strace_abi
        self._stored: list[tuple[str, Evidence]] = []
        self.inputs: list[str] = []
        """The names of the logs that `scan_source` read, in their order; not those of evidence files."""
        self.asked = 0
        """Of how many inputs' records the query was asked."""
        self.unknown_fields: dict[str, list[str]] = {}
        """Fields that the query looks at, and the inputs of which no record had them."""
        self._tally: Tally = Tally(on_new, None if beside is None else beside._tally.once)
        self._tally.once.apart = apart
        self._decider = Decider(self._tally.key_of, trust, assume_arch, query)
        self._notes = Notes()
        self._lines_before = 0
        self._read_with = Trust.AUTHENTICATED
        """The level of all that was read, by this scanner and the one that it took over from."""
        self._start("", None)

    def take_over(self, evidence: Evidence, memory: Iterable[Chunk]) -> None:
        """Go on from what an earlier scanner found and remembered (`memory`), before the first input."""
        self._tally.take_over(evidence.counts)
        self._tally.once.take_over(memory, evidence.segments)
        self._tally.repeated, self._tally.unselected = evidence.repeated, evidence.unselected
        self._notes = Notes(evidence)
        self._lines_before = evidence.lines or 0
        self._read_with = evidence.trust
        self._start("", None)

    @property
    def is_pure(self) -> bool:
        """Whether the compiled scan does not read text logs."""
        return self._lines.is_pure

    @property
    def reads_parts(self) -> bool:
        """Whether what is found in a part of a text log hangs on no more of what stands above than `put` is told."""
        return self._query is None and self._form_in is None and self._decider.trust < Trust.AUTHENTICATED

    def remember_all(self) -> None:
        """From here on, remember what `portion` tells."""
        self._tally.once.placed = []

    def portion(self, *, application: bool = False) -> Portion:
        """What was found, if it was one log, or a part of it, and nothing was read before; `remember_all` must have
        been called. `application`: what `start_input` was told."""
        from audit2seccomp.evidence.parallel.portion import Portion

        placed = self._tally.once.placed
        assert placed is not None
        found = self.evidence(), placed, self.asked, self.unknown_fields, self._decider.runtimes
        return Portion(self._name, *found, application, self.progress())

    def put(self, portion: Portion, above: Progress | None = None) -> Progress | None:
        """Count what a scanner with the same choices found in an input, between two others, or in a part of one: where
        that is not the first, `above` is what this returned of the one before it. Returns where the input goes on;
        None, and nothing is counted, if this scanner might have found something else there, because of what it has
        read before."""
        first = above is None
        if above is None:
            above = Progress(portion.progress.form)
        elif (above.form, above.application) != (portion.progress.form, portion.application):
            return None
        self._lines.fold()
        evidence = portion.evidence
        if not self._tally.has_room_for(evidence.counts, new=first) or not self._notes.takes(evidence):
            return None
        opened = self._tally.once.see_input(
            portion.placed, evidence.segments, portion.progress.segments, above.segments
        )
        if opened is None:
            return None
        self._tally.put(evidence.counts, above.lines)
        self._tally.repeated += evidence.repeated
        self._tally.unselected += evidence.unselected
        self._notes.add(evidence, portion.name, above.lines)
        self._lines_before += evidence.lines or 0
        self._read_with = min(self._read_with, evidence.trust)
        if first:
            self.inputs.append(portion.name)
        self.asked += portion.asked
        for field, names in portion.unknown_fields.items():
            self.unknown_fields.setdefault(field, []).extend(names)
        self._decider.runtimes |= portion.runtimes
        return portion.progress._replace(lines=above.lines + portion.progress.lines, segments=opened)

    def memory(self) -> list[Chunk]:
        """What a later scanner must know to count each event once."""
        return self._tally.once.memory()

    def add(self, name: str, evidence: Evidence) -> None:
        """Count what a file of that name holds instead of a log. Raises EvidenceFileError if its records had to prove
        less than this scanner asks for, and UsageError if the query cannot be asked."""
        from audit2seccomp.evidence.stored.merging import refuse_lower, select, unknown_to

        refuse_lower(evidence, self._decider.trust, name)
        stored = evidence if self._query is None else select(evidence, self._query, name)
        if self._query is not None and evidence.counts:
            self._note_unknown(name, unknown_to(evidence, self._query))
            for key in evidence.counts.keys() - stored.counts.keys():
                self._decider.note_runtime(key.comm, key.exe)
        if self._on_new is not None:
            known = self._tally.counts().keys() | {key for _, other in self._stored for key in other.counts}
            for key in stored.counts:
                if key not in known:
                    self._on_new(key)
        self._stored.append((name, stored))

    def _note_unknown(self, name: str, fields: Iterable[Field]) -> None:
        self.asked += 1
        for field in fields:
            self.unknown_fields.setdefault(str(field), []).append(name)

    def runtimes_left_out(self) -> list[str]:
        """Names of container runtimes whose own records the query does not take, not even some."""
        kept = (self._tally.counts(), *(stored.counts for _, stored in self._stored))
        taken = {key.comm for counts in kept for key in counts}
        return sorted(name.decode(errors="surrogateescape") for name in self._decider.runtimes - taken)

    def overlaps(self) -> list[Overlap]:
        """Where events of an evidence file may be in another input too."""
        if not self._stored:
            return []
        from audit2seccomp.evidence.stored.merging import overlaps

        logs: dict[str, list[Segment]] = {}
        for segment in self._tally.once.segments():
            logs.setdefault(segment.file, []).append(segment)
        found = overlaps([*logs.items(), *((name, stored.segments) for name, stored in self._stored)])
        files = {name for name, _ in self._stored}
        return [overlap for overlap in found if not files.isdisjoint(overlap[:2])]

    def start_input(self, name: str, form: str | None = None, progress: Progress | None = None) -> None:
        """From here on the blocks are those of another input; `finish_input` must have ended the one before.

        `form`: a name of `FORMS`, instead of what the input's first bytes look like. `progress`: the input goes on
        where a scanner, this one or one that it took over from, paused in it."""
        self._lines.fold()
        self._lines_before += self.lines
        self._tally.start_input(name)
        self._start(name, form)
        if progress is None or progress.form is None:
            return
        self._begin(progress.form)
        self._lines_before -= progress.lines
        self._lines.go_on(progress)
        if self._entries is not None:
            self._entries.go_on(progress.lines)
        self._tally.once.reopen(progress.segments)

    def pause_input(self) -> tuple[Progress, int]:
        """The input goes on another time. Returns what `start_input` must know then, and how many bytes at the end are
        not read, because their line has not ended yet. Raises InputError if the form does not allow it."""
        if self._feed is None:
            unended = self._beginning.drop()
            if not self._beginning.lines:
                return Progress(), unended
            self._begin(TEXT)
        elif self._entries is None:
            unended = self._cutter.unended
            self._cutter.drop()
        else:
            unended = self._entries.pause()
        return self.progress(), unended

    def progress(self) -> Progress:
        """What `start_input` must know if the input goes on another time. It must end here with a line, or an entry."""
        progress = self._lines.progress()._replace(form=self._form, lines=self.lines)
        return progress._replace(segments=self._tally.once.open_segments())

    @property
    def cursor(self) -> bytes:
        """journald's name for the place of this input's last entry; empty where there is none."""
        return b"" if self._entries is None else self._entries.cursor

    def _start(self, name: str, form: str | None) -> None:
        self._name = name
        self._beginning = Beginning()
        self._feed: Callable[[bytes], None] | None = None
        """What reads the blocks; None until the form is known."""
        self._lines = LineReader(
            name, self._tally, self._decider, self._notes, count_lines=self._count_lines, workers=self._workers
        )
        self._entries: EntryReader | None = None
        lines, tokens = self._lines, tokens_at(self._decider.trust)
        self._cutter = Cutter(lines.read, lines.note_too_long, lines.skip_line, tokens, lines.read_last)
        self._form = TEXT
        if form is not None or self._form_in is not None:
            self._begin(form or self._form_in or TEXT)

    def feed(self, block: bytes) -> None:
        """Read one more block; where blocks are cut makes no difference."""
        if block:
            self._read_with = min(self._read_with, self._decider.trust)
        (self._feed or self._take_head)(block)

    @property
    def unended(self) -> int | None:
        """How many of the bytes that were fed are of a line that has not ended; None where the input is not read line
        by line, or that line is too long."""
        return self._cutter.unended if self._feed == self._cutter.feed and not self._cutter.overlong else None

    def feed_stretch(self, stretch: Stretch) -> None:
        """Read whole lines, the first of which may be the one that had not ended, from its beginning on."""
        self._cutter.drop()
        self._lines.read_stretch(stretch)

    def catch_up(self) -> None:
        """Read all that was fed: nobody needs the file of a stretch any more."""
        self._lines.catch_up()

    def finish_input(self) -> None:
        """The input has ended; its last line may lack a newline."""
        if self._feed is None:
            self._take_head(b"", ended=True)
        if self._entries is not None:
            self._entries.finish()
        else:
            self._cutter.finish()
        self._lines.catch_up()
        if self._query is not None and self._decider.asked:
            self._note_unknown(self._name, self._query.fields - self._decider.known)
            self._decider.start_input()

    @property
    def lines(self) -> int:
        """How many lines of this input were read."""
        return self._lines.lines if self._entries is None else self._entries.lines

    def _take_head(self, block: bytes, *, ended: bool = False) -> None:
        """Read what is known to be text, until it shows what all the rest is."""
        start = self._beginning.take(block, ended=ended)
        if start.text:
            self._cutter.feed(start.text)
        if start.cut is not None:
            from audit2seccomp.evidence.entries.entry import CUT_ENTRY

            outcome = Outcome(None, 1, Fate.REJECTED, CUT_ENTRY)
            self._notes.outcome(outcome, self._name, lambda: max(1, self._beginning.lines), start.cut)
        if start.form is not None:
            form = start.form
            if form == STRACE and self._strace_abi is None:
                outcome = Outcome(None, 1, Fate.REFUSED, STRACE_BESIDE)
                self._notes.outcome(outcome, self._name, lambda: 1, start.rest.split(b"\n")[0])
                form = TEXT
            self._begin(form)
            if self._entries is not None:
                self._entries.go_on(self._beginning.lines)
            self.feed(start.rest)

    def _begin(self, form: str) -> None:
        self._form = form
        if form == TEXT:
            self._feed = self._cutter.feed
            return
        from audit2seccomp.evidence.entries.reader import EntryReader

        decoder = self._strace_decoder() if form == STRACE else FORMS[form]()
        self._entries = EntryReader(self._name, decoder, self._tally, self._decider, self._notes, self._lines)
        self._feed = self._entries.feed

    def miss_the_rest(self) -> None:
        """Of this input more was there, which could not be read."""
        self._notes.loss("archive-cut", self._name, 0, b"")

    def evidence(self) -> Evidence:
        """What was seen so far."""
        self._lines.fold()
        scanned = Evidence(
            self._tally.counts(),
            self._lines_before + self.lines if self._count_lines else None,
            dict(self._notes.rejected),
            dict(self._notes.refused),
            dict(self._notes.losses),
            tuple(sorted(self._tally.once.segments(), key=repr)),
            self._tally.repeated,
            self._tally.unselected,
            self._read_with,
        )
        return reduce(Evidence.merge, (stored for _, stored in self._stored), scanned)

    def _strace_decoder(self) -> StraceDecoder:
        from audit2seccomp.evidence.entries.strace import StraceDecoder

        if self._strace_abi is None:
            raise UsageError("strace names no architecture: --assume-arch says which one it was")
        return StraceDecoder(self._strace_abi)


def _workers(jobs: int | None) -> Workers | None:
    """So many, or one for each core, if they are of use."""
    threads = thread_count(jobs)
    if threads < 2:
        return None
    from audit2seccomp.evidence.text.workers import Workers

    return Workers(threads - 1)  # and the one who calls
