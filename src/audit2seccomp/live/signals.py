"""Signals to the recorder as data: which came, and whether the command has had them, too."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from audit2seccomp.live.libc import signalfd
from audit2seccomp.named_tuple import NamedTuple

_OWN = {
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGCHLD,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGSYS,
    signal.SIGABRT,
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGXCPU,
}
"""What no process can hold back, or what is about this process alone."""
_SIGINFO_BYTES = 128
"""sizeof(struct signalfd_siginfo): u32 ssi_signo, s32 ssi_errno, s32 ssi_code, … (include/uapi/linux/signalfd.h)."""
_SIGINFO_START = struct.Struct("=Iii")
_OF_TERMINAL = {
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGCONT,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGWINCH,
}
"""What a terminal sends to a whole group of processes (drivers/tty/). What else the kernel sends is for one process, as
SIGALRM is of a timer that was set before this program was executed."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""What a user, a terminal or a service manager asks a program to end by."""


class Arrival(NamedTuple):
    """A signal that came."""

    number: int
    to_all: bool
    """The terminal sent it to the whole foreground group, so the command has had it."""


class Signals:
    """Signals that wait to be read."""

    def __init__(self, descriptor: int, mask: set[int], *, children_ignored: bool) -> None:
        """See `held_back`; what was blocked before, and whether SIGCHLD was ignored."""
        self.descriptor = descriptor
        self._mask_before = mask
        self._children_ignored = children_ignored

    def restore(self) -> None:
        """Let them act as before, in a child that is to become the command."""
        if self._children_ignored:
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)

    def arrived(self) -> Iterator[Arrival]:
        """Those that came since."""
        while True:
            try:
                data = os.read(self.descriptor, _SIGINFO_BYTES)
            except BlockingIOError:
                return
            number, _, code = _SIGINFO_START.unpack_from(data)
            # SI_USER, SI_QUEUE and SI_TKILL are not positive; SI_KERNEL is (include/uapi/asm-generic/siginfo.h).
            yield Arrival(number, to_all=code > 0 and number in _OF_TERMINAL)


@contextmanager
def held_back() -> Iterator[Signals]:
    """In here signals end or stop nothing, and can be read (signalfd(2)); afterwards those that nobody read act. And
    children can be waited for, also where SIGCHLD was blocked or ignored."""
    wanted = {number for number in signal.valid_signals() if number not in _OWN}
    descriptor = signalfd(wanted)
    before = set(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, wanted)))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    children = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield Signals(descriptor, before, children_ignored=children is signal.SIG_IGN)
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGCHLD, children)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
