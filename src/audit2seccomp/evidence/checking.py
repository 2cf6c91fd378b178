"""Reading an evidence file that anybody may have edited: everything in it is looked at before it is used.

What is wrong is said once, with its place: a line and column where it is no JSON, else a JSON pointer (RFC 6901)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from audit2seccomp.errors import EvidenceFileError, did_you_mean
from audit2seccomp.evidence.files import FORMAT, MAX_FILE_BYTES, VERSION
from audit2seccomp.evidence.fitting import misfit
from audit2seccomp.evidence.loss import KINDS
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.kernel.abi import abi_of

MAX_COUNT = (1 << 63) - 1
"""No counter is larger: a machine that makes a million events a second takes 300,000 years."""
MAX_SERIAL = 10**20 - 1
"""Twenty digits, which is what a record's stamp may have (docs/records.md)."""
MAX_TIME = 10**23 - 1
"""The same for its seconds, in milliseconds."""
_ADVICE = "make it again with audit2seccomp collect"
_HEX_DIGITS = frozenset("0123456789abcdef")
_SHOWN = 60
"""So many characters of a wrong value are shown."""

T = TypeVar("T")


class WrongError(Exception):
    """What is wrong at which place inside the value that was looked at, as the end of a JSON pointer."""

    def __init__(self, what: str, at: str = "") -> None:
        """`at` is empty, or begins with a slash."""
        super().__init__(what)
        self.what = what
        self.at = at


STATE_MEMBERS = ("options", "logs", "seen")
"""Members of a state file (`state`), which is an evidence file too."""


def read_file(data: bytes, name: str, reader: Callable[[dict[str, Any]], T]) -> T:
    """What a function reads out of the object that a file holds. Raises EvidenceFileError."""
    try:
        if len(data) > MAX_FILE_BYTES:
            raise WrongError(f"more than {MAX_FILE_BYTES:,} bytes, too large for an evidence file")
        return reader(_whole(_parsed(data, name)))
    except WrongError as wrong:
        advice = "update audit2seccomp" if wrong.what.startswith("written by a newer") else _ADVICE
        place = f"{name}: {wrong.at}" if wrong.at else name
        raise EvidenceFileError(f"{place}: {wrong.what}: {advice}") from None


def _parsed(data: bytes, name: str) -> Any:
    try:
        text = data.decode().removeprefix("\ufeff")  # as some editors begin a file
    except UnicodeDecodeError as error:
        raise EvidenceFileError(f"{name}: byte {error.start:,}: not UTF-8: {_ADVICE}") from None
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        raise EvidenceFileError(f"{name}:{error.lineno}:{error.colno}: not JSON: {reason}: {_ADVICE}") from None
    except ValueError:  # sys.get_int_max_str_digits()
        raise WrongError("a number has thousands of digits") from None
    except RecursionError:
        raise WrongError("too deeply nested") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise WrongError(f"{shown(twice)} stands twice in an object")
    return members


def _no_number(text: str) -> NoReturn:
    raise WrongError(f"{text} is no number of JSON's")


def _whole(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise WrongError(f'no "format": "{FORMAT}" in it')
    version = value.get("version")
    if type(version) is int and version > VERSION:
        raise WrongError(f"written by a newer audit2seccomp (format {version}, this one reads {VERSION})", "/version")
    return value


def evidence_of(value: dict[str, Any]) -> Evidence:
    """The evidence in the object that a file holds; raises WrongError."""
    origins = items(value.get("origins"), _origin, "/origins")
    read = members(
        value,
        {
            "format": str,
            "version": integer(VERSION, VERSION),
            "lines": optional(_COUNT),
            "repeated": _COUNT,
            "unselected": _COUNT,
            "rejected": _samples,
            "refused": _samples,
            "losses": _losses,
            "segments": lambda array: items(array, segment),
            "origins": lambda _: None,
            "counts": lambda array: _distinct(items(array, lambda item: _count(item, origins))),
        },
        unchecked=STATE_MEMBERS,
    )
    wrong = misfit(read["segments"], read["counts"], read["repeated"], read["unselected"])
    if wrong is not None:
        raise WrongError(*wrong)
    read["segments"] = tuple(sorted(read["segments"], key=repr))
    return Evidence(**{name: read[name] for name in read if name not in ("format", "version", "origins")})


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
            raise WrongError(
                f"there is no member of that name{did_you_mean(name[:_SHOWN], known)}", f"/{pointer(name)}"
            )
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
    return name[:_SHOWN].replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value for a message."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    text = json.dumps(value) if not isinstance(value, int) or abs(value) <= MAX_TIME else "the number"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_TIME = integer(0, MAX_TIME)
_SERIAL = integer(0, MAX_SERIAL)
_COUNT = integer(0, MAX_COUNT)


def _origin(value: Any) -> Origin:
    return Origin(**members(value, {"file": text_of}, dict.fromkeys(("host", "unit", "container"), text_of)))


_SEGMENT: Mapping[str, Callable[[Any], Any]] = {
    "file": text_of,
    "first_serial": _SERIAL,
    "last_serial": _SERIAL,
    "first_time": _TIME,
    "last_time": _TIME,
    "events": integer(1, MAX_COUNT),
}


def segment(value: Any) -> Segment:
    """A range of serials."""
    read = Segment(**{"host": None, "boot": None, **members(value, _SEGMENT, {"host": text_of, "boot": text_of})})
    if read.first_serial > read.last_serial or read.first_time > read.last_time:
        raise WrongError("it ends before it begins")
    return read


_SAMPLE: Mapping[str, Callable[[Any], Any]] = {
    "reason": text_of,
    "events": _COUNT,
    "file": text_of,
    "line": _COUNT,
    "text": octets,
}


def _samples(value: Any) -> dict[str, Sample]:
    samples = items(value, lambda item: members(item, _SAMPLE))
    return _distinct(
        [(one["reason"], Sample(one["events"], (one["file"], one["line"]), one["text"])) for one in samples]
    )


def _losses(value: Any) -> dict[str, Sample]:
    losses = _samples(value)
    for i, kind in enumerate(losses):
        if kind not in KINDS:
            raise WrongError(f"there is no loss of that kind{did_you_mean(kind[:_SHOWN], KINDS)}", f"/{i}/reason")
    return losses


def _distinct(pairs: list[tuple[Any, T]]) -> dict[Any, T]:
    distinct: dict[Any, T] = {}
    for i, (key, value) in enumerate(pairs):
        if key in distinct:
            raise WrongError("says the same as one before, but for what was counted", f"/{i}")
        distinct[key] = value
    return distinct


_KEY: Mapping[str, Callable[[Any], Any]] = {
    "origin": _COUNT,
    "arch": hexadecimal,
    "syscall": integer(-(1 << 31), (1 << 31) - 1),
}
_KEY_OTHERS: Mapping[str, Callable[[Any], Any]] = {
    "code": lambda value: hexadecimal(value, "0x"),
    "comm": octets,
    "exe": octets,
    "uid": integer(0, 0xFFFFFFFF),
    "subj": octets,
    "numbered": _COUNT,
    "unnumbered": _COUNT,
    "line": _COUNT,
    "first": _TIME,
    "last": _TIME,
}


def _count(value: Any, origins: list[Origin]) -> tuple[RecordKey, Count]:
    read = members(value, _KEY, _KEY_OTHERS)
    if read["origin"] >= len(origins):
        raise WrongError(f"there are {len(origins):,} origins, counted from 0", "/origin")
    if abi_of(read["arch"], read["syscall"]) is None:
        raise WrongError(f'"{read["arch"]:x}" is no architecture that the kernel defines', "/arch")
    get = read.get
    key = RecordKey(
        read["arch"],
        read["syscall"],
        get("code"),
        get("comm"),
        get("exe"),
        get("uid"),
        get("subj"),
        origins[read["origin"]],
    )
    count = Count(get("numbered", 0), get("unnumbered", 0), get("line", 0), get("first"), get("last"))
    if count.first is not None and count.last is not None and count.first > count.last:
        raise WrongError("the latest time is before the first", "/last")
    return key, count
