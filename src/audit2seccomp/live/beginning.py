"""How the command's process begins: what it does before it becomes the command, and what it tells the recorder."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from audit2seccomp.errors import Audit2SeccompError, ExitStatus, LiveError
from audit2seccomp.kernel.uapi import AUDIT_UID_UNSET
from audit2seccomp.live.command import Successor, failure, restore_signals
from audit2seccomp.live.host import number_of
from audit2seccomp.live.loading import Loader, NotLoadedError, name_thread, raw_syscall, stock_memory
from audit2seccomp.profile.assembly import marked
from audit2seccomp.profile.model import Outcome, RuleAction

_LISTENER, _SESSION, _NO_SESSION, _NOT_LOADED, _NOT_EXECUTED = b"L", b"S", b"N", b"F", b"X"
_MESSAGE = struct.Struct("=cI")
_LOGINUID, _SESSIONID = "/proc/self/loginuid", "/proc/self/sessionid"
_ANCILLARY = socket.CMSG_SPACE(struct.calcsize("i"))


class Courier:
    """Sends the listener to the recorder. From the moment on in which it is there, every call of this process waits for
    its answer: but for this one, which carries marks in arguments that sendmsg(2) does not have, and the filter lets it
    pass for these."""

    def __init__(self) -> None:
        """Choose the marks."""
        self._marks = [int.from_bytes(os.urandom(4), "little") & 0x7FFFFFFF for _ in range(3)]
        self._sendmsg = number_of("sendmsg")

    def lets_pass(self) -> bytes:
        """What stands in front of the filter."""
        return marked(self._sendmsg, dict(enumerate(self._marks, 3)), Outcome(RuleAction.ALLOW))

    def prepare(self, to: socket.socket) -> None:
        """Put everything in memory; see Loader."""
        self._to = to.fileno()
        self._syscall = raw_syscall()
        self._text = ctypes.create_string_buffer(_MESSAGE.pack(_LISTENER, 0), _MESSAGE.size)
        self._part = ctypes.create_string_buffer(struct.pack("@PN", ctypes.addressof(self._text), _MESSAGE.size))
        # struct cmsghdr, and the descriptor behind it.
        self._control = ctypes.create_string_buffer(_ANCILLARY)
        struct.pack_into(
            "@Nii", self._control, 0, socket.CMSG_LEN(struct.calcsize("i")), socket.SOL_SOCKET, socket.SCM_RIGHTS
        )
        # struct msghdr: no name, one part, the control data, no flags.
        self._message = ctypes.create_string_buffer(
            struct.pack(
                "@PIPNPNi", 0, 0, ctypes.addressof(self._part), 1, ctypes.addressof(self._control), _ANCILLARY, 0
            )
        )

    def send(self, listener: int) -> None:
        """Send it, in one call."""
        struct.pack_into("@i", self._control, socket.CMSG_LEN(0), listener)
        self._syscall(self._sendmsg, self._to, ctypes.addressof(self._message), 0, *self._marks)


class Report(NamedTuple):
    """What the recorder hears."""

    listener: int | None = None
    session: int | None = None
    error: Audit2SeccompError | None = None


class Beginning(NamedTuple):
    """What a command's process does first."""

    successor: Successor
    loader: Loader
    courier: Courier | None = None
    """Where the filter has a listener."""
    new_session: bool = False
    """Whether it gets a number of its own for the kernel's audit records (`ses=`)."""
    output_to_stderr: bool = False
    """Whether its standard output is the recorder's standard error."""

    def become(self, recorder: socket.socket, restore: Callable[[], None]) -> NoReturn:
        """Become the command, or say why not; `restore` lets signals act again."""
        try:
            restore_signals()
            if self.output_to_stderr:
                os.dup2(2, 1)
            if self.new_session:
                self._start_session(recorder)
            restore()
            gc.disable()
            stock_memory()
            name_thread(os.path.basename(self.successor.command.path))
            if self.courier is not None:
                self.courier.prepare(recorder)
            listener = self.loader.load()
            if self.courier is not None:
                self.courier.send(listener)
            recorder.send(_MESSAGE.pack(_NOT_EXECUTED, self.successor.become()))
        except NotLoadedError as error:
            recorder.send(_MESSAGE.pack(_NOT_LOADED, error.number))
        except Exception:  # this process has no caller who would hear of it
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(ExitStatus.NOT_EXECUTABLE)

    def _start_session(self, recorder: socket.socket) -> None:
        """Whoever writes a login id gets a new session number, the id that it had among them (audit_set_loginuid() in
        kernel/audit.c)."""
        try:
            with open(_LOGINUID, encoding="ascii") as file:
                user = int(file.read())
            with open(_LOGINUID, "w", encoding="ascii") as file:
                file.write(str(os.getuid() if user == AUDIT_UID_UNSET else user))
            with open(_SESSIONID, encoding="ascii") as file:
                recorder.send(_MESSAGE.pack(_SESSION, int(file.read())))
        except OSError as error:
            recorder.send(_MESSAGE.pack(_NO_SESSION, error.errno or 0))
            os._exit(ExitStatus.NOT_EXECUTABLE)

    def hear(self, command: socket.socket) -> Report | None:
        """What its process says next; None when it has become the command, or ended."""
        data, listeners, _, _ = socket.recv_fds(command, _MESSAGE.size, 1)
        if not data:
            return None
        kind, number = _MESSAGE.unpack(data)
        if kind == _LISTENER:
            os.set_inheritable(listeners[0], False)
            return Report(listeners[0])
        if kind == _SESSION:
            return Report(session=number)
        if kind == _NOT_LOADED:
            return Report(error=NotLoadedError(number))
        if kind == _NO_SESSION:
            why = os.strerror(number).lower()
            return Report(error=LiveError(f"{_LOGINUID}: cannot begin an audit session: {why}: record --via notify"))
        return Report(error=failure(self.successor.command, number))
