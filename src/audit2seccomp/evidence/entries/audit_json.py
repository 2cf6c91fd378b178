"""JSON of programs that read the audit events themselves and spell the records' fields out: laurel, auditbeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from audit2seccomp.evidence.entries import authors
from audit2seccomp.evidence.entries.authors import Author
from audit2seccomp.evidence.entries.entry import MALFORMED_FIELDS, WRONG_TYPE, Entry, Found, problem
from audit2seccomp.evidence.entries.json_values import name_of, read_array, read_object, text_of
from audit2seccomp.evidence.entries.spelled import record_text
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of

if TYPE_CHECKING:
    from msgspec import Raw

_STRINGS = ("comm", "exe", "subj")


def of_laurel(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    """What an event of laurel's says (json-format.md of laurel): `SECCOMP` is a record or an array of them, `ID` its
    `time:serial`, decimal numbers are numbers and others strings. Bytes that are not printable, `%` and `+` are
    percent-encoded."""
    from urllib.parse import unquote_to_bytes

    host = name_of(fields.get("NODE")) or None
    found: list[Found] = []
    records = read_array(fields["SECCOMP"])
    for one in [fields["SECCOMP"]] if records is None else records:
        members = read_object(one) or {}
        spelled = {name: name_of(raw).encode() for name, raw in members.items() if name not in _STRINGS}
        strings = {name: text_of(members[name]) for name in _STRINGS if name in members}
        if None in strings.values():
            found.append(problem(WRONG_TYPE, line, data))
            continue
        spelled |= {name: unquote_to_bytes(value or b"") for name, value in strings.items()}
        found.append(_entry(record_text(text_of(fields["ID"]) or b"", spelled), authors.LAUREL, host, line, data))
    return found


def of_auditbeat(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    """What an event of auditbeat's says, if it is of type SECCOMP. It names arch and call, in auditd's words."""
    auditd = read_object(fields["auditd"]) or {}
    if name_of(auditd.get("message_type")) != "seccomp":
        return []
    process = _member(fields, "process")
    told = _member(auditd, "data")
    spelled = {name: name_of(told.get(name)).encode() for name in ("sig", "compat", "ip", "code") if name in told}
    abi = abi_named(name_of(told.get("arch")))
    call = name_of(told.get("syscall"))
    number = None if abi is None else table_of(abi).number_of(call)
    if abi is not None:
        spelled["arch"] = b"%x" % abi.audit_arch
        spelled["syscall"] = call.encode() if number is None else b"%d" % number
    for name, member in (("comm", "name"), ("exe", "executable"), ("pid", "pid")):
        if member in process:
            spelled[name] = name_of(process[member]).encode()
    stamp = _stamp(name_of(fields.get("@timestamp")), name_of(auditd.get("sequence")))
    return [_entry(record_text(stamp, spelled), authors.AUDITBEAT, None, line, data)]


def _entry(text: bytes | None, author: Author, host: str | None, line: int, data: bytes) -> Found:
    if text is None:
        return problem(MALFORMED_FIELDS, line, data)
    return Entry(text, author.carrier, host, None, None, None, None, None, author.tag, line)


def _member(fields: Mapping[str, Raw], name: str) -> Mapping[str, Raw]:
    return read_object(fields[name]) or {} if name in fields else {}


def _stamp(time: str, serial: str) -> bytes:
    """The `time:serial` of an event with that ISO time; not sound where one of them is not."""
    from datetime import datetime

    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return b""
    if moment.tzinfo is None:
        return b""
    return f"{int(moment.timestamp())}.{moment.microsecond // 1000:03d}:{serial}".encode()
