"""System calls of all kinds that x86-64 has, really made, under a filter or without one.

Machine code makes them one after the other and keeps what they return in memory that the test shares, so that nothing
else is called under the filter: it may deny all that Python needs. It runs in a second thread of a child process, where
killing the thread, killing the process and a trap can be told apart.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import resource
import signal
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest

from audit2seccomp.kernel.seccomp import SECCOMP_SET_MODE_FILTER

needs_x86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86-64 machine")

COMM = b"verdict%d" % os.getpid()
"""The name of the threads that make the calls; processes that others start may soon have the same pids."""
TRAPPED, THREAD_KILLED, PROCESS_KILLED = "trapped", "thread killed", "process killed"

_SECCOMP = 317
"""arch/x86/entry/syscalls/syscall_64.tbl"""
_PR_SET_NAME, _PR_SET_NO_NEW_PRIVS = 15, 38
_PATIENCE = 30.0
"""Seconds after which a child is stuck."""

_RUNNING, _DONE, _CAUGHT = 1, 2, 3
_STATE, _AT, _LOADED, _RESULTS = 0, 8, 16, 24
"""Offsets in the shared memory: how far it is, which call is made, what seccomp(2) returned, what the calls did."""
_NOTHING = 0x7A7A7A7A7A7A7A7A
_ARGUMENTS_64 = (b"\x48\xbf", b"\x48\xbe", b"\x48\xba", b"\x49\xba", b"\x49\xb8", b"\x49\xb9")
"""mov $…, %rdi, %rsi, %rdx, %r10, %r8, %r9"""
_ARGUMENTS_32 = (b"\xbb", b"\xb9", b"\xba", b"\xbe", b"\xbf", b"\xbd")
"""mov $…, %ebx, %ecx, %edx, %esi, %edi, %ebp"""


class Made(NamedTuple):
    """A call that is to be made; x32's have bit 30 in their numbers."""

    nr: int
    args: tuple[int, ...]
    int80: bool = False
    """As a program of x86 makes it."""


class Result(NamedTuple):
    """What became of a call."""

    returned: int | None
    """None where it did not return."""
    fate: str | None = None
    """Why not."""


def results(calls: Sequence[Made], program: bytes | None) -> list[Result]:
    """What becomes of calls under a filter, or without one. Those behind one that ends its thread are made in another
    process."""
    found: list[Result] = []
    while len(found) < len(calls):
        found += _run(calls[len(found) :], program)
    return found


def _run(calls: Sequence[Made], program: bytes | None) -> Iterator[Result]:
    """What becomes of the calls up to the first that does not return."""
    with mmap.mmap(-1, _RESULTS + 8 * len(calls)) as shared:
        shared[_RESULTS:] = struct.pack("<Q", _NOTHING) * len(calls)
        child = os.fork()
        if not child:
            _be_the_child(calls, program, shared)
        status = _wait(child)
        state, at, loaded = struct.unpack_from("<QQq", shared)
        assert state, f"the child did not begin: status {status:#x}"
        assert not loaded, f"seccomp: {os.strerror(-loaded)}"
        returned = struct.unpack_from(f"<{len(calls)}q", shared, _RESULTS)
    if state == _DONE:
        yield from (Result(one) for one in returned)
        return
    yield from (Result(one) for one in returned[:at])
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGSYS, f"call {calls[at]}: signal {os.WTERMSIG(status)}"
        yield Result(None, PROCESS_KILLED)
    else:
        yield Result(None, TRAPPED if state == _CAUGHT else THREAD_KILLED)


def _wait(child: int) -> int:
    """Its status. One that is stuck is killed."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("a call did not come back")


def _be_the_child(calls: Sequence[Made], program: bytes | None, shared: mmap.mmap) -> None:
    """Make the calls in a second thread, and end when it has done so or is no longer there."""
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nowhere, descriptor)
        os.closerange(3, 1024)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_NAME, COMM, 0, 0, 0)  # threads begin with it, too
        memory = ctypes.addressof(ctypes.c_char.from_buffer(shared))
        fprog, kept = _fprog(program)
        handler, body = _handler(memory), _body(calls, memory, fprog)
        code = mmap.mmap(-1, len(handler) + len(body), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code[:] = handler + body
        start = ctypes.addressof(ctypes.c_char.from_buffer(code))
        libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        libc.signal(signal.SIGSYS, start)
        make_them = ctypes.CFUNCTYPE(None)(start + len(handler))
        threading.Thread(target=make_them, daemon=True).start()
        while struct.unpack_from("<Q", shared)[0] in (0, _RUNNING) and (
            not shared[_STATE] or len(os.listdir("/proc/self/task")) > 1
        ):
            time.sleep(0.0005)
        assert kept is not None
        status = 0
    finally:
        os._exit(status)


def _fprog(program: bytes | None) -> tuple[int, object]:
    """The address of a struct sock_fprog, or 0, and what must be kept for it."""
    if program is None:
        return 0, b""
    instructions = ctypes.create_string_buffer(program, len(program))
    fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions)))
    return ctypes.addressof(fprog), (instructions, fprog)


def _handler(memory: int) -> bytes:
    """Of SIGSYS: it says that it was called, and does not return, which would be a call."""
    return _base(memory) + _store(_STATE, _CAUGHT) + _FOREVER


def _body(calls: Sequence[Made], memory: int, fprog: int) -> bytes:
    load = Made(_SECCOMP, (SECCOMP_SET_MODE_FILTER, 0, fprog, 0, 0, 0))
    code = [_base(memory), _store(_STATE, _RUNNING)]
    code += [_call(load), _keep(_LOADED)] if fprog else []
    for index, one in enumerate(calls):
        code += [_store(_AT, index), _call(one), _keep(_RESULTS + 8 * index)]
    return b"".join((*code, _store(_STATE, _DONE), _FOREVER))


_FOREVER = b"\xf3\x90\xeb\xfc"
"""pause; jmp -4"""


def _base(memory: int) -> bytes:
    """mov $memory, %r15, which no call changes"""
    return b"\x49\xbf" + struct.pack("<Q", memory)


def _store(offset: int, value: int) -> bytes:
    """movq $value, offset(%r15)"""
    return b"\x49\xc7\x87" + struct.pack("<ii", offset, value)


def _keep(offset: int) -> bytes:
    """mov %rax, offset(%r15)"""
    return b"\x49\x89\x87" + struct.pack("<i", offset)


def _call(one: Made) -> bytes:
    number = b"\xb8" + struct.pack("<I", one.nr & 0xFFFFFFFF)
    if one.int80:
        moves = (move + struct.pack("<I", arg & 0xFFFFFFFF) for move, arg in zip(_ARGUMENTS_32, one.args, strict=True))
        return b"".join((*moves, number, b"\xcd\x80", b"\x48\x98"))  # cltq: the result has 32 bits
    moves = (move + struct.pack("<Q", arg) for move, arg in zip(_ARGUMENTS_64, one.args, strict=True))
    return b"".join((*moves, number, b"\x0f\x05"))
