"""A sound body to change one thing in, and what the grammar says of it."""

from __future__ import annotations

from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord

STAMP = b"1795338117.078:85228): "
HEAD = b"auid=4294967295 uid=0 gid=7 ses=4294967295 pid=12876 "
TAIL = b'comm="trig" exe="/bin/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 code=0x7ffc0000'
OPENING = b"type=1326 audit(" + STAMP
BODY = OPENING + HEAD + TAIL
ARM = 0x40000028


def record(body: bytes, assume_arch: int | None = None) -> SeccompRecord:
    """The record in a sound body."""
    found = parse(body, assume_arch)
    assert isinstance(found, Parsed), found
    return found.record


def rejected(body: bytes, assume_arch: int | None = None) -> Reject:
    """Why a body is unsound."""
    found = parse(body, assume_arch)
    assert isinstance(found, Reject), found
    assert found.reason
    assert 0 <= found.at <= len(body)
    return found


def with_tail(old: bytes, new: bytes) -> bytes:
    """The sound body with one part of its tail replaced."""
    assert old in TAIL
    return OPENING + HEAD + TAIL.replace(old, new)


def with_head(head: bytes) -> bytes:
    """The sound body with another head."""
    return OPENING + head + TAIL
