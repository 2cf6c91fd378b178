"""Journal entries, and the structured formats in which journalctl prints them (logs-show.c of systemd)."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .record import Form, KernelRecord

if TYPE_CHECKING:
    from random import Random

Field = tuple[str, bytes]
BOOT = "4aea7b561aae4627bb748514c4c7491f"
SEQUENCE = "9bc86411c4a84ef680f3255d818c6229"


@dataclass(frozen=True)
class JournalEntry:
    """What journald stored, in its order, without the cursor and the times that journalctl adds."""

    fields: tuple[Field, ...]

    def told(self, name: str) -> list[bytes]:
        """The values of a field."""
        return [value for field, value in self.fields if field == name]


def audit_entry(record: KernelRecord, host: str, rnd: Random) -> JournalEntry:
    """What journald makes of an audit event: process_audit_string() of journald-audit.c."""
    label = record.subj or b""
    fields = [
        ("_TRANSPORT", b"audit"),
        ("_AUDIT_TYPE", b"1326"),
        ("_AUDIT_ID", b"%d" % record.serial),
        ("SYSLOG_FACILITY", b"4"),
        ("SYSLOG_IDENTIFIER", b"audit"),
        ("_AUDIT_TYPE_NAME", b"SECCOMP"),
        ("MESSAGE", record.body(Form.JOURNALD)),
        ("_AUDIT_LOGINUID", b"%d" % record.auid),
        ("_UID", b"%d" % record.uid),
        ("_GID", b"%d" % record.gid),
        ("_AUDIT_SESSION", b"%d" % record.ses),
        *((("_SELINUX_CONTEXT", label.split(b" ")[0]),) if record.subj is not None else ()),
        ("_PID", b"%d" % record.pid),
        ("_COMM", record.comm),
        *((("_EXE", record.exe),) if record.exe is not None else ()),
        ("_AUDIT_FIELD_SIG", b"%d" % record.sig),
        ("_AUDIT_FIELD_ARCH", b"%x" % record.arch),
        ("_AUDIT_FIELD_SYSCALL", b"%d" % record.nr),
        ("_AUDIT_FIELD_COMPAT", b"%d" % record.compat),
        ("_AUDIT_FIELD_IP", b"0x%x" % record.ip),
        ("_AUDIT_FIELD_CODE", b"0x%x" % record.code),
        ("_SOURCE_REALTIME_TIMESTAMP", b"%d" % ((record.seconds * 1000 + record.millis) * 1000)),
    ]
    return _entry(host, rnd, fields)


def kernel_entry(record: KernelRecord, host: str, rnd: Random) -> JournalEntry:
    """What journald makes of a line of the kernel log: dev_kmsg_record() of journald-kmsg.c."""
    return _entry(host, rnd, [("_TRANSPORT", b"kernel"), ("SYSLOG_FACILITY", b"0"), ("MESSAGE", record.printk())])


def client_entry(texts: Iterable[bytes], host: str, rnd: Random) -> JournalEntry:
    """What a process wrote, which claims to be the kernel in all that it can choose."""
    claims = [("SYSLOG_IDENTIFIER", b"kernel"), ("SYSLOG_FACILITY", b"0"), ("TRANSPORT", b"kernel")]
    transport = rnd.choice((b"syslog", b"journal", b"stdout"))
    return _entry(
        host,
        rnd,
        [*claims, ("_TRANSPORT", transport), ("_SYSTEMD_UNIT", b"a.service"), *(("MESSAGE", text) for text in texts)],
    )


def _entry(host: str, rnd: Random, fields: list[Field]) -> JournalEntry:
    fields = [("_MACHINE_ID", b"3d1219c7c4c5404aaa1f6d2a48adfda4"), ("_HOSTNAME", host.encode()), *fields]
    names = list(dict(fields))
    # journald sorts by the place in its file, where what is common stands first.
    if rnd.random() < 0.3:
        rnd.shuffle(names)
    fields.sort(key=lambda field: names.index(field[0]))
    return JournalEntry((("_BOOT_ID", BOOT.encode()), *fields))


def cursor(number: int) -> str:
    """What journald calls the place of an entry."""
    return f"s={SEQUENCE};i={number:x};b={BOOT};m=3dd75c6f;t=660d9bab85575;x=78df08c8683321a5"


def _added(number: int) -> list[Field]:
    return [
        ("__CURSOR", cursor(number).encode()),
        ("__REALTIME_TIMESTAMP", b"%d" % (1795338117076341 + number)),
        ("__MONOTONIC_TIMESTAMP", b"%d" % (1037524079 + number)),
    ]


def _clean(value: bytes, *, newline: bool) -> bool:
    """utf8_is_printable_newline(): UTF-8 without control characters but tab, and newline where that is told."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return False
    return not any((ord(c) < 0x20 and c != "\t" and not (newline and c == "\n")) or 0x7F <= ord(c) < 0xA0 for c in text)


def _object(entry: JournalEntry, number: int) -> dict[str, object]:
    found: dict[str, list[object]] = {}
    for name, value in (*_added(number), *entry.fields):
        found.setdefault(name, []).append(value.decode() if _clean(value, newline=True) else list(value))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _compact(entry: JournalEntry, number: int) -> bytes:
    return json.dumps(_object(entry, number), ensure_ascii=False, separators=(",", ":")).encode()


def _json(entries: Iterable[JournalEntry]) -> bytes:
    return b"".join(_compact(entry, number) + b"\n" for number, entry in enumerate(entries))


def _json_pretty(entries: Iterable[JournalEntry]) -> bytes:
    return b"".join(
        json.dumps(_object(entry, number), ensure_ascii=False, indent="\t", separators=(",", " : ")).encode() + b"\n"
        for number, entry in enumerate(entries)
    )


def _json_seq(entries: Iterable[JournalEntry]) -> bytes:
    return b"".join(b"\x1e" + _compact(entry, number) + b"\n" for number, entry in enumerate(entries))


def _json_sse(entries: Iterable[JournalEntry]) -> bytes:
    return b"".join(b"data: " + _compact(entry, number) + b"\n\n" for number, entry in enumerate(entries))


def _export(entries: Iterable[JournalEntry]) -> bytes:
    written = bytearray()
    for number, entry in enumerate(entries):
        for name, value in (*_added(number), *entry.fields):
            if _clean(value, newline=False):
                written += name.encode() + b"=" + value + b"\n"
            else:
                written += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        written += b"\n"
    return bytes(written)


def _verbose(entries: Iterable[JournalEntry]) -> bytes:
    """With --all, which shows what is not printable."""
    written = bytearray()
    for number, entry in enumerate(entries):
        written += f"Sun 2026-11-22 09:01:57.{number:06d} UTC [{cursor(number)}]\n".encode()
        for name, value in entry.fields:
            head = f"    {name}=".encode()
            written += head + value.replace(b"\n", b"\n" + b" " * len(head)) + b"\n"
    return bytes(written)


FORMATS: dict[str, Callable[[Iterable[JournalEntry]], bytes]] = {
    "json": _json,
    "json-pretty": _json_pretty,
    "json-seq": _json_seq,
    "json-sse": _json_sse,
    "export": _export,
    "verbose": _verbose,
}
"""What each `journalctl -o` prints."""
