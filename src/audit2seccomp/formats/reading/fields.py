"""The keys of one object of a profile file, taken one by one with their types checked. What is wrong is kept as
problems, so that one reading tells them all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import TypeVar

from audit2seccomp.errors import did_you_mean, shown
from audit2seccomp.formats.reading.places import Path, Problem
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import MAX_U32, Extra

MAX_PROBLEMS = 1000
"""More than anybody reads; each costs memory."""
_E = TypeVar("_E", bound=StrEnum)
_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


class Reading(NamedTuple):
    """What a reading collects."""

    problems: list[Problem]
    lenient: bool
    """Whether keys that the format does not define are kept instead of reported."""

    def report(self, path: Path, text: str, *, of_key: bool = False) -> None:
        """Keep a problem."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(path, text, of_key))


class Fields:
    """One object. Each method takes a key; `extra` tells what nobody took. null is as good as nothing, as in Go."""

    def __init__(self, value: object, path: Path, reading: Reading) -> None:
        self.path = path
        self._reading = reading
        self._left: dict[str, object] = {}
        self.broken = False
        """Whether it is no object; then nothing is said of keys that it lacks."""
        self._known: list[str] = []
        if isinstance(value, dict):
            self._left = dict(value)
        else:
            self.broken = True
            reading.report(path, f"an object is expected, not {_kind(value)}")

    @property
    def lenient(self) -> bool:
        """Whether keys that the format does not define are kept."""
        return self._reading.lenient

    @property
    def flaws(self) -> int:
        """How many values in all of the file, read so far, could not be understood; unknown keys are none."""
        return sum(not problem.of_key for problem in self._reading.problems)

    def problem(self, key: str | None, text: str) -> None:
        """Report something about the value of a key, or about the object."""
        self._reading.report(self.path if key is None else (*self.path, key), text)

    def take(self, key: str, *, required: bool = False) -> object:
        """The value as it stands; None if there is none."""
        self._known.append(key)
        value = self._left.pop(key, None)
        if value is None and required and not self.broken:
            self.problem(None, f"{key} is missing")
        return value

    def text(self, key: str, *, required: bool = False) -> str | None:
        """A string."""
        value = self.take(key, required=required)
        if value is None or isinstance(value, str):
            return value
        self.problem(key, f"a string is expected, not {_kind(value)}")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        """An array of strings."""
        return tuple(
            item for item, path in self._items(key) if self._is(item, str, path, "a string") and isinstance(item, str)
        )

    def integer(self, key: str, maximum: int = MAX_U32, *, minimum: int = 0, required: bool = False) -> int | None:
        """A whole number within bounds."""
        value = self.take(key, required=required)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.problem(key, f"a whole number is expected, not {value if isinstance(value, float) else _kind(value)}")
            return None
        if not minimum <= value <= maximum:
            shown = str(value) if value.bit_length() < 300 else "it"
            self.problem(key, f"{shown} is out of range: from {minimum} to {maximum}")
            return None
        return value

    def one_of(self, key: str, kind: type[_E], *, required: bool = False) -> _E | None:
        """A string that must be one of an enumeration's values."""
        value = self.text(key, required=required)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            known = list(kind)
            hint = did_you_mean(value, known) or f": one of {', '.join(known)}"
            self.problem(key, f"no such value: {shown(value)}{hint}")
            return None

    def each_of(self, key: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
        """An array of strings that must be among the known ones."""
        kept = []
        for value, path in self._items(key):
            if not self._is(value, str, path, "a string") or not isinstance(value, str):
                continue
            if value in known:
                kept.append(value)
            else:
                self._reading.report(path, f"no {what}: {shown(value)}{did_you_mean(value, known)}")
        return tuple(kept)

    def nested(self, key: str) -> Fields | None:
        """An object."""
        value = self.take(key)
        return None if value is None else Fields(value, (*self.path, key), self._reading)

    def objects(self, key: str) -> Iterator[Fields]:
        """An array of objects."""
        for value, path in self._items(key):
            yield Fields(value, path, self._reading)

    def extra(self) -> Extra:
        """What is left: keys that the format does not define."""
        if not self._reading.lenient:
            for key in self._left:
                hint = did_you_mean(key, self._known) or ": --lenient keeps it"
                self._reading.report((*self.path, key), f"unknown key {shown(key)}{hint}", of_key=True)
            return ()
        return tuple((key, json.dumps(value, ensure_ascii=False)) for key, value in self._left.items())

    def _items(self, key: str) -> list[tuple[object, Path]]:
        value = self.take(key)
        if value is None:
            return []
        if not self._is(value, list, (*self.path, key), "an array") or not isinstance(value, list):
            return []
        return [(item, (*self.path, key, index)) for index, item in enumerate(value)]

    def _is(self, value: object, kind: type, path: Path, name: str) -> bool:
        if isinstance(value, kind):
            return True
        self._reading.report(path, f"{name} is expected, not {_kind(value)}")
        return False


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)
