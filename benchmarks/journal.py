"""The same events as journald keeps them, printed by `journalctl -o json` and `-o export`, and what others write.

Entries of the audit transport are the largest that hold a record: about 1.2 kB of JSON. What stands in them is what
process_audit_string() of systemd's journald-audit.c writes, as in fixtures/recorded/journal-json.txt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from benchmarks.chatter import Line
    from benchmarks.events import Event

ENTRIES_OF_A_FILE = 50_000
"""A journal file holds so many of these entries before journald begins another: about 128 MB."""
_SEQUENCE = "9bc86411c4a84ef680f3255d818c6229"
_BOOT = "4aea7b561aae4627bb748514c4c7491f"
_INVOCATION = "0f0c3f1d2a48adfda43d1219c7c4c540"
_MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda4"
_RECORD = re.compile(r" ?([a-z]+)=((?:\S| \((?:enforce|complain)\))+)")
_NAMES = {
    "auid": "_AUDIT_LOGINUID",
    "uid": "_UID",
    "gid": "_GID",
    "ses": "_AUDIT_SESSION",
    "subj": "_SELINUX_CONTEXT",
    "pid": "_PID",
    "comm": "_COMM",
    "exe": "_EXE",
    **{name: f"_AUDIT_FIELD_{name.upper()}" for name in ("sig", "arch", "syscall", "compat", "ip", "code")},
}
"""journald's names for the fields of a record."""


Fields = list[tuple[str, str]]

_EVERYWHERE: Fields = [
    ("_BOOT_ID", _BOOT),
    ("_MACHINE_ID", _MACHINE),
    ("_HOSTNAME", "my-machine"),
    ("_RUNTIME_SCOPE", "system"),
]
"""What each entry has."""


class Journal:
    """Stores entries the way of journald, which decides about the order of their fields."""

    def __init__(self, rng: Random) -> None:
        """Empty, and the first of its files just begun."""
        self._rng = rng
        self._stored: dict[tuple[str, str], int] = {}
        self._entries = 0

    def export(self, event: Event) -> str:
        """The entry of `journalctl -o export`, less the newline of the blank line at its end.

        An entry points to its fields in the order of their places in the file, which keeps each different one once."""
        addresses, fields = self._entry(event)
        return "".join(f"{name}={value}\n" for name, value in (*addresses, *fields))

    def json(self, event: Event) -> str:
        """The line of `journalctl -o json`, in the order of a hash table with a key of its own."""
        addresses, fields = self._entry(event)
        everything = [*addresses, *fields]
        self._rng.shuffle(everything)
        return "{" + ",".join(f'"{name}":"{_escaped(value)}"' for name, value in everything) + "}"

    def chatter(self, line: Line, uptime: str, epoch: str) -> str:
        """The export of what the kernel or a service wrote, with the fields that journald adds."""
        addresses, micros = self._place(uptime, epoch)
        if line.from_kernel:
            fields = [
                ("_TRANSPORT", "kernel"),
                ("PRIORITY", "5"),
                ("SYSLOG_FACILITY", "0"),
                ("SYSLOG_IDENTIFIER", "kernel"),
                ("_SOURCE_MONOTONIC_TIMESTAMP", uptime.replace(".", "").strip()),
                ("MESSAGE", line.text),
            ]
        else:
            tag, text = line.text.split(": ", 1)
            fields = _of_service(tag, text, micros)
        return "".join(f"{name}={value}\n" for name, value in (*addresses, *_EVERYWHERE, *fields))

    def _place(self, uptime: str, epoch: str) -> tuple[Fields, str]:
        """What journalctl says of the next entry's place, and the microseconds when it was written."""
        micros = epoch.replace(".", "") + "000"
        delay = self._rng.randrange(1_000, 6_000)
        realtime, monotonic = int(micros) + delay, int(uptime.replace(".", "")) + delay
        if self._entries % ENTRIES_OF_A_FILE == 0:
            self._stored.clear()
        self._entries += 1
        place = f"s={_SEQUENCE};i={self._entries:x};b={_BOOT};m={monotonic:x};t={realtime:x}"
        addresses = [
            ("__CURSOR", f"{place};x={self._rng.getrandbits(64):x}"),
            ("__REALTIME_TIMESTAMP", str(realtime)),
            ("__MONOTONIC_TIMESTAMP", str(monotonic)),
        ]
        return addresses, micros

    def _entry(self, event: Event) -> tuple[Fields, Fields]:
        """What journalctl says of the entry's place, and the fields that it holds."""
        addresses, micros = self._place(event.uptime, event.epoch)
        fields = [
            *_EVERYWHERE,
            ("_TRANSPORT", "audit"),
            ("_SOURCE_REALTIME_TIMESTAMP", micros),
            ("_AUDIT_TYPE", "1326"),
            ("_AUDIT_ID", str(event.serial)),
            ("SYSLOG_FACILITY", "4"),
            ("SYSLOG_IDENTIFIER", "audit"),
            ("_AUDIT_TYPE_NAME", "SECCOMP"),
            ("MESSAGE", f"SECCOMP {event.record}"),
            *((_NAMES[name], _decoded(name, value)) for name, value in _RECORD.findall(event.record)),
        ]
        places = {field: self._stored.setdefault(field, len(self._stored)) for field in fields}
        return addresses, sorted(fields, key=places.__getitem__)


def _of_service(tag: str, text: str, micros: str) -> Fields:
    """The fields of what a service wrote to syslog's socket: server_process_syslog_message() of journald-syslog.c, and
    dispatch_message_real() of journald-server.c."""
    name, _, pid = tag.rstrip("]").partition("[")
    return [
        ("_TRANSPORT", "syslog"),
        ("PRIORITY", "6"),
        ("SYSLOG_FACILITY", "3"),
        ("SYSLOG_IDENTIFIER", name),
        ("SYSLOG_PID", pid or "1"),
        ("_PID", pid or "1"),
        ("_UID", "0"),
        ("_GID", "0"),
        ("_COMM", name),
        ("_EXE", f"/usr/sbin/{name}"),
        ("_CMDLINE", f"/usr/sbin/{name} --foreground"),
        ("_CAP_EFFECTIVE", "1ffffffffff"),
        ("_SELINUX_CONTEXT", "unconfined"),
        ("_SYSTEMD_CGROUP", f"/system.slice/{name}.service"),
        ("_SYSTEMD_UNIT", f"{name}.service"),
        ("_SYSTEMD_SLICE", "system.slice"),
        ("_SYSTEMD_INVOCATION_ID", _INVOCATION),
        ("_SOURCE_REALTIME_TIMESTAMP", micros),
        ("MESSAGE", text),
    ]


def _decoded(name: str, value: str) -> str:
    """The value of a field, which journald unquotes; of a label it takes what stands before the first blank."""
    if name in ("comm", "exe"):
        return value[1:-1] if value.startswith('"') else bytes.fromhex(value).decode()
    return value.partition(" ")[0]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
