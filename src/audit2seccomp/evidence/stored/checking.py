"""Reading an evidence file that anybody may have edited: what each member must be, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from audit2seccomp.errors import EvidenceFileError, did_you_mean
from audit2seccomp.evidence.carriers import LEVELS, Trust
from audit2seccomp.evidence.loss import KINDS
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.evidence.stored.files import MAX_FILE_BYTES, VERSION
from audit2seccomp.evidence.stored.fitting import misfit
from audit2seccomp.evidence.stored.recognising import FORMAT
from audit2seccomp.evidence.stored.values import (
    ADVICE,
    MAX_COUNT,
    MAX_SERIAL,
    MAX_TIME,
    MAX_UID,
    SHOWN,
    WrongError,
    hexadecimal,
    integer,
    items,
    members,
    octets,
    optional,
    parsed,
    shown,
    text_of,
)
from audit2seccomp.kernel.abi import abi_of

QUICK_BYTES = 256 << 10
"""A file of so many bytes is read the fast way (`decoding`); to load msgspec for it takes as long as to read a smaller
one."""
T = TypeVar("T")

STATE_MEMBERS = ("options", "logs", "seen")
"""Members of a state file (`state`), which is an evidence file too."""


class Rows:
    """The array of counts of a file, not read yet."""

    def read(self, origins: list[Origin]) -> dict[RecordKey, Count]:
        """What is in it."""
        raise NotImplementedError


def read_file(data: bytes, name: str, reader: Callable[[dict[str, Any]], T]) -> T:
    """What a function reads out of the object that a file holds. Raises EvidenceFileError."""
    data = data.removeprefix(b"\xef\xbb\xbf")  # as some editors begin a file
    try:
        if len(data) > MAX_FILE_BYTES:
            raise WrongError(f"more than {MAX_FILE_BYTES:,} bytes, too large for an evidence file")
        if len(data) >= QUICK_BYTES:
            from audit2seccomp.evidence.stored.decoding import NotTakenError, document

            with suppress(NotTakenError, WrongError, EvidenceFileError):
                return reader(_whole(document(data, name)))
        return reader(_whole(parsed(data, name)))
    except WrongError as wrong:
        advice = "update audit2seccomp" if wrong.what.startswith("written by a newer") else ADVICE
        place = f"{name}: {wrong.at}" if wrong.at else name
        raise EvidenceFileError(f"{place}: {wrong.what}: {advice}") from None


def _whole(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise WrongError(f'no "format": "{FORMAT}" in it')
    version = value.get("version")
    if type(version) is int and version > VERSION:
        raise WrongError(f"written by a newer audit2seccomp (format {version}, this one reads {VERSION})", "/version")
    return value


def evidence_of(value: dict[str, Any]) -> Evidence:
    """The evidence in the object that a file holds; raises WrongError."""
    origins = items(value.get("origins"), origin, "/origins")
    read = members(
        value,
        {
            "format": str,
            "version": integer(VERSION, VERSION),
            "trust": _level,
            "lines": optional(_COUNT),
            "repeated": _COUNT,
            "unselected": _COUNT,
            "rejected": _samples,
            "refused": _samples,
            "losses": _losses,
            "segments": lambda array: items(array, segment),
            "origins": lambda _: None,
            "counts": lambda array: _counts(array, origins),
        },
        unchecked=STATE_MEMBERS,
    )
    wrong = misfit(read["segments"], read["counts"], read["repeated"], read["unselected"])
    if wrong is not None:
        raise WrongError(*wrong)
    read["segments"] = tuple(sorted(read["segments"], key=repr))
    return Evidence(**{name: read[name] for name in read if name not in ("format", "version", "origins")})


def _level(value: Any) -> Trust:
    level = LEVELS.get(value) if isinstance(value, str) else None
    if level is None:
        raise WrongError(f"{shown(value)} is no level of trust: one of {', '.join(LEVELS)}")
    return level


_TIME = integer(0, MAX_TIME)
_SERIAL = integer(0, MAX_SERIAL)
_COUNT = integer(0, MAX_COUNT)


def origin(value: Any) -> Origin:
    """Where records were made."""
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
            raise WrongError(f"there is no loss of that kind{did_you_mean(kind[:SHOWN], KINDS)}", f"/{i}/reason")
    return losses


def _distinct(pairs: list[tuple[Any, T]]) -> dict[Any, T]:
    distinct: dict[Any, T] = {}
    for i, (key, value) in enumerate(pairs):
        if key in distinct:
            raise WrongError("says the same as one before, but for what was counted", f"/{i}")
        distinct[key] = value
    return distinct


def code_of(value: Any) -> int:
    """A filter's return value, as a record has it."""
    return hexadecimal(value, "0x")


def known_arch(arch: int, syscall: int) -> int:
    """An AUDIT_ARCH_* number, if it is one."""
    if abi_of(arch, syscall) is None:
        raise WrongError(f'"{arch:x}" is no architecture that the kernel defines', "/arch")
    return arch


def _counts(array: Any, origins: list[Origin]) -> dict[RecordKey, Count]:
    if isinstance(array, Rows):
        return array.read(origins)
    return _distinct(items(array, lambda item: _count(item, origins)))


_KEY: Mapping[str, Callable[[Any], Any]] = {
    "origin": _COUNT,
    "arch": hexadecimal,
    "syscall": integer(-(1 << 31), (1 << 31) - 1),
}
_KEY_OTHERS: Mapping[str, Callable[[Any], Any]] = {
    "code": code_of,
    "comm": octets,
    "exe": octets,
    "uid": integer(0, MAX_UID),
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
    get = read.get
    key = RecordKey(
        known_arch(read["arch"], read["syscall"]),
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
