"""How the command's process begins: what it does before it becomes the command, and what it tells the recorder."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from errno import EMFILE, ENOMEM
from typing import NoReturn

from audit2seccomp.errors import LiveError
from audit2seccomp.kernel.uapi import AUDIT_UID_UNSET
from audit2seccomp.live.command import Successor, failure, restore_signals
from audit2seccomp.live.descriptors import STDERR, STDOUT
from audit2seccomp.live.host import number_of
from audit2seccomp.live.libc import name_thread, raw_syscall
from audit2seccomp.live.loading import Loader, NotLoadedError, stock_memory
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.assembly import marked
from audit2seccomp.profile.model import Outcome, RuleAction

_MESSAGE = struct.Struct("=II")
_NO_ERRNO = 255
"""The exit status of a process that did not become the command; see `Courier.send` for others."""
_LOGINUID, _SESSIONID = "/proc/self/loginuid", "/proc/self/sessionid"
_ANCILLARY = socket.CMSG_SPACE(struct.calcsize("i"))


class _Said(IntEnum):
    """What the command's process says, each with a number."""

    LISTENER = 1
    """Here it is."""
    SESSION = 2
    """The number of its audit session."""
    NOT_BEGUN = 3
    """An errno, as in all that follow."""
    NO_SESSION = 4
    NOT_LOADED = 5
    NOT_EXECUTED = 6

    def to(self, recorder: socket.socket, number: int) -> None:
        """Say it. Raises OSError."""
        recorder.send(_MESSAGE.pack(self, number))


class Courier:
    """Sends the listener to the recorder. From the moment on in which it is there, every call of this process waits for
    its answer: but for this one, and that which ends the process where it fails. They carry marks in arguments that
    sendmsg(2) and exit_group(2) do not have, and the filter lets them pass for these."""

    def __init__(self) -> None:
        """Choose the marks."""
        self._marks = [int.from_bytes(os.urandom(4), "little") & 0x7FFFFFFF for _ in range(3)]
        self._sendmsg = number_of("sendmsg")
        self._exit = number_of("exit_group")

    def lets_pass(self) -> bytes:
        """What stands in front of the filter."""
        marks = dict(enumerate(self._marks, 3))
        return b"".join(marked(nr, marks, Outcome(RuleAction.ALLOW)) for nr in (self._sendmsg, self._exit))

    def prepare(self, to: socket.socket) -> None:
        """Put everything in memory; see Loader."""
        self._to = to.fileno()
        self._text = ctypes.create_string_buffer(_MESSAGE.pack(_Said.LISTENER, 0), _MESSAGE.size)
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
        """Send it, in one call. Where that fails, this process ends with the errno as its status: nobody would ever
        answer."""
        struct.pack_into("@i", self._control, socket.CMSG_LEN(0), listener)
        if raw_syscall(self._sendmsg, self._to, ctypes.addressof(self._message), 0, *self._marks) < 0:
            raw_syscall(self._exit, ctypes.get_errno(), 0, 0, *self._marks)


class Report(NamedTuple):
    """What the recorder hears."""

    listener: int | None = None
    session: int | None = None
    error: Exception | None = None


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
            self._become(recorder, restore)
        except NotLoadedError as error:
            _say(recorder, _Said.NOT_LOADED, error.number)
        except OSError as error:
            _say(recorder, _Said.NOT_BEGUN, error.errno or 0)
        except MemoryError:
            _say(recorder, _Said.NOT_BEGUN, ENOMEM)
        except Exception:  # this process has no caller who would hear of it
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(_NO_ERRNO)

    def _become(self, recorder: socket.socket, restore: Callable[[], None]) -> None:
        restore_signals()
        if self.output_to_stderr:
            os.dup2(STDERR, STDOUT)
        if self.new_session:
            try:
                session = _start_session()
            except OSError as error:
                return _say(recorder, _Said.NO_SESSION, error.errno or 0)
            _Said.SESSION.to(recorder, session)
        restore()
        gc.disable()
        stock_memory()
        name_thread(os.path.basename(self.successor.command.path))
        if self.courier is not None:
            self.courier.prepare(recorder)
        listener = self.loader.load()
        if self.courier is not None:
            self.courier.send(listener)
        return _say(recorder, _Said.NOT_EXECUTED, self.successor.become())

    def hear(self, command: socket.socket) -> Report | None:
        """What its process says next; None when it has become the command, or ended."""
        data, listeners, _, _ = socket.recv_fds(command, _MESSAGE.size, 1)
        if not data:
            return None
        kind, number = _MESSAGE.unpack(data)
        if kind == _Said.LISTENER:
            if not listeners:  # the kernel drops what it has no number for
                raise OSError(EMFILE, os.strerror(EMFILE))
            os.set_inheritable(listeners[0], False)
            return Report(listeners[0])
        if kind == _Said.SESSION:
            return Report(session=number)
        return Report(error=self._error(_Said(kind), number))

    def _error(self, said: _Said, number: int) -> Exception:
        match said:
            case _Said.NOT_LOADED:
                return NotLoadedError(number)
            case _Said.NO_SESSION:
                why = f"cannot begin an audit session: {os.strerror(number).lower()}"
                return LiveError(f"{_LOGINUID}: {why}: record --via notify")
            case _Said.NOT_BEGUN:
                return OSError(number, os.strerror(number))
            case _:
                return failure(self.successor.command, number)


def _start_session() -> int:
    """Begin an audit session, and return its number: whoever writes a login id gets a new one, the id that it had among
    them (audit_set_loginuid() in kernel/audit.c). Raises OSError."""
    with open(_LOGINUID, encoding="ascii") as file:
        user = int(file.read())
    with open(_LOGINUID, "w", encoding="ascii") as file:
        file.write(str(os.getuid() if user == AUDIT_UID_UNSET else user))
    with open(_SESSIONID, encoding="ascii") as file:
        return int(file.read())


def _say(recorder: socket.socket, said: _Said, number: int) -> None:
    """The last thing that this process says; where it cannot, the guardian cannot say how it ended either."""
    with suppress(OSError):
        said.to(recorder, number)
