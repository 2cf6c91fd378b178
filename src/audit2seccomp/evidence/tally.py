"""Counts what lines and entries say by the bytes that differ, and finds out what each means once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import Protocol, cast

from audit2seccomp.evidence.carriers import Located
from audit2seccomp.evidence.decide import Decider, Fate, Outcome
from audit2seccomp.evidence.model import Count, Origin, Parsed, RecordKey, SeccompRecord
from audit2seccomp.evidence.once import Channel, ListedEvents, Once, Part, Time, in_order, millis
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.text.shapes import Call, Columns, Fields, record_text

MAX_TEXTS = 1 << 14
"""So many different texts are counted before they are folded into keys: about 10 MB."""
MAX_CALLS = 1 << 12
"""So many calls of programs are remembered by what they mean: more than most logs have."""
_WORTH_IT = 4
"""Texts that are seen less often than this are not worth counting whole."""
MAX_KEYS = 100_000
"""From so many different keys on, new ones keep only arch, number, action and origin: whoever runs the program chooses
comm and exe."""
MAX_NAMES = 1 << 12
"""So many paths and labels, and so many numbers, are kept once for all keys."""
MAX_KEY_BYTES = 16 << 20
"""From so many bytes of names in all keys on, the same: a path may have 4,096."""
MAX_COARSE_KEYS = MAX_KEYS + 20_000
"""From so many on, new ones are rejected: whoever runs the program chooses the number, too."""
TOO_MANY = f"more than {MAX_COARSE_KEYS:,} different records"

_NONE_YET = Count(0)


class Form(Protocol):
    """What texts are counted under, and how to read one."""

    def located(self, fields: Fields) -> Located:
        """What `locate` says of the line, but for the stamp."""

    def call(self, fields: Fields) -> Call | None:
        """The call in a text with a regular record."""

    def bytes_of(self, text: Fields | Call) -> bytes:
        """Bytes that stand so in the line."""


class Pile:
    """Texts of one form, how often each came, and what became of those that were looked at."""

    def __init__(self, form: Form, origin: Origin, channel: Channel, *, lean: bool, trusted: bool) -> None:
        """Start empty. `lean`: the texts are Calls; else they are Fields. `trusted`: the carrier is trusted enough."""
        self.form = form
        self.origin = origin
        self.channel = channel
        self.lean = lean
        self.trusted = trusted
        self.texts: Counter[Fields | Call] = Counter()
        self.again: Counter[Fields | Call] = Counter()
        """Those of them that a serial proves to be copies."""
        self.last: dict[Fields | Call, Time] = {}
        """When each came, the latest time."""
        self.places: dict[Fields | Call, int] = {}
        """Where each new text stands first in the block, as far as anybody knows."""
        self.newest = 0
        """The latest time of all, in milliseconds."""
        self.outcomes: dict[Fields | Call, Outcome] = {}
        self.unsound: set[Fields | Call] = set()
        """Those that are rejected or refused."""
        self.choices: dict[Fields | Call, Callable[[int], bool] | bool] = {}


class Tally:
    """Keys and how often each was seen; `on_new` is told each key when it is first seen."""

    def __init__(self, on_new: Callable[[RecordKey], None] | None = None, beside: Once | None = None) -> None:
        """Start with nothing seen."""
        self.lean = False
        """Whether to count calls rather than whole texts, because those hardly repeat."""
        self.once = Once(beside)
        self.repeated = 0
        self.unselected = 0
        self._piles: dict[tuple[Form, Origin, Channel, bool, bool], Pile] = {}
        self._of_calls: dict[tuple[Origin, Call], Outcome] = {}
        self._counts: dict[RecordKey, Count] = {}
        self._lent = False
        """Whether somebody else holds the counts too."""
        self._unplaced: set[RecordKey] = set()
        """Keys of which no line is known yet."""
        self._names: dict[bytes, bytes] = {}
        """One object for each name: most keys share some."""
        self._numbers: dict[int, int] = {}
        """The same of numbers."""
        self._key_bytes = 0
        self._on_new = on_new
        self._unsettled: list[tuple[Pile, Columns]] = []
        self._unsettled_lines: list[tuple[Channel, Part]] = []

    def pile(self, form: Form, origin: Origin, channel: Channel, *, lean: bool, trusted: bool, stamped: bool) -> Pile:
        """Where to count the texts of a form; see Pile. `stamped`: they come with time and serial, and never stand
        together with those that do not. `look` must be called after each block."""
        key = (form, origin, channel, lean, stamped)
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = Pile(form, origin, channel, lean=lean, trusted=trusted)
        return pile

    def count(self, pile: Pile, columns: Columns) -> None:
        """Count texts, with the time and serial of each where they have them; `settle` must be called before others."""
        texts, times = columns.texts, columns.times
        pile.texts.update(texts)
        for text, place in zip(texts, columns.places, strict=False):
            pile.places.setdefault(text, place)
        if not times:
            return
        if in_order(times) and pile.newest <= millis(times[0]):
            pile.last.update(zip(texts, times, strict=True))
            pile.newest = millis(times[-1])
        else:
            latest = pile.last
            for text, time in zip(texts, times, strict=True):
                if text not in latest or millis(latest[text]) < millis(time):
                    latest[text] = time
                pile.newest = max(pile.newest, millis(time))
        self._unsettled.append((pile, columns))

    def count_chosen(self, pile: Pile, columns: Columns, decider: Decider) -> None:
        """Count what the query takes, where that depends on the time; the others are counted as not selected."""
        if not decider.by_time:
            self.count(pile, columns)
            return
        chosen: list[int] = []
        others: list[int] = []
        for i, text in enumerate(columns.texts):
            choice = pile.choices.get(text)
            if choice is None:
                choice = pile.choices[text] = decider.selects_at(pile.form.located(text), pile.origin)
            takes = choice if isinstance(choice, bool) else bool(columns.times) and choice(millis(columns.times[i]))
            (chosen if takes else others).append(i)
        self.count(pile, columns.rows(chosen))
        left_out = columns.rows(others)
        self._count_unselected(pile, len(others), left_out.times, left_out.serials)

    def _count_unselected(self, pile: Pile, events: int, times: Sequence[Time], serials: Sequence[bytes | int]) -> None:
        again = len(self.once.take(pile.channel, times, serials)) if times else 0
        self.repeated += again
        self.unselected += events - again

    def settle(self, others: Iterable[tuple[Channel, Part]] = ()) -> None:
        """Find out which events are copies, of those that were counted and of others in the same block, once it is
        known what their texts mean: who is not believed, or not sound, must not use up serials."""
        parts: dict[Channel, list[Part]] = {}
        for channel, part in chain(self._unsettled_lines, self._parts(), others):
            parts.setdefault(channel, []).append(part)
        self._unsettled_lines.clear()
        self._unsettled.clear()
        for channel, of_channel in parts.items():
            self.once.take_parts(channel, of_channel)

    def _parts(self) -> Iterator[tuple[Channel, Part]]:
        for pile, columns in self._unsettled:
            sound = columns
            if pile.unsound:
                sound = columns.rows([i for i, text in enumerate(columns.texts) if text not in pile.unsound])
            if sound.texts:
                events = ListedEvents(sound.times, list(map(int, sound.serials)), sound.places)
                yield pile.channel, Part(events, partial(_note_copies, pile, sound.texts))

    def add(self, outcome: Outcome, channel: Channel, line: int, place: int | None = None) -> None:
        """Count one line; `place`: where it stands in a block, if `settle` will be called for that."""
        if outcome.fate in (Fate.REJECTED, Fate.REFUSED):
            return
        if outcome.key is not None:
            self.note_first(outcome.key, line, outcome.millis)
        if outcome.serial is None or outcome.millis is None:
            self._add_line(outcome, [], stamped=False)
            return
        part = Part(
            ListedEvents([outcome.millis], [outcome.serial], () if place is None else [place]),
            partial(self._add_line, outcome),
        )
        if place is None:
            self.once.take_parts(channel, [part])
        else:
            self._unsettled_lines.append((channel, part))

    def _add_line(self, outcome: Outcome, again: list[int], *, stamped: bool = True) -> None:
        self.repeated += len(again)
        if outcome.key is None:
            self.unselected += outcome.events * (not again)
        else:
            self._add(outcome.key, int(stamped and not again), 0 if stamped else outcome.events, outcome.millis)

    def _add(self, key: RecordKey, numbered: int, unnumbered: int, last: int | None) -> None:
        count = self._counts[key]
        if last is None or (count.last is not None and count.last > last):
            last = count.last
        elif last == count.first:
            last = count.first  # one object, where there are many keys
        self._owned()[key] = Count(
            count.numbered + numbered, count.unnumbered + unnumbered, count.line, count.first, last
        )

    def key_of(self, record: SeccompRecord, origin: Origin) -> RecordKey | str:
        """The key of a record of a known arch; or why there can be no more."""
        exe = record.exe and self._names.setdefault(record.exe, record.exe)
        subj = record.subj and self._names.setdefault(record.subj, record.subj)
        one = self._numbers.setdefault
        arch, nr = one(record.arch, record.arch), one(record.nr, record.nr)
        code, uid = record.code and one(record.code, record.code), record.uid and one(record.uid, record.uid)
        if len(self._names) > MAX_NAMES:
            self._names.clear()
        if len(self._numbers) > MAX_NAMES:
            self._numbers.clear()
        key = RecordKey(arch, nr, code, record.comm, exe, uid, subj, origin)
        if key in self._counts:
            return key
        if len(self._counts) >= MAX_KEYS or self._key_bytes >= MAX_KEY_BYTES:
            key = RecordKey(arch, nr, code, None, None, None, None, origin)
            if key in self._counts:
                return key
            if len(self._counts) >= MAX_COARSE_KEYS:
                return TOO_MANY
        self._owned()[key] = _NONE_YET
        self._unplaced.add(key)
        self._key_bytes += _name_bytes(key)
        if self._on_new is not None:
            self._on_new(key)
        return key

    def note_first(self, key: RecordKey, line: int, time: int | None) -> None:
        """A record of that key stands in that line."""
        count = self._counts[key]
        if key in self._unplaced or line < count.line:
            self._unplaced.discard(key)
            self._owned()[key] = Count(count.numbered, count.unnumbered, line, time, count.last)

    def first_line(self, key: RecordKey) -> int | None:
        """The first line known to hold the key."""
        return None if key in self._unplaced else self._counts[key].line

    def look(self, decider: Decider) -> Iterator[tuple[Pile, Fields | Call, Outcome]]:
        """Find out what the new texts mean; yields each with what becomes of it."""
        for pile in self._piles.values():
            # The newest stand last; a way from the first would be long in each block.
            new = list(islice(reversed(pile.texts), len(pile.texts) - len(pile.outcomes)))
            for text in reversed(new):
                outcome = self._outcome(pile, text, decider)
                pile.outcomes[text] = outcome
                if outcome.fate in (Fate.REJECTED, Fate.REFUSED):
                    pile.unsound.add(text)
                yield pile, text, outcome
            pile.places.clear()

    def _outcome(self, pile: Pile, text: Fields | Call, decider: Decider) -> Outcome:
        call = text if pile.lean else pile.form.call(text) if pile.trusted else None
        if call is not None and not decider.by_task:
            return self.of_call(cast("Call", call), pile.origin, decider)
        located = pile.form.located(text)
        outcome = decider.of(located, pile.origin, selected=decider.by_time)
        assert outcome is not None, "an expression took a line that holds no record"
        return outcome

    def of_call(self, call: Call, origin: Origin, decider: Decider) -> Outcome:
        """What becomes of a regular and trusted record."""
        outcome = self._of_calls.get((origin, call))
        if outcome is None:
            body = record_text(call)
            parsed = parse_record(body)
            assert isinstance(parsed, Parsed), "a regular record is a sound one"
            outcome = decider.of_record(parsed.record, body, origin, selected=decider.by_time)
            if len(self._of_calls) > MAX_CALLS:
                self._of_calls.clear()
            self._of_calls[origin, call] = outcome
        return outcome

    def take_over(self, counts: Mapping[RecordKey, Count]) -> None:
        """Go on from what was counted before."""
        for key, count in counts.items():
            self._owned()[key] = count
            if not count.line and count.first is None:
                self._unplaced.add(key)
            self._key_bytes += _name_bytes(key)

    def has_room_for(self, counts: Mapping[RecordKey, Count], *, new: bool) -> bool:
        """Whether all of these keys can be kept whole; with `new`, and none of them was met before."""
        others = counts.keys() - self._counts.keys()
        return (
            (not new or len(others) == len(counts))
            and len(self._counts) + len(others) <= MAX_KEYS
            and self._key_bytes + sum(map(_name_bytes, others)) <= MAX_KEY_BYTES
        )

    def put(self, counts: Mapping[RecordKey, Count], lines_above: int) -> None:
        """Count what was counted below so many lines, for which there is room."""
        owned = self._owned()
        for key, count in counts.items():
            known = owned.get(key)
            if count.line:
                count = count._replace(line=count.line + lines_above)  # noqa: PLW2901
            if known is None:
                self._key_bytes += _name_bytes(key)
                owned[key] = count
                continue
            placed = count if key in self._unplaced or 0 < count.line < known.line else known
            last = max((one.last for one in (known, count) if one.last is not None), default=None)
            numbered, unnumbered = known.numbered + count.numbered, known.unnumbered + count.unnumbered
            owned[key] = Count(numbered, unnumbered, placed.line, placed.first, last)
            self._unplaced.discard(key)

    @property
    def full(self) -> bool:
        """Whether it is time to fold."""
        # Where texts hardly repeat, more of them at once are of no use.
        limit = MAX_TEXTS // 4 if self.lean else MAX_TEXTS
        return sum(len(pile.texts) for pile in self._piles.values()) > limit

    def fold(self) -> Iterator[Outcome]:
        """Add the texts to the keys; yields those that do not count, with all their events."""
        whole = [pile.texts for pile in self._piles.values() if not pile.lean]
        if self.full and sum(texts.total() for texts in whole) < _WORTH_IT * sum(map(len, whole)):
            self.lean = True
        for pile in self._piles.values():
            for text, lines in pile.texts.items():
                last = pile.last.get(text)
                yield from self.credit(
                    pile.outcomes[text], lines, pile.again[text], None if last is None else millis(last)
                )
            for held in (pile.texts, pile.again, pile.last, pile.outcomes, pile.unsound, pile.choices):
                held.clear()

    def credit(self, outcome: Outcome, lines: int, again: int, last: int | None) -> Iterator[Outcome]:
        """Count lines of which so many are copies, the last one at that time if they have any; yields the outcome, with
        all its events, if they do not count."""
        self.repeated += again
        if outcome.fate is Fate.UNSELECTED:
            self.unselected += outcome.events * (lines - again)
        elif outcome.key is None:
            yield outcome._replace(events=outcome.events * lines)
        elif last is None:
            self._add(outcome.key, 0, outcome.events * lines, None)
        else:
            self._add(outcome.key, lines - again, 0, last)

    def start_input(self, name: str) -> None:
        """Forget the forms of the last input; all must be folded."""
        self._piles.clear()
        self._of_calls.clear()
        self.once.start_input(name)

    def counts(self) -> dict[RecordKey, Count]:
        """What was folded or added. Counting on does not change it: it is copied then, and only then, as it may be
        large."""
        self._lent = True
        return self._counts

    def _owned(self) -> dict[RecordKey, Count]:
        """The counts, to be changed."""
        if self._lent:
            self._counts = dict(self._counts)
            self._lent = False
        return self._counts


def _note_copies(pile: Pile, texts: Sequence[Fields | Call], again: list[int]) -> None:
    pile.again.update(texts[i] for i in again)


def _name_bytes(key: RecordKey) -> int:
    """The bytes of its names."""
    return len(key.comm or b"") + len(key.exe or b"") + len(key.subj or b"")
