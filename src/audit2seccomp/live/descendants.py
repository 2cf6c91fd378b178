"""The processes below this one: adopted when their parents end, and ended to the last."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress

from audit2seccomp.live.libc import adopt_orphans

_STOPPED = b"T"
"""The state of a process that a signal stopped (proc_pid_stat(5))."""
_LAST_RESORT = 0.01
"""Seconds between two rounds of killing: what is killed may be late to end."""
_TRIES = 50
"""For a process that forks and ends again and again: it has another number long before all of /proc was read."""


def take_charge() -> None:
    """Be the one who can end all descendants, before there are any. Raises OSError where that cannot be, as a filter
    denies what it takes."""
    adopt_orphans()
    os.kill(os.getpid(), 0)
    with suppress(ChildProcessError):
        os.waitpid(os.getpid(), os.WNOHANG)


def end_descendants(number: int, *, wait: bool = False) -> None:
    """Send all descendants a signal; with `wait`, until none is left."""
    while True:
        for pid, parent in _descendants():
            _kill_exactly(pid, parent, number)
        if not wait:
            return
        for _ in range(_TRIES):
            for pid in _children():  # which keep their numbers until this process takes leave of them
                with suppress(PermissionError):
                    os.kill(pid, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        select.select([], [], [], _LAST_RESORT)


def parent_of(pid: int) -> int | None:
    """None where there is no such process."""
    found = _stat(pid)
    return None if found is None else int(found[1])


def is_stopped(pid: int) -> bool:
    """Whether a signal stopped a process."""
    found = _stat(pid)
    return found is not None and found[0] == _STOPPED


def descriptor_of(pid: int) -> int | None:
    """A descriptor which can be read when a process has ended; None where there are none: kernels before 5.3 have none,
    and filters that do not know the call deny it. Raises ProcessLookupError."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None


def _descendants() -> Iterator[tuple[int, int]]:
    """Of this process, each with its parent."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (parent := parent_of(int(name))) is not None:
            children.setdefault(parent, []).append(int(name))
    waiting = [os.getpid()]
    while waiting:
        parent = waiting.pop()
        below = children.get(parent, [])
        yield from ((pid, parent) for pid in below)
        waiting += below


def _children() -> list[int]:
    """Of this process alone; none where the kernel does not tell (CONFIG_PROC_CHILDREN)."""
    with suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))
    return []


def _stat(pid: int) -> list[bytes] | None:
    """A process's state, its parent and what else proc_pid_stat(5) tells; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # comm may hold anything, and is in brackets: the rest stands behind the last one.
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _kill_exactly(pid: int, parent: int, number: int) -> None:
    """Send a signal to the process that was seen below that parent, and to no other that has its number by now."""
    with suppress(ProcessLookupError, PermissionError):
        descriptor = descriptor_of(pid)
        if descriptor is None:
            os.kill(pid, number)
            return
        try:
            if parent_of(pid) in (parent, os.getpid()):  # or adopted meanwhile
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
