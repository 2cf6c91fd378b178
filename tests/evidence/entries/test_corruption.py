"""Bytes as they should not be: nothing raises, and what is broken in one entry costs no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.evidence.entries import FORMS
from audit2seccomp.evidence.entries.entry import Entry
from tests.corpus import cases
from tests.evidence.entries.decoding import JOURNAL, RECORDED, believed, decoded, entries

FILES = {
    path.name: ("json" if "json" in path.name else "export" if "export" in path.name else "verbose", path.read_bytes())
    for path in sorted((*RECORDED.iterdir(), *JOURNAL.iterdir()))
    if re.search(r"json|export|verbose|fmt-J", path.name) and not path.name.endswith((".yields", ".expect.json"))
}
assert len(FILES) >= 20
CUTS_OF_ENTRIES: dict[str, Callable[[bytes], list[int]]] = {
    "json": lambda data: [match.end() for match in re.finditer(rb"\n", data)],
    "json-pretty": lambda data: [match.start() + 1 for match in re.finditer(rb"\n\{\n", data)],
    "export": lambda data: [match.start() + 2 for match in re.finditer(rb"\n\n__CURSOR=s=9", data)],
    "verbose": lambda data: [match.start() + 1 for match in re.finditer(rb"\nSun 2026", data)],
}


@pytest.mark.parametrize("name", FILES)
def test_where_a_file_is_cut_makes_no_difference(name: str) -> None:
    form, data = FILES[name]
    rnd = Random(name)
    whole = decoded(data, form)
    assert decoded(data, form, range(0, len(data), 7)) == whole
    for _ in range(30):
        assert decoded(data, form, [rnd.randrange(len(data)) for _ in range(rnd.randrange(1, 9))]) == whole


def test_the_cases_of_the_corpus_may_be_cut_anywhere() -> None:
    for kind in ("shapes", "hostile"):
        for case in cases(kind):
            for form in FORMS:
                whole = decoded(case.data, form)
                assert decoded(case.data, form, range(len(case.data))) == whole, case.name


pieces = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'{}[],:"\\\n \t\0\r='),
        *(
            b"\n\n",
            b'{"',
            b'"}\n',
            b"\x1e",
            b"data: ",
            b"    ",
            b"__CURSOR=s=",
            b"MESSAGE=",
            b"auid=",
            b"\xff",
            b"1e999",
        ),
        *(b"\nMESSAGE\n", b"\x05\0\0\0\0\0\0\0", b"_TRANSPORT=kernel\n", b'"_TRANSPORT":"audit"', b'"pri": 5,'),
        *(b'{"dmesg":[', b"      },{\n", b'"msg"', b"\n{\n", b"\n}\n", b"null", b"[1,2]", b'"a"'),
    ]
)
any_bytes = st.lists(pieces | st.binary(max_size=12), max_size=40).map(b"".join)


@given(data=any_bytes, form=st.sampled_from(sorted(FORMS)), cuts=st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=600)
def test_any_bytes_are_read_alike_however_they_are_cut(data: bytes, form: str, cuts: list[int]) -> None:
    assert decoded(data, form, cuts) == decoded(data, form)


@given(
    name=st.sampled_from(sorted(FILES)),
    at=st.floats(0, 1),
    size=st.integers(0, 40),
    instead=any_bytes,
    cuts=st.lists(st.integers(0, 40000), max_size=4),
)
@settings(max_examples=300)
def test_a_file_with_a_hole_is_read_alike_however_it_is_cut(
    name: str, at: float, size: int, instead: bytes, cuts: list[int]
) -> None:
    form, data = FILES[name]
    start = int(at * len(data))
    broken = data[:start] + instead + data[start + size :]
    assert decoded(broken, form, cuts) == decoded(broken, form)


def unplaced(found: list[Entry]) -> list[Entry]:
    """Entries without their lines, which a broken newline moves."""
    return [entry._replace(line=0) for entry in found]


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("journal-json.txt", "json"),
        ("journal-json-sse.txt", "json"),
        ("journal-oddnames-json.txt", "json"),
        ("journal-json-pretty.txt", "json-pretty"),
        ("journal-export.txt", "export"),
        ("journal-oddnames-export.txt", "export"),
        ("journal-verbose.txt", "verbose"),
    ],
)
def test_what_is_broken_in_one_entry_costs_no_other(name: str, cut: str) -> None:
    """One to four bytes in a row are changed; the entries that they do not stand in or beside must all be there."""
    form, data = FILES[name]
    rnd = Random(name)
    begins = [0, *CUTS_OF_ENTRIES[cut](data)]
    spans = list(zip(begins, [*begins[1:], len(data)], strict=True))
    told = [unplaced(entries(decoded(data[start:end], form))) for start, end in spans]
    assert [one for entry in told for one in entry] == unplaced(entries(decoded(data, form)))
    for _ in range(700):
        at = rnd.randrange(len(data))
        size = rnd.randrange(1, 5)
        noise = rnd.choice((rnd.randbytes(size), b"\n" * size, b"\0" * size, b"}" * size, b'"' * size, b"A" * size))
        broken = data[:at] + noise + data[at + size :]
        found = decoded(broken, form, [rnd.randrange(len(data))])
        left = unplaced(entries(found))
        for (start, end), whole in zip(spans, told, strict=True):
            if end < at or start > at + size:
                for entry in whole:
                    assert entry in left, (at, noise, entry)
                    left.remove(entry)


def test_every_line_of_dmesg_json_may_be_lost() -> None:
    form, data = FILES["dmesg-fmt-J.json"]
    lines = data.splitlines(keepends=True)
    whole = believed(decoded(data, form))
    assert len(whole) == 17
    for lost in range(len(lines)):
        left = believed(decoded(b"".join(lines[:lost] + lines[lost + 1 :]), form))
        # The line between two elements holds both.
        assert len(left) >= len(whole) - (2 if lines[lost].strip() == b"},{" else 1), lines[lost]
        assert set(left) <= set(whole)


@pytest.mark.parametrize("broken", [b'   "dme5g": [', b"   x", b""])
def test_dmesg_json_is_known_by_its_brackets_too(broken: bytes) -> None:
    elements = b"      },{\n".join(b'         "pri": 5,\n         "msg": "%b"\n' % text for text in (b"a", b"b", b"c"))
    data = b'{\n   "dmesg": [\n      {\n' + elements + b"      }\n   ]\n}\n"
    assert believed(decoded(data)) == [b"a", b"b", b"c"]
    found = entries(decoded(data.replace(b'   "dmesg": [', broken), "json"))
    assert [entry.message for entry in found] == [b"a", b"b", b"c"]
    assert [entry.line for entry in found][1:] == [6, 9]
