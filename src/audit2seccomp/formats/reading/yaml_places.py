"""YAML that says where its values stand: the part of YAML that JSON could say, too. PyYAML finds the pieces; they are
put together here, so that nothing is expanded, nested or kept without a bound."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import Enum, auto
from functools import cache

import yaml

from audit2seccomp.errors import shown
from audit2seccomp.formats.reading.json_places import MAX_DEPTH
from audit2seccomp.formats.reading.places import Path, Span, file_error
from audit2seccomp.named_tuple import NamedTuple

MAX_VALUES = 200_000
"""Keys and values. A profile that names every call of every table ten times over has less; reading so many takes a
second."""
_MAX_DIGITS = 4000
"""The longest plain text that is looked at as a number; 2**64 has 20 digits."""
_TAG = "tag:yaml.org,2002:"
_TEXTS = ("str", "timestamp", "value", "merge")
"""YAML 1.1 has types for dates, `=` and `<<`, which are text in JSON."""

Scalar = str | int | float | bool | None


class _Part(Enum):
    KEY = auto()
    SCALAR = auto()
    MAPPING = auto()
    SEQUENCE = auto()
    CLOSED = auto()


class _Piece(NamedTuple):
    part: _Part
    path: Path
    span: Span
    value: Scalar = None


class _Level:
    """A mapping or sequence that is open."""

    __slots__ = ("index", "key", "keys", "path", "start")

    def __init__(self, path: Path, start: int, *, is_mapping: bool) -> None:
        self.path = path
        self.start = start
        self.keys: set[str] | None = set() if is_mapping else None
        self.key: str | None = None
        self.index = -1

    @property
    def needs_key(self) -> bool:
        """Whether what comes next names a value."""
        return self.keys is not None and self.key is None

    def next_path(self) -> Path:
        """Where its next value stands."""
        if self.keys is None:
            self.index += 1
            return (*self.path, self.index)
        key, self.key = self.key, None
        return (*self.path, "" if key is None else key)


def decode(name: str, text: str) -> object:
    """The value of a YAML text. Raises ProfileFileError with line and column: for what is no YAML, for anchors and
    aliases, types that JSON has not, keys that are no text or come twice, and for what is nested too deeply, too much,
    or more than one document."""
    root: object = None
    opened: list[dict[str, object] | list[object]] = []
    for part, path, _, scalar in _walk(name, text):
        if part is _Part.KEY:
            continue
        if part is _Part.CLOSED:
            opened.pop()
            continue
        value: object = {} if part is _Part.MAPPING else [] if part is _Part.SEQUENCE else scalar
        if not opened:
            root = value
        elif isinstance(opened[-1], dict):
            opened[-1][str(path[-1])] = value
        else:
            opened[-1].append(value)
        if isinstance(value, (dict, list)):
            opened.append(value)
    return root


def find(text: str, wanted: Collection[Path], *, keys: bool = False) -> dict[Path, Span]:
    """Where values stand in a text that `decode` has read, or the keys that name them; those that are not there are
    left out."""
    parts = (_Part.KEY,) if keys else (_Part.SCALAR, _Part.CLOSED)
    return {path: span for part, path, span, _ in _walk("", text) if part in parts and path in wanted}


def _walk(name: str, text: str) -> Iterator[_Piece]:
    """The pieces of a YAML text in their order."""
    levels: list[_Level] = []
    documents = 0
    for count, (event, span) in enumerate(_events(name, text)):
        problem = _forbidden(event)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            problem = None if documents == 1 else "another document begins here: one profile to a file"
        elif count > MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values: no profile has so many"
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            level = levels.pop()
            yield _Piece(_Part.CLOSED, level.path, Span(level.start, span.end))
        elif problem is None and levels and levels[-1].needs_key:
            key, problem = _key(event, levels[-1])
            yield _Piece(_Part.KEY, (*levels[-1].path, key), span)
        elif problem is None and isinstance(event, yaml.ScalarEvent):
            value, problem = _value(event)
            yield _Piece(_Part.SCALAR, levels[-1].next_path() if levels else (), span, value)
        elif isinstance(event, yaml.CollectionStartEvent):
            path = levels[-1].next_path() if levels else ()
            problem = problem or (
                f"more than {MAX_DEPTH} levels deep: no profile is" if len(levels) == MAX_DEPTH else None
            )
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            levels.append(_Level(path, span.start, is_mapping=is_mapping))
            yield _Piece(_Part.MAPPING if is_mapping else _Part.SEQUENCE, path, span)
        if problem is not None:
            raise file_error(name, text, span.start, problem)


def _events(name: str, text: str) -> Iterator[tuple[yaml.Event, Span]]:
    """What PyYAML finds, with its offsets. Raises ProfileFileError for what is no YAML."""
    start = 1 if text.startswith("\ufeff") else 0
    loader: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text[start:], Loader=loader):
            begin, end = event.start_mark, event.end_mark
            assert begin is not None, "parsed events have marks"
            assert end is not None, "parsed events have marks"
            yield event, Span(start + begin.index, start + end.index)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"{error.problem or 'cannot be read'}{f', {error.context}' if error.context else ''}"
        raise file_error(name, text, start + mark.index if mark else 0, f"no YAML: {what}") from None
    except yaml.reader.ReaderError as error:
        character = error.character if isinstance(error.character, int) else ord(error.character[:1] or "?")
        offset = max(text.find(chr(character)), 0)
        raise file_error(name, text, offset, f"no YAML: the character U+{character:04X}") from None


def _forbidden(event: yaml.Event) -> str | None:
    """What is wrong with an event, wherever it stands."""
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        return "anchors and aliases (& and *) are not read: write the values out"
    if isinstance(event, yaml.CollectionStartEvent):
        own = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
        return None if event.tag in (None, "!", f"{_TAG}{own}") else f"the type {shown(event.tag)} is not read"
    return None


def _key(event: yaml.Event, level: _Level) -> tuple[str, str | None]:
    """The key, as it is written, which goes into its level; and what is wrong with it."""
    assert level.keys is not None
    if not isinstance(event, yaml.ScalarEvent):
        return "", "a key is expected to be text"
    level.key = event.value
    if level.key in level.keys:
        return level.key, f"the key {shown(level.key)} comes twice in its object: readers differ in which one they take"
    level.keys.add(level.key)
    return level.key, None if _is_text(level.key) else "half a character: one of two surrogates is missing"


def _value(event: yaml.ScalarEvent) -> tuple[Scalar, str | None]:
    """What a scalar is in YAML 1.1; and what is wrong with it."""
    constructor = _constructor()
    text = event.value
    tag = event.tag
    if tag in (None, "!"):
        tag = _implicit_tag(text) if event.implicit[0] and len(text) <= _MAX_DIGITS else f"{_TAG}str"
    kind = str(tag).removeprefix(_TAG)
    node = yaml.ScalarNode(tag, text)
    try:
        if kind in _TEXTS:
            return text, None if _is_text(text) else "half a character: one of two surrogates is missing"
        if kind == "null":
            return None, None
        if kind == "bool":
            return bool(constructor.construct_yaml_bool(node)), None
        if kind == "int" and len(text) <= _MAX_DIGITS:
            # 1:30 is 90 in YAML 1.1, and text in YAML 1.2 and in Kubernetes.
            return int(constructor.construct_yaml_int(node)), "a number to base 60" if ":" in text else None
        if kind == "float" and len(text) <= _MAX_DIGITS:
            value = float(constructor.construct_yaml_float(node))
            return value, None if abs(value) < float("inf") else f"{shown(text)} is no number"
    except (ValueError, KeyError):
        return None, f"{shown(text)} is none of its type {shown(kind)}"
    return None, f"the type {shown(kind)} is not read"


def _implicit_tag(text: str) -> str:
    """The type of text that stands without quotes."""
    for tag, expression in yaml.SafeLoader.yaml_implicit_resolvers.get(text[:1], ()):
        if expression.match(text):
            return str(tag)
    return f"{_TAG}str"


@cache
def _constructor() -> yaml.constructor.SafeConstructor:
    return yaml.constructor.SafeConstructor()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
