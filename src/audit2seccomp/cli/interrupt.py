"""Ctrl-C and SIGTERM end the reading, not the work: what was read until then is still counted."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The reading was asked to end. A BaseException, so that no handler for errors takes it for one."""


class Interruption:
    """While this context is open, a signal makes a guarded read or a write that may block raise Interrupted, and the
    work between goes on undisturbed."""

    def __init__(self) -> None:
        """Nothing happened yet."""
        self.signum: int | None = None
        """The signal that came, if any."""
        self._blocking = False
        self._wake: tuple[int, int] | None = None
        """A pipe that each signal writes to: Python runs a handler only between two of its own steps, so one that comes
        just before a system call blocks would otherwise wait for that to end."""
        self._old: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Interruption:
        """Take the signals over."""
        self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for end in self._wake or ():
            os.close(end)
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def guard(self, wait: Callable[[], T], descriptor: int | None = None) -> Callable[[], T]:
        """Something that may block, such as a read, that raises Interrupted when a signal comes, or came.

        With the descriptor that a read waits for, no signal is missed, and nothing that was read; without, one that
        comes in the last moment before the system call acts when that ends.
        """

        def guarded() -> T:
            if descriptor is not None and self._wake is not None:
                self.wait([descriptor])
                return wait()  # what is there, without blocking
            with self.blocking():
                if self.signum is not None:
                    raise Interrupted
                return wait()

        return guarded

    def wait(self, descriptors: Collection[int], seconds: float | None = None) -> list[int]:
        """Wait until some of these can be read, or so long; those that can. Raises Interrupted when a signal comes, or
        came; none is missed."""
        assert self._wake is not None
        if self.signum is None:
            # The signal may come here: then the pipe holds a byte.
            ready = select.select([*descriptors, self._wake[0]], [], [], seconds)[0]
        if self.signum is not None:
            raise Interrupted
        return ready

    @contextmanager
    def blocking(self) -> Iterator[None]:
        """In here a signal that comes raises Interrupted; one that came before does not."""
        self._blocking = True
        try:
            yield
        finally:
            self._blocking = False

    @property
    def exit_status(self) -> int | None:
        """What a shell reports for a process that the signal ended."""
        return None if self.signum is None else 128 + self.signum

    def _handle(self, signum: int, _frame: FrameType | None) -> None:
        self.signum = signum
        if self._blocking:
            raise Interrupted
