"""Lines that hold a record's text where nobody may believe it."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

from . import clock
from .clock import host, moment, uptime
from .record import Form, KernelRecord

Forge = Callable[[KernelRecord, Random], bytes]


def _syslog(rnd: Random) -> str:
    return rnd.choice((f"{clock.rfc3164(moment(rnd))} {host(rnd)} ", f"{clock.any_iso(rnd)} {host(rnd)} "))


def _other_pid(record: KernelRecord, rnd: Random) -> int:
    return record.pid + rnd.choice((1, -1, 10, 1000))


def _printk(prefix: Callable[[Random], str], suffix: bytes = b"") -> Forge:
    """The kernel's message between that prefix and suffix."""
    return lambda record, rnd: prefix(rnd).encode() + record.printk() + suffix


def _after(junk: bytes) -> Forge:
    """A kernel line behind bytes that some reader takes for the end of a line."""

    def write(record: KernelRecord, rnd: Random) -> bytes:
        first = f"{_syslog(rnd)}portal[88]: bad name ".encode()
        prefix = rnd.choice(("", f"{uptime(rnd)} ", f"{_syslog(rnd)}kernel: ")).encode()
        return first + junk + prefix + record.printk()

    return write


def _seccomp(prefix: Callable[[Random, KernelRecord], str], suffix: bytes = b"") -> Forge:
    """The audit transport's message between that prefix and suffix."""
    return lambda record, rnd: prefix(rnd, record).encode() + record.body(Form.JOURNALD) + suffix


def _audit_log(prefix: str, suffix: bytes = b"") -> Forge:
    """auditd's line between that prefix and suffix."""
    return lambda record, _: prefix.encode() + record.body(Form.AUDITD) + suffix


FACILITY: dict[str, Forge] = {
    "/dev/kmsg, user": _printk(lambda rnd: f"{rnd.choice((8, 12, 13, 29, 30, 37))},5224,88323380,-;"),
    "dmesg -x, user": _printk(lambda rnd: f"{rnd.choice(('user  ', 'daemon', 'syslog'))}:notice: {uptime(rnd)} "),
    "dmesg -x iso, user": _printk(lambda rnd: f"user  :info  : {clock.iso(moment(rnd), 6, '+00:00', ',')} "),
    "dmesg -x color, user": _printk(lambda rnd: f"user  :notice: \x1b[32m{uptime(rnd)} \x1b[0m"),
    "dmesg -r, user": _printk(lambda rnd: f"<{rnd.choice((8, 12, 13, 191))}>{uptime(rnd)} "),
    "RFC 3164, PRI of user": _printk(
        lambda rnd: f"<13>{clock.rfc3164(moment(rnd))} {host(rnd)} kernel: {uptime(rnd)} "
    ),
    "RFC 5424, PRI of user": _printk(lambda rnd: f"<13>1 {clock.any_iso(rnd)} {host(rnd)} kernel - - - "),
    "RFC 5424, pid": _printk(lambda rnd: f"<5>1 {clock.any_iso(rnd)} {host(rnd)} kernel 919 - - "),
    "RFC 5424, structured data": _printk(
        lambda rnd: f'<14>1 {clock.any_iso(rnd)} zs9 app 7 ID1 [ex@32473 note="kernel - - - ', b'"] x'
    ),
    "talosctl, user": _printk(lambda rnd: f"10.20.0.14: user:  notice: [{clock.iso(moment(rnd), 9, 'Z')}]: "),
    "busybox, user": _printk(lambda rnd: f"{_syslog(rnd)}user.notice kernel: {uptime(rnd)} "),
}

TAG: dict[str, Forge] = {
    "kernel with pid": _printk(lambda rnd: f"{_syslog(rnd)}kernel[{rnd.randrange(1, 99999)}]: "),
    "kernel with pid, uptime": _printk(lambda rnd: f"{_syslog(rnd)}kernel[919]: {uptime(rnd)} "),
    "other program": _printk(lambda rnd: f"{_syslog(rnd)}{rnd.choice(('eve', 'nginx[3308]', 'systemd[1]'))}: "),
    "other program says kernel": _printk(lambda rnd: f"{_syslog(rnd)}nginx[3308]: kernel: {uptime(rnd)} "),
    "kernel says other program": _printk(lambda rnd: f"{_syslog(rnd)}kernel: sshd[1]: "),
    "audit tag without pid": lambda record, rnd: f"{_syslog(rnd)}audit: ".encode() + record.body(Form.PRINTK),
    "audit tag and the kernel's message": _printk(lambda rnd: f"{_syslog(rnd)}audit[512]: kernel: "),
    "audit[N] of another pid": _seccomp(lambda rnd, record: f"{_syslog(rnd)}audit[{_other_pid(record, rnd)}]: "),
    "audit[N] of another pid, repeated": _seccomp(
        lambda rnd, record: f"{_syslog(rnd)}audit[{_other_pid(record, rnd)}]: message repeated 5 times: [", b"]"
    ),
    "audit[N] behind a word": _seccomp(lambda rnd, record: f"{_syslog(rnd)}x audit[{record.pid}]: "),
    "comm as tag": _seccomp(lambda rnd, record: f"{clock.hms(moment(rnd))} gimp: "),
    "audisp of another name": lambda record, rnd: f"{_syslog(rnd)}audisp-evil: ".encode() + record.body(Form.AUDITD),
    "audisp behind a program": lambda record, rnd: (
        f"{_syslog(rnd)}portal[88]: audispd: ".encode() + record.body(Form.AUDITD)
    ),
}

BEFORE: dict[str, Forge] = {
    "[ERROR]": _printk(lambda rnd: rnd.choice(("[ERROR] ", "[worker-3] ", "[main] [http] ", "[pod/kernel-0/audit] "))),
    "a word": _printk(lambda rnd: rnd.choice(("nano ", "x ", "kernel-1  | ", "bad user: ", "kernel "))),
    "quoted mail": _printk(lambda rnd: rnd.choice((">", "> ", "| ", "# ", "// ", "* ")) + uptime(rnd) + " "),
    "usb product": _printk(lambda rnd: f"{uptime(rnd)} usb 1-2: Product: "),
    "two stamps": _printk(lambda rnd: f"{uptime(rnd)} BUG: unable to handle 0000 [{uptime(rnd)} "),
    "Invalid user": _printk(
        lambda rnd: f"{_syslog(rnd)}sshd[4335]: Invalid user kernel: ", b" from 203.0.113.9 port 5"
    ),
    "web log": _printk(lambda _: '141.82.36.16 - - [18/May/2026:10:20:00 +0000] "GET / HTTP/1.1" 404 153 "-" "', b'"'),
    "container log": _printk(lambda rnd: f"{clock.iso(moment(rnd), 9, 'Z')} stdout F {uptime(rnd)} "),
    "container JSON": lambda record, rnd: json.dumps(
        {"log": f"{uptime(rnd)} {record.printk().decode('latin-1')}\n", "stream": "stdout"}
    ).encode(),
    "strace": _printk(lambda _: '2703  write(2, "', b'\\n", 181) = 181'),
    "indented": _printk(lambda rnd: rnd.choice((" ", "    ", "\t")) + rnd.choice(("", f"{uptime(rnd)} "))),
    "audit.log, indented": _audit_log("      "),
    "audit.log, quoted": _audit_log("> > > "),
    "audit.log, grep -n": _audit_log("17:"),
    "audit.log, grep -H": _audit_log("/var/log/audit/audit.log.2:"),
    "audit.log, in a payload": _audit_log(
        "type=USER_LOGIN msg=audit(1773818389.827:4987679): pid=9 msg='op=login acct=\"", b"'"
    ),
    "audit.log, node twice": _audit_log("node=a b type=USER_CMD "),
    "cat, behind a word": _seccomp(lambda _, __: "x "),
    "cat, indented": _seccomp(lambda _, __: " "),
}

LINE_ENDS: dict[str, Forge] = {
    "carriage return": _after(b"\r"),
    "vertical tab": _after(b"\x0b"),
    "form feed": _after(b"\x0c"),
    "record separator": _after(b"\x1e"),
    "next line": _after("\x85".encode()),
    "next line, latin-1": _after(b"\x85"),
    "line separator": _after("\u2028".encode()),
    "paragraph separator": _after("\u2029".encode()),
    "#012": _after(b"#012"),
    "\\x0a": _after(b"\\x0a"),
    "zero width space": _after("\u200b".encode()),
    "terminal erase": _after(b"\x1b[2K\r"),
    "terminal up": _after(b"\x1b[1A\x1b[2K"),
    "terminal title": _after(b"\x1b]0;x\x07"),
    "terminal column": _after(b"\x1b[1G"),
}

BEHIND: dict[str, Forge] = {
    "a word behind it": _printk(lambda rnd: f"{uptime(rnd)} ", b" from 203.0.113.9 port 51122"),
    "glued word": _printk(lambda rnd: f"{uptime(rnd)} ", b"IN=eth0 OUT="),
    "quote": _printk(lambda _: "", b'"'),
    "markup": _printk(lambda _: "", b"</td>"),
    "segfault": _printk(lambda rnd: f"{uptime(rnd)} ", b"[4655]: segfault at 0 ip 0 sp 0 error 4 in x[400000+1000]"),
    "firewall prefix": _printk(
        lambda rnd: f"{uptime(rnd)} ", b" IN=eth0 OUT= MAC=02:00 SRC=203.0.113.9 DST=10.0.0.1 LEN=60 PROTO=TCP DPT=22"
    ),
    "shell": _printk(lambda _: "", b"' >> /tmp/fake.log"),
    "audit transport, a word behind it": _seccomp(lambda rnd, record: f"{_syslog(rnd)}audit[{record.pid}]: ", b" x"),
    "audit transport, a bracket behind it": _seccomp(lambda rnd, record: f"{_syslog(rnd)}audit[{record.pid}]: ", b"]"),
    "audit.log, a word behind it": _audit_log("", b" from 203.0.113.9"),
}

LETTERS: dict[str, Forge] = {
    "Cyrillic letter": lambda record, _: "\u0430udit: ".encode() + record.body(Form.PRINTK),
    "Cyrillic letter in the tag": _printk(lambda rnd: f"{_syslog(rnd)}kern\u0435l: "),
    "capital letter": lambda record, _: b"Audit: " + record.body(Form.PRINTK),
    "space inside": lambda record, _: record.body(Form.PRINTK).replace(b"type=1326", "type=1326\u200b".encode(), 1),
    "full-width digits": lambda record, _: (
        b"audit: "
        + record.body(Form.PRINTK).replace(f"syscall={record.nr}".encode(), "syscall=\uff11\uff10\uff11".encode())
    ),
}

FORGERIES: dict[str, Forge] = {**FACILITY, **TAG, **BEFORE, **LINE_ENDS, **BEHIND, **LETTERS}
"""What writes such a line for a record of a current kernel."""
