"""Where something stands in a profile file, and what is wrong there."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.errors import ProfileFileError
from audit2seccomp.named_tuple import NamedTuple

Path = tuple[str | int, ...]
"""The way to a value: keys of objects and indexes of arrays, as in `("syscalls", 0, "names")`."""


class Span(NamedTuple):
    """A part of a text: the offsets of its first character and of the one behind it."""

    start: int
    end: int


class Place(NamedTuple):
    """A position for people: line and column count characters from 1 on."""

    line: int
    column: int


class Problem(NamedTuple):
    """What is wrong with a file, and where."""

    path: Path
    text: str
    of_key: bool = False
    """Whether the key is wrong, rather than its value."""


def pointer(path: Path) -> str:
    """The path as a JSON pointer (RFC 6901); empty for the whole file."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def place_of(text: str, offset: int) -> Place:
    """The line and column of an offset in a text."""
    line_start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - line_start + 1)


def places_of(text: str, offsets: Iterable[int]) -> dict[int, Place]:
    """The places of many offsets, in one pass over the text."""
    places: dict[int, Place] = {}
    line, line_start, seen = 1, 0, 0
    for offset in sorted(set(offsets)):
        line += text.count("\n", seen, offset)
        line_start = max(line_start, text.rfind("\n", seen, offset) + 1)
        seen = offset
        places[offset] = Place(line, offset - line_start + 1)
    return places


def with_parents(paths: Iterable[Path]) -> set[Path]:
    """The paths and all that lead to them: where a value is missing, the nearest one around it is shown."""
    return {path[:length] for path in paths for length in range(len(path) + 1)}


def nearest(found: dict[Path, Span], path: Path) -> Span:
    """The value, or the nearest one around it that is in the file."""
    return next((found[path[:length]] for length in range(len(path), -1, -1) if path[:length] in found), Span(0, 0))


def file_error(name: str, text: str, offset: int, what: str) -> ProfileFileError:
    """The error for a place in a file."""
    place = place_of(text, offset)
    return ProfileFileError(f"{name}:{place.line}:{place.column}: {what}")
