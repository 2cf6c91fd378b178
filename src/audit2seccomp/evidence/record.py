"""One record's body → `Parsed`, `Reject` or None: the meaning of a record, as docs/records.md defines it.

The other two implementations of that page, scan.py (fast) and grammar.py (pyparsing), are held equal to this one by
tests."""

from __future__ import annotations

import re
from functools import cache
from itertools import takewhile

from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.kernel.uapi import AUDIT_ANOM_ABEND, AUDIT_SECCOMP

OPENING = (
    rb"type=(?:%d audit|SECCOMP msg=audit|UNKNOWN\[%d\] msg=audit)\(|" % (AUDIT_SECCOMP, AUDIT_SECCOMP)
    + rb"type=(?:%d audit|ANOM_ABEND msg=audit)\(|SECCOMP " % AUDIT_ANOM_ABEND
)
"""The words that a record begins with, as a regular expression."""

_OPENING = re.compile(OPENING)
_STAMP = re.compile(rb"(\d{1,20})\.(\d{3}):(\d{1,20})\): ")
_FIELD = re.compile(rb"([a-z_]+)=([!-~]*)")
_STRING = rb'"[!#-~]*"|(?:[0-9A-F]{2})+'
_INT = rb"-?\d{1,10}"
_VALUES = {
    b"comm": _STRING,
    b"exe": _STRING + rb"|\(null\)",
    b"sig": _INT,
    b"arch": rb"[0-9a-f]{1,8}",
    b"syscall": _INT,
    b"compat": _INT,
    b"ip": rb"0x[0-9a-f]{1,16}",
    # What may stand behind code= is for the carrier to know; auditd's AUID= is at times glued to it.
    b"code": rb"0x[0-9a-f]{1,8}(?:(?![0-9A-Za-z_])|(?=AUID=))",
}
"""The fields that are read, in the order in which kernels write them today."""
_USUAL_TAIL = re.compile(b" ".join(rb"%b=(%b)" % field for field in _VALUES.items()))
_USUAL_HEAD = re.compile(rb"auid=\d{1,10} uid=(\d{1,10}) gid=\d{1,10} ses=\d{1,10} pid=(-?\d{1,10})")
_TASK_ID = re.compile(rb"p?pid=" + _INT)
_UID = re.compile(rb"uid=\d{1,10}")
_PID = re.compile(rb"pid=" + _INT)
_NUMBER = rb"(?<![!-~])(auid|gid|ses|ppid|sig|compat)=(-?\d{1,10})(?![!-~])"
_INT32 = range(-(2**31), 2**31)


def parse_record(body: bytes, assume_arch: int | None = None) -> Parsed | Reject | None:
    """Read a body: a line's text from the record's first byte on.

    `assume_arch`, an AUDIT_ARCH_* number, stands in where an old kernel wrote no `arch=`. None: this is no SECCOMP
    record."""
    opening = _OPENING.match(body)
    if opening is None:
        return None
    millis = serial = None
    start = opening.end()
    if not body.startswith(b"SECCOMP "):
        if body.startswith((b"type=1701", b"type=ANOM")) and b' reason="seccomp"' not in body:
            return None
        stamp = _STAMP.match(body, start)
        if stamp is None:
            return Reject("malformed audit(time:serial)", start)
        millis, serial = int(stamp[1]) * 1000 + int(stamp[2]), int(stamp[3])
        start = stamp.end()
    # The last comm= counts: an AppArmor label in front of it can hold a whole forged record.
    comm_at = body.rfind(b" comm=", start - 1) + 1
    if comm_at == 0:
        return Reject("cut or malformed: no comm=", len(body))
    tail = _usual_tail(body, comm_at) or _tail(body, comm_at)
    if isinstance(tail, Reject):
        return tail
    fields, end = tail
    if b"arch" not in fields and assume_arch is None:
        return Reject("no arch= (an old kernel; --assume-arch says which one it was)", comm_at)
    head = _head(body[start : comm_at - 1])
    if isinstance(head, str):
        return Reject(head, start)
    uid, pid, subj = head
    exe = fields.get(b"exe", b"(null)")
    record = SeccompRecord(
        millis,
        serial,
        int(fields[b"arch"], 16) if b"arch" in fields else assume_arch or 0,
        int(fields[b"syscall"]),
        int(fields[b"code"], 16) if b"code" in fields else None,
        pid,
        uid,
        _string(fields[b"comm"]),
        None if exe == b"(null)" else _string(exe),
        subj,
    )
    return Parsed(record, end)


def record_of(
    uid: bytes, subj: bytes | None, comm: bytes, exe: bytes, arch: bytes, syscall: bytes, code: bytes
) -> SeccompRecord:
    """A record that holds these fields as they stand in a sound body, without its time, serial and pid."""
    return SeccompRecord(
        None,
        None,
        int(arch, 16),
        int(syscall),
        int(code, 16),
        None,
        int(uid),
        _string(comm),
        _string(exe),
        None if subj is None else _label(subj),
    )


def _usual_tail(body: bytes, at: int) -> tuple[dict[bytes, bytes], int] | Reject | None:
    """What `_tail` says of a tail that has just the usual fields, in a tenth of the time."""
    usual = _USUAL_TAIL.match(body, at)
    return None if usual is None else _complete(dict(zip(_VALUES, usual.groups(), strict=True)), usual.end(), True)


@cache
def _patterns() -> dict[bytes, re.Pattern[bytes]]:
    return {name: re.compile(value) for name, value in _VALUES.items()}


def _tail(body: bytes, at: int) -> tuple[dict[bytes, bytes], int] | Reject:
    """The fields from comm= to code=, by name, and the offset behind the last."""
    stop = len(body.rstrip(b" \t\r"))
    fields: dict[bytes, bytes] = {}
    syscall_certain = False
    while True:
        field = _FIELD.match(body, at, stop)
        if field is None:
            return Reject("cut or malformed " + _after(fields), at)
        name = field[1]
        if name in fields:
            return Reject(f"{name.decode()}= stands twice", at)
        syscall_certain = syscall_certain or b"syscall" in fields
        pattern = _patterns().get(name)
        known = None if pattern is None else pattern.match(body, field.start(2), stop)
        if pattern is not None and (known is None or (name != b"code" and known.end() != field.end())):
            return Reject(f"cut or malformed {name.decode()}=", at)
        if known is not None:
            fields[name] = known[0]
        at = field.end() if known is None else known.end()
        if name == b"code" or at == stop:
            break
        if body[at] != 0x20:
            return Reject("cut or malformed " + _after(fields), at)
        at += 1
    return _complete(fields, at, syscall_certain)


def _complete(fields: dict[bytes, bytes], end: int, syscall_certain: bool) -> tuple[dict[bytes, bytes], int] | Reject:
    """The fields, if they are all there."""
    if not syscall_certain:
        # A cut log may have cut the number too: 165 may be what is left of 1651.
        return Reject("cut in or before syscall=", end)
    if int(fields[b"syscall"]) not in _INT32:
        return Reject("malformed syscall=", end)
    if b"code" not in fields and b"arch" in fields:
        return Reject("cut before code=", end)
    return fields, end


def _after(fields: dict[bytes, bytes]) -> str:
    return f"behind {list(fields)[-1].decode()}=" if fields else "comm="


def _head(head: bytes) -> tuple[int | None, int | None, bytes | None] | str:
    """uid, pid and the label; or why the body is a reject."""
    usual = _USUAL_HEAD.fullmatch(head)
    if usual is not None:
        return int(usual[1]), int(usual[2]), None
    words = head.split(b" ")
    label_at = next((i for i, word in enumerate(words) if word.startswith(b"subj=")), None)
    if b"audit(" in head or (label_at is None and any(word.startswith(b"comm=") for word in words)):
        return "two records in one line"
    subj = None
    before = after = words
    if label_at is not None:
        run = len(words)
        while run > label_at + 1 and _TASK_ID.fullmatch(words[run - 1]):
            run -= 1
        subj = _label(b" ".join(words[label_at:run])[len(b"subj=") :])
        before, after = words[:label_at], words[run:]
    uid = next((word for word in before if word.startswith(b"uid=")), None)
    pid = next((word for word in after if word.startswith(b"pid=")), None)
    if (uid and not _UID.fullmatch(uid)) or (pid and not _PID.fullmatch(pid)):
        return "malformed uid= or pid="
    return (int(uid[4:]) if uid else None), (int(pid[4:]) if pid else None), subj


def other_fields(body: bytes) -> dict[str, int]:
    """The numbers of a sound record's body that `SeccompRecord` leaves out, where they are there: auid, gid, ses, ppid,
    sig, compat. Those of the task stand in front of the label, but for `ppid=`, which stands beside `pid=`."""
    comm_at = body.rfind(b" comm=") + 1
    head = body[:comm_at]
    label_at = head.find(b" subj=")
    before = head if label_at < 0 else head[:label_at]
    found: dict[str, int] = {}
    run = b" ".join(takewhile(_TASK_ID.fullmatch, reversed(head.rstrip(b" ").split(b" "))))
    for part in (before, run, body[comm_at:]):
        for name, text in re.findall(_NUMBER, part):
            found.setdefault(name.decode(), int(text))
    return found


def _label(text: bytes) -> bytes:
    """AppArmor's begins with another `=`."""
    return text.removeprefix(b"=")


def _string(value: bytes) -> bytes:
    """What audit_log_untrustedstring() (kernel/audit.c) wrote: the quote decides, not the alphabet."""
    if value.startswith(b'"'):
        return value[1:-1]
    return bytes.fromhex(value.decode("ascii"))
