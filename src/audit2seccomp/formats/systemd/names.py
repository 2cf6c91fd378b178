"""What systemd calls architectures and errors: seccomp_arch_from_string() of src/shared/seccomp-util.c, and
parse_errno() of src/basic/parse-util.c."""

from __future__ import annotations

import errno
import re

from audit2seccomp.kernel.uapi import MAX_ERRNO

ARCHITECTURES = {
    "SCMP_ARCH_X86": "x86",
    "SCMP_ARCH_X86_64": "x86-64",
    "SCMP_ARCH_X32": "x32",
    "SCMP_ARCH_ARM": "arm",
    "SCMP_ARCH_AARCH64": "arm64",
    "SCMP_ARCH_MIPS": "mips",
    "SCMP_ARCH_MIPS64": "mips64",
    "SCMP_ARCH_MIPS64N32": "mips64-n32",
    "SCMP_ARCH_MIPSEL": "mips-le",
    "SCMP_ARCH_MIPSEL64": "mips64-le",
    "SCMP_ARCH_MIPSEL64N32": "mips64-le-n32",
    "SCMP_ARCH_PARISC": "parisc",
    "SCMP_ARCH_PARISC64": "parisc64",
    "SCMP_ARCH_PPC": "ppc",
    "SCMP_ARCH_PPC64": "ppc64",
    "SCMP_ARCH_PPC64LE": "ppc64-le",
    "SCMP_ARCH_RISCV64": "riscv64",
    "SCMP_ARCH_S390": "s390",
    "SCMP_ARCH_S390X": "s390x",
}
"""A profile's name: systemd's."""

NATIVE = "native"
"""The architecture that systemd was built for."""

EHWPOISON = 133
"""The one error of include/uapi/asm-generic/errno.h that Python does not know."""
_OTHER_NUMBERS = ("SCMP_ARCH_MIPS", "SCMP_ARCH_PARISC", "SCMP_ARCH_PPC")
"""What architectures begin with that number errors in their own way."""
_INTEGERS = {
    16: re.compile(r"\+?0[xX]([0-9a-fA-F]{1,8})"),
    2: re.compile(r"\+?0[bB]([01]{1,30})"),
    8: re.compile(r"\+?0[oO]?([0-7]{0,8})"),
    10: re.compile(r"\+?([1-9][0-9]{0,8})"),
}
"""By base, as safe_atoi() reads them."""


def errno_of(text: str) -> int | None:
    """The number that `EPERM`, `1` or `0x1` stands for, 0 included; None for what is none."""
    if text == "EHWPOISON":
        return EHWPOISON
    number = getattr(errno, text, None) if text.startswith("E") else None
    if isinstance(number, int):
        return number
    for base, form in _INTEGERS.items():
        found = form.fullmatch(text)
        if found is not None:
            value = int(found.group(1) or "0", base)
            return value if value <= MAX_ERRNO else None
    return None


def errno_word(number: int, architectures: tuple[str, ...]) -> str:
    """`EPERM` for 1 where that is its number on all architectures of a profile, and otherwise the number."""
    name = errno.errorcode.get(number)
    if name is None or not architectures:
        return str(number)
    return str(number) if any(one.startswith(_OTHER_NUMBERS) for one in architectures) else name
