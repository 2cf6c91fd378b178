"""Files that threads read and unpack while those before them are scanned.

Only regular files: what may keep a reader waiting is waited for by whoever can be interrupted. Decompressors and system
calls need none of Python's locks, and the compiled scan needs it for a few milliseconds at a time."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import NamedTuple

from audit2seccomp.evidence.inputs.sources import Source

_BLOCKS = 4
"""So many blocks of a file may wait for the scanner."""


class _Ready(NamedTuple):
    block: bytes
    read: int
    """How many bytes of the file were read for it, and for what came to nothing before it."""


class _StoppedError(Exception):
    """Nobody wants the rest."""


class AheadFile:
    """One file: a thread calls `fill`, and the scanner takes `blocks`."""

    whole = True
    """As of `Source`: a regular file is there already."""

    def __init__(self, path: str, opening: Callable[[str], Source], advance: Callable[[int], object]) -> None:
        """`advance` is told how many more bytes were read, when what came of them is taken."""
        self.name = path
        self._opening = opening
        self._advance = advance
        self._room = Semaphore(_BLOCKS)
        self._ready: SimpleQueue[_Ready | BaseException | None] = SimpleQueue()
        self._stopped = False
        self._read = 0
        self.wait: Callable[[], _Ready | BaseException | None] = self._ready.get
        """Waits for the next block, or why there is none; may be replaced by what can be interrupted."""

    def fill(self) -> None:
        """Read it to its end, or to an error, which is passed on to whoever takes the blocks."""
        try:
            source = self._opening(self.name)
            counted = source._replace(read=lambda: self._counted(source.read), pause=self._pause)
            for block in counted.blocks():
                self._room.acquire()
                self._pause()
                self._ready.put(_Ready(block, self._read))
                self._read = 0
        except BaseException as error:
            self._ready.put(error)
        else:
            self._ready.put(None)

    def blocks(self) -> Generator[bytes]:
        """Its blocks, and the errors that `Source.blocks` and opening it raise."""
        try:
            while (ready := self.wait()) is not None:
                if isinstance(ready, BaseException):
                    raise ready
                self._room.release()
                self._advance(ready.read)
                yield ready.block
        finally:
            self._stopped = True
            self._room.release()

    def _counted(self, read: Callable[[], bytes]) -> bytes:
        block = read()
        self._read += len(block)
        return block

    def _pause(self) -> None:
        if self._stopped:
            raise _StoppedError


class Ahead:
    """Files in the order in which they will be taken; of each thread at most one is open."""

    def __init__(
        self, paths: Iterable[str], threads: int, opening: Callable[[str], Source], advance: Callable[[int], object]
    ) -> None:
        """The threads end with the last file."""
        self._paths = iter(paths)
        self._opening = opening
        self._advance = advance
        self._files: deque[AheadFile | None] = deque()
        self._work: SimpleQueue[AheadFile | None] = SimpleQueue()
        self._threads = threads
        for _ in range(threads):
            Thread(target=self._fill_all, daemon=True).start()
        self._go_on()

    def take(self) -> AheadFile | None:
        """The next file; the one before it must be done with. None where it is no regular file, or none any more."""
        file = self._files.popleft()
        self._go_on()
        return file

    def _go_on(self) -> None:
        """The one that is taken has a thread, too."""
        while len(self._files) < self._threads:
            path = next(self._paths, None)
            if path is None:
                for _ in range(self._threads):
                    self._work.put(None)
                self._threads = 0
                return
            file = AheadFile(path, self._opening, self._advance) if _is_regular(path) else None
            self._files.append(file)
            if file is not None:
                self._work.put(file)

    def _fill_all(self) -> None:
        while (file := self._work.get()) is not None:
            file.fill()


def _is_regular(path: str) -> bool:
    with suppress(OSError, ValueError):
        return path != "-" and stat.S_ISREG(os.stat(path).st_mode)
    return False
