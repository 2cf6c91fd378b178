"""Files that other processes read, while this one puts together what they find: the result is that of reading them one
after the other."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.entries import HEAD_BYTES, detect
from audit2seccomp.evidence.inputs.magic import archive_form
from audit2seccomp.evidence.inputs.sources import from_path
from audit2seccomp.evidence.jobs import WORTH_IT, process_count
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.text.compiled import is_compiled

if TYPE_CHECKING:
    from types import TracebackType

    from audit2seccomp.evidence.processes import Processes
    from audit2seccomp.evidence.scan import Scanner

_LARGE_BYTES = 8 << 20
"""A log of so many bytes is left to threads, which share its lines, where there is a compiled scan."""
_MOST_REFUSED = 2
"""After so many files in a row that had to be read again, each is read once."""


class Ahead:
    """What a scanner reads of some files, in their order."""

    def __init__(self, paths: Sequence[str], jobs: int | None, scanner: Callable[[], Scanner]) -> None:
        """Start as many processes as are of use, before there are any threads. `scanner` makes what each of them reads
        a file with, with the choices of the one that counts."""
        sizes = [_size_of_task(path) for path in paths]
        self._sizes = iter(sizes)
        self._next = 0
        self._refused = 0
        self._processes: Processes | None = None
        tasks = [path for path, size in zip(paths, sizes, strict=True) if size]
        count = min(process_count(jobs), len(tasks))
        if count < 2 or sum(sizes) < WORTH_IT:
            return
        from audit2seccomp.evidence.processes import Processes

        self._processes = Processes(count, len(tasks), lambda task: _found_in(tasks[task], scanner()))

    def read(self, scanner: Scanner, wait: Callable[[Collection[int]], Collection[int]]) -> int:
        """Have the scanner count what the next file holds. Returns its size; 0 where it is for the caller to read.
        `wait` gives those of some descriptors that can be read, one at least."""
        size = next(self._sizes)
        if not size or self._processes is None:
            return 0
        found = self._processes.result(self._next, wait)
        self._next += 1
        if found:
            import pickle

            if scanner.put(pickle.loads(found)):  # noqa: S301 - of a copy of this process
                self._refused = 0
                return size
        self._refused += 1
        if self._refused > _MOST_REFUSED:
            self._end()
        return 0

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


def _size_of_task(path: str) -> int:
    """The size of a file that a process should read; 0 for others, and for what can be read only once."""
    if path == "-":
        return 0
    with suppress(OSError, ValueError):
        status = os.stat(path)
        if stat.S_ISREG(status.st_mode) and not (
            is_compiled() and status.st_size >= _LARGE_BYTES and _is_plain_text(path)
        ):
            return status.st_size  # of what the kernel makes up as it is read 0
    return 0


def _is_plain_text(path: str) -> bool:
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return archive_form(head) is None and detect(head) is None


def _found_in(path: str, scanner: Scanner) -> bytes:
    """What a scanner finds in a file, for another process; nothing where that one must see for itself."""
    import pickle

    scanner.remember_all()
    try:
        scan_source(scanner, from_path(path))
    except InputError:
        return b""
    return pickle.dumps(scanner.portion(), pickle.HIGHEST_PROTOCOL) if scanner.inputs else b""
