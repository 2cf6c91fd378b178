"""JSON that says where its values stand. The standard library reads it; places are looked for only when asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from enum import Enum, auto
from typing import NoReturn

from audit2seccomp.formats.reading.places import Path, Span, file_error

MAX_DEPTH = 100
"""A profile has eight levels; the standard library's reader recurses."""
_MAX_DIGITS = 4000
"""The standard library refuses to read longer numbers, which take square time; 2**64 has 20 digits."""
_PIECE = re.compile(r'[{}\[\],:]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}\[\],:"]+', re.DOTALL)

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Part(Enum):
    KEY = auto()
    SCALAR = auto()
    OPENED = auto()
    CLOSED = auto()


class _TwiceError(ValueError):
    """An object has a key twice: readers differ in which they take."""


def decode(name: str, text: str) -> object:
    """The value of a JSON text. Raises ProfileFileError with line and column: for what is no JSON (NaN and Infinity
    are none either), for a key that comes twice, and for what is nested too deeply."""
    try:
        value: object = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        raise file_error(name, text, error.pos, f"no JSON: {what}") from None
    except (RecursionError, ValueError):
        _explain(name, text)
    half = _SURROGATE.search(text)
    if half is not None and not _is_text(value):
        raise file_error(name, text, half.start(), "half a character: one of two surrogates is missing")
    return value


def find(text: str, wanted: Collection[Path], *, keys: bool = False) -> dict[Path, Span]:
    """Where values stand in a text that `decode` has read, or the keys that name them; those that are not there are
    left out."""
    parts = (_Part.KEY,) if keys else (_Part.SCALAR, _Part.CLOSED)
    return {path: span for part, path, span in _walk(text) if part in parts and path in wanted}


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _TwiceError
    return made


def _is_text(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _explain(name: str, text: str) -> NoReturn:
    """Raise the error for the first thing that `decode` does not take; what stands in front of it is JSON."""
    keys: set[Path] = set()
    for part, path, span in _walk(text):
        piece = text[span.start : span.end]
        problem = None
        if len(path) > MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} levels deep: no profile is"
        elif part is _Part.KEY and path in keys:
            problem = f"the key {piece} comes twice in its object: readers differ in which one they take"
        elif part is _Part.SCALAR and piece in ("NaN", "Infinity", "-Infinity"):
            problem = f"no JSON: {piece} is no number"
        elif part is _Part.SCALAR and len(piece) > _MAX_DIGITS and piece.lstrip("-").isdigit():
            problem = f"a number of {len(piece):,} digits"
        if problem is not None:
            raise file_error(name, text, span.start, problem)
        if part is _Part.KEY:
            keys.add(path)
    raise file_error(name, text, 0, "cannot be read as JSON")


def _walk(text: str) -> Iterator[tuple[_Part, Path, Span]]:
    """The parts of a JSON text in their order. Of what is not JSON something comes out, too."""
    path: Path = ()
    opened: list[int] = []
    in_object: list[bool] = []
    key: str | None = None
    index = [0]
    for match in _PIECE.finditer(text):
        piece, span = match.group(), Span(*match.span())
        if piece == ",":
            index[-1] += 1
            key = None
            continue
        if piece == ":":
            continue
        if piece in ("}", "]"):
            if opened:
                start = opened.pop()
                in_object.pop()
                index.pop()
                key = None
                yield _Part.CLOSED, path, Span(start, span.end)
                path = path[:-1]
            continue
        if in_object and in_object[-1] and key is None:
            key = json.loads(piece, strict=False) if piece.startswith('"') else piece
            yield _Part.KEY, (*path, key), span
            continue
        here: Path = () if not in_object else (*path, key if in_object[-1] and key is not None else index[-1])
        if piece in ("{", "["):
            yield _Part.OPENED, here, span
            path = here
            opened.append(span.start)
            in_object.append(piece == "{")
            index.append(0)
            key = None
        else:
            yield _Part.SCALAR, here, span
