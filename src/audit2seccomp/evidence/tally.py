"""Counts what lines say by the bytes that differ, and finds out what each means once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple, cast

from audit2seccomp.evidence.model import Parsed, RecordKey, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.shapes import Call, Expressions, Fields, record_text
from audit2seccomp.kernel.abi import abi_of

MAX_TEXTS = 1 << 15
"""So many different texts are counted before they are folded into keys: about 15 MB."""
_WORTH_IT = 4
"""Texts that are seen less often than this are not worth counting whole."""
MAX_KEYS = 100_000
"""From so many different keys on, new ones keep only arch, number and action: whoever runs the program chooses comm
and exe."""
MAX_KEY_BYTES = 16 << 20
"""From so many bytes of names in all keys on, the same: a path may have 4,096."""
MAX_COARSE_KEYS = MAX_KEYS + 20_000
"""From so many on, new ones are rejected: whoever runs the program chooses the number, too."""
UNKNOWN_ARCH = "arch= is none that the kernel defines"
TOO_MANY = f"more than {MAX_COARSE_KEYS:,} different records"


class Outcome(NamedTuple):
    """What becomes of a line: the key that it counts under, or why there is none."""

    key: RecordKey | None
    events: int = 1
    """How many events the line stands for."""
    reason: str = ""
    trusted: bool = True
    """Where there is no key: whether the record is rejected, rather than not trusted."""


class Pile(NamedTuple):
    """Texts of one shape, how often each came, and what became of those that were looked at."""

    expressions: Expressions
    lean: bool
    """Whether the texts are Calls; else they are Fields."""
    texts: Counter[Fields | Call]
    outcomes: dict[Fields | Call, Outcome]


class Tally:
    """Keys and how often each was seen; `on_new` is told each key when it is first seen."""

    def __init__(self, on_new: Callable[[RecordKey], None] | None = None) -> None:
        """Start with nothing seen."""
        self.lean = False
        """Whether to count calls rather than whole texts, because those hardly repeat."""
        self._piles: dict[tuple[Expressions, bool], Pile] = {}
        self._of_calls: dict[Call, Outcome] = {}
        self._counts: dict[RecordKey, int] = {}
        self._key_bytes = 0
        self._on_new = on_new

    def pile(self, expressions: Expressions, *, lean: bool) -> Pile:
        """Where to count the texts of a shape's lines. `look` must be called after each block."""
        key = (expressions, lean)
        if key not in self._piles:
            self._piles[key] = Pile(*key, Counter(), {})
        return self._piles[key]

    def add(self, outcome: Outcome) -> None:
        """Count one line."""
        if outcome.key is not None:
            self._counts[outcome.key] += outcome.events

    def outcome(self, record: SeccompRecord, events: int = 1) -> Outcome:
        """What becomes of a sound and trusted record."""
        if abi_of(record.arch, record.nr) is None:
            return Outcome(None, events, UNKNOWN_ARCH)
        key = RecordKey(record.arch, record.nr, record.code, record.comm, record.exe, record.uid, record.subj)
        if key not in self._counts and (len(self._counts) >= MAX_KEYS or self._key_bytes >= MAX_KEY_BYTES):
            key = RecordKey(record.arch, record.nr, record.code, None, None, None, None)
        if key not in self._counts:
            if len(self._counts) >= MAX_COARSE_KEYS:
                return Outcome(None, events, TOO_MANY)
            self._counts[key] = 0
            self._key_bytes += sum(len(name) for name in (key.comm, key.exe, key.subj) if name)
            if self._on_new is not None:
                self._on_new(key)
        return Outcome(key, events)

    def look(self, decide: Callable[[Expressions, Fields], Outcome]) -> Iterator[tuple[bytes, Outcome]]:
        """Find out what the new texts mean, Fields by `decide`; yields those that do not count, by bytes of a line."""
        for pile in self._piles.values():
            for text in islice(pile.texts, len(pile.outcomes), None):
                outcome = self.of_call(cast("Call", text)) if pile.lean else decide(pile.expressions, text)
                pile.outcomes[text] = outcome
                if outcome.key is None:
                    lean = cast("Call", text)[1] + b" ip=" if pile.lean else b""
                    yield lean or pile.expressions.fields_text(text) + b"\n", outcome

    def of_call(self, call: Call) -> Outcome:
        """What becomes of a regular and trusted record."""
        outcome = self._of_calls.get(call)
        if outcome is None:
            parsed = parse_record(record_text(call))
            assert isinstance(parsed, Parsed), "a regular record is a sound one"
            outcome = self.outcome(parsed.record)
            if len(self._of_calls) > MAX_TEXTS:
                self._of_calls.clear()
            self._of_calls[call] = outcome
        return outcome

    @property
    def full(self) -> bool:
        """Whether it is time to fold."""
        return sum(len(pile.texts) for pile in self._piles.values()) > MAX_TEXTS

    def fold(self) -> Iterator[Outcome]:
        """Add the texts to the keys; yields those that do not count, with all their events."""
        whole = [pile.texts for pile in self._piles.values() if not pile.lean]
        if self.full and sum(texts.total() for texts in whole) < _WORTH_IT * sum(map(len, whole)):
            self.lean = True
        for pile in self._piles.values():
            for text, lines in pile.texts.items():
                outcome = pile.outcomes[text]
                if outcome.key is None:
                    yield outcome._replace(events=outcome.events * lines)
                else:
                    self._counts[outcome.key] += outcome.events * lines
            pile.texts.clear()
            pile.outcomes.clear()

    def counts(self) -> dict[RecordKey, int]:
        """What was folded or added."""
        return {key: events for key, events in self._counts.items() if events}
