"""Loading a filter into this process: seccomp(2), called so that nothing else is called after it."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.seccomp import SECCOMP_SET_MODE_FILTER
from audit2seccomp.live.host import number_of
from audit2seccomp.profile.simulate import INSTRUCTION_BYTES

_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
"""include/uapi/linux/prctl.h."""


class NotLoadedError(FilterError):
    """The kernel did not take a filter."""

    def __init__(self, number: int) -> None:
        """The errno of seccomp(2)."""
        self.number = number
        match number:
            case errno.ENOSYS | errno.EINVAL:
                why = "this kernel has no filters or lacks a flag, or a container denies seccomp(2): run it on the host"
            case errno.EBUSY:
                why = "this process is being recorded already, and a tree of processes has one listener"
            case errno.ENOMEM:
                why = "too many filters are loaded already, or too little memory is left"
            case _:
                why = "the kernel refuses"
        super().__init__(f"seccomp: cannot load a filter: {why} ({os.strerror(number).lower()})")


class Loader:
    """One filter, ready to be loaded: all that is needed stands in memory, since a call for more might be denied.

    Calls go through ctypes with the interpreter's lock held (PyDLL): to give it back and take it again are calls."""

    def __init__(self, program: bytes, flags: int = 0) -> None:
        """A program in this machine's byte order; `flags` as of `kernel.seccomp.FILTER_FLAG_BITS`."""
        self.program = program
        self._flags = flags
        self._program = ctypes.create_string_buffer(program, len(program))
        # struct sock_fprog of include/uapi/linux/filter.h
        self._fprog = ctypes.create_string_buffer(
            struct.pack("@HP", len(program) // INSTRUCTION_BYTES, ctypes.addressof(self._program))
        )
        self._nr = number_of("seccomp")
        self._syscall = raw_syscall()
        self._prctl = ctypes.PyDLL(None, use_errno=True).prctl
        self._prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

    def load(self) -> int:
        """Load it; with SECCOMP_FILTER_FLAG_NEW_LISTENER returns the descriptor, else 0. What set-user-id programs give
        is forgone (no_new_privs) only where the kernel asks for that. Raises NotLoadedError."""
        result = self._load()
        if result < 0 and ctypes.get_errno() == errno.EACCES:
            self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            result = self._load()
        if result < 0:
            raise NotLoadedError(ctypes.get_errno())
        return result

    def _load(self) -> int:
        fprog = ctypes.addressof(self._fprog)
        result: int = self._syscall(self._nr, SECCOMP_SET_MODE_FILTER, self._flags, fprog, 0, 0, 0)
        return result


def stock_memory() -> None:
    """Have the interpreter hold some free memory of each size that it uses for small values, so that it need not ask
    the kernel for any behind a filter."""
    del [bytearray(size) for size in range(8, 513, 8) for _ in range(16)][:]


def name_thread(name: bytes) -> None:
    """Be called that in records and by ps(1), as the kernel calls a program by its file: the first 15 bytes count."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)


def leave_no_core() -> None:
    """Whatever ends this process: a limit of 0 bytes does not keep a core from a program that takes them (core(5))."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def raw_syscall() -> ctypes._NamedFuncPointer:
    """syscall(3): the number and six arguments; -1 with ctypes.get_errno() for an error."""
    function = ctypes.PyDLL(None, use_errno=True).syscall
    function.argtypes = (ctypes.c_long,) * 7
    function.restype = ctypes.c_long
    return function
