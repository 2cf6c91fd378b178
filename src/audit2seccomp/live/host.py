"""What the machine is, and what this process may do there."""

from __future__ import annotations

import os
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress

from audit2seccomp.errors import LiveError
from audit2seccomp.kernel.abi import SUB_ARCHITECTURES, Abi, abi_named
from audit2seccomp.kernel.capabilities import CAPABILITIES
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.resolve import Host, Version


def own_abi() -> Abi:
    """The ABI of this process. Raises LiveError on an architecture that nobody knows."""
    machine = os.uname().machine
    if machine in ("mips", "mips64") and sys.byteorder == "little":
        machine = machine.replace("mips", "mipsel")  # the kernel has one name for both byte orders
    abi = abi_named(machine)
    if abi is not None and struct.calcsize("P") == 4 and abi.name in SUB_ARCHITECTURES:
        abi = abi_named(SUB_ARCHITECTURES[abi.name][0])
    if abi is None:
        raise LiveError(f"{machine}: no architecture whose system calls are known")
    return abi


def runnable() -> tuple[Abi, ...]:
    """The ABIs of the programs that this kernel may run, this process's first."""
    own = own_abi()
    families = ((head, *rest) for head, rest in SUB_ARCHITECTURES.items())
    family = next((names for names in families if own.name in names), (own.name,))
    others = (abi_named(name) for name in family if name != own.name)
    return (own, *(abi for abi in others if abi is not None))


def number_of(name: str) -> int:
    """The number of a call for this process. Raises LiveError where its ABI has no such call."""
    number = table_of(own_abi()).number_of(name)
    if number is None:
        raise LiveError(f"{name}: {own_abi().name} has no such call")
    return number


def numbers_of(*names: str) -> Iterator[tuple[int, int]]:
    """The audit arch and the number of some calls, on each ABI of `runnable` that has them."""
    for abi in runnable():
        for name in names:
            number = table_of(abi).number_of(name)
            if number is not None:
                yield abi.audit_arch, number


def this_host() -> Host:
    """What decides which rules of a profile in Docker's form are there; the capabilities are those of this process."""
    return Host(own_abi(), kernel_version(), frozenset(_capabilities()))


def kernel_version() -> Version:
    """Of the running kernel: (6, 12)."""
    numbers = re.findall(r"[0-9]+", os.uname().release)[:2]
    return int(numbers[0]), int(numbers[1])


def _capabilities() -> list[str]:
    """The effective ones (proc_pid_status(5), CapEff)."""
    bits = int(own_status("CapEff") or "0", 16)
    return [name for number, name in enumerate(CAPABILITIES) if bits >> number & 1]


def check_proc() -> None:
    """Raises LiveError where /proc is not that of this process's own pid namespace: who called, and what is left of a
    command, would be looked up in the wrong place. NSpid has this process's number in the namespace that the mount is
    of and in each one below, so it is a single one; kernels without pid namespaces have Pid alone
    (proc_pid_status(5))."""
    if (own_status("NSpid") or own_status("Pid")) != str(os.getpid()):
        raise LiveError("/proc: is not mounted for this pid namespace: mount it, as unshare --mount-proc does")


def own_status(field: str) -> str | None:
    """A field of /proc/self/status; None where there is none."""
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
    return None
