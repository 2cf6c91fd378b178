"""What a value of JSON must be that anybody may have edited: it is looked at before it is used.

What is wrong is said once, with its place: a line and column where it is no JSON, else a JSON pointer (RFC 6901)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from audit2seccomp.errors import EvidenceFileError, did_you_mean

MAX_COUNT = (1 << 63) - 1
"""No counter is larger: a machine that makes a million events a second takes 300,000 years."""
MAX_SERIAL = 10**20 - 1
"""Twenty digits, which is what a record's stamp may have (docs/records.md)."""
MAX_TIME = 10**23 - 1
"""The same for its seconds, in milliseconds."""
MAX_UID = (1 << 32) - 1
ADVICE = "make it again with audit2seccomp collect"
"""What to do about a file that is refused."""
_HEX_DIGITS = frozenset("0123456789abcdef")
SHOWN = 60
"""So many characters of a wrong value or name are shown."""

T = TypeVar("T")


class WrongError(Exception):
    """What is wrong at which place inside the value that was looked at, as the end of a JSON pointer."""

    def __init__(self, what: str, at: str = "") -> None:
        """`at` is empty, or begins with a slash."""
        super().__init__(what)
        self.what = what
        self.at = at


def parsed(data: bytes, name: str) -> Any:
    """The value that JSON means, in which no member stands twice. Raises WrongError, and EvidenceFileError for what is
    no JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise EvidenceFileError(f"{name}: byte {error.start:,}: not UTF-8: {ADVICE}") from None
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise EvidenceFileError(f"{name}:{error.lineno}:{error.colno}: not JSON: {reason}: {ADVICE}") from None
    except ValueError:  # sys.get_int_max_str_digits()
        raise WrongError("a number has thousands of digits") from None
    except RecursionError:
        raise WrongError("too deeply nested") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise WrongError(f"{shown(twice)} stands twice in an object")
    return members


def _no_number(text: str) -> NoReturn:
    raise WrongError(f"{text} is no number of JSON's")


def members(
    value: Any,
    required: Mapping[str, Callable[[Any], Any]],
    others: Mapping[str, Callable[[Any], Any]] | None = None,
    unchecked: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The members of an object, each as its function reads it; no other may be there, and of `others` each may lack."""
    if not isinstance(value, dict):
        raise WrongError(f"{shown(value)} is no object")
    known = {**required, **(others or {})}
    for name in value:
        if name not in known and name not in unchecked:
            raise WrongError(f"there is no member of that name{did_you_mean(name[:SHOWN], known)}", f"/{pointer(name)}")
    read = {}
    for name, reader in known.items():
        if name in value:
            try:
                read[name] = reader(value[name])
            except WrongError as wrong:
                raise WrongError(wrong.what, f"/{name}{wrong.at}") from None
        elif name in required:
            raise WrongError(f'no "{name}" in it')
    return read


def items(array: Any, reader: Callable[[Any], T], at: str = "") -> list[T]:
    """The items of an array, each as its function reads it."""
    if not isinstance(array, list):
        raise WrongError(f"{shown(array)} is no array", at)
    read: list[T] = []
    try:
        read.extend(map(reader, array))
    except WrongError as wrong:
        raise WrongError(wrong.what, f"{at}/{len(read)}{wrong.at}") from None
    return read


def integer(lowest: int, highest: int) -> Callable[[Any], int]:
    """Reads a whole number within bounds."""

    def read(value: Any) -> int:
        if type(value) is not int:
            raise WrongError(f"{shown(value)} is no whole number")
        if not lowest <= value <= highest:
            raise WrongError(f"{shown(value)} is not within {lowest} and {highest}")
        return value

    return read


def optional(reader: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """Reads null too."""
    return lambda value: None if value is None else reader(value)


def hexadecimal(value: Any, prefix: str = "", digits: int = 8) -> int:
    """Lower-case hex digits as the kernel writes them; as many as `digits` at most."""
    text = value.removeprefix(prefix) if isinstance(value, str) and value.startswith(prefix) else ""
    if not 1 <= len(text) <= digits or not set(text) <= _HEX_DIGITS:
        raise WrongError(f"{shown(value)} is not {prefix or 'a number of'} and 1 to {digits} hex digits in lower case")
    return int(text, 16)


def octets(value: Any) -> bytes:
    """Bytes: a string, or `{"hex": "…"}`."""
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise WrongError('half of a surrogate pair is no text: bytes are written as {"hex": "…"}') from None
    if isinstance(value, dict) and value.keys() == {"hex"}:
        digits = value["hex"]
        if isinstance(digits, str) and len(digits) % 2 == 0 and set(digits) <= _HEX_DIGITS:
            return bytes.fromhex(digits)
        raise WrongError(f"{shown(digits)} is not pairs of hex digits in lower case", "/hex")
    raise WrongError(f'{shown(value)} is neither a string nor {{"hex": "…"}}')


def text_of(value: Any) -> str:
    """A name, as Python has it."""
    return octets(value).decode(errors="surrogateescape")


def pointer(name: str) -> str:
    """A member's name in a JSON pointer."""
    return name[:SHOWN].replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value for a message."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value) if not isinstance(value, int) or abs(value) <= MAX_TIME else "the number"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
