"""Counts records by what makes them different, and decodes each different one once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

from audit2seccomp.evidence.model import Parsed, RecordKey, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.kernel.abi import abi_of

MAX_RAW_KEYS = 1 << 15
"""So many different byte strings are counted before they are folded into keys: about 10 MB."""
MAX_KEYS = 100_000
"""From so many different keys on, new ones keep only arch, number and action: whoever runs the program chooses comm
and exe."""
MAX_COARSE_KEYS = 2 * MAX_KEYS
"""From so many on, new ones are rejected: whoever runs the program chooses the number, too."""
TOO_MANY = f"more than {MAX_COARSE_KEYS:,} different records"

RawKey = tuple[bytes, bytes, bytes]
"""What a record's bytes say of the task (auid= to subj=), of the call (comm= to compat=), and of the code."""


class Tally:
    """Keys and how often each was seen; `on_new` is told each key when it is first seen."""

    def __init__(self, on_new: Callable[[RecordKey], None] | None = None) -> None:
        """Start with nothing seen."""
        self.raw: Counter[RawKey] = Counter()
        """Sound records, counted and not yet looked at. Whoever adds some calls `look` afterwards."""
        self._looked_at: dict[RawKey, RecordKey | str] = {}
        self._counts: dict[RecordKey, int] = {}
        self._on_new = on_new

    def add(self, record: SeccompRecord, events: int) -> str | None:
        """Count a record; if that cannot be done, say why."""
        key = self._key(record)
        if isinstance(key, str):
            return key
        self._counts[key] += events
        return None

    def look(self) -> Iterator[tuple[RawKey, str]]:
        """Decode the raw keys that are new; yields those that cannot be counted, and why."""
        for raw in islice(self.raw, len(self._looked_at), None):
            parsed = parse_record(b"SECCOMP %b pid=0 %b ip=0x0 code=%b" % raw)
            assert isinstance(parsed, Parsed), "a fast expression took what is no sound record"
            key = self._key(parsed.record)
            self._looked_at[raw] = key
            if isinstance(key, str):
                yield raw, key

    @property
    def full(self) -> bool:
        """Whether it is time to fold."""
        return len(self.raw) > MAX_RAW_KEYS

    def fold(self) -> Counter[str]:
        """Add the raw keys to the others; returns how many events could not be counted, by reason."""
        rejected: Counter[str] = Counter()
        for raw, events in self.raw.items():
            key = self._looked_at[raw]
            if isinstance(key, str):
                rejected[key] += events
            else:
                self._counts[key] += events
        self.raw.clear()
        self._looked_at.clear()
        return rejected

    def counts(self) -> dict[RecordKey, int]:
        """What was folded or added."""
        return {key: events for key, events in self._counts.items() if events}

    def _key(self, record: SeccompRecord) -> RecordKey | str:
        """The key under which a record is counted, or why there is none."""
        if abi_of(record.arch, record.nr) is None:
            return f"unknown arch={record.arch:x}"
        key = RecordKey(record.arch, record.nr, record.code, record.comm, record.exe, record.uid, record.subj)
        if key not in self._counts and len(self._counts) >= MAX_KEYS:
            key = RecordKey(record.arch, record.nr, record.code, None, None, None, None)
        if key not in self._counts:
            if len(self._counts) >= MAX_COARSE_KEYS:
                return TOO_MANY
            self._counts[key] = 0
            if self._on_new is not None:
                self._on_new(key)
        return key
