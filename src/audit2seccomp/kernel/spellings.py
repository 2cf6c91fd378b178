"""Names that auditd and strace write where the kernel's tables have another, and what they mean.

auditd: lib/*_table.h and lib/machinetab.h of audit-userspace 3.0.9, which lib/lookup_table.c uses. strace:
src/linux/*/syscallent*.h of strace 6.1. Everything else in these is spelled as in our tables; the tests hold the first
half against libaudit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit2seccomp.kernel.syscalls import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit2seccomp.kernel.abi import Abi

AUDITD_ARCHES = {"i386": 0x40000003, "armeb": 0x40000028}
"""Architectures that auditd does not call by our name. Its `armeb` is the little-endian ARM: that is the only one it
knows, and of the names that it has for it the first."""

_PREAD = {"pread": "pread64", "pwrite": "pwrite64"}
_PPC = {**_PREAD, "timerfd": "timerfd_create", "perf_counter_open": "perf_event_open"}

AUDITD: Mapping[str, Mapping[str, str]] = {
    "aarch64": {**_PREAD, "getdents": "getdents64", "newfstat": "fstat"},
    "arm": {
        "fadvise64_64": "arm_fadvise64_64",
        "llseek": "_llseek",
        "newselect": "_newselect",
        "sched_rr_get_interval64": "sched_rr_get_interval_time64",
        "sync_file_range": "arm_sync_file_range",
        "sysctl": "_sysctl",
    },
    "ppc": _PPC,
    "ppc64": {**_PPC, "fstatat64": "newfstatat"},  # it has one table for 32 and 64 bit
    "s390": _PREAD,
    "s390x": _PREAD,
    "x86": {
        "madvise1": "madvise",
        "sched_rr_get_interval64": "sched_rr_get_interval_time64",
        "sys_kexec_load": "kexec_load",
    },
    "x86_64": _PREAD,
}
"""By table: auditd's name, the kernel's name."""

_GENERIC = {"_llseek": "llseek", "sync_file_range2": "sync_file_range"}

STRACE: Mapping[str, Mapping[str, str]] = {
    "alpha": {"osf_shmat": "shmat", "umount": "umount2"},
    "arc": _GENERIC,
    "arm": {"fadvise64_64": "arm_fadvise64_64", "sync_file_range2": "arm_sync_file_range"},
    "csky": _GENERIC,
    "ia64": {"umount": "umount2"},
    "nios2": _GENERIC,
    "openrisc": _GENERIC,
    "riscv32": _GENERIC,
    # It has numbers 369 and 370 the other way round, so which call it was is not certain.
    "sh": {"sched_getattr": "", "sched_setattr": ""},
    "x86_64": {**_PREAD, "umount": "umount2"},  # older versions
}
"""By table: strace's name, the kernel's name."""


def spelled_number(abi: Abi, name: str, spellings: Mapping[str, Mapping[str, str]]) -> int | None:
    """The number of the call that a tool with those spellings calls `name`; None if the ABI has no such call."""
    return table_of(abi).number_of(spellings.get(abi.table or "", {}).get(name, name))
