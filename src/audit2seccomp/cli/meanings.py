"""What each field of a record means, in words."""

from __future__ import annotations

import signal
from collections.abc import Callable

from audit2seccomp.cli.clock import utc_time
from audit2seccomp.evidence.grammar import Written
from audit2seccomp.evidence.model import SeccompRecord
from audit2seccomp.kernel.abi import abi_of
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.kernel.uapi import Action, action_of

_UNSET = ("4294967295", "-1", "unset")
"""(uid_t)-1 and its like (include/linux/uidgid.h), as kernels and ausearch write it: no user logged in."""


def meaning(field: Written, record: SeccompRecord) -> str:
    """What a field of a sound record's body says."""
    if field.read and field.name in _OF_RECORD:
        return _OF_RECORD[field.name](record)
    text = field.text.decode("latin-1")
    if field.name in ("auid", "uid", "gid", "ses"):
        return "unset" if text in _UNSET else "not counted"
    if field.name == "sig" and field.read:
        return "no signal" if text in ("0", "SIG0") else _signal(text)
    if field.name == "compat" and field.read:
        return "the kernel's own calling convention" if text == "0" else "the calling convention of another ABI"
    return _ELSEWHERE.get(field.name, "not looked at")


def _signal(text: str) -> str:
    known = {str(number.value): number.name for number in signal.Signals}
    return known.get(text, "no signal that is known here" if text.isdecimal() else text)


_ELSEWHERE = {"type": "a SECCOMP record", "ip": "where in the program; not counted"}
"""The meaning of fields whose value does not change it."""


def _unknown(value: object) -> str:
    return "not known" if value is None else str(value)


def _text(value: bytes | None) -> str:
    return "not known" if value is None else value.decode(errors="surrogateescape")


def _stamp(record: SeccompRecord) -> str:
    time = "time not known" if record.millis is None else utc_time(record.millis)
    return f"{time}, serial {record.serial}"


def _arch(record: SeccompRecord) -> str:
    abi = abi_of(record.arch, record.nr)
    return "no architecture" if abi is None else f"{abi.name} ({abi.audit_name})"


def _syscall(record: SeccompRecord) -> str:
    abi = abi_of(record.arch, record.nr)
    name = None if abi is None else table_of(abi).name_of(record.nr)
    return name or f"not in the tables of Linux {tables_kernel()}"


def _code(record: SeccompRecord) -> str:
    assert record.code is not None
    action = action_of(record.code)
    if action is None:
        return "no action that the kernel defines"
    if action.let_through:
        return f"{action.name}: the call ran"
    supervised = action in (Action.TRACE, Action.USER_NOTIF)
    return f"{action.name}: {'another program decided about the call' if supervised else 'the call did not run'}"


_OF_RECORD: dict[str, Callable[[SeccompRecord], str]] = {
    "audit": _stamp,
    "uid": lambda record: _unknown(record.uid),
    "pid": lambda record: _unknown(record.pid),
    "subj": lambda record: _text(record.subj),
    "comm": lambda record: _text(record.comm),
    "exe": lambda record: _text(record.exe),
    "arch": _arch,
    "syscall": _syscall,
    "code": _code,
}
"""The meaning of what a record keeps."""
