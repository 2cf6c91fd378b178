"""Parts of files, each of which a process of its own can read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.beginning import TEXT
from audit2seccomp.evidence.inputs.sources import Source, from_path
from audit2seccomp.evidence.model import Progress
from audit2seccomp.evidence.portion import Portion
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text.context import application_above
from audit2seccomp.named_tuple import NamedTuple

PART_BYTES = 64 << 20
"""So much stands in a part. In one with a quarter of that a pure scan takes half as long again for each byte, since it
looks at each different text in each part."""
_WINDOW_BYTES = 1 << 16
"""A part ends with the first line that ends in so many bytes, and so many above it show what its first line may be."""


class Part(NamedTuple):
    """Whole lines of a file, or all of it."""

    path: str
    start: int
    end: int | None
    """None: up to its end, wherever that is by then."""
    size: int
    """How many bytes it had when it was cut off."""


def cut(path: str, size: int) -> list[Part]:
    """Cut a file of that size, which holds lines, into parts. Raises OSError."""
    ends: list[int] = []
    with open(path, "rb") as file:
        for at in range(PART_BYTES, size - PART_BYTES // 2, PART_BYTES):
            newline = os.pread(file.fileno(), _WINDOW_BYTES, at).find(b"\n")
            if newline >= 0:
                ends.append(at + newline + 1)
    starts = [0, *ends]
    return [Part(path, start, end, (end or size) - start) for start, end in zip(starts, [*ends, None], strict=True)]


def read_part(part: Part, scanner: Scanner) -> Portion | None:
    """What a new scanner finds in a part; None where the one that counts must see for itself."""
    scanner.remember_all()
    application = False
    try:
        source = from_path(part.path, part.start)
        if part.start:
            above = _above(source, part.start)
            if above is None:
                source.close()
                return None
            application = above
        if part.end is not None:
            source = source._replace(read=_up_to(source.read, part.size), file=None)
        scan_source(scanner, source, Progress(TEXT, application=application) if part.start else None)
    except InputError:
        return None
    return scanner.portion(application=application) if part.start or scanner.inputs else None


def _above(source: Source, start: int) -> bool | None:
    """Whether the lines above are of an application's message; None where they do not tell."""
    assert source.file is not None
    size = min(start, _WINDOW_BYTES)
    lines = os.pread(source.file, size, start - size)
    return application_above(lines if size == start else lines[lines.find(b"\n") + 1 :])


def _up_to(read: Callable[[], bytes], size: int) -> Callable[[], bytes]:
    """The same, but no more than so many bytes."""

    def some() -> Iterator[bytes]:
        left = size
        while left and (block := read()):
            yield block[:left]
            left -= len(block[:left])

    blocks = some()
    return lambda: next(blocks, b"")
