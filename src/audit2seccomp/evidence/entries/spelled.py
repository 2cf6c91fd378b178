"""Records whose fields a log spells out one by one, written as auditd or journald would.

So that they are read like any other record, and by the same rules. Nothing that a program chose can add a field:
numbers are checked, names are written in hex."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBERS = {
    "auid": rb"\d{1,10}",
    "uid": rb"\d{1,10}",
    "gid": rb"\d{1,10}",
    "ses": rb"\d{1,10}",
    "pid": rb"-?\d{1,10}",
    "sig": rb"-?\d{1,10}",
    "arch": rb"(?:0x)?[0-9a-f]{1,8}",
    "syscall": rb"-?\d{1,10}",
    "compat": rb"-?\d{1,10}",
    "ip": rb"0x[0-9a-f]{1,16}",
    "code": rb"0x[0-9a-f]{1,8}",
}
_ORDER = ("auid", "uid", "gid", "ses", "subj", "pid", "comm", "exe", "sig", "arch", "syscall", "compat", "ip", "code")
"""As audit_seccomp() of kernel/auditsc.c writes them."""
_NEEDED = frozenset({"comm", "arch", "syscall", "code"})
_STAMP = re.compile(rb"\d{1,20}\.\d{3}:\d{1,20}")


def record_text(stamp: bytes | None, fields: Mapping[str, bytes]) -> bytes | None:
    """The record with these fields: auditd's with that `time:serial`, or journald's without one.

    `comm` and `exe` are as the program has them. None where a field is missing or is none of the kernel's."""
    if not fields.keys() >= _NEEDED or (stamp is not None and not _STAMP.fullmatch(stamp)):
        return None
    words = []
    for name in _ORDER:
        value = fields.get(name)
        if value is None:
            continue
        if name in _NUMBERS:
            if re.fullmatch(_NUMBERS[name], value) is None:
                return None
            value = value.removeprefix(b"0x") if name == "arch" else value
        elif name != "subj":
            value = value.hex().upper().encode() or b'""'
        words.append(name.encode() + b"=" + value)
    opening = b"SECCOMP " if stamp is None else b"type=SECCOMP msg=audit(" + stamp + b"): "
    return opening + b" ".join(words)
