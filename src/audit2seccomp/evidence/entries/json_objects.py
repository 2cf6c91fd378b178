"""One JSON object → what it says: journald's, dmesg's, a syslog daemon's, laurel's, or another's around a text."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from audit2seccomp.evidence.entries import authors
from audit2seccomp.evidence.entries.authors import (
    JOURNAL_AUDIT,
    JOURNAL_KERNEL,
    KERNEL_FACILITY,
    PROCESSES,
    Author,
    client,
)
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import RECORD_TOKEN, WRONG_TYPE, Entry, Found, problem
from audit2seccomp.evidence.entries.journal import FIELDS, MAX_DIGITS, entries_of, lines_of
from audit2seccomp.evidence.entries.json_values import (
    name_of,
    read_array,
    read_object,
    text_of,
    texts_inside,
    values_of,
)
from audit2seccomp.evidence.entries.syslog_json import of_syslog
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES

_ABSENT = Raw()


class _JournalEntry(msgspec.Struct, gc=False):
    """The fields that decide about a usual entry of journalctl's JSON, each a string, and two of other programs'."""

    message: str = msgspec.field(name="MESSAGE", default="")
    transport: str = msgspec.field(name="_TRANSPORT", default="")
    facility: str = msgspec.field(name="SYSLOG_FACILITY", default="")
    audit_id: str = msgspec.field(name="_AUDIT_ID", default="")
    spoken: str = msgspec.field(name="_SOURCE_REALTIME_TIMESTAMP", default="")
    host: str = msgspec.field(name="_HOSTNAME", default="")
    boot: str = msgspec.field(name="_BOOT_ID", default="")
    unit: str = msgspec.field(name="_SYSTEMD_UNIT", default="")
    cgroup: str = msgspec.field(name="_SYSTEMD_CGROUP", default="")
    cursor: str = msgspec.field(name="__CURSOR", default="")
    stream: Raw = msgspec.field(name="stream", default=_ABSENT)
    kubernetes: Raw = msgspec.field(name="kubernetes", default=_ABSENT)


_decode = msgspec.json.Decoder(_JournalEntry).decode
_MARKS = (b"data: {", b"\x1e{")
"""What json-sse and json-seq put in front of an object."""
_JOURNAL_FIELDS = frozenset({"_TRANSPORT", "_AUDIT_ID", "__CURSOR"})
_CONTAINER_FIELDS = frozenset({"stream", "kubernetes"})
"""What log drivers and shippers put beside the text of a container, which may be JSON whose members they merge in."""
_NUMBERS = frozenset(
    {"SYSLOG_FACILITY", "_AUDIT_ID", "_AUDIT_TYPE", "_SOURCE_REALTIME_TIMESTAMP", "_PID", "_UID", "_GID"}
)
_DMESG_FIELDS = frozenset({"pri", "msg"})
_ALL_DMESG_FIELDS = frozenset({"fac", "pri", "time", "caller", "msg"})


def decode_usual(lines: list[bytes], start: int, number: int, found: list[Found]) -> int:
    """Append the entries of journalctl's that lines hold from `start` on, which has that number, as `entries_of` would
    make them. Returns the index of the first line that has anything unusual, or the number of lines."""
    for at in range(start, len(lines)):
        line = lines[at]
        if line[:1] != b"{":
            if not line:
                continue
            if not line.startswith(_MARKS):
                return at
            line = line[line.index(b"{") :]
        try:
            entry = _decode(line)
        except (ValueError, RecursionError):
            return at  # a field is no string, or this is no JSON at all
        author = _usual_author(entry, line)
        if author is None:
            return at
        serial, spoken = entry.audit_id, entry.spoken
        fields = (
            entry.message.encode(),
            author.carrier,
            entry.host or None,
            entry.unit or None,
            container_of(entry.cgroup) if entry.cgroup else None,
            entry.boot or None,
            int(spoken) // 1000 if spoken else None,
            int(serial) if serial else None,
            author.tag,
            number + at - start,
        )
        found.append(_make(Entry, fields))
    return len(lines)


def _usual_author(entry: _JournalEntry, data: bytes) -> Author | None:
    """Who wrote an entry of journalctl's; None where there is anything unusual about it."""
    message, transport, serial = entry.message, entry.transport, entry.audit_id
    if transport == "audit" and message.startswith("SECCOMP "):
        author = JOURNAL_AUDIT
    elif serial or not message:
        return None
    elif transport == "kernel" and entry.facility == KERNEL_FACILITY:
        author = JOURNAL_KERNEL
    elif transport in PROCESSES and entry.unit and b"CONTAINER_ID_FULL" not in data:
        if "\n" in message or message.startswith("{"):
            return None
        author = client(entry.unit, "", "")
    else:
        return None
    if not (serial + entry.spoken or "0").isdecimal() or not len(serial) <= MAX_DIGITS >= len(entry.spoken):
        return None
    own = entry.cursor and entry.stream is _ABSENT and entry.kubernetes is _ABSENT
    return author if own and len(data) <= MAX_LINE_BYTES else None


_make = tuple.__new__
"""Makes a NamedTuple in half the time."""


def decode_object(data: bytes, line: int, found: list[Found]) -> bool:
    """Append what an object says, which begins in that line; False where it is no sound JSON object.

    Of members with one name the last counts."""
    if decode_usual([data], 0, line, found):
        return True
    fields = read_object(data)
    if fields is None:
        return False
    found += of_object(fields, line, data)
    return True


def of_object(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    """What an object with these members says."""
    if fields.keys().isdisjoint(_CONTAINER_FIELDS):
        found = _of_its_own(fields, line, data)
    else:
        found = [_entry(text, authors.WRAPPED, line) for text in texts_inside(fields)]
    if not found and RECORD_TOKEN in data:
        return [_entry(data, authors.UNREAD, line)]
    return [one for entry in found for one in (lines_of(entry) if isinstance(entry, Entry) else [entry])]


def _of_its_own(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    """What an object says that nobody else put members into."""
    names = fields.keys()
    if not names.isdisjoint(_JOURNAL_FIELDS):
        return _of_journal(fields, line, data)
    if _DMESG_FIELDS <= names <= _ALL_DMESG_FIELDS:
        return _of_dmesg(fields, line, data)
    if names == {"dmesg"}:
        elements = (read_object(element) or {} for element in read_array(fields["dmesg"]) or ())
        return [one for element in elements for one in _of_dmesg(element, line, data)]
    if "SECCOMP" in names and "ID" in names:
        from audit2seccomp.evidence.entries.audit_json import of_laurel

        return of_laurel(fields, line, data)
    if "auditd" in names:
        from audit2seccomp.evidence.entries.audit_json import of_auditbeat

        found = of_auditbeat(fields, line, data)
        if found:
            return found
    return of_syslog(fields, line) or [_entry(text, authors.WRAPPED, line) for text in texts_inside(fields)]


def _of_journal(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    values = {}
    for name in FIELDS & fields.keys():
        held = values_of(fields[name])
        if held is None and name in _NUMBERS and name_of(fields[name]):
            held = [name_of(fields[name]).encode()]
        if held is None:
            return [problem(WRONG_TYPE, line, data)]
        values[name] = held
    return list(entries_of(values, line, data))


def decode_element(data: bytes, line: int, found: list[Found]) -> bool:
    """Append what an element of dmesg's array says, which begins in that line; False where it is no sound object."""
    fields = read_object(data)
    if fields is None:
        return False
    told = _of_dmesg(fields, line, data)
    if not told and RECORD_TOKEN in data:
        told.append(_entry(data, authors.UNREAD, line))
    found += told
    return True


def decode_wrapped(data: bytes, line: int) -> list[Found]:
    """The texts in an object that a process printed."""
    texts = [_entry(text, authors.WRAPPED, line) for text in texts_inside(read_object(data) or {})]
    return [one for entry in texts for one in lines_of(entry)]


def _of_dmesg(fields: Mapping[str, Raw], line: int, data: bytes) -> list[Found]:
    """What an element of dmesg's array says; nothing where it is none."""
    if not fields.keys() >= _DMESG_FIELDS:
        return []
    message, priority = text_of(fields["msg"]), name_of(fields["pri"])
    facility = name_of(fields.get("fac"))
    if message is None or not (priority.isdecimal() or facility):
        return [problem(WRONG_TYPE, line, data)]
    kernel = facility == "kern" if facility else int(priority) < 8
    return [_entry(message, authors.DMESG if kernel else authors.KMSG_WRITER, line)]


def _entry(message: bytes, author: Author, line: int) -> Entry:
    return Entry(message, author.carrier, None, None, None, None, None, None, author.tag, line)
