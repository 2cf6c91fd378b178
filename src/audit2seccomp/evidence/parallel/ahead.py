"""Files that other processes read, while this one puts together what they find: the result is that of reading them one
after the other."""

from __future__ import annotations

import os
import pickle
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.entries import HEAD_BYTES, detect
from audit2seccomp.evidence.inputs.magic import archive_form
from audit2seccomp.evidence.jobs import WORTH_IT, process_count
from audit2seccomp.evidence.parallel.parts import Part, cut, read_part
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from types import TracebackType

    from audit2seccomp.evidence.model import Progress
    from audit2seccomp.evidence.parallel.processes import Processes
    from audit2seccomp.evidence.scan import Scanner

_LARGE_BYTES = 8 << 20
"""A log of so many bytes is left to threads, which share its lines, where the compiled scan reads it."""
_MOST_REFUSED = 2
"""After so many files in a row that had to be read again, each is read once."""


class Reach(NamedTuple):
    """How far a file was read."""

    ended: bool = False
    """Whether that is all of it."""
    bytes: int = 0
    progress: Progress | None = None
    """Where the rest goes on; None where nothing was read."""


class Ahead:
    """What a scanner reads of some files, in their order."""

    def __init__(self, paths: Sequence[str], jobs: int | None, scanner: Callable[[], Scanner]) -> None:
        """Start as many processes as are of use, before there are any threads. `scanner` makes what each of them reads
        with, with the choices of the one that counts."""
        self._processes: Processes | None = None
        count = process_count(jobs)
        reader = scanner()
        files = [_parts(path, reader) for path in paths] if count > 1 else []
        self._files = iter(files)
        self._next = 0
        self._refused = 0
        parts = [part for file in files for part in file]
        if len(parts) < 2 or sum(part.size for part in parts) < WORTH_IT:
            return
        from audit2seccomp.evidence.parallel.processes import Processes

        def work(number: int) -> bytes:
            portion = read_part(parts[number], scanner())
            return b"" if portion is None else pickle.dumps(portion, pickle.HIGHEST_PROTOCOL)

        self._processes = Processes(min(count, len(parts)), len(parts), work)

    def read(
        self,
        scanner: Scanner,
        wait: Callable[[Collection[int]], Collection[int]],
        advance: Callable[[int], object],
    ) -> Reach:
        """Have the scanner count what the next file holds, as far as processes have read it. `wait` gives those of some
        descriptors that can be read, one at least; `advance` is told how many more bytes were read."""
        if self._processes is None:
            return Reach()
        reach = Reach()
        parts = next(self._files)
        for number, part in enumerate(parts, self._next):
            found = self._processes.result(number, wait)
            if not found:
                break
            progress = scanner.put(pickle.loads(found), reach.progress)  # noqa: S301 - of a copy of this process
            self._refused = 0 if progress is not None else self._refused + 1
            if progress is None:
                break
            advance(part.size)
            reach = Reach(part.end is None, reach.bytes + part.size, progress)
        self._next += len(parts)
        if self._refused > _MOST_REFUSED:
            self._end()
        return reach

    def __enter__(self) -> Ahead:
        """The processes end with this context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nobody asks for more."""
        self._end()

    def _end(self) -> None:
        if self._processes is not None:
            self._processes.end()
            self._processes = None


def _parts(path: str, scanner: Scanner) -> list[Part]:
    """Those of a file that processes should read; none of what can be read only once."""
    if path == "-":
        return []
    with suppress(OSError, ValueError, InputError):
        status = os.stat(path)
        size = status.st_size  # of what the kernel makes up as it is read 0
        if stat.S_ISREG(status.st_mode) and size:
            if size < _LARGE_BYTES or not _holds_lines(path):
                return [Part(path, 0, None, size)]
            if scanner.is_pure:
                return cut(path, size) if scanner.reads_parts else [Part(path, 0, None, size)]
    return []


def _holds_lines(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return archive_form(head) is None and detect(head) is None
