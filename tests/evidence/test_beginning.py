"""Which form an input has, also where it begins in the middle of an entry."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.beginning import TEXT, WATCHED_BYTES, Beginning
from audit2seccomp.evidence.model import Evidence
from tests.cli.command import line
from tests.corpus import FIXTURES, read_bytes

ENTRY_STARTS = {
    "dmesg-fmt-J": rb"^      (?:\},)?\{$",
    "journal-json-pretty": rb"^\{$",
    "journal-json": rb"^\{",
    "journal-json-sse": rb"^data: \{",
    "journal-export": rb"^__CURSOR=",
    "journal-oddnames-export": rb"^__CURSOR=",
    "journal-oddnames-json": rb"^\{",
    "journal-verbose": rb"^\S.* \[s=",
}


def recorded(name: str) -> bytes:
    """A recorded log."""
    (path,) = (path for suffix in ("txt", "json") if (path := FIXTURES / "recorded" / f"{name}.{suffix}").exists())
    return path.read_bytes()


def entry_starts(name: str, data: bytes) -> list[int]:
    """Where its entries begin."""
    return [match.start() for match in re.finditer(ENTRY_STARTS[name], data, re.MULTILINE)]


@pytest.mark.parametrize("name", ENTRY_STARTS)
def test_an_input_that_begins_inside_an_entry_loses_no_other_and_is_not_complete(name: str) -> None:
    data = recorded(name)
    starts = entry_starts(name, data)
    assert len(starts) > 3
    last = dict(enumerate(starts)).get(3, len(data))
    wanted: dict[int, Evidence] = {}
    for cut in {*range(1, last, 11), *range(starts[1] - 8, starts[1] + 8)}:
        following = next(start for start in starts if start >= cut)
        if following not in wanted:
            wanted[following] = read_bytes(data[following:])
        found = read_bytes(data[cut:])
        for key, count in wanted[following].counts.items():
            assert key in found.counts, (cut, key)
            assert found.counts[key].events >= count.events, (cut, key)
        if b"auid=" in data[cut:following]:
            assert found.rejected or found.records > wanted[following].records, cut


def told(data: bytes, cuts: list[int]) -> tuple[bytes, str | None, bytes, bytes | None, int]:
    """The text, the form and the rest of an input that comes in pieces."""
    beginning = Beginning()
    ends = sorted(min(cut, len(data)) for cut in cuts)
    text = b""
    for start, end in zip([0, *ends], [*ends, len(data)], strict=True):
        said = beginning.take(data[start:end])
        text += said.text
        if said.form is not None:
            return text, said.form, said.rest + data[end:], said.cut, beginning.lines
    said = beginning.take(b"", ended=True)
    return text + said.text, said.form, said.rest, said.cut, beginning.lines


pieces = st.sampled_from(
    [
        b"Jul  6 15:37:40 vm kernel: x\n",
        b"{\n",
        b'\t"_UID" : "0",\n',
        b'"MESSAGE": 1',
        b"},{\n",
        b"\n",
        b"__CURSOR=s=9bc86411c4a84ef680f3255d818c6229;i=3eb;",
        b"Sun 2026-11-22 09:01:57.076341 UTC [s=9bc86411c4a84ef680f3255d818c6229;i=3eb;",
        b"    _UID=0\n",
        b"x",
        b"-- Journal begins --\n",
    ]
)


@given(st.lists(pieces, max_size=8).map(b"".join), st.lists(st.integers(0, 300), max_size=4))
def test_cuts_into_blocks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    text, form, rest, cut, lines = told(data, [])
    assert text + rest == data
    in_pieces = told(data, cuts)
    assert in_pieces[0] + in_pieces[2] == data
    if form != TEXT:
        assert in_pieces == (text, form, rest, cut, lines)
    else:
        assert in_pieces[1] == TEXT


def test_a_line_of_a_live_log_is_told_of_at_once() -> None:
    beginning = Beginning()
    for number in range(3):
        text = b"audit: said %d\n" % number
        assert beginning.take(text).text == text
    assert beginning.take(line(0)).form == TEXT


def test_a_long_text_is_not_watched_for_ever() -> None:
    beginning = Beginning()
    data = b"x\n" * WATCHED_BYTES
    assert beginning.take(data).form == TEXT
    beginning = Beginning()
    assert beginning.take(b"x" * 5000).form is None
    assert beginning.take(b"x" * WATCHED_BYTES).form == TEXT


@pytest.mark.parametrize(
    "above",
    [line(0), b"2026-11-22 09:01:56 INFO got:\n", b"x\n2026-11-22 09:01:56 INFO got:\n"],
    ids=["syslog", "app", "cut"],
)
def test_a_message_in_a_text_log_cannot_make_it_a_journal(above: bytes) -> None:
    forged = recorded("journal-export").replace(b"_HOSTNAME=vm\n", b"")
    assert Beginning().take(above + forged).form == TEXT
    assert not [key for key in read_bytes(above + forged).counts if key.nr >= 100]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_what_is_left_of_the_only_object_is_cut(end: bytes) -> None:
    entry = recorded("journal-json").rstrip().splitlines()[-1]
    for at in range(1, len(entry) - 2, 40):
        evidence = read_bytes(entry[at:] + end)
        assert evidence.rejected, at
    assert not read_bytes(entry + end).rejected
    assert not read_bytes(line(0).rstrip() + b'"}' + end).rejected
