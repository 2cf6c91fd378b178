"""The compiled scan of one input: what it has learned, and what becomes of the calls that it finds.

`_scan.pyx` takes the lines that are like those that the expressions of shapes.py took, and `LineReader` reads the
others. Without it, because there was no compiler, `LineReader` reads all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from audit2seccomp.evidence.carriers import Speaker, Trust
from audit2seccomp.evidence.decide import Fate, Outcome
from audit2seccomp.evidence.once import Channel
from audit2seccomp.evidence.record import record_of

try:
    from audit2seccomp.evidence.text import _scan
except ImportError:
    _scan = None

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
        self._calls = _scan.Calls()
        self._outcomes: dict[int, Outcome] = {}
        self._sources: list[_Source] = []

    def learn(self, known: Expressions, line: bytes, origin: Origin) -> bool:
        """Learn to take lines that begin like one that was just read; False if that is no news, or not to be had."""
        carrier = known.shape.carrier
        if self.outlines.full or carrier.trust < self._decider.trust:
            return False
        outline = known.outline(line)
        if outline is None:
            return False
        form = bytes(48 if free else byte for byte, free in zip(outline.text, outline.free, strict=True))
        if form in self._learned:
            return False
        source = _Source(origin, Channel(origin.host), outline.serial is not None)
        if source not in self._sources:
            self._sources.append(source)
        enriched = carrier.speaker is Speaker.AUDITD
        self._learned.add(form)
        return self.outlines.learn(*outline, self._sources.index(source), carrier.bare, enriched)

    def scan(self, block: bytes, *, bare: bool) -> _scan.Found:
        """Take what can be taken of the lines in a block, which begins with a newline. `bare`: also where only the
        beginning of the line speaks."""
        return _scan.scan(block, 1, self.outlines, self._calls, count_lines=self._count_lines, bare=bare)

    def scan_again(self, block: bytes, found: _scan.Found, first: int, *, bare: bool) -> None:
        """Look again at the lines that were left, from the `first` on."""
        _scan.scan_again(block, found, first, self.outlines, bare=bare)

    def look(self, found: _scan.Found) -> Iterator[tuple[int, Outcome, int | None]]:
        """Find out what the new calls mean; yields where each stands first, what becomes of it, and its time."""
        for call, at, time in found.new():
            origin = self._sources[found.calls.source(call)].origin
            record = record_of(*found.calls.fields(call))
            body = b"SECCOMP " + found.calls.text_of(call) if self._decider.asks else b""
            outcome = self._decider.of_record(record, body, origin)
            self._outcomes[call] = outcome
            found.calls.settle(call, outcome.fate in (Fate.COUNTED, Fate.UNSELECTED))
            yield at, outcome, time

    def settle(self, found: _scan.Found) -> None:
        """Count what was found, once it is known what it means."""
        for source in found.sources():
            if self._sources[source].stamped:
                events = found.events_of(source)
                if len(events):
                    again = self._tally.once.take_events(self._sources[source].channel, events)
                    if again:
                        events.are_copies(again)
        found.commit()

    @property
    def full(self) -> bool:
        """Whether it is time to fold."""
        return self._calls.full

    def fold(self) -> Iterator[Outcome]:
        """Add the calls to the keys; yields those that do not count, with all their events."""
        for call, lines, again, last in self._calls.folded():
            yield from self._tally.credit(self._outcomes[call], lines, again, last)
        self._outcomes.clear()
        self._calls = _scan.Calls()


def compiled_scan(tally: Tally, decider: Decider, *, count_lines: bool) -> CompiledScan | None:
    """A scan for one input; None where it was not compiled, or where it matters who made a call, or when, or where any
    text is believed."""
    if _scan is None or decider.by_time or decider.by_task or decider.trust is Trust.EMBEDDED:
        return None
    return CompiledScan(tally, decider, count_lines=count_lines)
