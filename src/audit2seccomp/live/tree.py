"""A command and all its descendants, watched by this process until the last of them has ended."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Container
from contextlib import suppress
from typing import Protocol

from audit2seccomp.errors import LiveError, reason
from audit2seccomp.live.beginning import Beginning, Report
from audit2seccomp.live.descendants import descriptor_of, end_descendants, take_charge
from audit2seccomp.live.descriptors import let_go
from audit2seccomp.live.guardian import Message, Told, guard, receive
from audit2seccomp.live.signals import ENDING, Signals, held_back

ENDED_BEFORE = "its process ended before it was the command"
_TOLD_AFTER = 1.0
"""So many seconds after the command's end it is told that others of its processes go on."""
_STOPPING = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
"""What a terminal stops programs with."""

_Meanings = dict[int, Callable[[], bool]]
"""What to do when a descriptor can be read; False says that nothing more will come."""


class Watch(Protocol):
    """What sees the calls."""

    descriptor: int

    def take(self) -> None:
        """Take one event, when there is one to be read."""

    def finish(self) -> None:
        """Nothing is left that could make a call."""


class Tree:
    """One command, from its start to the end of its last descendant."""

    def __init__(
        self,
        beginning: Beginning,
        watch: Callable[[Report], Watch | None] | None = None,
        say: Callable[[str], None] = lambda _: None,
        kept: Container[int] = range(sys.maxsize),
    ) -> None:
        """`watch` makes what sees the calls of what the command's process reports; `say` tells the user something; the
        descriptors that are `kept`, of those that the command is given, are used behind its end."""
        self._beginning = beginning
        self._make_watch = watch
        self._say = say
        self._kept = kept
        self._watch: Watch | None = None
        self._error: Exception | None = None
        self._status: int | None = None
        self._tell_at: float | None = None
        """When to say that processes go on."""
        self._end_signal = signal.SIGTERM
        self._poll = select.poll()
        self._a_call: list[tuple[int, int]] | None = None
        """What poll() returns where only a call waits."""

    def run(self) -> int:
        """Start the command and return its wait status when nothing of it is left. A signal to this process goes to the
        command, unless the terminal sent it there, too; behind the command's end it ends what is left. Raises LiveError
        and FilterError where the command does not start; nothing of it is left then, whatever is raised."""
        try:
            guarded = self._run()
            if self._error is not None:
                raise self._error
            return self._result(guarded)
        except OSError as error:
            raise LiveError(f"cannot run the command: {reason(error.errno or 0)}") from error

    def _run(self) -> int:
        """Returns the wait status of the guardian's parent."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        guardian, of_guardian = _pair()
        command, of_command = _pair()
        take_charge()
        with held_back() as signals, guardian, command:
            child = os.fork()
            if child == 0:
                guardian.close()
                command.close()
                guard(of_guardian, of_command, lambda: self._beginning.become(of_command, signals.restore))
            of_guardian.close()
            of_command.close()
            try:
                let_go(self._kept)
                self._follow(guardian, command, signals, child)
            finally:
                guardian.close()  # which it takes for the end of this process, if it is still there
                guarded = os.waitpid(child, 0)[1]
                if guarded:
                    end_descendants(signal.SIGKILL, wait=True)
            if self._watch is not None:
                self._watch.finish()
            return guarded

    def _result(self, guarded: int) -> int:
        """The command's wait status; raises LiveError where it is worth nothing, and the OSError of a guardian."""
        failed = os.waitstatus_to_exitcode(guarded)
        if failed in errno.errorcode:
            raise OSError(failed, os.strerror(failed))
        if self._status is None or failed:
            raise LiveError("a process that guards the command was killed: what was left of the command was ended, too")
        if self._make_watch is not None and self._watch is None:
            ended = os.waitstatus_to_exitcode(self._status)
            why = reason(ended) if ended in errno.errorcode else ENDED_BEFORE
            raise LiveError(f"cannot watch the command: {why}")
        return self._status

    def _follow(self, guardian: socket.socket, command: socket.socket, signals: Signals, child: int) -> None:
        """Until the guardian says, by going, that nothing is left, or its parent, a child of this process, is gone."""
        # In the order in which poll() tells them: the Ctrl-C that ended the command came before its end.
        meanings: _Meanings = {
            signals.descriptor: lambda: self._pass_on(signals, guardian),
            guardian.fileno(): lambda: self._hear(guardian),
            command.fileno(): lambda: self._begin(command),
        }
        parent = descriptor_of(child)
        if parent is not None:
            meanings[parent] = lambda: False
        for descriptor in meanings:
            self._poll.register(descriptor, select.POLLIN)
        while guardian.fileno() in meanings and (parent is None or parent in meanings):
            self._wait(meanings)
        if parent is not None:
            os.close(parent)
        for one in (guardian, command):  # what was told before that counts
            one.setblocking(False)
            with suppress(BlockingIOError):
                while one.fileno() in meanings and meanings[one.fileno()]():
                    pass

    def _wait(self, meanings: _Meanings) -> None:
        """Until something comes, and do what it means. What will bring nothing more has no meaning then."""
        left = None if self._tell_at is None else max(0.0, self._tell_at - time.monotonic())
        ready = self._poll.poll(None if left is None else 1000 * left)
        if ready == self._a_call and self._watch is not None and left is None:
            self._watch.take()  # nearly always it is that alone
            return
        if left == 0:
            self._tell_at = None
            self._say("the command has ended, and processes of it go on: recorded until they end; Ctrl-C ends them")
        for descriptor, event in ready:
            if self._watch is not None and descriptor == self._watch.descriptor:
                self._look(self._watch, event)
            elif not meanings[descriptor]():
                self._poll.unregister(descriptor)
                del meanings[descriptor]

    def _look(self, watch: Watch, event: int) -> None:
        if event & select.POLLIN:
            watch.take()
        else:
            self._poll.unregister(watch.descriptor)  # the last thread that could make a call is gone

    def _hear(self, guardian: socket.socket) -> bool:
        """What the guardian tells; False if it is gone."""
        message = receive(guardian)
        if message is None:
            return False
        if message.told is Told.ENDED:
            self._status = message.value
            self._tell_at = time.monotonic() + _TOLD_AFTER
        elif message.told is Told.STOPPED and message.value in _STOPPING:
            # So that the shell which started this process takes the terminal back.
            os.kill(os.getpid(), signal.SIGSTOP)
        return True

    def _begin(self, command: socket.socket) -> bool:
        """What the command's process reports before it is the command; False if it is."""
        report = self._beginning.hear(command)
        if report is None:
            return False
        self._error = self._error or report.error
        watch = self._make_watch(report) if self._make_watch is not None else None
        if watch is not None:
            self._watch = watch
            self._a_call = [(watch.descriptor, select.POLLIN)]
            self._poll.register(watch.descriptor, select.POLLIN)
        return True

    def _pass_on(self, signals: Signals, guardian: socket.socket) -> bool:
        """Signals to this process are meant for the command, or for what is left of it."""
        for arrival in signals.arrived():
            if self._status is None:
                if not arrival.to_all:
                    Message(Told.SIGNAL, arrival.number).send(guardian)
            elif arrival.number in ENDING:
                Message(Told.END, self._end_signal).send(guardian)
                self._end_signal = signal.SIGKILL  # for those that stay
        return True


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
