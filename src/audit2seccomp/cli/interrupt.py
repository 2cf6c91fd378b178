"""Ctrl-C and SIGTERM end the reading, not the work: what was read until then is still counted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
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
        self._old: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Interruption:
        """Take the signals over."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._old[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def guard(self, read: Callable[[], T]) -> Callable[[], T]:
        """A read, or the opening of what is to be read, that raises Interrupted when a signal comes, or came."""

        def guarded() -> T:
            with self.blocking():
                if self.signum is not None:
                    raise Interrupted
                return read()

        return guarded

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
