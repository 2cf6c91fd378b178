"""Whole lines of a regular file, read by their place: whoever wants them reads them, and nothing is put together."""

from __future__ import annotations

import os
from collections.abc import Iterator

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.inputs.sources import reason
from audit2seccomp.named_tuple import NamedTuple

STRETCH_BYTES = 1 << 20
"""So much stands in a stretch, but for its last line: less costs more for each byte, and more does not stay in the
processor's cache."""
_WINDOW_BYTES = 1 << 14
"""A stretch ends with the last line that ends in so many bytes: nearly all lines are shorter."""


class Stretch(NamedTuple):
    """Some lines of a file."""

    name: str
    descriptor: int
    start: int
    end: int

    def read(self) -> bytes:
        """The lines, behind the newline that ends the one above. Of a file that was truncated meanwhile, those that are
        left. Raises InputError."""
        size = self.end - self.start + 1
        try:
            lines = os.pread(self.descriptor, size, self.start - 1)
        except OSError as error:
            raise InputError(f"{self.name}: {reason(error)}") from error
        if len(lines) == size and lines.endswith(b"\n"):
            return lines
        return lines[: lines.rfind(b"\n") + 1] or b"\n"

    @property
    def size(self) -> int:
        """How many bytes the lines have."""
        return self.end - self.start


def stretches(name: str, descriptor: int, unended: int = 0, limit: int | None = None) -> Iterator[Stretch]:
    """The next lines of a file that was read up to its position; so many of the last bytes are of a line that has not
    ended, with which the first stretch begins. Where there are none, or no more that end at the limit at the latest,
    the file is at the first byte that none of them holds. Raises InputError."""
    try:
        start = os.lseek(descriptor, 0, os.SEEK_CUR) - unended
        if start == 0 or os.pread(descriptor, 1, start - 1) != b"\n":
            return
        while (end := _end(descriptor, start)) is not None and (limit is None or end <= limit):
            os.lseek(descriptor, end, os.SEEK_SET)
            yield Stretch(name, descriptor, start, end)
            start = end
    except OSError as error:
        raise InputError(f"{name}: {reason(error)}") from error


def _end(descriptor: int, start: int) -> int | None:
    """Where the stretch ends that begins there; None where too little is left, or a line is very long."""
    at = start + STRETCH_BYTES - _WINDOW_BYTES
    window = os.pread(descriptor, _WINDOW_BYTES, at)
    newline = window.rfind(b"\n") if len(window) == _WINDOW_BYTES else -1
    return None if newline < 0 else at + newline + 1
