"""The compiled scan of one input: what it has learned, and what becomes of the calls that it finds.

`_scan.pyx` takes the lines that are like those that the expressions of shapes.py took, and `LineReader` reads the
others. Without it, because there was no compiler, `LineReader` reads all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING

from audit2seccomp.evidence.carriers import Speaker, Trust
from audit2seccomp.evidence.decide import Fate, Outcome
from audit2seccomp.evidence.once import Channel, Part
from audit2seccomp.evidence.record import record_of
from audit2seccomp.evidence.tally import MAX_CALLS
from audit2seccomp.named_tuple import NamedTuple

PURE = "AUDIT2SECCOMP_PURE"
"""The environment variable that keeps the compiled scan from being used, whatever its value."""

try:
    if PURE in os.environ:
        raise ImportError
    from audit2seccomp.evidence.text import _scan
except ImportError:
    _scan = None  # type: ignore[assignment]

_MAX_TRIALS = 1024
"""So many beginnings of lines are tried in an input: of those that cannot be learned there is no end."""

if TYPE_CHECKING:
    from audit2seccomp.evidence.decide import Decider
    from audit2seccomp.evidence.model import Origin
    from audit2seccomp.evidence.tally import Tally
    from audit2seccomp.evidence.text.shapes import Expressions


class _Source(NamedTuple):
    """What lines have in common that are counted together."""

    origin: Origin
    channel: Channel
    stamped: bool


class CompiledScan:
    """What is known of the lines of one input."""

    def __init__(self, tally: Tally, decider: Decider, *, count_lines: bool) -> None:
        """At the start of an input."""
        self._tally = tally
        self._decider = decider
        self._count_lines = count_lines
        self.outlines = _scan.Outlines()
        self._learned: set[bytes] = set()
        """Beginnings of lines that were tried, whether they could be learned or not."""
        self._calls = _scan.Calls()
        self._sources: list[_Source] = []
        self._outcomes: dict[tuple[Origin, tuple[bytes | None, ...], bytes], Outcome] = {}
        self._tables: dict[_scan.Calls, None] = {}
        """Those that hold what was not folded yet."""

    def learn(self, known: Expressions, line: bytes, origin: Origin) -> bool:
        """Learn to take lines that begin like one that was just read; False if that is no news, or not to be had."""
        carrier = known.shape.carrier
        if self.outlines.full or len(self._learned) >= _MAX_TRIALS or carrier.trust < self._decider.trust:
            return False
        outline = known.outline(line)
        if outline is None:
            return False
        form = bytes(48 if free else byte for byte, free in zip(outline.text, outline.free, strict=True))
        if form in self._learned:
            return False
        self._learned.add(form)
        source = _Source(origin, Channel(origin.host), outline.serial is not None)
        sources = self._sources if source in self._sources else [*self._sources, source]
        enriched = carrier.speaker is Speaker.AUDITD
        learned = self.outlines.learn(*outline, sources.index(source), carrier.bare, enriched)
        if learned:
            self._sources = sources  # so that there are no more of them than outlines
        return learned

    def scan(self, block: bytes, *, bare: bool) -> _scan.Found:
        """Take what can be taken of the lines in a block, which begins with a newline. `bare`: also where only the
        beginning of the line speaks."""
        return self.scan_with(block, self.table(), bare=bare)

    def table(self) -> _scan.Calls:
        """The calls of the thread that counts, with room for those of a block."""
        self._calls = in_time(self._calls)
        return self._calls

    def scan_with(self, block: bytes, calls: _scan.Calls, *, bare: bool = True) -> _scan.Found:
        """The same with another table of calls, which nobody else uses meanwhile."""
        return _scan.scan(block, 1, self.outlines, calls, count_lines=self._count_lines, bare=bare)

    def scan_these(self, block: bytes, starts: list[int], *, bare: bool) -> _scan.Found:
        """The same of some of its lines."""
        return _scan.scan_these(block, starts, self.outlines, self._calls, bare=bare)

    def look(self, scanned: Iterable[_scan.Found]) -> Iterator[tuple[int, Outcome, int | None]]:
        """Find out what the new calls of a block mean; yields where each stands first, what becomes of it, and its
        time."""
        firsts: dict[tuple[_scan.Calls, int], tuple[int, int | None]] = {}
        for found in scanned:
            for call, at, time in found.new():
                firsts[found.calls, call] = min((at, time), firsts.get((found.calls, call), (at, time)))
        for (calls, call), (at, time) in sorted(firsts.items(), key=itemgetter(1)):
            outcome = self._outcome(calls, call, self._sources[calls.source(call)].origin)
            calls.outcomes[call] = outcome
            calls.settle(call, outcome.fate in (Fate.COUNTED, Fate.UNSELECTED))
            yield at, outcome, time

    def _outcome(self, calls: _scan.Calls, call: int, origin: Origin) -> Outcome:
        """What becomes of a call, of which each worker's table may tell."""
        fields = calls.fields(call)
        body = b"SECCOMP " + calls.text_of(call) if self._decider.asks else b""
        outcome = self._outcomes.get((origin, fields, body))
        if outcome is None:
            outcome = self._decider.of_record(record_of(*fields), body, origin)
            if len(self._outcomes) > MAX_CALLS:
                self._outcomes.clear()
            self._outcomes[origin, fields, body] = outcome
        return outcome

    def parts(self, scanned: Iterable[_scan.Found]) -> Iterator[tuple[Channel, Part]]:
        """The stamped events of a block that use up serials, once it is known what they mean."""
        for found in scanned:
            for source in found.sources():
                if self._sources[source].stamped:
                    events = found.events_of(source)
                    if len(events):
                        yield self._sources[source].channel, Part(events, events.are_copies)

    def commit(self, scanned: Iterable[_scan.Found]) -> None:
        """Count what was found."""
        for found in scanned:
            found.commit()
            self._tables[found.calls] = None

    @property
    def full(self) -> bool:
        """Whether it is time to fold."""
        return any(calls.before is not None for calls in self._tables)

    def fold(self) -> Iterator[Outcome]:
        """Add the calls to the keys; yields those that do not count, with all their events."""
        for calls in self._tables:
            for call, lines, again, last in calls.fold():
                yield from self._tally.credit(calls.outcomes[call], lines, again, last)
            calls.forget_before()
        self._tables.clear()


def in_time(calls: _scan.Calls) -> _scan.Calls:
    """The table for the next block: another one if this is full."""
    return _scan.Calls(calls) if calls.full else calls


def is_compiled() -> bool:
    """Whether there is a compiled scan."""
    return _scan is not None


def compiled_scan(tally: Tally, decider: Decider, *, count_lines: bool) -> CompiledScan | None:
    """A scan for one input; None where it was not compiled, or where it matters who made a call, or when, or where any
    text is believed."""
    if _scan is None or decider.by_time or decider.by_task or decider.trust is Trust.EMBEDDED:
        return None
    return CompiledScan(tally, decider, count_lines=count_lines)
