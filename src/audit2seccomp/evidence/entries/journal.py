"""The fields of a journal entry → entries, for journald's JSON, export and verbose forms alike.

What the fields mean: systemd.journal-fields(7). Which ones a client cannot set, and what the audit and kernel
transports write: journald-audit.c, journald-kmsg.c of systemd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries.authors import JOURNAL_CLIENT, client, of_journal
from audit2seccomp.evidence.entries.container import container_id, container_of
from audit2seccomp.evidence.entries.entry import NO_MESSAGE, RECORD_TOKEN, WRONG_TYPE, Entry, Problem, problem
from audit2seccomp.evidence.entries.spelled import record_text
from audit2seccomp.kernel.uapi import AUDIT_SECCOMP

Values = Mapping[str, Sequence[bytes | None]]
"""Each field's values, in most cases one; None where journalctl left it out because it is too long or not printable."""

_SPELLED = {
    "_AUDIT_LOGINUID": "auid",
    "_UID": "uid",
    "_GID": "gid",
    "_AUDIT_SESSION": "ses",
    "_PID": "pid",
    "_COMM": "comm",
    "_EXE": "exe",
    "_AUDIT_FIELD_SIG": "sig",
    "_AUDIT_FIELD_ARCH": "arch",
    "_AUDIT_FIELD_SYSCALL": "syscall",
    "_AUDIT_FIELD_COMPAT": "compat",
    "_AUDIT_FIELD_IP": "ip",
    "_AUDIT_FIELD_CODE": "code",
}
"""journald's names for the fields of a record."""
MAX_DIGITS = 20
"""Of a number of 64 bits."""
_LABEL = "_SELINUX_CONTEXT"
FIELDS = frozenset({
    "MESSAGE", "_TRANSPORT", "SYSLOG_FACILITY", "_AUDIT_ID", "_AUDIT_TYPE", "_SOURCE_REALTIME_TIMESTAMP", "_HOSTNAME",
    "_BOOT_ID", "_SYSTEMD_UNIT", "_SYSTEMD_CGROUP", "CONTAINER_ID_FULL", "__CURSOR", _LABEL, *_SPELLED,
})  # fmt: skip
"""All that are looked at."""


def entries_of(values: Values, line: int, sample: bytes) -> list[Entry | Problem]:
    """What a journal entry says: one entry for each MESSAGE. The slow way, for entries with anything unusual."""
    try:
        return _entries(values, line)
    except _WrongTypeError:
        return [problem(WRONG_TYPE, line, sample)]
    except _LeftOutError:
        return [problem(NO_MESSAGE, line, sample)]


class _WrongTypeError(Exception):
    """A field has no value that it can have."""


class _LeftOutError(Exception):
    """The text of a record is missing."""


def _entries(values: Values, line: int) -> list[Entry | Problem]:
    transport = _text(values, "_TRANSPORT")
    audit_id = _text(values, "_AUDIT_ID")
    cgroup = _text(values, "_SYSTEMD_CGROUP")
    unit = _text(values, "_SYSTEMD_UNIT")
    found: list[Entry | Problem] = []
    for message in values.get("MESSAGE") or (None,):
        text = message if message is not None else _spelled_out(values, transport, audit_id)
        if text is None:
            continue
        author = of_journal(
            transport,
            _text(values, "SYSLOG_FACILITY"),
            seccomp=text.startswith(b"SECCOMP "),
            audit_id=audit_id != "",
            journalctl="__CURSOR" in values,
        )
        container = container_of(cgroup) if cgroup else None
        if author is JOURNAL_CLIENT:
            author = client(unit, _text(values, "_UID"), _text(values, "_COMM"))
            container = container or container_id(_text(values, "CONTAINER_ID_FULL"))
        entry = Entry(
            text,
            author.carrier,
            _text(values, "_HOSTNAME") or None,
            unit or None,
            container,
            _text(values, "_BOOT_ID") or None,
            millis(_text(values, "_SOURCE_REALTIME_TIMESTAMP")),
            number(audit_id),
            author.tag,
            line,
        )
        found += lines_of(entry)
    return found


def _text(values: Values, name: str) -> str:
    """The field's value; empty where there is none, or none that stands for itself."""
    held = values.get(name, ())
    if not held:
        return ""
    if len(held) > 1 and name in {"_TRANSPORT", "_AUDIT_ID", "SYSLOG_FACILITY"}:
        raise _WrongTypeError
    return "" if held[0] is None else held[0].decode(errors="surrogateescape")


def number(text: str) -> int | None:
    """A number of 64 bits; None for nothing."""
    if not text:
        return None
    if len(text) > MAX_DIGITS or not text.isdecimal():
        raise _WrongTypeError
    return int(text)


def millis(text: str) -> int | None:
    """journald's microseconds in milliseconds."""
    micros = number(text)
    return None if micros is None else micros // 1000


def _spelled_out(values: Values, transport: str, audit_id: str) -> bytes | None:
    """The record that the other fields of an entry without a message spell out; None where it can be about none."""
    if transport == "kernel" and "MESSAGE" in values:
        raise _LeftOutError
    if not (transport == "audit" or (audit_id and not transport)):
        return None
    if values.get("_AUDIT_TYPE", [b"%d" % AUDIT_SECCOMP]) != [b"%d" % AUDIT_SECCOMP]:
        return None
    # journald cuts a label at its first blank and takes what follows for fields of the record, at most 64 of them: a
    # label with enough of its own makes it leave the real ones out.
    if _LABEL in values:
        raise _LeftOutError
    fields = {}
    for journal_name, name in _SPELLED.items():
        held = values.get(journal_name, ())
        if len(held) > 1:
            raise _LeftOutError
        if held and held[0] is not None:
            fields[name] = held[0]
    text = record_text(None, fields)
    if text is None:
        raise _LeftOutError
    return text


def lines_of(entry: Entry) -> list[Entry]:
    """The entry; or where any text is all that its message can be, one entry for each line of that. A line that is JSON
    itself gives the text in it, nested once and no deeper."""
    if entry.carrier.trust is not Trust.EMBEDDED:
        return [entry]
    found = []
    for text in entry.message.split(b"\n"):
        nested = []
        if text.startswith(b"{") and RECORD_TOKEN in text:
            from audit2seccomp.evidence.entries.json_values import texts_in

            nested = texts_in(text)
        found += [
            entry._replace(message=line) for part in nested or [text] for line in part.split(b"\n") if line.strip()
        ]
    return found
