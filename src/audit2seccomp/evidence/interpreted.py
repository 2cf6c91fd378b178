"""One record as `ausearch -i` prints it, with names in place of numbers and nothing in quotes.

docs/records.md, "Interpreted records", defines what is read; the rest is ambiguous, and a reject. What ausearch does is
in output_interpreted_record() of src/ausearch-report.c and in auparse/interpret.c of audit-userspace.
"""

from __future__ import annotations

import re

from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.kernel.abi import abi_of, all_abis
from audit2seccomp.kernel.spellings import AUDITD, AUDITD_ARCHES, spelled_number
from audit2seccomp.kernel.uapi import Action

_OPENING = re.compile(rb"type=SECCOMP msg=audit\([^()]{1,48} \d\d:\d\d:\d\d\.")
_STAMP = re.compile(rb"\d{3}:(\d{1,20})\) : ")
_WORD = rb"[^\0- ]*"
_TASK_ID = rb"-?\d{1,10}"
# Not one of the repeated classes has the blank that ends its word, so there is one way to match.
_FIELDS = re.compile(
    rb"auid=%b uid=(?P<uid>%b) gid=%b ses=%b (?:subj=(?P<subj>%b(?: \([a-z]{1,16}\))?) )?" % ((_WORD,) * 5)
    + rb"(?:ppid=%b )?pid=(?P<pid>%b) (?:ppid=%b )?" % ((_TASK_ID,) * 3)
    + rb"comm=(?P<comm>%b) exe=(?P<exe>%b) sig=%b arch=(?P<arch>%b) syscall=(?P<syscall>%b) " % ((_WORD,) * 5)
    + rb"compat=\d{1,10} ip=0x[0-9a-f]{1,16} code=(?P<code>%b)(?=[ \t\r]*\Z)" % _WORD
)
_UNCERTAIN = re.compile(rb"[\"\\]")
"""What ausearch also writes for itself: a backslash stands in front of what it escapes, and for itself."""
_UNKNOWN_ARCH = re.compile(rb"unknown-elf-type\(([0-9a-f]{1,8})\)")
_UNKNOWN_CALL = re.compile(rb"(?:unknown-syscall\((-?\d{1,10})\)|(-?\d{1,10}))")
_SUBCALL = re.compile(rb"(socketcall|ipc)\([a-z0-9_]{1,32}\)")
_UNKNOWN_CODE = re.compile(rb"unknown-seccomp-code\(0x([0-9a-f]{1,8})\)")
_UNKNOWN_UID = re.compile(rb"unknown\((-?\d{1,10})\)|(\d{1,10})")
_INT32 = range(-(2**31), 2**31)
_UIDS = range(-(2**31), 2**32)
_CODES = {
    # One word for both of the kernel's ways to kill: auditd takes off the bit that tells them apart.
    b"kill": Action.KILL_THREAD,
    b"kill-thread": Action.KILL_THREAD,
    b"kill-process": Action.KILL_PROCESS,
    b"trap": Action.TRAP,
    b"errno": Action.ERRNO,
    b"user-notify": Action.USER_NOTIF,
    b"trace": Action.TRACE,
    b"log": Action.LOG,
    b"allow": Action.ALLOW,
}
"""auparse/seccomptab.h, of all versions."""
_ARCHES = {abi.name: abi.audit_arch for abi in all_abis()} | AUDITD_ARCHES


def parse_interpreted(body: bytes) -> Parsed | Reject | None:
    """Read a body: a line's text from `type=SECCOMP` on. None: ausearch did not interpret it.

    The record has no time, since nobody can tell day and month of the reader's locale apart, and of the code only the
    action; `uid` is None for a name other than root."""
    opening = _OPENING.match(body)
    if opening is None:
        return None
    stamp = _STAMP.match(body, opening.end())
    if stamp is None:
        return Reject("malformed audit(date time:serial)", opening.end())
    start = stamp.end()
    fields = _FIELDS.match(body, start)
    if fields is None:
        if b" arch=" not in body:
            return Reject("cut, or of an old kernel: no arch=", start)
        return Reject("ambiguous or cut: not one word for each field in the kernel's order", start)
    comm, exe, subj = fields["comm"], fields["exe"], fields["subj"]
    if any(_UNCERTAIN.search(text) for text in (comm, exe, subj or b"")):
        return Reject("ambiguous: a name holds a quote or a backslash", fields.start("comm"))
    arch = _arch(fields["arch"])
    if arch is None:
        return Reject("arch= is no name that auditd writes", fields.start("arch"))
    nr = _number(arch, fields["arch"], fields["syscall"])
    if nr is None:
        return Reject("syscall= is no name that is certain on this architecture", fields.start("syscall"))
    code = _code(fields["code"])
    if code is None:
        return Reject("code= is no name that auditd writes", fields.start("code"))
    record = SeccompRecord(
        millis=None,
        serial=int(stamp[1]),
        arch=arch,
        nr=nr,
        code=code,
        pid=int(fields["pid"]),
        uid=_uid(fields["uid"]),
        comm=comm,
        exe=None if exe == b"(null)" else exe,
        subj=None if subj is None else subj.removeprefix(b"="),
    )
    return Parsed(record, fields.end())


def _arch(text: bytes) -> int | None:
    unknown = _UNKNOWN_ARCH.fullmatch(text)
    return int(unknown[1], 16) if unknown else _ARCHES.get(text.decode("ascii", "replace"))


def _number(arch: int, arch_text: bytes, text: bytes) -> int | None:
    number = _UNKNOWN_CALL.fullmatch(text)
    if number is not None:
        nr = int(number[1] or number[2])
        return nr if nr in _INT32 else None
    if arch_text.startswith(b"unknown-"):
        return None  # the name is from the table of the machine that ausearch ran on
    abi = abi_of(arch, 0)
    if abi is None:
        return None
    subcall = _SUBCALL.fullmatch(text)
    return spelled_number(abi, (subcall[1] if subcall else text).decode("ascii", "replace"), AUDITD)


def _code(text: bytes) -> int | None:
    unknown = _UNKNOWN_CODE.fullmatch(text)
    if unknown is not None:
        return int(unknown[1], 16)
    action = _CODES.get(text)
    return None if action is None else action.value


def _uid(text: bytes) -> int | None:
    """auditd prints what is no user's as a signed number."""
    if text in {b"root", b"unset"}:
        return 0 if text == b"root" else 0xFFFFFFFF
    number = _UNKNOWN_UID.fullmatch(text)
    uid = int(number[1] or number[2]) if number else None
    return None if uid is None or uid not in _UIDS else uid % 2**32
