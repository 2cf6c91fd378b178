"""Large evidence files are read in another way than small ones, and mean the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.stored import checking
from audit2seccomp.evidence.stored.decoding import NotTakenError, document
from audit2seccomp.evidence.stored.files import to_text
from audit2seccomp.evidence.stored.values import items
from tests.evidence.one_file import ADVICE, FILE, JUNK, WRONG, edited, outcome
from tests.evidence.stored import evidences

INSIDE = b'"comm":"nginx"'


def quickly(data: bytes) -> bool:
    """Whether the fast reader takes a file."""
    read = document(data, "e.json")
    origins = items(read["origins"], checking.origin)
    try:
        return bool(read["counts"].read(origins))
    except NotTakenError:
        return False


@given(evidences(), st.sampled_from([None, 1]), st.booleans(), st.booleans())
def test_any_evidence_means_the_same(evidence: Evidence, indent: int | None, ascii_only: bool, in_order: bool) -> None:
    data = json.dumps(
        json.loads(to_text(evidence)), indent=indent, ensure_ascii=ascii_only, sort_keys=in_order
    ).encode()
    assert outcome(data, quick=True) == evidence


def test_the_fast_reader_takes_what_is_usual() -> None:
    assert quickly(FILE)
    assert quickly(json.dumps(json.loads(FILE), sort_keys=True, indent=4).encode())
    assert quickly(FILE.replace(INSIDE, b'"comm":"runc:[2:INIT]"'))


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_as_in_a_small_file(change: Callable[[dict[str, Any]], object], message: str) -> None:
    advice = ": update audit2seccomp" if "newer" in message else ADVICE
    assert outcome(edited(change), quick=True) == f"e.json: {message}{advice}"


@settings(max_examples=300)
@given(st.data())
def test_any_change_has_the_same_outcome(data: st.DataObject) -> None:
    text = FILE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = min(at + data.draw(st.integers(0, 3)), len(text))
        change = data.draw(
            st.sampled_from(
                [b"", b":", b",", b'"', b"0", b"1", b"-", b".5", b"e1", b" ", b"\\", b"\xff", b"NaN", b"null"]
            )
            | st.sampled_from(
                [b'"uid":0,', b'"lines":9,', b'"hex":"ff",', b'{"hex":"3a"}', b"\\u003a", b"\\ud800", b"{}"]
            )
        )
        text = text[:at] + change + text[end:]
    assert outcome(text, quick=True) == outcome(text, quick=False)


@given(st.data(), JUNK)
def test_any_value_in_a_row_has_the_same_outcome(data: st.DataObject, junk: object) -> None:
    value = json.loads(FILE)
    row = data.draw(st.sampled_from(value["counts"]))
    values = st.just(junk) | st.sampled_from([-1, 2**31, 2**32, 2**63, 2**64, 10**23, 10**40, 1.0, "c000003e", "0x0"])
    row[data.draw(st.sampled_from([*row, "unnumbered", "line", "first", "last"]))] = data.draw(values)
    text = json.dumps(value).encode()
    assert outcome(text, quick=True) == outcome(text, quick=False)


@pytest.mark.parametrize(
    ("old", "new", "twice"),
    [
        (INSIDE, b'"comm":"nginx","comm":"nginx"', "comm"),
        (INSIDE, b'"comm":"a\\u003ab","comm":"nginx"', "comm"),
        (INSIDE, b'"comm":"nginx","\\u0063omm":"a\\u003Ab"', "comm"),
        (b'{"hex":"610a62"}', b'{"hex":"61","hex":"610a62"}', "hex"),
        (b'"lines":9', b'"lines":1,"lines":9', "lines"),
        (b'"counts":[', b'"counts":[],"counts":[', "counts"),
        (b'"refused":[]', b'"refused":[{"a":1,"a":1}]', "a"),
    ],
)
def test_what_stands_twice_is_refused(old: bytes, new: bytes, twice: str) -> None:
    assert old in FILE
    assert outcome(FILE.replace(old, new), quick=True) == f'e.json: "{twice}" stands twice in an object{ADVICE}'


def test_an_object_of_many_members_is_refused_soon() -> None:
    members = ",".join(f'"a{i}":1' for i in range(200_000))
    data = FILE.replace(b'"lines"', f'{members},"a199999":1,"lines"'.encode())
    assert outcome(data, quick=True) == f'e.json: "a199999" stands twice in an object{ADVICE}'
