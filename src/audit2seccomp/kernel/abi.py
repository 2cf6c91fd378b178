"""Which set of system call numbers a record speaks of: architecture, calling convention, and what others call them.

Audit numbers: include/uapi/linux/audit.h (AUDIT_ARCH_*), with the EM_* of include/uapi/linux/elf-em.h.
SCMP names: the OCI runtime specification, config-linux.md, "Seccomp". `make tables-check` holds this file against
libseccomp, and `make tables` against the headers of the kernel tree that it reads.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

X32_SYSCALL_BIT = 0x40000000
"""__X32_SYSCALL_BIT of arch/x86/include/uapi/asm/unistd.h."""

_AUDIT_ARCH_LE = 0x40000000

_AUDIT_ARCH_X86_64 = 0xC000003E
_HEX_DIGITS = frozenset("0123456789abcdef")


class Abi(NamedTuple):
    """One numbering of system calls. There is one object for each, also after pickling: `is` compares them."""

    name: str
    """Ours: libseccomp's name in lower case where it has one, else the audit name's; what we print and accept."""

    audit_arch: int
    """A record's `arch=`. x32 shares x86_64's: arch/x86/include/asm/syscall.h, syscall_get_arch()."""

    audit_name: str
    """The header's name of `audit_arch`."""

    scmp_name: str | None
    """As a profile writes it (SCMP_ARCH_*); None where no OCI profile can name the architecture."""

    go_name: str | None
    """GOARCH."""

    machines: tuple[str, ...]
    """What `uname -m` prints, where that is neither `name` nor `go_name`; auditd's names are among them."""

    table: str | None
    """The system call table's file name without .csv; None for architectures that the kernel dropped long ago."""

    @property
    def big_endian(self) -> bool:
        """Its byte order, which `audit_arch` tells (__AUDIT_ARCH_LE)."""
        return not self.audit_arch & _AUDIT_ARCH_LE

    def __reduce__(self) -> tuple[Callable[[str], Abi | None], tuple[str]]:
        return abi_named, (self.name,)


def _oci(
    name: str, arch: int, audit: str, table: str, go_name: str | None = None, machines: tuple[str, ...] = ()
) -> Abi:
    return Abi(name, arch, f"AUDIT_ARCH_{audit}", f"SCMP_ARCH_{name.upper()}", go_name, machines, table)


def _no_oci(name: str, arch: int, table: str | None, go_name: str | None = None, machines: tuple[str, ...] = ()) -> Abi:
    return Abi(name, arch, f"AUDIT_ARCH_{name.upper()}", None, go_name, machines, table)


_ABIS = (
    # What an OCI profile can name.
    _oci("x86_64", 0xC000003E, "X86_64", "x86_64", "amd64"),
    _oci("x32", 0xC000003E, "X86_64", "x32"),
    _oci("x86", 0x40000003, "I386", "x86", "386", ("i386", "i486", "i586", "i686")),
    _oci("arm", 0x40000028, "ARM", "arm", "arm", ("armv5tel", "armv6l", "armv7l", "armv8l")),
    _oci("aarch64", 0xC00000B7, "AARCH64", "aarch64", "arm64"),
    _oci("loongarch64", 0xC0000102, "LOONGARCH64", "loongarch64", "loong64"),
    _oci("m68k", 0x00000004, "M68K", "m68k"),
    _oci("mips", 0x00000008, "MIPS", "mips", "mips"),
    _oci("mips64", 0x80000008, "MIPS64", "mips64", "mips64"),
    _oci("mips64n32", 0xA0000008, "MIPS64N32", "mips64n32", "mips64p32"),
    _oci("mipsel", 0x40000008, "MIPSEL", "mips", "mipsle"),
    _oci("mipsel64", 0xC0000008, "MIPSEL64", "mips64", "mips64le"),
    _oci("mipsel64n32", 0xE0000008, "MIPSEL64N32", "mips64n32", "mips64p32le"),
    _oci("parisc", 0x0000000F, "PARISC", "parisc"),
    _oci("parisc64", 0x8000000F, "PARISC64", "parisc64"),
    _oci("ppc", 0x00000014, "PPC", "ppc", "ppc"),
    _oci("ppc64", 0x80000015, "PPC64", "ppc64", "ppc64"),
    _oci("ppc64le", 0xC0000015, "PPC64LE", "ppc64", "ppc64le"),
    _oci("riscv64", 0xC00000F3, "RISCV64", "riscv64", "riscv64"),
    _oci("s390", 0x00000016, "S390", "s390", "s390"),
    _oci("s390x", 0x80000016, "S390X", "s390x", "s390x"),
    # The kernel's bare name is big-endian SuperH, libseccomp's is the little-endian one.
    _oci("sh", 0x4000002A, "SHEL", "sh", None, ("sh4", "sh4a")),
    _oci("sheb", 0x0000002A, "SH", "sh", None, ("sh4eb",)),
    # What the kernel has and no OCI profile can name.
    _no_oci("alpha", 0xC0009026, "alpha"),
    _no_oci("arcompact", 0x4000005D, "arc"),
    _no_oci("arcompactbe", 0x0000005D, "arc"),
    _no_oci("arcv2", 0x400000C3, "arc"),
    _no_oci("arcv2be", 0x000000C3, "arc"),
    _no_oci("armeb", 0x00000028, "arm", "armbe", ("armv7b",)),
    _no_oci("csky", 0x400000FC, "csky"),
    _no_oci("hexagon", 0x000000A4, "hexagon"),
    _no_oci("ia64", 0xC0000032, "ia64"),
    _no_oci("loongarch32", 0x40000102, "loongarch32"),
    _no_oci("microblaze", 0x000000BD, "microblaze"),
    _no_oci("nios2", 0x40000071, "nios2"),
    _no_oci("openrisc", 0x0000005C, "openrisc"),
    _no_oci("riscv32", 0x400000F3, "riscv32", "riscv"),
    _no_oci("sparc", 0x00000002, "sparc", "sparc"),
    _no_oci("sparc64", 0x8000002B, "sparc64", "sparc64"),
    _no_oci("xtensa", 0x0000005E, "xtensa"),
    # What the header still defines of architectures that are gone.
    _no_oci("c6x", 0x4000008C, None),
    _no_oci("c6xbe", 0x0000008C, None),
    _no_oci("cris", 0x4000004C, None),
    _no_oci("frv", 0x00005441, None),
    _no_oci("h8300", 0x0000002E, None),
    _no_oci("m32r", 0x00000058, None),
    _no_oci("nds32", 0x400000A7, None),
    _no_oci("nds32be", 0x000000A7, None),
    _no_oci("sh64", 0x8000002A, None),
    _no_oci("shel64", 0xC000002A, None),
    _no_oci("tilegx", 0xC00000BF, None),
    _no_oci("tilegx32", 0x400000BF, None),
    _no_oci("tilepro", 0x400000BC, None),
    _no_oci("unicore", 0x4000006E, None),
)


SUB_ARCHITECTURES = {
    "x86_64": ("x86", "x32"),
    "aarch64": ("arm",),
    "mips64": ("mips", "mips64n32"),
    "mipsel64": ("mipsel", "mipsel64n32"),
    "parisc64": ("parisc",),
    "ppc64": ("ppc",),
    "s390x": ("s390",),
}
"""What kernels of an architecture run besides its own programs: CONFIG_COMPAT and the like in arch/*/Kconfig."""
_HEADS = {sub: head for head, subs in SUB_ARCHITECTURES.items() for sub in subs}


def _by_audit_arch() -> dict[int, Abi]:
    by_arch: dict[int, Abi] = {}
    for abi in _ABIS:
        by_arch.setdefault(abi.audit_arch, abi)  # x86_64 stands before x32
    return by_arch


_BY_AUDIT_ARCH = _by_audit_arch()
_X32 = next(abi for abi in _ABIS if abi.name == "x32")


def abi_of(arch: int, nr: int) -> Abi | None:
    """The ABI of a record with `arch=` and the signed `syscall=`; None for an arch that the kernel does not define.

    An x32 call comes with x86_64's arch and bit 30 set, also from kernels without x32. A negative number has bit 30 in
    two's complement and is no x32 call all the same: do_syscall_x32() in arch/x86/entry/syscall_64.c takes off the bit
    and compares what is left as unsigned.
    """
    if arch == _AUDIT_ARCH_X86_64 and nr >= 0 and nr & X32_SYSCALL_BIT:
        return _X32
    return _BY_AUDIT_ARCH.get(arch)


def abi_named(text: str) -> Abi | None:
    """The ABI that a user, a profile or a tool calls `text`, in upper or lower case; None if nobody does.

    Understood are our names, SCMP_ARCH_*, AUDIT_ARCH_*, Go's names, those of `uname -m`, and audit numbers in hex, with
    or without 0x (`c000003e`). `mips` and `mips64` are big-endian, as in Go and libseccomp, although `uname -m` prints
    them for both.
    """
    key = text.lower()
    found = _by_name().get(key)
    if found is not None:
        return found
    digits = key.removeprefix("0x")
    if 1 <= len(digits) <= 8 and set(digits) <= _HEX_DIGITS:
        return _BY_AUDIT_ARCH.get(int(digits, 16))
    return None


@cache
def _by_name() -> dict[str, Abi]:
    """Everything that `abi_named` understands besides numbers. Where two ABIs share a name, the first one has it."""
    names: dict[str, Abi] = {}
    for abi in _ABIS:
        for name in (abi.name, abi.scmp_name, abi.audit_name, abi.go_name, *abi.machines):
            if name is not None:
                names.setdefault(name.lower(), abi)
    return names


def kernels_of(abi: Abi) -> tuple[Abi, ...]:
    """The ABIs whose kernels run programs of one: where it is a sub-architecture, that of the larger one first, and its
    own, but for x32, which no kernel is."""
    head = abi_named(_HEADS[abi.name]) if abi.name in _HEADS else None
    own = () if abi is _X32 else (abi,)
    return own if head is None else (head, *own)


def all_abis() -> tuple[Abi, ...]:
    """Every ABI that has an audit number, those of OCI profiles first; always in this order."""
    return _ABIS


def oci_abis() -> tuple[Abi, ...]:
    """The ABIs that an OCI profile can name, in the order of `all_abis()`."""
    return tuple(abi for abi in _ABIS if abi.scmp_name is not None)


def scmp_names() -> tuple[str, ...]:
    """All SCMP_ARCH_* names that a profile may hold."""
    return tuple(abi.scmp_name for abi in oci_abis() if abi.scmp_name is not None)
