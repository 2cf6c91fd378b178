"""Loading a filter into this process: seccomp(2), called so that nothing else is called after it."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

from audit2seccomp.errors import FilterError, reason
from audit2seccomp.kernel.seccomp import SECCOMP_GET_ACTION_AVAIL, SECCOMP_SET_MODE_FILTER
from audit2seccomp.kernel.uapi import Action, action_of
from audit2seccomp.live.host import number_of
from audit2seccomp.live.libc import give_up_privileges, raw_syscall
from audit2seccomp.profile.simulate import INSTRUCTION_BYTES, INSTRUCTION_LAYOUT, RET_K

_ENOUGH = 4 << 20
"""Bytes: CPython asks for 1 MiB at a time (ARENA_BITS in Include/internal/pycore_obmalloc.h), which holds all that."""
_NO_FILTERS = "this kernel has no filters or lacks a flag, or a container denies seccomp(2): run it on the host"
_REFUSALS = {
    errno.ENOSYS: _NO_FILTERS,
    errno.EINVAL: _NO_FILTERS,
    errno.EACCES: "another filter denies prctl(2), which no_new_privs takes: run it as root, or on the host",
    errno.EOPNOTSUPP: "this kernel lacks one of its actions: SCMP_ACT_LOG and _KILL_PROCESS take Linux 4.14",
    errno.EBUSY: "this process is being recorded already, and a tree of processes has one listener",
    errno.ENOMEM: "too many filters are loaded already, or too little memory is left",
}
"""What errnos of seccomp(2) mean, where that is not what they mean elsewhere."""
_NEW_ACTIONS = (Action.LOG, Action.KILL_PROCESS, Action.USER_NOTIF)
"""Since Linux 4.14, 4.14 and 5.0; an older kernel takes a filter with them, and kills instead."""


class NotLoadedError(FilterError):
    """The kernel did not take a filter."""

    def __init__(self, number: int) -> None:
        """The errno of seccomp(2)."""
        self.number = number
        why = _REFUSALS.get(number)
        said = reason(number) if why is None else f"{why} ({os.strerror(number).lower()})"
        super().__init__(f"seccomp: cannot load a filter: {said}")


class Loader:
    """One filter, ready to be loaded: all that is needed stands in memory, since a call for more might be denied."""

    def __init__(self, program: bytes, flags: int = 0) -> None:
        """A program in this machine's byte order; `flags` as of `kernel.seccomp.FILTER_FLAG_BITS`."""
        self.program = program
        self._flags = flags
        self._program = ctypes.create_string_buffer(program, len(program))
        # struct sock_fprog of include/uapi/linux/filter.h
        self._fprog = ctypes.create_string_buffer(
            struct.pack("@HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(self._program))
        )
        code_and_k = ((code, k) for code, _, _, k in struct.iter_unpack(f"={INSTRUCTION_LAYOUT}", program))
        returned = {action_of(k) for code, k in code_and_k if code == RET_K}
        self._new_actions = [ctypes.c_uint32(action.value) for action in _NEW_ACTIONS if action in returned]
        self._nr = number_of("seccomp")

    def load(self) -> int:
        """Load it; with SECCOMP_FILTER_FLAG_NEW_LISTENER returns the descriptor, else 0. What set-user-id programs give
        is forgone (no_new_privs) only where the kernel asks for that. Raises NotLoadedError."""
        for action in self._new_actions:
            if self._seccomp(SECCOMP_GET_ACTION_AVAIL, 0, action) < 0:
                raise NotLoadedError(ctypes.get_errno())
        result = self._load()
        if result < 0 and ctypes.get_errno() == errno.EACCES:
            give_up_privileges()
            result = self._load()
        if result < 0:
            raise NotLoadedError(ctypes.get_errno())
        return result

    def _load(self) -> int:
        return self._seccomp(SECCOMP_SET_MODE_FILTER, self._flags, self._fprog)

    def _seccomp(self, operation: int, flags: int, argument: ctypes._CData) -> int:
        result: int = raw_syscall(self._nr, operation, flags, ctypes.addressof(argument), 0, 0, 0)
        return result


def stock_memory() -> None:
    """Have the interpreter hold some free memory of each size that it uses for small values, so that it need not ask
    the kernel for any behind a filter. Raises MemoryError where the kernel has hardly any more: the interpreter would
    get it elsewhere now, and ask again each time."""
    sys.settrace(None)  # what measures coverage, or a debugger, asks for some at any line
    bytes(_ENOUGH)
    del [bytearray(size) for size in range(8, 513, 8) for _ in range(16)][:]
