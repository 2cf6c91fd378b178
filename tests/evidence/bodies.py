"""A sound body to change one thing in, any bodies, and what the grammar and the parser say of them."""

from __future__ import annotations

from hypothesis import strategies as st

from audit2seccomp.evidence import grammar
from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from tests.writer import FORGED, Age, Form, KernelRecord

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


WORDS = tuple(form.value.encode() for form in Form)
CORE_DUMPS = (b"type=1701 audit(", b"type=ANOM_ABEND msg=audit(")
REASON = b' reason="seccomp"'
_STARTS = (
    b"1.000:2): ",
    b"uid=",
    b"pid=",
    b"ppid=1 ",
    b"subj=",
    b"subj==a (b) ",
    b" comm=",
    b"exe=",
    b"compat=",
    b"code=",
)
_WHOLE = (b'"a"', b"41", b"(null)", b"sig=0", b"arch=16", b"syscall=-1", b"ip=0x1", b"code=0x0", b"x=", b"12345678901")
_MARKS = (b" ", b"  ", b"=", b'"', b"0x", b"AUID=", b"\x1d", b"\t", b"\r", b"\n", b"\x00", b"\xff", b"_", b"A")
PIECES = (*_STARTS, *_WHOLE, *_MARKS, REASON, FORGED)
bodies = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)
openings = st.sampled_from((*WORDS, *CORE_DUMPS, b"type=1326 audit(1.000:2): ", b""))


def written(record: KernelRecord, form: Form) -> bytes:
    """The record's body, or that of the kernel log where the form is not for its age."""
    if record.age is Age.V3_5 and form in (Form.JOURNALD, Form.OLD_AUDITD):
        form = Form.PRINTK
    return record.body(form)


def same(body: bytes, assume_arch: int | None) -> Parsed | Reject | None:
    """What both say; the reasons may differ in words."""
    ours, theirs = parse_record(body, assume_arch), grammar.parse(body, assume_arch)
    assert isinstance(ours, Reject) == isinstance(theirs, Reject), (ours, theirs)
    if not isinstance(ours, Reject):
        assert ours == theirs
    return ours
