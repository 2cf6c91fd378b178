"""Evidence split by a field: nothing gets lost, and nothing gets into another's part."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

import audit2seccomp
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.evidence.split import FIELDS, split

_BYTES = st.sampled_from([None, b"", b"a", b"b", b"\xff/"])
_TEXT = st.sampled_from([None, "", "a", "é", "\udcff"])
_KEYS = st.builds(
    RecordKey,
    arch=st.just(0xC000003E),
    nr=st.integers(0, 3),
    code=st.just(0x7FFC0000),
    comm=_BYTES,
    exe=_BYTES,
    uid=st.just(0),
    subj=_BYTES,
    origin=st.builds(Origin, file=st.sampled_from(["a.log", "b.log"]), host=_TEXT, unit=_TEXT, container=_TEXT),
)
_COUNTS = st.dictionaries(_KEYS, st.builds(Count, st.integers(1, 9)), max_size=12)
_VALUE = {
    "comm": "comm", "exe": "exe", "subj": "subj",
    "unit": "origin.unit", "container": "origin.container", "host": "origin.host", "file": "origin.file",
}  # fmt: skip
"""Where a value stands in a key."""


def _value(key: RecordKey, field: str) -> object:
    return reduce(getattr, _VALUE[field].split("."), key)


def _segment(file: str) -> Segment:
    return Segment(file, "vm", None, 1, 9, 1000, 2000, 5)


LOST = Sample(3, ("a.log", 7), b"audit: audit_lost=3")
WHOLE = Evidence(
    lines=99,
    rejected={"no arch=": LOST},
    refused={"it stands inside other text": LOST},
    losses={"audit-backlog": LOST},
    segments=(_segment("a.log"), _segment("b.log")),
    repeated=4,
    unselected=5,
)


@given(_COUNTS, st.sampled_from(sorted(FIELDS)))
def test_the_parts_have_the_counts_of_the_whole_and_each_only_its_own(
    counts: dict[RecordKey, Count], field: str
) -> None:
    parts = split(Evidence(counts), field)
    assert sum(len(part.counts) for part in parts.values()) == len(counts)
    assert reduce(Evidence.merge, parts.values(), Evidence()).counts == counts
    for value, part in parts.items():
        assert {_value(key, field) for key in part.counts} == {value}


@given(_COUNTS, st.sampled_from(sorted(FIELDS)))
def test_the_order_is_that_of_the_values_with_the_unknown_last(counts: dict[RecordKey, Count], field: str) -> None:
    known = [value for value in split(Evidence(counts), field) if value is not None]
    assert known == sorted(
        known, key=lambda value: value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    )
    assert list(split(Evidence(counts), field))[: len(known)] == known


def test_no_evidence_has_no_parts() -> None:
    assert {field: split(WHOLE, field) for field in FIELDS} == {field: {} for field in FIELDS}


def _seen(file: str, comm: bytes) -> RecordKey:
    return RecordKey(0xC000003E, 0, 0x7FFC0000, comm, None, 0, None, Origin(file))


COUNTS = {_seen("a.log", b"x"): Count(1), _seen("b.log", b"x"): Count(2), _seen("b.log", b"y"): Count(4)}


def _evidence(counts: dict[RecordKey, Count], segments: tuple[Segment, ...]) -> Evidence:
    """What a part must be: what is only known of the whole stands in each."""
    return Evidence(counts, None, WHOLE.rejected, WHOLE.refused, WHOLE.losses, segments)


def test_what_is_only_known_of_the_whole_stands_in_every_part() -> None:
    whole = _evidence(COUNTS, WHOLE.segments).merge(Evidence(repeated=4, unselected=5))
    a_x, b_x, b_y = COUNTS
    assert split(whole, "comm") == {
        b"x": _evidence({a_x: Count(1), b_x: Count(2)}, WHOLE.segments),
        b"y": _evidence({b_y: Count(4)}, WHOLE.segments),
    }


def test_the_ranges_of_serials_are_those_of_the_file() -> None:
    a_x, b_x, b_y = COUNTS
    assert split(_evidence(COUNTS, WHOLE.segments), "file") == {
        "a.log": _evidence({a_x: Count(1)}, (_segment("a.log"),)),
        "b.log": _evidence({b_x: Count(2), b_y: Count(4)}, (_segment("b.log"),)),
    }


def test_a_recorded_container() -> None:
    evidence = audit2seccomp.read("fixtures/recorded/dmesg-runc-busybox-httpd.txt")
    events = {comm: part.sound for comm, part in split(evidence, "comm").items()}
    assert events == {b"cat": 20, b"httpd": 58, b"ls": 29, b"runc:[2:INIT]": 15, b"sh": 47, b"wget": 32}
    assert sum(events.values()) == evidence.sound == 201


def test_a_field_that_is_none() -> None:
    with pytest.raises(KeyError):
        split(WHOLE, "pid")
