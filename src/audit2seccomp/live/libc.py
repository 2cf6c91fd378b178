"""Calls for which Python's `os` has no function, through libc.

The interpreter's lock is held meanwhile (PyDLL): to give it back and take it again are calls, which a filter may deny.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
"""include/uapi/linux/prctl.h."""
_SIGNAL_SET_BYTES = 128
"""Of a sigset_t in glibc and musl."""

_LIBC = ctypes.PyDLL(None, use_errno=True)
_LIBC.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
raw_syscall = _LIBC.syscall
"""syscall(3): the number and six arguments; -1 with ctypes.get_errno() for an error."""
raw_syscall.argtypes = (ctypes.c_long,) * 7
raw_syscall.restype = ctypes.c_long


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end (a subreaper). Raises OSError."""
    if _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0:
        raise _error()


def give_up_privileges() -> None:
    """What set-user-id programs give is forgone from now on."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def leave_no_core() -> None:
    """Whatever ends this process: a limit of 0 bytes does not keep a core from a program that takes them (core(5))."""
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def name_thread(name: bytes) -> None:
    """Be called that in records and by ps(1), as the kernel calls a program by its file: the first 15 bytes count."""
    text = ctypes.create_string_buffer(name)
    _LIBC.prctl(_PR_SET_NAME, ctypes.addressof(text), 0, 0, 0)


def signalfd(signals: Iterable[int]) -> int:
    """A descriptor that signals which are blocked can be read from (signalfd(2)), without waiting. Raises OSError."""
    bits = sum(1 << (number - 1) for number in signals)
    mask = ctypes.create_string_buffer(bits.to_bytes(_SIGNAL_SET_BYTES, "little"), _SIGNAL_SET_BYTES)
    # SFD_CLOEXEC and SFD_NONBLOCK are those of open(2).
    descriptor: int = _LIBC.signalfd(-1, mask, os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise _error()
    return descriptor


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
