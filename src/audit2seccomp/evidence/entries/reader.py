"""The entries of a structured log, counted: their messages go the same way as the lines of a text log.

Entries of one author and origin are read together: their messages make a block of lines, which one expression matches
as it does those of a text log. What it does not match is read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.carriers import Carrier, Located, Trust, locate
from audit2seccomp.evidence.decide import Fate, Outcome
from audit2seccomp.evidence.entries.authors import BELOW_OTHERS
from audit2seccomp.evidence.entries.entry import RECORD_TOKEN, Call, Decoder, Entry, Found, Problem
from audit2seccomp.evidence.loss import sign_in_message
from audit2seccomp.evidence.model import Origin, SeccompRecord
from audit2seccomp.evidence.once import Channel, millis
from audit2seccomp.evidence.text.shapes import Columns, Expressions, Shape, expressions_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.decide import Decider
    from audit2seccomp.evidence.notes import Notes
    from audit2seccomp.evidence.tally import Tally
    from audit2seccomp.evidence.text.lines import LineReader


_TRACE = "strace: a trace is not the kernel's word"


class _Source(NamedTuple):
    """What the entries of a group share: the second to sixth field of an Entry."""

    carrier: Carrier
    host: str | None
    unit: str | None
    container: str | None
    boot: str | None


class EntryReader:
    """Reads one structured input."""

    def __init__(
        self, name: str, decoder: Decoder | None, tally: Tally, decider: Decider, notes: Notes, lines: LineReader
    ) -> None:
        """`lines` reads what is text between the entries. Without a decoder, `take` gets single entries."""
        self._name = name
        self._decoder = decoder
        self._tally = tally
        self._decider = decider
        self._notes = notes
        self._text = lines
        self._known: dict[Carrier, Expressions] = {}
        self._origins: dict[_Source, Origin] = {}

    @property
    def lines(self) -> int:
        """How many were read."""
        return self._decoder.lines if self._decoder else 0

    @property
    def cursor(self) -> bytes:
        """journald's name for the place of the last entry; empty where there is none."""
        return self._decoder.cursor if self._decoder else b""

    def feed(self, block: bytes) -> None:
        """Read one more block."""
        if self._decoder:
            self.take(self._decoder.feed(block))

    def finish(self) -> None:
        """The input has ended."""
        if self._decoder:
            self.take(self._decoder.finish())

    def go_on(self, lines: int) -> None:
        """So many lines were read before."""
        if self._decoder:
            self._decoder.lines = lines

    def pause(self) -> int:
        """Forget the line that has not ended; returns its bytes. Raises InputError for entries over several lines."""
        unended = self._decoder.pause() if self._decoder else None
        if unended is None:
            raise InputError(
                f"{self._name}: its entries have several lines, in which no place can be kept: --state reads on in "
                "text and in JSON with one object on a line"
            )
        return unended

    def take(self, found: Iterable[Found]) -> None:
        """Count what a decoder found."""
        groups: dict[_Source, list[Entry]] = {}
        last: tuple[object, ...] = ()
        group: list[Entry] = []
        foreign = self._text.foreign
        for read in found:
            one = below_others(read) if foreign else read
            if isinstance(one, Entry):
                if RECORD_TOKEN in one.message:
                    # Most entries have the source of the one before, and are faster compared than looked up.
                    shared = one[1:6]
                    if shared != last:
                        last = shared
                        # Boots of one host are no different sources: their texts are counted together.
                        boot = None if one.host else one.boot
                        group = groups.setdefault(_Source(*shared[:4], boot), [])
                    group.append(one)
                elif one.tag:
                    self._take_sign(one)
            elif isinstance(one, Problem):
                self._take_problem(one)
            elif isinstance(one, Call):
                self._take_call(one)
            else:
                self._text.lines = one.line - 1
                self._text.read(b"\n" + one.text + b"\n")
                foreign = self._text.foreign
        for source, entries in groups.items():
            self._take_group(source, entries)
        if self._tally.full:
            self._text.fold()

    def _take_problem(self, problem: Problem) -> None:
        outcome = Outcome(None, 1, Fate.REJECTED, problem.reason)
        self._notes.outcome(outcome, self._name, lambda: problem.line, problem.text)

    def _take_call(self, call: Call) -> None:
        """Count a call that strace saw: it names neither program nor action, and the call was made."""
        if self._decider.trust > Trust.ANCHORED:
            outcome = Outcome(None, 1, Fate.REFUSED, _TRACE)
            self._notes.outcome(outcome, self._name, lambda: call.line, b"")
            return
        record = SeccompRecord(call.millis, None, call.arch, call.nr, None, call.pid, None, None, None, None)
        outcome = self._decider.of_record(record, b"", Origin(self._name))
        self._tally.add(outcome, Channel(None), call.line)

    def _take_sign(self, entry: Entry) -> None:
        # An entry has a tag only where its speaker is known, also where a record in it would prove nothing.
        sign = sign_in_message(entry.tag, entry.message)
        if sign is not None:
            self._notes.loss(sign.kind, self._name, entry.line, entry.message)

    def _take_group(self, source: _Source, entries: list[Entry]) -> None:
        known = self._known.get(source.carrier)
        if known is None or source.carrier.trust is Trust.EMBEDDED:
            self._take_each(source, entries)
            return
        lean = self._tally.lean and source.carrier.trust >= self._decider.trust and not self._decider.by_task
        expression = known.lean if lean else known.whole
        messages = [entry.message for entry in entries]
        block = b"\n" + b"\n".join(messages) + b"\n"
        matches = expression.findall(block)
        if len(matches) != len(messages) or block.count(b"\n") != len(messages) + 1:
            # Some are unusual, or hold a newline: each for itself.
            usual = [entry for entry in entries if _is_line(expression, entry.message)]
            fits = set(map(id, usual))
            self._take_each(source, [entry for entry in entries if id(entry) not in fits])
            entries = usual
            matches = expression.findall(b"".join(b"\n" + entry.message for entry in entries) + b"\n")
        self._count(source, entries, matches, known, lean=lean)

    def _count(
        self, source: _Source, entries: list[Entry], matches: list[object], known: Expressions, *, lean: bool
    ) -> None:
        trusted = source.carrier.trust >= self._decider.trust
        for found in known.columns(matches, lean=lean):
            for columns, of in _stamped(found, entries):
                origin, channel, stamped = self._origin(source), self._channel(source), bool(columns.times)
                pile = self._tally.pile(known, origin, channel, lean=lean, trusted=trusted, stamped=stamped)
                self._tally.count_chosen(pile, columns, self._decider)
                self._note_first(columns, of)
                self._tally.settle()

    def _note_first(self, columns: Columns, entries: list[Entry]) -> None:
        """Look at the new texts; note where each stands first."""
        places: dict[object, int] = {}
        for _, text, outcome in self._tally.look(self._decider):
            places = places or dict(zip(reversed(columns.texts), reversed(range(len(entries))), strict=True))
            at = places[text]
            if outcome.key is not None:
                time = millis(columns.times[at]) if columns.times else None
                self._tally.note_first(outcome.key, entries[at].line, time)
            else:
                self._note(outcome._replace(events=0), entries[at])

    def _note(self, outcome: Outcome, entry: Entry) -> None:
        self._notes.outcome(outcome, self._name, lambda: entry.line, entry.message)

    def _take_each(self, source: _Source, entries: Iterable[Entry]) -> None:
        """Count entries the slow way."""
        for entry in entries:
            located = self._located(source, entry)
            if located is None:
                continue
            stamp = (entry.millis, entry.serial) if entry.serial is not None else None
            outcome = self._decider.of(located, self._origin(source), stamp)
            if outcome is None:
                continue
            self._tally.add(outcome, self._channel(source), entry.line)
            self._note(outcome, entry)

    def _located(self, source: _Source, entry: Entry) -> Located | None:
        located = locate_in(source.carrier, entry.message)
        if located is not None and located.prefix is not None:
            self._known[source.carrier] = expressions_of(Shape(source.carrier, located.prefix.literal, None))
        return located

    def _origin(self, source: _Source) -> Origin:
        origin = self._origins.get(source)
        if origin is None:
            origin = self._origins[source] = Origin(self._name, source.host, source.unit, source.container)
        return origin

    def _channel(self, source: _Source) -> Channel:
        return Channel(source.host, None) if source.host else Channel(None, source.boot)


def locate_in(carrier: Carrier, message: bytes) -> Located | None:
    """Where the record stands in the message of an entry; None where there are no words that open one."""
    if carrier.trust is not Trust.EMBEDDED:
        match = carrier.pattern.match(message)
        if match is not None:
            return Located(carrier, message[match.end() :], carrier.prefix(match))
    inner = locate(message)
    if inner is None:
        return None
    reason = carrier.name if carrier.trust is Trust.EMBEDDED else "it stands inside other text"
    return Located(None, inner.body, reason=reason)


def below_others(found: Found) -> Found:
    """The same where other programs' lines stand above it, so that it may be one of theirs: then it proves nothing."""
    if isinstance(found, Entry) and found.carrier.trust is Trust.AUTHENTICATED:
        return found._replace(carrier=BELOW_OTHERS.carrier)
    return found


def _is_line(expression: re.Pattern[bytes], message: bytes) -> bool:
    match = expression.match(b"\n" + message + b"\n")
    return match is not None and match.end() == len(message) + 1 and b"\n" not in message


def _stamped(columns: Columns, entries: list[Entry]) -> Iterator[tuple[Columns, list[Entry]]]:
    """Where the messages have no stamps, with those of the entries; apart from entries that have none."""
    if columns.times:
        yield columns, entries
        return
    stamped = columns._replace(
        times=[entry.millis or 0 for entry in entries], serials=[entry.serial or 0 for entry in entries]
    )
    have = [i for i, entry in enumerate(entries) if entry.millis is not None and entry.serial is not None]
    if len(have) == len(entries):
        yield stamped, entries
        return
    lack = sorted(set(range(len(entries))).difference(have))
    for part, rows in ((stamped, have), (columns, lack)):
        if rows:
            yield part.rows(rows), [entries[i] for i in rows]
