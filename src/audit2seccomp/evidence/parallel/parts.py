"""Parts of files, each of which a process of its own can read."""

from __future__ import annotations

import os
from collections.abc import Callable

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.beginning import TEXT
from audit2seccomp.evidence.inputs import sources
from audit2seccomp.evidence.inputs.sources import Source, from_path
from audit2seccomp.evidence.inputs.stretches import stretches
from audit2seccomp.evidence.model import Progress
from audit2seccomp.evidence.parallel.portion import Portion
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text.context import application_above
from audit2seccomp.named_tuple import NamedTuple

PART_BYTES = 64 << 20
"""So much stands in a part. In one with a quarter of that a pure scan takes half as long again for each byte, since it
looks at each different text in each part."""
_ABOVE_BYTES = 1 << 16
"""So many bytes above a part show whether its first line goes on with a message."""


class Part(NamedTuple):
    """Whole lines of a file, or all of it."""

    path: str
    start: int
    end: int | None
    """None: up to its end, wherever that is by then."""
    size: int
    """How many bytes it had when it was cut off."""


def cut(path: str, size: int) -> list[Part]:
    """Cut a file of that size, which holds lines, into parts, where a scanner that reads all of it would cut it too.
    Raises OSError and InputError."""
    starts = [0]
    with open(path, "rb", buffering=0) as file:
        first = os.pread(file.fileno(), sources.BLOCK_BYTES, 0)
        file.seek(first.rfind(b"\n") + 1)
        for stretch in stretches(path, file.fileno()):
            if starts[-1] + PART_BYTES <= stretch.start <= size - PART_BYTES // 2:
                starts.append(stretch.start)
    ends: list[int | None] = [*starts[1:], None]
    return [Part(path, start, end, (end or size) - start) for start, end in zip(starts, ends, strict=True)]


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
            source = source._replace(read=_first(source, part.start, part.end), end=part.end)
        scan_source(scanner, source, Progress(TEXT, application=application) if part.start else None)
    except InputError:
        return None
    return scanner.portion(application=application) if part.start or scanner.inputs else None


def _above(source: Source, start: int) -> bool | None:
    """Whether the lines above are of an application's message; None where they do not tell."""
    assert source.file is not None
    size = min(start, _ABOVE_BYTES)
    lines = os.pread(source.file, size, start - size)
    return application_above(lines if size == start else lines[lines.find(b"\n") + 1 :])


def _first(source: Source, start: int, end: int) -> Callable[[], bytes]:
    """Read the first block, and none behind that: all else must be read by place. Raises InputError."""

    def read() -> bytes:
        assert source.file is not None
        at = os.lseek(source.file, 0, os.SEEK_CUR)
        if start < at < end:
            raise InputError(f"{source.name}: is cut otherwise")
        return source.read() if at == start else b""

    return read
