"""User notification: the kernel holds each call until it is answered, so that none is lost (seccomp_unotify(2))."""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from errno import EINTR, ENOENT
from fcntl import ioctl

from audit2seccomp.evidence.counter import CallCounter
from audit2seccomp.evidence.decide import Outcome
from audit2seccomp.evidence.model import SeccompRecord
from audit2seccomp.kernel.seccomp import (
    NOTIF_BYTES,
    NOTIF_RESP_LAYOUT,
    SECCOMP_IOCTL_NOTIF_RECV,
    SECCOMP_IOCTL_NOTIF_SEND,
    SECCOMP_IOCTL_NOTIF_SET_FLAGS,
    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
    SECCOMP_USER_NOTIF_FLAG_CONTINUE,
)
from audit2seccomp.kernel.uapi import Action
from audit2seccomp.live.host import numbers_of
from audit2seccomp.live.launch import Launch
from audit2seccomp.named_tuple import NamedTuple

_ZEROS = bytes(NOTIF_BYTES)
_ID = slice(0, 8)
_PID = slice(8, 12)
_CALL = slice(16, 24)
"""Where struct seccomp_notif has them: the id, the thread, and the number and the arch of its struct seccomp_data."""
_CALL_LAYOUT = struct.Struct("=iI")
_CONTINUE = struct.pack(NOTIF_RESP_LAYOUT, 0, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)[8:]
MAX_NOTED = 8192
"""After so many notes, each of a thread and a call that it made for the first time, all threads are forgotten. That
bounds the memory that a program can make this one take; and those that were killed, and could not say that they ended,
are forgotten before the kernel gives their numbers to others."""
_ENDINGS = ("exit", "exit_group")
_NEW_NAMES = ("execve", "execveat", "prctl", "setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32")
"""Calls behind which a thread may have another name, program or user."""


INTERRUPTED = (
    "a signal interrupted a call before it was counted: such calls fail with EINTR, which the command may not expect: "
    "--via audit makes none fail"
)


class _Thread(NamedTuple):
    """Who makes calls, and which it made since it is that."""

    process: bytes | None
    """Its process, told as `_PID` tells a thread."""
    comm: bytes | None
    exe: bytes | None
    uid: int | None
    calls: dict[bytes, _Made]


class _Made:
    """A call, and how often and when."""

    __slots__ = ("events", "last", "outcome")

    def __init__(self, outcome: Outcome, now: float) -> None:
        self.outcome = outcome
        self.events = 1
        self.last = now


class Listener:
    """Answers each call with: go on."""

    def __init__(
        self, descriptor: int, counter: CallCounter, launch: Launch, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """`counter` counts them; those of `launch` come first. `say` tells the user something meanwhile."""
        self.descriptor = descriptor
        self._counter = counter
        self._threads: dict[bytes, _Thread] = {}
        self._made: dict[bytes, dict[bytes, _Made]] = {}
        self._noted = 0
        self._say = say
        self._next: int | None = None
        """The number of the next call; the kernel numbers them one by one."""
        self.interrupted = 0
        """How many calls a signal ended before they could be taken: they fail with EINTR, are made again, or their
        thread is gone."""
        self.hidden = False
        """Whether the program of a call could not be looked up, as for a file that its user may run and not read."""
        self._launch: Launch | None = launch
        """Until the command makes its own calls."""
        self._changing = {_CALL_LAYOUT.pack(nr, arch) for arch, nr in numbers_of(*_ENDINGS, *_NEW_NAMES)}
        with suppress(OSError):  # a kernel before 6.6 only takes longer
            ioctl(descriptor, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)

    def take(self) -> None:
        """Answer one call, when poll(2) says that one waits."""
        try:
            notification = ioctl(self.descriptor, SECCOMP_IOCTL_NOTIF_RECV, _ZEROS)
        except OSError as error:
            if error.errno in (ENOENT, EINTR):  # its thread was killed, or had a signal and will ask again
                return
            raise
        number = int.from_bytes(notification[_ID], sys.byteorder)
        if number != self._next:
            self._note_interrupted(number)
        self._next = number + 1
        made = self._made.get(notification[_PID])
        known = made and made.get(notification[_CALL])
        if known:
            known.events += 1
            known.last = time.time()
        else:
            self._note(notification)
        with suppress(FileNotFoundError):  # the same
            ioctl(self.descriptor, SECCOMP_IOCTL_NOTIF_SEND, notification[_ID] + _CONTINUE)

    def finish(self) -> None:
        """No more calls come."""
        self._forget_all()
        os.close(self.descriptor)

    def _note_interrupted(self, number: int) -> None:
        """Calls up to that one never came."""
        if self._next is None:
            return
        if not self.interrupted:
            self._say(INTERRUPTED)
        self.interrupted += (number - self._next) % (1 << 64)

    def _note(self, notification: bytes) -> None:
        """A call that this thread did not make before, as what it is now; it waits meanwhile."""
        pid, call = notification[_PID], notification[_CALL]
        nr, arch = _CALL_LAYOUT.unpack(call)
        self._noted += 1
        if self._noted > MAX_NOTED:
            self._forget_all()
        thread = self._threads.get(pid)
        if thread is None:
            thread = self._threads[pid] = self._as_launched(_who(int.from_bytes(pid, sys.byteorder)), (arch, nr))
            self._made[pid] = thread.calls
            self.hidden = self.hidden or thread.exe is None
        now = time.time()
        record = SeccompRecord(
            int(now * 1000),
            None,
            arch,
            nr,
            Action.LOG.value,  # what came of it is the same: it was noted, and ran
            int.from_bytes(pid, sys.byteorder),
            thread.uid,
            thread.comm,
            thread.exe,
            None,
        )
        thread.calls[call] = _Made(self._counter.outcome(record), now)
        if call in self._changing:
            self._forget(pid)
            # Of a process in which any thread executes a program, the first thread goes on as that.
            if thread.process is not None and thread.process in self._threads:
                self._forget(thread.process)

    def _as_launched(self, thread: _Thread, call: tuple[int, int]) -> _Thread:
        if self._launch is None:
            return thread
        if (thread.exe, call) == (self._launch.by, self._launch.call):
            return thread._replace(exe=self._launch.exe)
        self._launch = None
        return thread

    def _forget_all(self) -> None:
        for pid in list(self._threads):
            self._forget(pid)
        self._noted = 0

    def _forget(self, pid: bytes) -> None:
        """Count what a thread did, which may be another one now."""
        thread = self._threads.pop(pid)
        del self._made[pid]
        for made in thread.calls.values():
            self._counter.add(made.outcome, made.events, int(made.last * 1000))


def _who(pid: int) -> _Thread:
    """What proc(5) says of a thread; 0 is one that this process cannot see."""
    comm = exe = uid = process = None
    if pid:
        with suppress(OSError), open(f"/proc/{pid}/comm", "rb") as file:
            comm = file.read().removesuffix(b"\n")
        with suppress(OSError):
            exe = os.readlink(b"/proc/%d/exe" % pid)
        with suppress(OSError, IndexError), open(f"/proc/{pid}/status", "rb") as file:
            fields = dict(line.split(b":\t", 1) for line in file.read().splitlines() if b":\t" in line)
            process = int(fields[b"Tgid"]).to_bytes(4, sys.byteorder)
            uid = int(fields[b"Uid"].split()[0])
    return _Thread(process, comm, exe, uid, {})
