"""The processes between the recorder and the command, which see to it that nothing of the command stays behind.

The guardian adopts what the command leaves behind, and ends all of it when the recorder is gone, however that ended. It
is a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER), so every descendant stays below it until it has ended. It knows how
the command ended before anybody else, and passes signals on to it while that is certain to be the command. Its own
parent does nothing but to end all of it when the guardian is gone before its time.

Both have sessions of their own: a signal to the recorder's group, which is the command's, does not meet them.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from errno import ENOSYS
from typing import NamedTuple, NoReturn

_PR_SET_CHILD_SUBREAPER = 36
"""include/uapi/linux/prctl.h."""
_MESSAGE = struct.Struct("=ii")
_STOPPED = b"T"
"""The state of a process that a signal stopped (proc_pid_stat(5))."""
_LAST_RESORT = 0.01
"""Seconds between two rounds of killing: what is killed may be late to end."""
NOT_STARTED = 2
"""The exit status of the guardian's parent where a process or a descriptor could not be had."""
_TRIES = 50
"""For a process that forks and ends again and again: it has another number long before all of /proc was read."""


class Told(IntEnum):
    """What a message is about."""

    ENDED = 1
    """The command ended: its wait status, as of os.waitpid."""
    STOPPED = 2
    """The command was stopped: by which signal."""
    SIGNAL = 3
    """To the guardian: send the command that signal."""
    END = 4
    """To the guardian: send every process that is left that signal."""


class Message(NamedTuple):
    """What the recorder and its guardian tell each other."""

    told: Told
    value: int

    def send(self, to: socket.socket) -> None:
        """To one who may be gone."""
        with suppress(OSError):
            to.send(_MESSAGE.pack(*self))


def receive(from_: socket.socket) -> Message | None:
    """The next one; None where the other is gone."""
    try:
        data = from_.recv(_MESSAGE.size)
    except ConnectionError:
        return None
    if not data:
        return None
    told, value = _MESSAGE.unpack(data)
    return Message(Told(told), value)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def guard(recorder: socket.socket, of_command: socket.socket, command: Callable[[], NoReturn]) -> NoReturn:
    """Be the guardian's parent, which ends with 0 when the guardian did. The guardian starts the command, which alone
    has a socket then, and waits until nothing of it is left. All signals that might end this process must be
    blocked."""
    try:
        adopt_orphans()
        guardian = os.fork()
        if guardian == 0:
            _start(recorder, of_command, command)
            os._exit(0)
        of_command.close()
        os.setsid()
        if os.waitpid(guardian, 0)[1] == 0:
            os._exit(0)
        end_descendants(signal.SIGKILL, wait=True)
    except OSError:
        os._exit(NOT_STARTED)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _start(recorder: socket.socket, of_command: socket.socket, command: Callable[[], NoReturn]) -> None:
    """Start the command, and wait."""
    adopt_orphans()
    child_ended = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(child_ended[1], warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        command()
    of_command.close()
    os.setsid()
    _wait(recorder, child, child_ended[0])


def _wait(recorder: socket.socket, child: int, child_ended: int) -> None:
    """Until nothing of the command is left."""
    poll = select.poll()
    poll.register(child_ended, select.POLLIN)
    poll.register(recorder, select.POLLIN)
    while _reap(child, recorder):
        for descriptor, _ in poll.poll():
            if descriptor == child_ended:
                os.read(descriptor, 4096)
                continue
            message = receive(recorder)
            if message is None:  # the recorder is gone
                end_descendants(signal.SIGKILL, wait=True)
                return
            if message.told is Told.END:
                end_descendants(message.value)
            elif _is_there(child) and (message.value != signal.SIGCONT or _is_stopped(child)):
                # What goes on already had the signal, as the shell sends it to the whole group.
                with suppress(PermissionError):  # it runs with another user's rights
                    os.kill(child, message.value)


def _reap(child: int, recorder: socket.socket) -> bool:
    """Take leave of all that ended; whether anything is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if pid == child and os.WIFSTOPPED(status):
            Message(Told.STOPPED, os.WSTOPSIG(status)).send(recorder)
        elif pid == child:
            Message(Told.ENDED, status).send(recorder)


def _is_there(child: int) -> bool:
    """Whether the command was not taken leave of: until then nobody else can have its number."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    return False


def _is_stopped(child: int) -> bool:
    found = _stat(child)
    return found is not None and found[0] == _STOPPED


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
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        select.select([], [], [], _LAST_RESORT)


def _children() -> list[int]:
    """Of this process alone; none where the kernel does not tell (CONFIG_PROC_CHILDREN)."""
    with suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))
    return []


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


def parent_of(pid: int) -> int | None:
    """None where there is no such process."""
    found = _stat(pid)
    return None if found is None else int(found[1])


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
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as error:
            if error.errno == ENOSYS:  # a kernel before 5.3
                os.kill(pid, number)
            return
        try:
            if parent_of(pid) in (parent, os.getpid()):  # or adopted meanwhile
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
