"""What a kernel source tree says about system calls and architectures. Understands trees from 4.20 on.

The tree's own build turns these files into headers: `scripts/syscallhdr.sh`, called from each architecture's
`kernel/syscalls/Makefile` with the ABIs and the offset below, or from `scripts/Makefile.asm-headers` (6.11 and newer).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class NotInTreeError(Exception):
    """The tree does not have the ABI, not any more or not yet; the text says how that shows."""


class Calls(NamedTuple):
    """The calls of one ABI in a tree."""

    names: dict[int, str]
    """By the number as it stands in an audit record."""
    source: list[str]
    """The files that were read, relative to the tree."""
    columns: list[str]
    """Values of the ABI column that were taken; empty for all."""


@dataclass(frozen=True)
class _Own:
    """An architecture with a table of its own."""

    file: str
    columns: tuple[str, ...] = ()
    offset: int = 0
    marker: str | None = None
    """A value of the ABI column without which the tree has the file, but not this ABI."""


@dataclass(frozen=True)
class _Generic:
    """An architecture that takes its calls from scripts/syscall.tbl, by the ABIs that its Makefile.syscalls names."""

    arch: str
    bits: int


_X32_SYSCALL_BIT = 0x40000000  # arch/x86/include/uapi/asm/unistd.h

_SOURCES: dict[str, _Own | _Generic] = {
    "aarch64": _Generic("arm64", 64),
    "alpha": _Own("arch/alpha/kernel/syscalls/syscall.tbl"),
    "arc": _Generic("arc", 32),
    "arm": _Own("arch/arm/tools/syscall.tbl", ("common", "eabi")),
    "csky": _Generic("csky", 32),
    "hexagon": _Generic("hexagon", 32),
    "ia64": _Own("arch/ia64/kernel/syscalls/syscall.tbl", offset=1024),  # removed in 6.7
    "loongarch32": _Generic("loongarch", 32),
    "loongarch64": _Generic("loongarch", 64),
    "m68k": _Own("arch/m68k/kernel/syscalls/syscall.tbl"),
    "microblaze": _Own("arch/microblaze/kernel/syscalls/syscall.tbl"),
    # arch/mips/include/uapi/asm/unistd.h, __NR_Linux
    "mips": _Own("arch/mips/kernel/syscalls/syscall_o32.tbl", offset=4000),
    "mips64": _Own("arch/mips/kernel/syscalls/syscall_n64.tbl", offset=5000),
    "mips64n32": _Own("arch/mips/kernel/syscalls/syscall_n32.tbl", offset=6000),
    "nios2": _Generic("nios2", 32),
    "openrisc": _Generic("openrisc", 32),
    "parisc": _Own("arch/parisc/kernel/syscalls/syscall.tbl", ("common", "32")),
    "parisc64": _Own("arch/parisc/kernel/syscalls/syscall.tbl", ("common", "64")),
    "ppc": _Own("arch/powerpc/kernel/syscalls/syscall.tbl", ("common", "nospu", "32")),
    "ppc64": _Own("arch/powerpc/kernel/syscalls/syscall.tbl", ("common", "nospu", "64")),
    "riscv32": _Generic("riscv", 32),
    "riscv64": _Generic("riscv", 64),
    "s390": _Own("arch/s390/kernel/syscalls/syscall.tbl", ("common", "32"), marker="32"),  # removed in 6.19
    "s390x": _Own("arch/s390/kernel/syscalls/syscall.tbl", ("common", "64")),
    "sh": _Own("arch/sh/kernel/syscalls/syscall.tbl"),
    "sparc": _Own("arch/sparc/kernel/syscalls/syscall.tbl", ("common", "32")),
    "sparc64": _Own("arch/sparc/kernel/syscalls/syscall.tbl", ("common", "64")),
    "x32": _Own("arch/x86/entry/syscalls/syscall_64.tbl", ("common", "x32"), _X32_SYSCALL_BIT, marker="x32"),
    "x86": _Own("arch/x86/entry/syscalls/syscall_32.tbl", ("i386",)),
    "x86_64": _Own("arch/x86/entry/syscalls/syscall_64.tbl", ("common", "64")),
    "xtensa": _Own("arch/xtensa/kernel/syscalls/syscall.tbl"),
}
TABLES = tuple(_SOURCES)

_ARM_UNISTD = "arch/arm/include/uapi/asm/unistd.h"

PLACEHOLDER = re.compile(r"(unused|reserved|available)\d+")
"""Names by which some tables say that a number is free."""


def version(tree: Path) -> str:
    """The tree's version from its Makefile: `7.2.13`, `7.3-rc7`."""
    makefile = (tree / "Makefile").read_text("utf-8")
    number = []
    for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION"):
        found = re.search(rf"^{key} *=[ \t]*(\S*)$", makefile, re.MULTILINE)
        if found is None:
            raise ValueError(f"{tree / 'Makefile'}: no {key}: is this a kernel source tree?")
        number.append(found[1])
    major, minor, sub, extra = number
    return f"{major}.{minor}{'' if sub in ('', '0') else '.' + sub}{extra}"


def calls_of(tree: Path, table: str) -> Calls:
    """The calls of one of TABLES; NotInTreeError if the tree lacks that ABI, ValueError for an unsound file."""
    own = _SOURCES[table]
    if isinstance(own, _Generic):
        own = _resolved(tree, own)
    if not (tree / own.file).is_file():
        raise NotInTreeError(f"no {own.file}")
    lines = _tbl_lines(tree, own.file)
    if own.marker is not None and all(column != own.marker for _, column, _ in lines):
        raise NotInTreeError(f"nothing for {own.marker} in {own.file}")
    calls = Calls({}, [own.file], list(own.columns))
    for number, column, name in lines:
        if (not own.columns or column in own.columns) and not PLACEHOLDER.fullmatch(name):
            _add(calls, number + own.offset, name)
    if table == "arm":
        calls.source.append(_ARM_UNISTD)
        for number, name in _arm_private_calls(tree):
            _add(calls, number, name)
    return calls


def audit_archs(tree: Path) -> dict[str, int]:
    """The AUDIT_ARCH_* that the tree defines, by name."""
    values: dict[str, int] = {}
    for file in ("include/uapi/linux/elf-em.h", "include/uapi/linux/audit.h"):
        text = (tree / file).read_text("utf-8").replace("\\\n", " ")
        for name, value in re.findall(r"^#define\s+(EM_\w+|(?:__)?AUDIT_ARCH_\w+)\s+(.*)$", text, re.MULTILINE):
            terms = [term.strip() for term in value.partition("/*")[0].strip(" \t()").split("|")]
            values[name] = 0
            for term in terms:
                values[name] |= values[term] if term in values else int(term, 0)
    return {name: value for name, value in values.items() if name.startswith("AUDIT_ARCH_")}


def _resolved(tree: Path, generic: _Generic) -> _Own:
    """Where scripts/Makefile.asm-headers finds the calls of a generic architecture."""
    makefile = tree / "arch" / generic.arch / "kernel/Makefile.syscalls"
    if not makefile.is_file():  # before 6.11
        raise NotInTreeError(f"no {makefile.relative_to(tree)}")
    text = makefile.read_text("utf-8")
    abis = re.search(rf"^syscall_abis_{generic.bits} *\+=(.*)$", text, re.MULTILINE)
    if abis is None:
        raise NotInTreeError(f"no syscall_abis_{generic.bits} in {makefile.relative_to(tree)}")
    file = re.search(r"^syscalltbl *:?= *(\S+)$", text, re.MULTILINE)
    return _Own(
        "scripts/syscall.tbl" if file is None else file[1].replace("%", str(generic.bits)),
        ("common", str(generic.bits), *abis[1].split()),
    )


def _tbl_lines(tree: Path, file: str) -> list[tuple[int, str, str]]:
    """Number, ABI column and name of each line: scripts/syscallhdr.sh, "NR ABI NAME [NATIVE] [COMPAT]"."""
    lines = []
    for at, line in enumerate((tree / file).read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = re.match(r"(\d+)\s+(\w+)\s+([a-z0-9_]+)(?:\s|$)", line)
        if parts is None:
            raise ValueError(f"{file}:{at}: not a line of a system call table: {line}")
        lines.append((int(parts[1]), parts[2], parts[3]))
    return lines


def _arm_private_calls(tree: Path) -> list[tuple[int, str]]:
    text = (tree / _ARM_UNISTD).read_text("utf-8")
    # On EABI __NR_SYSCALL_BASE is 0.
    base = re.search(r"^#define __ARM_NR_BASE\s+\(__NR_SYSCALL_BASE\+(\w+)\)$", text, re.MULTILINE)
    calls = re.findall(r"^#define __ARM_NR_(\w+)\s+\(__ARM_NR_BASE\+(\d+)\)$", text, re.MULTILINE)
    if base is None or not calls:
        raise ValueError(f"{_ARM_UNISTD}: no ARM private calls in it")
    return [(int(base[1], 0) + int(number), name) for name, number in calls]


def _add(calls: Calls, number: int, name: str) -> None:
    if number in calls.names or name in calls.names.values():
        raise ValueError(f"{calls.source[-1]}: {name} or its number {number} is there twice for {calls.columns}")
    calls.names[number] = name
