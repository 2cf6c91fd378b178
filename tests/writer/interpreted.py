"""What `ausearch -i` prints of a record: names in place of numbers, nothing in quotes. Knows no parser.

From output_interpreted_record() of src/ausearch-report.c and auparse/interpret.c of audit-userspace 3.0.9.
"""

from __future__ import annotations

from typing import NamedTuple

from audit2seccomp.evidence.model import SeccompRecord

from .record import KernelRecord


class SpelledCall(NamedTuple):
    """A call and the words for its architecture and its number."""

    arch: int
    nr: int
    arch_word: str
    word: str


CALLS = (
    SpelledCall(0xC000003E, 0, "x86_64", "read"),
    SpelledCall(0xC000003E, 17, "x86_64", "pread"),
    SpelledCall(0xC000003E, 18, "x86_64", "pwrite"),
    SpelledCall(0xC000003E, 110, "x86_64", "getppid"),
    SpelledCall(0xC000003E, -1, "x86_64", "unknown-syscall(-1)"),
    SpelledCall(0xC000003E, -(2**31), "x86_64", "unknown-syscall(-2147483648)"),
    SpelledCall(0xC000003E, 1073742344, "x86_64", "unknown-syscall(1073742344)"),
    SpelledCall(0x40000003, 20, "i386", "getpid"),
    SpelledCall(0x40000003, 102, "i386", "socketcall"),
    SpelledCall(0x40000003, 102, "i386", "socketcall(connect)"),
    SpelledCall(0x40000003, 117, "i386", "ipc(semop)"),
    SpelledCall(0x40000003, 219, "i386", "madvise1"),
    SpelledCall(0x40000003, 283, "i386", "sys_kexec_load"),
    SpelledCall(0x40000003, 423, "i386", "sched_rr_get_interval64"),
    SpelledCall(0xC00000B7, 61, "aarch64", "getdents"),
    SpelledCall(0xC00000B7, 67, "aarch64", "pread"),
    SpelledCall(0xC00000B7, 80, "aarch64", "newfstat"),
    SpelledCall(0x40000028, 140, "armeb", "llseek"),
    SpelledCall(0x40000028, 142, "armeb", "newselect"),
    SpelledCall(0x40000028, 149, "armeb", "sysctl"),
    SpelledCall(0x40000028, 270, "armeb", "fadvise64_64"),
    SpelledCall(0x40000028, 341, "armeb", "sync_file_range"),
    SpelledCall(0x40000028, 983045, "armeb", "unknown-syscall(983045)"),
    SpelledCall(0x14, 179, "ppc", "pread"),
    SpelledCall(0x14, 306, "ppc", "timerfd"),
    SpelledCall(0x80000015, 291, "ppc64", "fstatat64"),
    SpelledCall(0xC0000015, 319, "ppc64le", "perf_counter_open"),
    SpelledCall(0x16, 180, "s390", "pread"),
    SpelledCall(0x80000016, 181, "s390x", "pwrite"),
    # Where auditd knows no such machine, the name is of another table, and only a number is certain.
    SpelledCall(0xC00000F3, 57, "unknown-elf-type(c00000f3)", "57"),
    SpelledCall(0x8, 4003, "unknown-elf-type(8)", "unknown-syscall(4003)"),
    # Other builds of auditd have these.
    SpelledCall(0x40000008, 4003, "mipsel", "read"),
    SpelledCall(0x80000008, 5000, "mips64", "read"),
    SpelledCall(0xA0000008, 6000, "mips64n32", "read"),
    SpelledCall(0xC0000102, 63, "loongarch64", "read"),
)

_CODES = {
    0: "kill",
    0x30000: "trap",
    0x50000: "errno",
    0x7FC00000: "user-notify",
    0x7FF00000: "trace",
    0x7FFC0000: "log",
    0x7FFF0000: "allow",
}
_SIGNALS = {0: "SIG0", 9: "SIGKILL", 31: "SIGSYS"}
USERS = {1000: "kim", 33: "www-data", 61903: "zoë"}
DATES = ("11/22/26", "04/03/2026", "13.09.2026", "2026年09月13日", "22 Νοε 2026", "sø. 22. nov. 2026")
"""strftime's %x in some locales."""


def _escaped(text: bytes) -> bytes:
    """tty_escape(): control bytes in octal, and nothing else, not even the backslash."""
    return b"".join(b"\\%03o" % byte if byte < 0x20 else bytes([byte]) for byte in text)


def user(uid: int) -> str:
    """aulookup_uid(), which prints what is no user's as a signed number."""
    if uid in (0, 2**32 - 1):
        return "unset" if uid else "root"
    return USERS.get(uid) or f"unknown({uid - 2**32 if uid >= 2**31 else uid})"


def code_word(code: int) -> str:
    """print_seccomp_code(), which takes off the highest bit and the data."""
    return _CODES.get(code & 0x7FFF0000) or f"unknown-seccomp-code({code:#x})"


def interpreted(record: KernelRecord, call: SpelledCall, date: str) -> bytes:
    """The line without its newline, of a record with that call."""
    time = f"{record.seconds // 3600 % 24:02d}:{record.seconds // 60 % 60:02d}:{record.seconds % 60:02d}"
    ses = "unset" if record.ses == 2**32 - 1 else record.ses
    words = [
        f"type=SECCOMP msg=audit({date} {time}.{record.millis:03d}:{record.serial}) :".encode(),
        f"auid={user(record.auid)} uid={user(record.uid)} gid={user(record.gid)} ses={ses}".encode(),
    ]
    if record.subj is not None:
        words.append(b"subj=" + _escaped(record.subj))
    pids = [b"pid=%d" % record.pid]
    if record.ppid is not None:
        pids.insert(0 if record.ppid_first else 1, b"ppid=%d" % record.ppid)
    words += [*pids, b"comm=" + _escaped(record.comm)]
    words.append(b"exe=" + (b"(null)" if record.exe is None else _escaped(record.exe)))
    words.append(f"sig={_SIGNALS[record.sig]} arch={call.arch_word} syscall={call.word}".encode())
    words.append(f"compat={record.compat} ip={record.ip:#x} code={code_word(record.code)} ".encode())
    return b" ".join(words)


def meaning(record: KernelRecord, call: SpelledCall) -> SeccompRecord:
    """What is left of a record when ausearch has interpreted it."""
    known = record.uid in (0, 2**32 - 1) or record.uid not in USERS
    action = record.code & 0x7FFF0000
    return record.meaning()._replace(
        millis=None,
        arch=call.arch,
        nr=call.nr,
        code=action if action in _CODES else record.code,
        uid=record.uid if known else None,
    )
