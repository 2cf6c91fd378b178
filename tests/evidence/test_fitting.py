"""The numbers of an evidence file must fit each other: in whatever logs show they do, and all else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import EvidenceFileError
from audit2seccomp.evidence import once
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Count, Evidence
from audit2seccomp.evidence.once import Channel, Once
from audit2seccomp.evidence.query.language import parse
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored.files import from_bytes, to_text
from audit2seccomp.evidence.stored.fitting import misfit
from audit2seccomp.evidence.stored.merging import select
from tests.evidence.line_by_line import log_lines, trusts
from tests.evidence.one_file import EVIDENCE, SEGMENT, edited, put, scanned
from tests.evidence.queries import NOW

QUERIES = ["comm == a", "syscall == read", "uid == 0", "time > 1970-01-01T00:00:02Z", "pid == 7", "file == log0"]
TIMES = st.sampled_from([0, 500, 900, 1000, 1500, 2500, 5000, 10_000, 70_000]) | st.integers(0, 80_000)
SERIALS = st.sampled_from([1, 2, 3, 50, 60, 61, 1023, 1024, 20_000, 20_001])


def record(time: int, serial: int, call: int, comm: str) -> bytes:
    """What the kernel prints."""
    return (
        f"[    1.000000] audit: type=1326 audit({time // 1000}.{time % 1000:03}:{serial}): auid=0 uid=0 gid=0 ses=1 "
        f'subj=x pid=7 comm="{comm}" exe="/b" sig=0 arch=c000003e syscall={call} compat=0 ip=0x1 code=0x7ffc0000'
    ).encode()


def entry(message: bytes, **fields: str) -> bytes:
    """The same as the journal has it of the audit transport, with or without a number of its own."""
    entry = {"__CURSOR": "s=1", "_TRANSPORT": "audit", "_HOSTNAME": "h", "MESSAGE": message.decode(), **fields}
    return json.dumps(entry).encode()


records = st.builds(record, TIMES, SERIALS, st.sampled_from([0, 1]), st.sampled_from("ab"))
entries = st.builds(
    lambda line, serial: entry(
        b"SECCOMP" + line.partition(b"):")[2],
        **({} if serial is None else {"_AUDIT_ID": str(serial), "_SOURCE_REALTIME_TIMESTAMP": str(serial * 1000)}),
    ),
    records,
    st.none() | SERIALS,
)
logs = st.lists(records, max_size=10) | st.lists(entries, max_size=10) | log_lines


def fits(evidence: Evidence) -> bool:
    """Whether a file could hold it."""
    return misfit(evidence.segments, evidence.counts, evidence.repeated, evidence.unselected) is None


@settings(max_examples=150)
@given(st.data(), st.lists(logs, min_size=1, max_size=3), trusts, st.none() | st.sampled_from(QUERIES), st.booleans())
def test_whatever_was_scanned_merged_and_selected_fits(
    data: st.DataObject, drawn: list[list[bytes]], trust: Trust, query: str | None, apart: bool
) -> None:
    asked = None if query is None else parse(query, NOW)
    scanner = Scanner(trust, query=asked, apart=apart)
    merged = Evidence()
    for i, lines in enumerate(drawn):
        text = b"".join(line + b"\n" for line in lines)
        scanner.start_input(f"log{i}")
        cut = data.draw(st.integers(0, len(text)))
        scanner.feed(text[:cut])
        scanner.feed(text[cut:])
        scanner.finish_input()
        merged = merged.merge(scanned(text, f"log{i}", trust=trust))
    assert fits(scanner.evidence())
    assert fits(merged)
    if asked is not None and not asked.fields & {"time", "pid"}:
        assert fits(select(merged, asked, "e.json"))


@settings(max_examples=300)
@given(
    st.lists(st.lists(st.lists(st.tuples(TIMES, SERIALS), min_size=1, max_size=4), max_size=5), max_size=3),
    st.booleans(),
    st.booleans(),
)
def test_serials_are_counted_once_within_a_second(
    inputs: list[list[list[tuple[int, int]]]], few_segments: bool, spelled: bool
) -> None:
    seen = Once()
    with patch.object(once, "MAX_SEGMENTS", 1 if few_segments else once.MAX_SEGMENTS):
        for i, takes in enumerate(inputs):
            seen.start_input(str(i))
            for take in takes:
                times = [b"%d.%03d" % divmod(time, 1000) if spelled else time for time, _ in take]
                seen.take(Channel(None), times, [serial for _, serial in take])
    segments = seen.segments()
    assert misfit(segments, {}, 0, sum(one.events for one in segments)) is None


def test_a_machine_that_started_anew_has_more_events_than_serials() -> None:
    log = b"".join(record(boot * 60_000, serial, 1, "a") + b"\n" for boot in range(3) for serial in (1, 2))
    evidence = scanned(log)
    assert [(one.events, one.last_serial) for one in evidence.segments] == [(6, 2)]
    assert from_bytes(to_text(evidence).encode(), "e.json") == evidence


def put_all(*edits: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """Several edits."""

    def change(document: dict[str, Any]) -> None:
        for edit in edits:
            edit(document)

    return change


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "more events than serials": (
        put_all(
            put("segments", 0, "events", to=12), put("segments", 0, "first_time", to=1001), put("unselected", to=9)
        ),
        "/segments/0: within a second each of 11 serials is one event, and there are 12",
    ),
    "one event at two places": (
        put("segments", 0, "events", to=1),
        "/segments/0: one event has one serial and one time",
    ),
    "too many for the counts": (
        put("unselected", to=7),
        "/segments: they have 8 events more than counts has numbered, and 7 are unselected",
    ),
    "too few for the counts": (
        put("counts", 1, "numbered", to=1000),
        "/segments: of one file they have 11 events, and counts has 1,001 numbered",
    ),
    "of another file": (
        put("segments", 0, "file", to="b"),
        "/segments: of one file they have 0 events, and counts has 3 numbered",
    ),
    "a copy of nothing": (
        put_all(put("segments", to=[]), put("counts", to=[]), put("repeated", to=1)),
        "/repeated: without segments there is no event that was repeated",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(EvidenceFileError) as caught:
        from_bytes(edited(change), "e.json")
    assert str(caught.value) == f"e.json: {message}: make it again with audit2seccomp collect"


def test_what_may_have_been_forgotten_may_count_twice() -> None:
    many = SEGMENT._replace(first_serial=1, last_serial=1 << 25, events=1 << 25)
    copied = SEGMENT._replace(last_time=SEGMENT.first_time, events=12)
    assert misfit([copied], {}, 0, 12) is not None
    assert misfit([copied, many], {}, 0, 1 << 30) is None


def test_the_first_events_that_do_not_count_are_in_segments_all_the_same() -> None:
    counted = {key: Count(0) for key in EVIDENCE.counts}
    assert misfit([SEGMENT], counted, 0, 11) is None
    assert misfit([SEGMENT], counted, 0, 10) is not None
