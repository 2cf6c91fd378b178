"""What was seen: a record, the key that makes two records the same evidence, and the evidence itself."""

from __future__ import annotations

from typing import NamedTuple


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
