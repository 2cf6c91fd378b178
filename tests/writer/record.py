"""One SECCOMP event and the text that the kernel, auditd and journald print for it. Shares no code with any parser."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from audit2seccomp.evidence.model import SeccompRecord


class Form(Enum):
    """Who prints the record, which decides how it opens."""

    PRINTK = "type=1326 audit("
    AUDITD = "type=SECCOMP msg=audit("
    OLD_AUDITD = "type=UNKNOWN[1326] msg=audit("
    JOURNALD = "SECCOMP "


class _Age(NamedTuple):
    core_dump: bool
    """The record is of type 1701 (ANOM_ABEND) and says `reason="seccomp"`."""
    tagged: bool
    """printk puts `audit: ` in front of it (from 3.14 on)."""
    exe: bool
    arch: bool


class Age(Enum):
    """What the kernel of the time writes into a record."""

    CURRENT = _Age(core_dump=False, tagged=True, exe=True, arch=True)
    BACKPORT = _Age(core_dump=False, tagged=False, exe=True, arch=True)
    """An enterprise kernel 3.10."""
    V3_16 = _Age(core_dump=False, tagged=True, exe=True, arch=False)
    V3_9 = _Age(core_dump=False, tagged=False, exe=False, arch=False)
    V3_5 = _Age(core_dump=True, tagged=False, exe=False, arch=False)


def untrusted(text: bytes) -> bytes:
    """audit_log_untrustedstring(): in quotes, or in hex where a byte is a quote, a blank, a control or beyond ASCII."""
    if any(byte == 0x22 or byte < 0x21 or byte > 0x7E for byte in text):
        return text.hex().upper().encode()
    return b'"' + text + b'"'


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRecord:
    """What the kernel knows when it writes the record; the defaults are those of a system service."""

    seconds: int
    millis: int
    serial: int
    auid: int = 4294967295
    uid: int = 0
    gid: int = 0
    ses: int = 4294967295
    subj: bytes | None = None
    """As it stands behind `subj=`, so AppArmor's begin with another `=`."""
    pid: int
    ppid: int | None = None
    ppid_first: bool = False
    comm: bytes
    exe: bytes | None
    """None: the task has none, which the kernel writes as `(null)`."""
    sig: int = 0
    arch: int = 0xC000003E
    nr: int
    """Signed."""
    compat: int = 0
    ip: int
    code: int
    age: Age = Age.CURRENT

    def fields(self) -> bytes:
        """audit_log_task() and audit_seccomp(), from `auid=` to the end."""
        age = self.age.value
        head = f"auid={self.auid} uid={self.uid} gid={self.gid} ses={self.ses} ".encode()
        if self.subj is not None:
            head += b"subj=" + self.subj + b" "
        pids = [f"pid={self.pid} "]
        if self.ppid is not None:
            pids.insert(0 if self.ppid_first else 1, f"ppid={self.ppid} ")
        head += "".join(pids).encode() + b"comm=" + untrusted(self.comm)
        if age.exe:
            head += b" exe=" + (b"(null)" if self.exe is None else untrusted(self.exe))
        reason = ' reason="seccomp"' if age.core_dump else ""
        arch = f" arch={self.arch:x}" if age.arch else ""
        call = f"{arch} syscall={self.nr} compat={self.compat} ip=0x{self.ip:x} code=0x{self.code:x}"
        return head + f"{reason} sig={self.sig}{call}".encode()

    def body(self, form: Form) -> bytes:
        """The whole record as that program prints it, without what the carrier puts around it."""
        opening = form.value
        if self.age.value.core_dump:
            if form not in _CORE_DUMP:
                raise ValueError(f"no {form.name} prints a record of type 1701 like this")
            opening = _CORE_DUMP[form]
        if form is Form.JOURNALD:
            return opening.encode() + self.fields()
        return f"{opening}{self.seconds}.{self.millis:03d}:{self.serial}): ".encode() + self.fields()

    def printk(self) -> bytes:
        """The message that the kernel log gets."""
        tag = b"audit: " if self.age.value.tagged else b""
        return tag + self.body(Form.PRINTK)

    def meaning(self, *, stamped: bool = True, assume_arch: int | None = None) -> SeccompRecord:
        """What a reader must understand; behind a carrier that writes no stamp, time and serial are unknown."""
        age = self.age.value
        arch = self.arch if age.arch else assume_arch
        if arch is None:
            raise ValueError("a record without arch= means nothing unless an arch is assumed")
        return SeccompRecord(
            millis=self.seconds * 1000 + self.millis if stamped else None,
            serial=self.serial if stamped else None,
            arch=arch,
            nr=self.nr,
            code=self.code,
            pid=self.pid,
            uid=self.uid,
            comm=self.comm,
            exe=self.exe if age.exe else None,
            subj=None if self.subj is None else self.subj.removeprefix(b"="),
        )


_CORE_DUMP = {Form.PRINTK: "type=1701 audit(", Form.AUDITD: "type=ANOM_ABEND msg=audit("}
