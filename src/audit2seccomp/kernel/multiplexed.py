"""Calls that programs of older ABIs make through another: `socketcall` and `ipc`, whose first argument says which.

The numbers: include/uapi/linux/net.h (SYS_*) and ipc.h (SEMOP to SHMCTL).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audit2seccomp.kernel.abi import Abi


class Multiplexed(NamedTuple):
    """How a call is made through another."""

    through: str
    """`socketcall` or `ipc`."""
    number: int
    """Its first argument. `ipc` also takes a version in the upper half of the word (ipc.h, IPCCALL)."""


_SOCKET = (
    *("socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername", "socketpair", "send", "recv"),
    *("sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg"),
    "sendmmsg",
)
_SEMAPHORE = {"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4}
_MESSAGE = {"msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14}
_MEMORY = {"shmat": 21, "shmdt": 22, "shmget": 23, "shmctl": 24}

MULTIPLEXED: Mapping[str, Multiplexed] = {
    **{name: Multiplexed("socketcall", number) for number, name in enumerate(_SOCKET, 1)},
    **{name: Multiplexed("ipc", number) for name, number in (_SEMAPHORE | _MESSAGE | _MEMORY).items()},
}
"""By the call's name."""


def multiplexed(abi: Abi, name: str) -> Multiplexed | None:
    """How programs of the ABI can make the call through another, whether or not it has a number of its own, too; None
    where they cannot."""
    found = MULTIPLEXED.get(name)
    return found if found is not None and table_of(abi).number_of(found.through) is not None else None
