"""Evidence without a log."""

from __future__ import annotations

from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of


def seen(*calls: str, arch: str = "x86_64", comm: str = "nginx", times: int = 1) -> Evidence:
    """Evidence of calls by one program."""
    abi = abi_named(arch)
    assert abi is not None
    counts = {}
    for call in calls:
        nr = table_of(abi).number_of(call)
        assert nr is not None
        key = RecordKey(abi.audit_arch, nr, 0x7FFC0000, comm.encode(), b"/p", 0, None, Origin("a.log"))
        counts[key] = Count(times)
    return Evidence(counts)
