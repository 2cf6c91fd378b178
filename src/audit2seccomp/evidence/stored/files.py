"""Evidence as text and back: docs/evidence.md explains it, docs/evidence.schema.json is its schema.

The same evidence is the same bytes: sorted, in one order of members, without a date or the name of a host that it was
made on. Each key, origin, sample and segment has a line of its own, so that two files can be compared line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from audit2seccomp.errors import EvidenceFileError
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.evidence.stored.recognising import FORMAT

if TYPE_CHECKING:
    from json import JSONEncoder

VERSION = 1
MAX_FILE_BYTES = 128 << 20
"""A larger file is neither read nor written. What one run gathers at most (`tally.MAX_COARSE_KEYS`, names of
`tally.MAX_KEY_BYTES` in hex) has about 60 MB."""
_ROWS = 1000
# Controls, and what is not seen or turns the direction of text. Not str.isprintable(), which each Python has anew.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def to_text(evidence: Evidence, more: Mapping[str, list[Mapping[str, object]]] | None = None) -> str:
    """An evidence file; `more` are members for its end. Raises EvidenceFileError if it were too large to be read."""
    from json import JSONEncoder

    encoder = JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    # Origins are many where containers are; few keys share all of one.
    origins = sorted({key.origin for key in evidence.counts}, key=_order)
    index = {origin: i for i, origin in enumerate(origins)}
    arrays: dict[str, Iterable[Mapping[str, object]]] = {
        "rejected": _samples(evidence.rejected),
        "refused": _samples(evidence.refused),
        "losses": _samples(evidence.losses),
        "segments": map(_segment, sorted_segments(evidence)),
        "origins": (_named(origin) for origin in origins),
        "counts": (_count(key, evidence.counts[key], index) for key in _in_order(evidence.counts, index)),
        **(more or {}),
    }
    head = {
        "format": FORMAT,
        "version": VERSION,
        "trust": evidence.trust.word,
        "lines": evidence.lines,
        "repeated": evidence.repeated,
        "unselected": evidence.unselected,
    }
    text = "".join(_pieces(encoder, head, arrays))
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_FILE_BYTES:
        raise EvidenceFileError(
            f"the evidence has {size:,} bytes, and a file may have {MAX_FILE_BYTES:,}: collect parts of it"
        )
    return text


def _pieces(
    encoder: JSONEncoder, head: Mapping[str, object], arrays: Mapping[str, Iterable[Mapping[str, object]]]
) -> Iterator[str]:
    """The text in pieces of many rows: 100,000 strings of their own take twice the memory."""
    yield "{" + ",\n".join(f"{encoder.encode(name)}:{encoder.encode(value)}" for name, value in head.items())
    for name, array in arrays.items():
        yield f',\n"{name}":['
        rows = map(encoder.encode, array)
        separator = "\n"
        while piece := ",\n".join(islice(rows, _ROWS)):
            yield separator + piece
            separator = ",\n"
        yield "]" if separator == "\n" else "\n]"
    yield "}\n"


def _in_order(keys: Iterable[RecordKey], index: Mapping[Origin, int]) -> Iterator[RecordKey]:
    """The keys sorted by `_key_order`; call by call, since what keys are sorted by takes more memory than they do."""
    by_call: dict[tuple[int, int, int], list[RecordKey]] = {}
    for key in keys:
        by_call.setdefault((key.arch, key.nr, -1 if key.code is None else key.code), []).append(key)
    for _, alike in sorted(by_call.items()):
        yield from sorted(alike, key=lambda key: _key_order(key, index))


def sorted_segments(evidence: Evidence) -> list[Segment]:
    """The segments in the order of the file."""
    return sorted(evidence.segments, key=_order)


def _order(value: Any) -> tuple[object, ...]:
    """Sorts tuples of any depth; None stands first."""
    return tuple(
        (False,) if part is None else (True, _order(part) if isinstance(part, tuple) else part) for part in value
    )


def _key_order(key: RecordKey, index: Mapping[Origin, int]) -> tuple[object, ...]:
    """The same order as `_order`, in a third of the time: there may be 100,000 keys."""
    arch, nr, code, comm, exe, uid, subj, origin = key
    return (
        arch,
        nr,
        -1 if code is None else code,
        comm is not None,
        comm,
        exe is not None,
        exe,
        -1 if uid is None else uid,
        subj is not None,
        subj,
        index[origin],
    )


def name_value(value: bytes | str | None) -> object:
    """How a name is written: as a string if it is printable UTF-8, else exactly, in hex.

    A str is one of Python's file names, in which surrogates stand for bytes that are not UTF-8."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _octets(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"hex": value.hex()}
    return {"hex": value.hex()} if _UNPRINTABLE.search(text) else text


def _octets(name: str) -> bytes:
    try:
        return name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return name.encode(errors="surrogatepass")


def _named(origin: Origin) -> dict[str, object]:
    return {name: name_value(value) for name, value in origin._asdict().items() if value is not None}


def _count(key: RecordKey, count: Count, index: Mapping[Origin, int]) -> dict[str, object]:
    members = {
        "origin": index[key.origin],
        "arch": f"{key.arch:x}",
        "syscall": key.nr,
        "code": None if key.code is None else f"0x{key.code:x}",
        "comm": name_value(key.comm),
        "exe": name_value(key.exe),
        "uid": key.uid,
        "subj": name_value(key.subj),
        "numbered": count.numbered or None,
        "unnumbered": count.unnumbered or None,
        "line": count.line or None,
        "first": count.first,
        "last": count.last,
    }
    return {name: value for name, value in members.items() if value is not None}


def _samples(samples: Mapping[str, Sample]) -> Iterator[dict[str, object]]:
    for reason, sample in sorted(samples.items()):
        file, line = sample.place
        yield {
            "reason": name_value(reason),
            "events": sample.events,
            "file": name_value(file),
            "line": line,
            "text": name_value(sample.text),
        }


def _segment(segment: Segment) -> dict[str, object]:
    """A segment as the file has it."""
    return {
        name: name_value(value) if isinstance(value, str) else value
        for name, value in segment._asdict().items()
        if value is not None
    }


def from_bytes(data: bytes, name: str) -> Evidence:
    """The evidence in a file of that name. Raises EvidenceFileError for anything that `to_text` could not have meant;
    the order of what is in its arrays makes no difference."""
    from audit2seccomp.evidence.stored import state

    return state.from_bytes(data, name).evidence
