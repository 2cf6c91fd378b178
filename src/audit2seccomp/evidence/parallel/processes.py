"""Processes that do tasks in the order in which their results will be asked for, a few ahead of that."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import NoReturn

_NUMBER_BYTES = 8
_READ_BYTES = 1 << 20
_SPARE_FILES = 8
"""So many more must it be possible to open, for what the parent reads and writes."""
_AHEAD = 2
"""So many results for each process may be there, or in work, before anybody asks for them."""


class _Process:
    """One of them, as the parent sees it."""

    def __init__(self, pid: int, orders: int, answers: int) -> None:
        """`orders` takes the number of a task, `answers` gives the size of its result, and that."""
        self.pid = pid
        self.orders = orders
        self.answers = answers
        self.task: int | None = None
        self.answer = bytearray()

    def close(self) -> None:
        """Close the pipes; a process that waits for an order ends."""
        os.close(self.orders)
        os.close(self.answers)


class Processes:
    """Copies of this process, each of which does one task after the other. A task that fails, or whose process ends,
    has an empty result, so that whoever asks does it again and sees why."""

    def __init__(self, count: int, tasks: int, work: Callable[[int], bytes]) -> None:
        """Start so many, before there are any threads. `work` does the task of that number, counted from 0."""
        self._work = work
        self._waiting = deque(range(tasks))
        self._results: dict[int, bytes] = {}
        self._asked = 0
        self._processes: list[_Process] = []
        self._ahead = _AHEAD * count
        spare: list[int] = []
        try:
            spare.extend(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC) for _ in range(_SPARE_FILES))
            for _ in range(count):
                self._start()
        except OSError:
            self.end()  # processes or open files are scarce: they are left to others
        finally:
            for descriptor in spare:
                os.close(descriptor)

    def result(self, task: int, wait: Callable[[Collection[int]], Collection[int]]) -> bytes:
        """The result of that task, which stands behind those that were asked for; those between are left out. `wait`
        gives those of some descriptors that can be read, one at least."""
        self._asked = task
        for left_out in [number for number in self._results if number < task]:
            del self._results[left_out]
        self._hand_out()
        while self._will_come(task):
            ready = wait([process.answers for process in self._processes if process.task is not None])
            for process in [one for one in self._processes if one.answers in ready]:
                self._receive(process)
            self._hand_out()
        return self._results.pop(task, b"")

    def _will_come(self, task: int) -> bool:
        """Whether a process does it, or will when it is done with others."""
        waits = bool(self._processes) and bool(self._waiting) and self._waiting[0] <= task
        return waits or any(process.task == task for process in self._processes)

    def end(self) -> None:
        """End all of them, whatever they do."""
        for process in self._processes:
            process.close()
            os.kill(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)
        self._processes.clear()

    def _start(self) -> None:
        pipes: list[int] = []
        try:
            for _ in range(2):
                pipes += os.pipe2(os.O_CLOEXEC)
            from_parent, orders, answers, to_parent = pipes
            pid = self._fork(from_parent, orders, answers, to_parent)
        except OSError:
            for end in pipes:
                os.close(end)
            raise
        os.close(from_parent)
        os.close(to_parent)
        self._processes.append(_Process(pid, orders, answers))

    def _fork(self, from_parent: int, orders: int, answers: int, to_parent: int) -> int:
        # A signal is the parent's, until the copy has other handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            pid = os.fork()
            if not pid:
                with suppress(BaseException):
                    # Nobody but the parent may hold the other ends, or a copy would outlive it.
                    for process in (*self._processes, _Process(0, orders, answers)):
                        process.close()
                    self._serve(from_parent, to_parent, before)
                os._exit(1)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid

    def _serve(self, orders: int, answers: int, mask: set[signal.Signals | int]) -> NoReturn:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the parent decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        while order := os.read(orders, _NUMBER_BYTES):
            result = b""
            with suppress(Exception):
                result = self._work(int.from_bytes(order))
            left = memoryview(len(result).to_bytes(_NUMBER_BYTES) + result)
            while left:
                left = left[os.write(answers, left) :]
        os._exit(0)

    def _hand_out(self) -> None:
        while self._waiting and self._waiting[0] < self._asked:
            self._waiting.popleft()
        for process in self._processes:
            if process.task is None and self._waiting and self._waiting[0] < self._asked + self._ahead:
                process.task = self._waiting.popleft()
                with suppress(BrokenPipeError):  # then its answer is the end of the file
                    os.write(process.orders, process.task.to_bytes(_NUMBER_BYTES))

    def _receive(self, process: _Process) -> None:
        assert process.task is not None
        some = os.read(process.answers, _READ_BYTES)
        process.answer += some
        size = int.from_bytes(process.answer[:_NUMBER_BYTES])
        if some and len(process.answer) < _NUMBER_BYTES + size:
            return
        if some:
            if process.task >= self._asked:
                self._results[process.task] = bytes(process.answer[_NUMBER_BYTES:])
        else:
            self._processes.remove(process)
            process.close()
            os.waitpid(process.pid, 0)
        process.task = None
        process.answer.clear()
