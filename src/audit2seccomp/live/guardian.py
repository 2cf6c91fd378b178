"""The processes between the recorder and the command, which see to it that nothing of the command stays behind.

The guardian adopts what the command leaves behind, and ends all of it when the recorder is gone, however that ended. It
is a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER), so every descendant stays below it until it has ended. It knows how
the command ended before anybody else, and passes signals on to it while that is certain to be the command. Its own
parent does nothing but to end all of it when the guardian is gone before its time.

Both have sessions of their own: a signal to the recorder's group, which is the command's, does not meet them. Of what
the command was given they hold standard error alone, as the recorder does.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from errno import ENOMEM
from typing import NoReturn

from audit2seccomp.live.descendants import end_descendants, is_stopped, take_charge
from audit2seccomp.live.descriptors import STDERR, let_go
from audit2seccomp.live.libc import name_thread
from audit2seccomp.named_tuple import NamedTuple

_NAME = b"a2s-guardian"
_MESSAGE = struct.Struct("=ii")
_BEFORE_ITS_TIME = 255
"""The exit status where the guardian was killed, or a bug ended it; others are errnos."""


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
        with suppress(ConnectionError):
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


def guard(recorder: socket.socket, of_command: socket.socket, command: Callable[[], NoReturn]) -> NoReturn:
    """Be the guardian's parent, and end as the guardian does: with 0, or with the errno of what kept it from its work.
    The guardian starts the command, which alone has a socket then, and waits until nothing of it is left. All signals
    that might end this process must be blocked."""
    _be(lambda: _start_guardian(recorder, of_command, command))


def _be(work: Callable[[], int]) -> NoReturn:
    """A process that does some work and ends with the status that comes of it."""
    status = _BEFORE_ITS_TIME
    try:
        status = work()
    except OSError as error:
        status = error.errno or status
    except MemoryError:
        status = ENOMEM
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _start_guardian(recorder: socket.socket, of_command: socket.socket, command: Callable[[], NoReturn]) -> int:
    take_charge()
    guardian = os.fork()
    if guardian == 0:
        _be(lambda: _start_command(recorder, of_command, command))
    of_command.close()
    _stand_apart()
    status = os.waitpid(guardian, 0)[1]
    if status != 0:
        end_descendants(signal.SIGKILL, wait=True)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _BEFORE_ITS_TIME


def _stand_apart() -> None:
    """From the command, and from the recorder: who kills that by its name is not to kill all at once."""
    let_go(kept=(STDERR,))
    os.setsid()
    name_thread(_NAME)


def _start_command(recorder: socket.socket, of_command: socket.socket, command: Callable[[], NoReturn]) -> int:
    take_charge()
    child_ended = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(child_ended[1], warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        command()
    of_command.close()
    _stand_apart()
    _Guardian(recorder, child).wait(child_ended[0])
    return 0


class _Guardian:
    """One who waits until nothing of the command is left."""

    def __init__(self, recorder: socket.socket, command: int) -> None:
        self._recorder = recorder
        self._command: int | None = command
        """Its pid, which nobody else can have until this process takes leave of it."""

    def wait(self, child_ended: int) -> None:
        """`child_ended` can be read when a child may have ended."""
        poll = select.poll()
        poll.register(child_ended, select.POLLIN)
        poll.register(self._recorder, select.POLLIN)
        while self._take_leave():
            for descriptor, _ in poll.poll():
                if descriptor == child_ended:
                    os.read(descriptor, 4096)
                elif not self._hear():
                    end_descendants(signal.SIGKILL, wait=True)
                    return

    def _take_leave(self) -> bool:
        """Of all that ended; whether anything is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid != self._command:
                continue
            if os.WIFSTOPPED(status):
                Message(Told.STOPPED, os.WSTOPSIG(status)).send(self._recorder)
            else:
                self._command = None
                Message(Told.ENDED, status).send(self._recorder)

    def _hear(self) -> bool:
        """Do what the recorder says; False if it is gone."""
        message = receive(self._recorder)
        if message is None:
            return False
        if message.told is Told.END:
            end_descendants(message.value)
        elif self._command is not None and (message.value != signal.SIGCONT or is_stopped(self._command)):
            # What goes on already had the signal, as the shell sends it to the whole group.
            with suppress(PermissionError):  # it runs with another user's rights
                os.kill(self._command, message.value)
        return True
