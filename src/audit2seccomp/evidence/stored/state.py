"""What a nightly run keeps for the next one: an evidence file that also says how far each log was read.

It is one file, so that what was counted and where the reading stopped cannot come apart, whenever a run is killed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from audit2seccomp.evidence.beginning import TEXT
from audit2seccomp.evidence.entries import FORMS
from audit2seccomp.evidence.model import Evidence, Progress, Segment
from audit2seccomp.evidence.once import CHUNK_BITS, MAX_BOOTS, MAX_CHUNKS, Boot, Channel, Chunk
from audit2seccomp.evidence.stored import files
from audit2seccomp.evidence.stored.checking import STATE_MEMBERS, evidence_of, read_file, segment
from audit2seccomp.evidence.stored.files import name_value, sorted_segments
from audit2seccomp.evidence.stored.values import (
    MAX_COUNT,
    MAX_SERIAL,
    MAX_TIME,
    WrongError,
    hexadecimal,
    integer,
    items,
    members,
    optional,
    shown,
    text_of,
)
from audit2seccomp.named_tuple import NamedTuple

HEAD_BYTES = 4096
"""So many bytes at the start of a log tell it from others: its first twenty lines, with their times."""
_HASH_DIGITS = 64
"""Of SHA-256, in hex."""
_CURSOR = re.compile("(?:[a-z]=[0-9a-f]{1,32};?){1,16}")
"""sd_journal_get_cursor(3) has six such parts, and calls them private."""


class Position(NamedTuple):
    """How far a file was read."""

    device: int
    inode: int
    offset: int
    """Bytes of its content, up to the start of a line."""
    head: str
    """SHA-256 of its first bytes, in hex."""
    head_bytes: int
    """How many bytes those are; not more than were read."""
    modified: int
    """When it had been written last, nanoseconds since the epoch."""


@dataclass
class Log:
    """A log as its writer sees it: one stream of lines, in files that take turns under one name."""

    name: str
    """The name that it was first read by, also of what was rotated since."""
    progress: Progress = field(default_factory=Progress)
    files: list[Position] = field(default_factory=list)
    """The newest stands last."""
    cursor: str = ""
    """Of a journal, which is in no file by itself, the place of the last entry that was read, as journald names it."""


@dataclass
class State:
    """Everything that a run must know of those before."""

    evidence: Evidence = field(default_factory=Evidence)
    options: dict[str, str | None] = field(default_factory=dict)
    """What decided which records count: it must be the same in each run."""
    logs: dict[str, Log] = field(default_factory=dict)
    memory: list[Chunk] = field(default_factory=list)
    """Which serials were seen."""

    @property
    def started(self) -> bool:
        """Whether a run has written it; a plain evidence file is a state too, in which no log was read yet."""
        return bool(self.options)


def to_text(state: State) -> str:
    """The state as a file."""
    order = {one: i for i, one in enumerate(sorted_segments(state.evidence))}
    return files.to_text(
        state.evidence,
        {
            "options": [{"option": option, "value": value} for option, value in sorted(state.options.items())],
            "logs": [_log_object(log, order) for _, log in sorted(state.logs.items())],
            "seen": [_chunk_object(chunk) for chunk in state.memory],
        },
    )


def _log_object(log: Log, order: dict[Segment, int]) -> dict[str, object]:
    return {
        "name": name_value(log.name),
        "form": log.progress.form,
        "lines": log.progress.lines,
        "application": log.progress.application,
        "foreign": log.progress.foreign,
        "segments": sorted(order[one] for one in log.progress.segments),
        "files": [position._asdict() for position in log.files],
        **({"cursor": log.cursor} if log.cursor else {}),
    }


def _chunk_object(chunk: Chunk) -> dict[str, object]:
    return {
        **{name: name_value(value) for name, value in chunk.channel._asdict().items() if value is not None},
        "number": chunk.number,
        "boots": [{"first": boot.first, "last": boot.last, "serials": f"{boot.mask:x}"} for boot in chunk.boots],
    }


def from_bytes(data: bytes, name: str) -> State:
    """The state in a file of that name. Raises EvidenceFileError."""
    return read_file(data, name, _state)


def _state(value: dict[str, Any]) -> State:
    evidence = evidence_of(value)
    present = [member for member in STATE_MEMBERS if member in value]
    if not present:
        return State(evidence)
    if len(present) < len(STATE_MEMBERS):
        raise WrongError(f"of {', '.join(STATE_MEMBERS)} it has some and not all")
    segments = items(value["segments"], segment)
    options = items(value["options"], _option, "/options")
    logs = items(value["logs"], lambda item: _log(item, segments), "/logs")
    opened = [one for log in logs for one in log.progress.segments]
    if len({log.name for log in logs}) < len(logs) or len(set(opened)) < len(opened):
        raise WrongError("two are of one name, or share a segment", "/logs")
    memory = items(value["seen"], _chunk, "/seen")
    if len(memory) > MAX_CHUNKS:
        raise WrongError(f"there are more than {MAX_CHUNKS:,}", "/seen")
    return State(evidence, dict(options), {log.name: log for log in logs}, memory)


def _option(value: Any) -> tuple[str, str | None]:
    read = members(value, {"option": text_of, "value": optional(text_of)})
    return read["option"], read["value"]


def _log(value: Any, segments: list[Segment]) -> Log:
    def opened(i: Any) -> Segment:
        return segments[integer(0, len(segments) - 1)(i)]

    count = integer(0, MAX_COUNT)
    read = members(
        value,
        {
            "name": text_of,
            "form": optional(_form),
            "lines": count,
            "application": _flag,
            "foreign": _flag,
            "segments": lambda array: tuple(sorted(items(array, opened), key=repr)),
            "files": lambda array: items(array, _position),
        },
        {"cursor": _cursor},
    )
    open_segments = read["segments"]
    if len({one[1:3] for one in open_segments}) < len(open_segments) or any(
        one.file != read["name"] for one in open_segments
    ):
        raise WrongError("they are not of this log, or two are of one boot", "/segments")
    progress = Progress(read["form"], read["lines"], read["application"], read["foreign"], open_segments)
    return Log(read["name"], progress, read["files"], read.get("cursor", ""))


def _form(value: Any) -> str:
    if not isinstance(value, str) or value not in (TEXT, *FORMS):
        raise WrongError(f"{shown(value)} is no form of logs")
    return str(value)


def is_cursor(text: str) -> bool:
    """Whether journald may call the place of an entry so."""
    return _CURSOR.fullmatch(text) is not None


def _cursor(value: Any) -> str:
    if not isinstance(value, str) or not is_cursor(value):
        raise WrongError(f"{shown(value)} is no cursor of a journal")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongError(f"{shown(value)} is neither true nor false")
    return value


def _position(value: Any) -> Position:
    number = integer(0, MAX_COUNT)
    read = Position(
        **members(
            value,
            {
                "device": integer(0, (1 << 64) - 1),
                "inode": integer(0, (1 << 64) - 1),
                "offset": number,
                "head": lambda text: f"{hexadecimal(text, digits=_HASH_DIGITS):0{_HASH_DIGITS}x}",
                "head_bytes": integer(0, HEAD_BYTES),
                "modified": integer(-MAX_COUNT, MAX_COUNT),
            },
        )
    )
    if read.head_bytes > read.offset:
        raise WrongError("it is more than was read", "/head_bytes")
    return read


def _chunk(value: Any) -> Chunk:
    read = members(
        value,
        {"number": integer(0, MAX_SERIAL >> CHUNK_BITS), "boots": lambda array: tuple(items(array, _boot))},
        {"host": text_of, "boot": text_of},
    )
    if len(read["boots"]) > MAX_BOOTS:
        raise WrongError(f"there are more than {MAX_BOOTS}", "/boots")
    return Chunk(Channel(read.get("host"), read.get("boot")), read["number"], read["boots"])


def _boot(value: Any) -> Boot:
    time = integer(0, MAX_TIME)
    digits = (1 << CHUNK_BITS) // 4
    read = members(value, {"first": time, "last": time, "serials": lambda text: hexadecimal(text, digits=digits)})
    return Boot(read["first"], read["last"], read["serials"])
