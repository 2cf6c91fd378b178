"""What was seen: a record, the key that makes two records the same evidence, and the evidence itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from audit2seccomp.kernel.abi import Abi, abi_of
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import Action, action_of


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
    comm: bytes
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


class RecordKey(NamedTuple):
    """The fields that make two records the same evidence: no time, serial, pid or ip."""

    arch: int
    nr: int
    code: int | None
    comm: bytes | None
    exe: bytes | None
    uid: int | None
    subj: bytes | None


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
    events: int

    @property
    def let_through(self) -> bool:
        """Whether the call ran: the kernel logged and let it through, or did not say that it did anything else."""
        return self.code is None or (self.action is not None and self.action.let_through)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What logs showed. Merging is associative and commutative, and `Evidence()` changes nothing."""

    counts: Mapping[RecordKey, int] = field(default_factory=dict)
    """Events of sound and trusted records, by key."""
    lines: int | None = 0
    """How many lines were read; None where nobody counted."""
    rejected: Mapping[str, Sample] = field(default_factory=dict)
    """Trusted records that are not sound, by reason."""
    refused: Mapping[str, Sample] = field(default_factory=dict)
    """Sound records that are not trusted, by reason."""
    _observations: tuple[Observation, ...] | None = field(default=None, init=False, repr=False, compare=False)

    def merge(self, other: Evidence) -> Evidence:
        """The evidence of both inputs together."""
        counts = dict(self.counts)
        for key, count in other.counts.items():
            counts[key] = counts.get(key, 0) + count
        return Evidence(
            counts,
            None if self.lines is None or other.lines is None else self.lines + other.lines,
            _merge_samples(self.rejected, other.rejected),
            _merge_samples(self.refused, other.refused),
        )

    @property
    def sound(self) -> int:
        """How many events of sound and trusted records there were, denials among them."""
        return sum(self.counts.values())

    @property
    def records(self) -> int:
        """How many records were met: sound, rejected or refused."""
        left_out = sum(sample.events for samples in (self.rejected, self.refused) for sample in samples.values())
        return self.sound + left_out

    def observations(self) -> tuple[Observation, ...]:
        """Every key with its meaning, sorted by ABI, number, action and program."""
        if self._observations is None:
            observed = [observe(key, events) for key, events in self.counts.items()]
            observed.sort(key=_order)
            object.__setattr__(self, "_observations", tuple(observed))
        return self._observations or ()


def _order(seen: Observation) -> tuple[object, ...]:
    return seen.abi.name, seen.nr, seen.code or 0, seen.comm or "", seen.exe or "", seen.uid or 0, seen.subj or ""


def _merge_samples(one: Mapping[str, Sample], other: Mapping[str, Sample]) -> dict[str, Sample]:
    merged = dict(one)
    for reason, sample in other.items():
        mine = merged.get(reason)
        if mine is not None:
            first = min(mine[1:], sample[1:])
            merged[reason] = Sample(mine.events + sample.events, *first)
        else:
            merged[reason] = sample
    return merged


def observe(key: RecordKey, events: int) -> Observation:
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
        events=events,
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="surrogateescape")
