"""Writes records that the kernel never made, in every way that a process has to get text into a log.

Each way forges a call of its own, so that a profile shows which ones got through.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM, SocketKind, socket

from tests.e2e.kernel_log import write_to_kernel_log

# In these, $PRINTK stands for a record as the kernel log has it, $AUDIT as journald's audit transport has it, $ESCAPED
# for that in JSON, $FILE as auditd's file has it, $PID for the forger's own pid, which the record has too, and $DATE.
_KMSG = {
    "kmsg, the kernel's tag": "<14>kernel: $PRINTK",
    "kmsg, second line": "<14>x\n$PRINTK",
    "kmsg, second line as /dev/kmsg has it": "<14>x\n5,1,23501002971,-;$PRINTK",
    "kmsg, second line below a field": "<14>x\n SUBSYSTEM=a\n5,1,23501002971,-;$PRINTK",
    "kmsg, second line as dmesg -x has it": "<14>x\nkern  :notice: [23501.002971] $PRINTK",
    "kmsg, an escaped newline": "<14>x\\x0a5,1,23501002971,-;$PRINTK",
    "kmsg, a carriage return and a terminal's escape": "<14>x\r\x1b[2K5,1,23501002971,-;$PRINTK",
    "kmsg, audit[PID]": "<14>audit[$PID]: $AUDIT",
    "kmsg, SECCOMP": "<14>$AUDIT",
}
_PRIORITIES = (
    # The kernel keeps eight bits of the facility (LOG_FACILITY of kernel/printk/printk.c), and turns 0 into user.
    *(f"<{facility << 3 | 5}>" for facility in range(256)),
    *("<0>", "<7>", "<2048>", "<2053>", "<18446744073709551616>", "<-1>", "<0x5>", "< 5>", "<5", ""),
)
_SYSLOG = {
    "syslog, kernel": "<5>$DATE kernel: $PRINTK",
    "syslog, audit[PID]": "<5>$DATE audit[$PID]: $AUDIT",
}
_STDOUT = {"stdout, kernel": ("kernel", "$PRINTK"), "stdout, audit": ("audit", "$AUDIT")}
"""The tag that the stream says, and a line."""
_OURS = (("_PID", "1"), ("_UID", "0"), ("__CURSOR", "s=1;i=1"), ("_SOURCE_REALTIME_TIMESTAMP", "1795720567892883"))
_KERNEL = (("_TRANSPORT", "kernel"), ("SYSLOG_FACILITY", "0"), ("SYSLOG_IDENTIFIER", "kernel"), *_OURS)
_AUDIT = (("_TRANSPORT", "audit"), ("_AUDIT_TYPE", "1326"), ("_AUDIT_ID", "1"), ("SYSLOG_IDENTIFIER", "audit"), *_OURS)
_EXPORTED = "x\n\n__CURSOR=s=1;i=2\n_TRANSPORT=audit\n_AUDIT_ID=2\n_AUDIT_TYPE=1326\nMESSAGE=$AUDIT\n\n"
_SHOWN = "x\nThu 2026-11-26 19:04:19.869 UTC [s=1;i=2]\n    _TRANSPORT=audit\n    _AUDIT_ID=2\n    MESSAGE=$AUDIT\n"
_JSON = '{"__CURSOR":"s=1;i=2","_TRANSPORT":"audit","_AUDIT_ID":"2","MESSAGE":"$ESCAPED"}'
_NATIVE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "native, kernel": (("MESSAGE", "$PRINTK"), *_KERNEL),
    "native, kernel, two messages": (("MESSAGE", "x"), ("MESSAGE", "$PRINTK"), *_KERNEL),
    "native, audit": (("MESSAGE", "$AUDIT"), *_AUDIT),
    "native, audit, without its message": (
        *_AUDIT,
        ("_COMM", "$COMM"),
        ("_EXE", "/srv/$COMM"),
        *((f"_AUDIT_FIELD_{name.upper()}", f"${name}") for name in ("sig", "arch", "syscall", "compat", "ip", "code")),
    ),
    "native, JSON as the message": (("MESSAGE", _JSON),),
    "native, a line of /dev/kmsg as the message": (("MESSAGE", "5,1,2,-;$PRINTK"),),
    "native, a line of audit.log as the message": (("MESSAGE", "$FILE"),),
    "native, second line": (("MESSAGE", "x\n$PRINTK"),),
    "native, the record in the tag": (("MESSAGE", "x"), ("SYSLOG_IDENTIFIER", "kernel: $PRINTK\n")),
    # In `-o cat` bare lines below such an entry are refused until the next line with a date.
    "native, an export entry in MESSAGE": (("MESSAGE", _EXPORTED),),
    "native, an export entry in A": (("A", _EXPORTED), ("MESSAGE", "x")),
    "native, a verbose entry in MESSAGE": (("MESSAGE", _SHOWN),),
    "native, a verbose entry in A": (("A", _SHOWN), ("MESSAGE", "x")),
    "native, second line with date": (("MESSAGE", "x\n$DATE vm kernel: $PRINTK"),),
}


class Forger:
    """A process that wants calls to be allowed to a program of that name."""

    def __init__(self, comm: str, sockets: Path, serial: int) -> None:
        """`sockets`: where journald's are. `serial`: that of the next audit record, which shall pass for a copy."""
        self._comm = comm
        self._sockets = sockets
        self._serial = serial
        self.ways: dict[int, str] = {}
        """Which way forged which call."""

    def forge(self) -> Iterator[tuple[str, str]]:
        """Try all ways, each with the next serial. Gives journald's transport and what is in the last message by it:
        journald reads its sockets in no order, so that they must be waited for one by one."""
        forged = self._next("kmsg, every facility")
        for priority in _PRIORITIES:
            write_to_kernel_log(f"{priority}{forged['$PRINTK']}\n")
        for name, message in _KMSG.items():
            write_to_kernel_log(_filled(message, self._next(name)) + "\n")
        yield "kernel", self._last
        for name, message in _SYSLOG.items():
            self._send("dev-log", SOCK_DGRAM, _filled(message, self._next(name)).encode())
        yield "syslog", self._last
        for name, (tag, line) in _STDOUT.items():
            # What systemd connects the standard output of a unit to: first seven lines about it.
            self._send("stdout", SOCK_STREAM, f"{tag}\n\n5\n1\n0\n0\n0\n{_filled(line, self._next(name))}\n".encode())
            yield "stdout", self._last
        for name, fields in _NATIVE.items():
            forged = self._next(name)
            self._send("socket", SOCK_DGRAM, b"".join(_field(field, _filled(value, forged)) for field, value in fields))
        yield "journal", self._last

    @property
    def _last(self) -> str:
        return f" syscall={max(self.ways)} "

    def _next(self, name: str) -> dict[str, str]:
        """What the words in a text stand for, for another way."""
        number = 200 + len(self.ways)
        self.ways[number] = name
        numbers = {
            "sig": "0",
            "arch": "c000003e",
            "syscall": f"{number}",
            "compat": "0",
            "ip": "0x4",
            "code": "0x7ffc0000",
        }
        body = (
            f'auid=4294967295 uid=0 gid=0 ses=4294967295 pid={os.getpid()} comm="{self._comm}" exe="/srv/{self._comm}" '
        )
        body += " ".join(f"{field}={value}" for field, value in numbers.items())
        stamped = f"audit({time.time():.3f}:{self._serial}): {body}"
        self._serial += 1
        return {
            "$PRINTK": f"audit: type=1326 {stamped}",
            "$FILE": f"type=SECCOMP msg={stamped}",
            "$AUDIT": f"SECCOMP {body}",
            "$ESCAPED": f"SECCOMP {body}".replace('"', '\\"'),
            "$PID": f"{os.getpid()}",
            "$DATE": time.strftime("%b %d %H:%M:%S"),
            "$COMM": self._comm,
            **{f"${field}": value for field, value in numbers.items()},
        }

    def _send(self, name: str, kind: SocketKind, data: bytes) -> None:
        with socket(AF_UNIX, kind) as connected:
            connected.connect(str(self._sockets / name))
            connected.sendall(data)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def _field(name: str, value: str) -> bytes:
    """A field of the protocol of sd_journal_send(), with its length, so that it may hold anything."""
    return b"%b\n%b%b\n" % (name.encode(), struct.pack("<Q", len(value.encode())), value.encode())
