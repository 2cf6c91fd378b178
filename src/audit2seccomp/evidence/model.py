"""What was seen: a record, the key that makes two records the same evidence, and the evidence itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.kernel.abi import Abi, abi_of
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import Action, action_of
from audit2seccomp.named_tuple import NamedTuple


class SeccompRecord(NamedTuple):
    """What the kernel said in one record, undecoded; None where this record lacks the field.

    docs/records.md defines how it is read.
    """

    millis: int | None
    """Milliseconds since the epoch (the kernel's `audit(SECONDS.MILLIS:`)."""
    serial: int | None
    arch: int
    """An AUDIT_ARCH_* number."""
    nr: int
    """Signed, as in `syscall=`; x32 calls carry bit 30."""
    code: int | None
    """The filter's return value, SECCOMP_RET_*; None only on kernels that do not write it."""
    pid: int | None
    uid: int | None
    comm: bytes | None
    """None only where no kernel wrote the record, as for strace."""
    exe: bytes | None
    subj: bytes | None


class Parsed(NamedTuple):
    """A sound record and the offset in the body just behind it."""

    record: SeccompRecord
    end: int


class Reject(NamedTuple):
    """Why a body that claims to be a SECCOMP record is not a sound one, and the offset where that shows."""

    reason: str
    at: int


class Origin(NamedTuple):
    """Where a record was made, as far as its carrier tells; None where that says nothing."""

    file: str
    """The name of the input."""
    host: str | None = None
    unit: str | None = None
    """The systemd unit, such as `nginx.service`."""
    container: str | None = None
    """The container's id, 64 hex digits."""


class RecordKey(NamedTuple):
    """The fields that make two records the same evidence: no time, serial, pid or ip."""

    arch: int
    nr: int
    code: int | None
    comm: bytes | None
    exe: bytes | None
    uid: int | None
    subj: bytes | None
    origin: Origin


class Count(NamedTuple):
    """How often a key was seen, and when.

    A journal holds each event twice: by the kernel's transport with a serial, by the audit transport, in text, without.
    So events of the two kinds are counted apart, and the larger number is how many there were."""

    numbered: int
    """Events with a serial, each counted once."""
    unnumbered: int = 0
    """Events without one."""
    line: int = 0
    """The first line, from 1 on, of the input; 0 where nobody counted lines."""
    first: int | None = None
    """The time of that record, milliseconds since the epoch; None where it has none."""
    last: int | None = None
    """The latest time."""

    @property
    def events(self) -> int:
        """How often it happened; 0 where another key, such as that of a copy in another input, counted it all."""
        return max(self.numbered, self.unnumbered)

    def plus(self, other: Count) -> Count:
        """Both, of the same input."""
        earlier = min(self, other, key=lambda count: (count.line, count.first or 0))
        times = [last for last in (self.last, other.last) if last is not None]
        return Count(
            self.numbered + other.numbered,
            self.unnumbered + other.unnumbered,
            earlier.line,
            earlier.first,
            max(times, default=None),
        )


class Segment(NamedTuple):
    """Events with serials, of one input and one boot, in the order in which the kernel numbered them.

    Serials are shared by all audit records, so the numbers between the first and the last that no event here has are a
    bound for what is missing, not a count."""

    file: str
    host: str | None
    boot: str | None
    """journald's boot id."""
    first_serial: int
    last_serial: int
    first_time: int
    """Milliseconds since the epoch."""
    last_time: int
    events: int


class Progress(NamedTuple):
    """What reading on in a log must know of the lines that were read before."""

    form: str | None = None
    """The form of the log; None where it is not known yet, and nothing was read."""
    lines: int = 0
    """How many they were."""
    application: bool = False
    """Whether the last ones are an application's (`Context.continues`)."""
    foreign: bool = False
    """Whether one of them is none of a log that proves anything (`Context.foreign`)."""
    segments: tuple[Segment, ...] = ()
    """Those of the evidence that the next events may belong to."""


class Sample(NamedTuple):
    """How many events were left out for one reason, and the first: its input and line number, and the line's start."""

    events: int
    place: tuple[str, int]
    text: bytes


class Observation(NamedTuple):
    """A key with its meaning and its events."""

    abi: Abi
    nr: int
    name: str | None
    """None where the table of the ABI has no such number."""
    action: Action | None
    """What the kernel did; None where an old kernel did not say, or where the code is none that the kernel defines."""
    code: int | None
    comm: str | None
    exe: str | None
    uid: int | None
    subj: str | None
    origin: Origin
    counted: Count

    @property
    def events(self) -> int:
        """How often it happened."""
        return self.counted.events

    @property
    def let_through(self) -> bool:
        """Whether the call ran: the kernel logged and let it through, or did not say that it did anything else."""
        return self.code is None or (self.action is not None and self.action.let_through)


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class _Fields(NamedTuple):
    counts: Mapping[RecordKey, Count] = _NOTHING
    """Events of sound, trusted and selected records, by key."""
    lines: int | None = 0
    """How many lines were read; None where nobody counted."""
    rejected: Mapping[str, Sample] = _NOTHING
    """Trusted records that are not sound, by reason."""
    refused: Mapping[str, Sample] = _NOTHING
    """Sound records that are not trusted, by reason."""
    losses: Mapping[str, Sample] = _NOTHING
    """Signs that records are missing, by the name of their kind (`loss.KINDS`), and how many of each."""
    segments: tuple[Segment, ...] = ()
    """The ranges of serials, sorted."""
    repeated: int = 0
    """Records that a serial proves to be copies of earlier ones."""
    unselected: int = 0
    """Sound and trusted records that the user's query left out."""
    trust: Trust = Trust.AUTHENTICATED
    """The least proof that its records had to give. Where nothing was read, none had to give less than the most."""


class Evidence(_Fields):
    """What logs showed. Merging is associative and commutative, and `Evidence()` changes nothing."""

    def merge(self, other: Evidence) -> Evidence:
        """The evidence of both inputs together."""
        counts = dict(self.counts)
        for key, count in other.counts.items():
            mine = counts.get(key)
            counts[key] = count if mine is None else mine.plus(count)
        return Evidence(
            counts,
            None if self.lines is None or other.lines is None else self.lines + other.lines,
            merge_samples(self.rejected, other.rejected),
            merge_samples(self.refused, other.refused),
            merge_samples(self.losses, other.losses),
            tuple(sorted(self.segments + other.segments, key=repr)),
            self.repeated + other.repeated,
            self.unselected + other.unselected,
            min(self.trust, other.trust),
        )

    @property
    def sound(self) -> int:
        """How many events of sound, trusted and selected records there were, denials among them."""
        return sum(count.events for count in self.counts.values())

    @property
    def copies(self) -> int:
        """How many records said again what another one had said."""
        return self.repeated + sum(count.numbered + count.unnumbered - count.events for count in self.counts.values())

    @property
    def records(self) -> int:
        """How many records were met: counted, copies, not selected, rejected or refused."""
        left_out = sum(sample.events for samples in (self.rejected, self.refused) for sample in samples.values())
        return self.sound + self.copies + self.unselected + left_out

    def by_call(self) -> Evidence:
        """The same without programs, users and places: what is allowed depends on the calls alone."""
        return self._by_call

    @cached_property
    def _by_call(self) -> Evidence:
        events: Counter[tuple[int, int, int | None]] = Counter()
        for key, count in self.counts.items():
            events[key[:3]] += count.events
        counts = {RecordKey(*call, None, None, None, None, _NOWHERE): Count(number) for call, number in events.items()}
        return self._replace(counts=counts)

    def observations(self) -> tuple[Observation, ...]:
        """Every key with its meaning, sorted by ABI, number, action and program."""
        return self._observations

    @cached_property
    def _observations(self) -> tuple[Observation, ...]:
        observed = [observe(key, count) for key, count in self.counts.items()]
        observed.sort(key=_order)
        return tuple(observed)


_NOWHERE = Origin("")


def _order(seen: Observation) -> tuple[object, ...]:
    origin = tuple(part or "" for part in seen.origin)
    program = seen.comm or "", seen.exe or "", seen.uid or 0, seen.subj or ""
    return seen.abi.name, seen.nr, seen.code or 0, *program, origin


def merge_samples(one: Mapping[str, Sample], other: Mapping[str, Sample]) -> dict[str, Sample]:
    """The samples of both, by reason."""
    merged = dict(one)
    for reason, sample in other.items():
        mine = merged.get(reason)
        if mine is not None:
            first = min(mine[1:], sample[1:], key=lambda one: (not one[0][1], one))  # line 0 is no place
            merged[reason] = Sample(mine.events + sample.events, *first)
        else:
            merged[reason] = sample
    return merged


def observe(key: RecordKey, count: Count) -> Observation:
    """A key with its meaning. Its arch must be a known one; the scanner rejects others."""
    abi = abi_of(key.arch, key.nr)
    assert abi is not None
    return Observation(
        abi=abi,
        nr=key.nr,
        name=table_of(abi).name_of(key.nr),
        action=None if key.code is None else action_of(key.code),
        code=key.code,
        comm=_text(key.comm),
        exe=_text(key.exe),
        uid=key.uid,
        subj=_text(key.subj),
        origin=key.origin,
        counted=count,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="surrogateescape")
