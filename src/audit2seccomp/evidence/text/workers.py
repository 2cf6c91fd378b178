"""Threads that read parts of a log and look at them, which needs none of Python's locks.

Only that is done by many: what was found is counted by one thread, in the order of the log, so that the result is the
same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from audit2seccomp.evidence.text import _scan
from audit2seccomp.evidence.text.compiled import in_time

if TYPE_CHECKING:
    from audit2seccomp.evidence.text.compiled import CompiledScan


class Look:
    """What a worker reads, and what it finds there, or somebody who would have to wait for it."""

    block: bytes
    found: _scan.Found

    def __init__(self, compiled: CompiledScan, read: Callable[[], bytes]) -> None:
        """Nothing yet."""
        self.compiled = compiled
        self._read = read
        self.known = compiled.outlines.count
        """So many outlines at least are looked for."""
        self._error: BaseException | None = None
        self._claim = Lock()
        self._doing = Lock()
        self._doing.acquire()

    def wait(self) -> None:
        """Until it is done; raises what reading raises, and MemoryError."""
        self._doing.acquire()
        if self._error is not None:
            raise self._error

    @property
    def is_done(self) -> bool:
        """Whether nobody need wait."""
        return not self._doing.locked()

    def claim(self) -> bool:
        """Whether the caller is the one who takes it."""
        return self._claim.acquire(blocking=False)

    def take(self, calls: _scan.Calls) -> None:
        """Read and look, with a table that nobody else uses meanwhile."""
        try:
            self.block = self._read()
            self.found = self.compiled.scan_with(self.block, calls)
        except BaseException as error:
            self._error = error
        self._doing.release()


class Workers:
    """So many threads; they start with the first block, and end with the process."""

    def __init__(self, threads: int) -> None:
        """None of them runs yet; the one who reads what they found is another one."""
        self._threads = threads
        self.ahead = 2 * (threads + 1)
        """So many blocks may be looked at, or wait for it: a few megabytes each at most."""
        self._running = False
        self._looks: SimpleQueue[Look] = SimpleQueue()

    def look(self, compiled: CompiledScan, read: Callable[[], bytes]) -> Look:
        """Have a worker read a block and look at it."""
        if not self._running:
            self._running = True
            for _ in range(self._threads):
                Thread(target=self._work, daemon=True).start()
        look = Look(compiled, read)
        self._looks.put(look)
        return look

    def _work(self) -> None:
        compiled, calls = None, _scan.Calls()
        while True:
            look = self._looks.get()
            if not look.claim():
                continue
            if look.compiled is not compiled:
                compiled, calls = look.compiled, _scan.Calls()
            calls = in_time(calls)
            look.take(calls)
            del look  # or what it holds would last until the next one comes
