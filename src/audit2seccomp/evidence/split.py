"""Evidence by the value of a field: a part for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from audit2seccomp.evidence.model import Count, Evidence, RecordKey, Segment

Value = bytes | str
"""What the record itself says is bytes, what its carrier says is text with surrogates (surrogateescape)."""

FIELDS: Mapping[str, Callable[[RecordKey], Value | None]] = {
    "comm": lambda key: key.comm,
    "exe": lambda key: key.exe,
    "unit": lambda key: key.origin.unit,
    "container": lambda key: key.origin.container,
    "host": lambda key: key.origin.host,
    "subj": lambda key: key.subj,
    "file": lambda key: key.origin.file,
}
"""What evidence can be split by; None where a key does not say it."""


def split(evidence: Evidence, field: str) -> dict[Value | None, Evidence]:
    """A part for each value of one of the `FIELDS`, in the order of the values; that of unknown ones, None, is last.

    Each event is in one part, and all parts merged have the counts of the whole. What is only known of the whole
    stands in every part, because what is missing may have been of any: signs of loss, what was rejected and refused
    (only the first place of each is known), and, but for files, the segments. How many lines were read for a part
    nobody counted (None), and how many copies and unselected records (0) neither.

    Raises KeyError for a field that is none of them."""
    value_of = FIELDS[field]
    counts: dict[Value | None, dict[RecordKey, Count]] = {}
    for key, count in evidence.counts.items():
        counts.setdefault(value_of(key), {})[key] = count
    whole = evidence._replace(lines=None, repeated=0, unselected=0)
    return {
        value: whole._replace(counts=counts[value], segments=_segments(evidence, field, value))
        for value in sorted(counts, key=_order)
    }


def _segments(evidence: Evidence, field: str, value: Value | None) -> tuple[Segment, ...]:
    if field != "file":
        return evidence.segments
    return tuple(segment for segment in evidence.segments if segment.file == value)


def _order(value: Value | None) -> tuple[bool, bytes]:
    return value is None, value if isinstance(value, bytes) else (value or "").encode("utf-8", "surrogatepass")
