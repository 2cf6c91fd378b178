"""Threads that look at the blocks of a log while it is read on: what they do needs none of Python's locks.

Only looking is done by many: what was found is counted by one thread, in the order of the log, so that the result is
the same whatever the number of workers."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from audit2seccomp.evidence.text import _scan
from audit2seccomp.evidence.text.compiled import in_time

if TYPE_CHECKING:
    from audit2seccomp.evidence.text.compiled import CompiledScan


class Look:
    """What a worker will have found in a block."""

    def __init__(self, compiled: CompiledScan, block: bytes) -> None:
        """Nothing yet."""
        self.compiled = compiled
        self.block = block
        self.known = compiled.outlines.count
        """So many outlines at least are looked for."""
        self.result: _scan.Found | BaseException | None = None
        self.done = Lock()
        self.done.acquire()

    def found(self) -> _scan.Found:
        """Wait for it; raises MemoryError."""
        self.done.acquire()
        if not isinstance(self.result, _scan.Found):
            assert self.result is not None
            raise self.result
        return self.result


class Workers:
    """So many threads; they start with the first block, and end with the process."""

    def __init__(self, threads: int) -> None:
        """None of them runs yet."""
        self._threads = threads
        self.ahead = 2 * threads
        """So many blocks may be looked at, or wait for it: a few hundred kilobytes each."""
        self._running = False
        self._looks: SimpleQueue[Look] = SimpleQueue()

    def look(self, compiled: CompiledScan, block: bytes) -> Look:
        """Have a worker look at a block."""
        if not self._running:
            self._running = True
            for _ in range(self._threads):
                Thread(target=self._work, daemon=True).start()
        look = Look(compiled, block)
        self._looks.put(look)
        return look

    def _work(self) -> None:
        compiled, calls = None, _scan.Calls()
        while True:
            look = self._looks.get()
            if look.compiled is not compiled:
                compiled, calls = look.compiled, _scan.Calls()
            calls = in_time(calls)
            try:
                look.result = look.compiled.scan_with(look.block, calls)
            except BaseException as error:
                look.result = error
            look.done.release()
