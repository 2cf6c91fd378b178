"""Evidence files: nothing gets lost, the same evidence is the same bytes, and nothing is believed unseen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import audit2seccomp
from audit2seccomp.errors import EvidenceFileError, UsageError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.decide import UNKNOWN_ARCH
from audit2seccomp.evidence.model import Evidence, Segment
from audit2seccomp.evidence.query.language import parse
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.split import split
from audit2seccomp.evidence.stored import files
from audit2seccomp.evidence.stored.files import from_bytes, to_text
from audit2seccomp.evidence.stored.merging import Overlap, overlaps, select
from tests.evidence.line_by_line import LINE, log_lines
from tests.evidence.one_file import ADVICE, EVIDENCE, JUNK, SCHEMA, SEGMENT, WRONG, edited, scanned
from tests.evidence.queries import NOW
from tests.evidence.stored import evidences

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_text_is_as_documented() -> None:
    assert to_text(EVIDENCE) == (
        '{"format":"audit2seccomp evidence",\n"version":1,\n"trust":"anchored",\n"lines":9,\n"repeated":0,\n'
        '"unselected":8,\n'
        '"rejected":[\n{"reason":"cut","events":1,"file":"kern.log","line":3,"text":{"hex":"ff"}}\n],\n"refused":[],\n'
        '"losses":[\n{"reason":"printk-limit","events":3,"file":"kern.log","line":4,'
        '"text":"callbacks suppressed"}\n],\n'
        '"segments":[\n{"file":"kern.log","host":"web1","first_serial":10,"last_serial":20,"first_time":1000,'
        '"last_time":2000,"events":11}\n],\n"origins":[\n{"file":"kern.log","host":"web1"}\n],\n"counts":[\n'
        '{"origin":0,"arch":"c000003e","syscall":1,"code":"0x7ffc0000","comm":{"hex":"610a62"},'
        '"exe":"/usr/sbin/nginx","uid":0,"numbered":1},\n'
        '{"origin":0,"arch":"c000003e","syscall":59,"code":"0x7ffc0000","comm":"nginx",'
        '"exe":"/usr/sbin/nginx","uid":0,"numbered":2,"line":7,"first":1000,"last":2000}\n]}\n'
    )


@given(evidences())
def test_everything_survives_and_fits_the_schema(evidence: Evidence) -> None:
    text = to_text(evidence)
    assert from_bytes(text.encode(), "e.json") == evidence
    VALIDATOR.validate(json.loads(text))


@given(evidences(), st.randoms())
def test_the_same_evidence_is_the_same_bytes(evidence: Evidence, random: Any) -> None:
    shuffled = list(evidence.counts.items())
    random.shuffle(shuffled)
    again = from_bytes(json.dumps(json.loads(to_text(evidence)), indent=1).encode(), "e.json")
    assert to_text(again) == to_text(evidence)
    assert to_text(Evidence(dict(shuffled))) == to_text(Evidence(evidence.counts))


@settings(max_examples=30)
@given(st.lists(log_lines, min_size=2, max_size=3))
def test_merging_files_is_merging_evidence(logs: list[list[bytes]]) -> None:
    parts = [scanned(b"\n".join(lines), f"log{i}") for i, lines in enumerate(logs)]
    scanner = Scanner()
    merged = Evidence()
    for i, part in enumerate(parts):
        scanner.add(f"{i}.json", from_bytes(to_text(part).encode(), f"{i}.json"))
        merged = merged.merge(part)
    assert to_text(scanner.evidence()) == to_text(merged)


@settings(max_examples=30)
@given(st.lists(log_lines, min_size=2, max_size=2))
def test_a_file_counts_as_its_log_would(logs: list[list[bytes]]) -> None:
    first, second = (b"".join(line + b"\n" for line in lines) for lines in logs)
    scanner = Scanner()
    scanner.start_input("b")
    scanner.feed(second)
    scanner.finish_input()
    scanner.add("a.json", scanned(first, "a"))
    assert to_text(scanner.evidence()) == to_text(scanned(first, "a").merge(scanned(second, "b")))


@pytest.mark.parametrize(
    "query", ["comm == nginx", "not (exe ~ '/http*' or uid == 7)", "syscall == times and arch == x86_64", "file == log"]
)
@settings(max_examples=30)
@given(lines=log_lines)
def test_a_query_takes_of_a_file_what_it_takes_of_the_log(query: str, lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in [LINE, *lines])
    whole = scanned(data)
    # Of these a log only tells that they were selected, since nothing is known of their architecture.
    assume(UNKNOWN_ARCH not in whole.rejected)
    asked = parse(query, NOW)
    assert select(whole, asked, "e.json") == scanned(data, query=asked)


def test_a_query_for_what_is_not_kept_says_so() -> None:
    with pytest.raises(UsageError, match=re.escape("e.json: evidence files do not keep pid and time, which the query")):
        select(EVIDENCE, parse("pid == 7 and comm == a and time > 2026-01-01", NOW), "e.json")


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(EvidenceFileError) as caught:
        from_bytes(edited(change), "e.json")
    advice = ": update audit2seccomp" if "newer" in message else ADVICE
    assert str(caught.value) == f"e.json: {message}{advice}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"format":"audit2seccomp evidence",\n"version":1,}', "e.json:2:13: not JSON: "),
        (b'{"format":"audit2seccomp evidence"', "e.json:1:35: not JSON: "),
        (b'{"format":"audit2seccomp evidence","version":1,"lines":NaN}', "e.json: NaN is no number of JSON's"),
        (b'{"format":"audit2seccomp evidence","lines":1,"lines":2}', 'e.json: "lines" stands twice in an object'),
        (b'{"format":"audit2seccomp evidence","a":' + b"[" * 200_000, "e.json: too deeply nested"),
        (b'{"format":"audit2seccomp evidence","a":' + b'{"a":' * 200_000, "e.json: too deeply nested"),
        (b'{"format":"audit2seccomp evidence","a":' + b"9" * 5000 + b"}", "e.json: a number has thousands of digits"),
        (b'{"format":"audit2seccomp evidence\xff', "e.json: byte 33: not UTF-8"),
        (b"[]", 'e.json: no "format": "audit2seccomp evidence" in it'),
        (b"", "e.json:1:1: not JSON: "),
    ],
)
def test_what_is_no_such_json_is_said(data: bytes, message: str) -> None:
    with pytest.raises(EvidenceFileError) as caught:
        from_bytes(data, "e.json")
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(ADVICE)


@given(st.data())
def test_a_file_that_the_schema_forbids_is_refused(data: st.DataObject) -> None:
    document = json.loads(to_text(EVIDENCE))
    place: Any = document
    while data.draw(st.booleans()) and isinstance(place, (dict, list)) and place:
        last = place
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        place = place[step]
        if data.draw(st.booleans()):
            last[step] = data.draw(JUNK)
            break
    text = json.dumps(document, allow_nan=True)
    valid = "NaN" not in text and "Infinity" not in text and VALIDATOR.is_valid(json.loads(text))
    try:
        from_bytes(text.encode(), "e.json")
    except EvidenceFileError:
        return
    assert valid, text


def test_a_file_that_is_too_large_is_neither_read_nor_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        EvidenceFileError, match=r"e\.json: more than 134,217,728 bytes, too large for an evidence file"
    ):
        from_bytes(b" " * (files.MAX_FILE_BYTES + 1), "e.json")
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 100)
    with pytest.raises(
        EvidenceFileError, match=r"the evidence has 8\d\d bytes, and a file may have 100: collect parts"
    ):
        to_text(EVIDENCE)


def test_reading_takes_files_in_place_of_logs_however_they_come(tmp_path: Path) -> None:
    text = to_text(EVIDENCE)
    (tmp_path / "e.json").write_text(text)
    assert audit2seccomp.read(tmp_path / "e.json") == EVIDENCE
    assert audit2seccomp.read([text.encode()]).counts == EVIDENCE.counts
    (tmp_path / "pretty.json").write_text(json.dumps(json.loads(text), indent=4))
    with (tmp_path / "pretty.json").open("rb", buffering=0) as file:
        assert audit2seccomp.read(file) == EVIDENCE
    (tmp_path / "log").write_bytes(b"{\n" + LINE + b"\n")
    assert audit2seccomp.read([tmp_path / "log", tmp_path / "e.json"]).sound == 1 + EVIDENCE.sound


@given(evidences(), evidences(), evidences())
def test_merging_takes_the_lower_level_in_any_order(one: Evidence, two: Evidence, three: Evidence) -> None:
    assert one.merge(two).trust == two.merge(one).trust == min(one.trust, two.trust)
    assert one.merge(two).merge(three).trust == one.merge(two.merge(three)).trust
    assert one.merge(Evidence()) == Evidence().merge(one) == one


def test_evidence_has_the_level_of_the_logs_that_were_read() -> None:
    for trust in Trust:
        assert scanned(LINE, trust=trust).trust is trust
        # What holds no record asks for no proof.
        assert Scanner(trust).evidence().trust is scanned(b"", trust=trust).trust is Trust.AUTHENTICATED


@given(st.sampled_from(Trust), st.lists(evidences(), max_size=3), st.booleans())
def test_files_keep_their_levels_unless_they_are_lower_than_asked_for(
    asked: Trust, stored: list[Evidence], beside_a_log: bool
) -> None:
    scanner = Scanner(asked)
    levels = [Trust.AUTHENTICATED]
    if beside_a_log:
        scanner.start_input("log")
        scanner.feed(LINE)
        scanner.finish_input()
        levels.append(asked)
    for evidence in stored:
        if evidence.trust < asked:
            with pytest.raises(EvidenceFileError):
                scanner.add("e.json", evidence)
        else:
            scanner.add("e.json", evidence)
            levels.append(evidence.trust)
    assert scanner.evidence().trust is min(levels) >= asked


@pytest.mark.parametrize("stored", Trust)
@pytest.mark.parametrize("asked", Trust)
def test_reading_refuses_a_file_of_a_lower_level(tmp_path: Path, stored: Trust, asked: Trust) -> None:
    path = tmp_path / "e.json"
    path.write_text(to_text(EVIDENCE._replace(trust=stored)))
    if stored >= asked:
        assert audit2seccomp.read(path, trust=asked.word).trust is stored
        return
    with pytest.raises(EvidenceFileError) as caught:
        audit2seccomp.read(path, trust=asked.word)
    assert str(caught.value) == (
        f"{path}: evidence of the level {stored.word}, and this run needs {asked.word}: "
        f"give --trust {stored.word}, or collect it again from the logs"
    )


def test_a_query_and_a_split_keep_the_level() -> None:
    embedded = EVIDENCE._replace(trust=Trust.EMBEDDED)
    assert select(embedded, parse("comm == nginx", NOW), "e.json").trust is Trust.EMBEDDED
    assert {part.trust for part in split(embedded, "comm").values()} == {Trust.EMBEDDED}
    assert embedded.by_call().trust is Trust.EMBEDDED


def test_overlaps_are_told(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(to_text(EVIDENCE))
    a, b = str(tmp_path / "a.json"), str(tmp_path / "b.json")
    with pytest.warns(UserWarning, match="overlap") as caught:
        audit2seccomp.read([a, b])
    assert [str(one.message) for one in caught] == [
        f"{a} and {b} overlap: up to 11 events may be counted twice; calls are not affected"
    ]


@pytest.mark.parametrize(
    ("other", "events"),
    [
        (SEGMENT, 11),
        (SEGMENT._replace(file="audit.log"), 11),
        (SEGMENT._replace(first_serial=20, last_serial=30), 1),
        (SEGMENT._replace(first_serial=21, last_serial=30), 0),
        (SEGMENT._replace(events=2), 2),
        (SEGMENT._replace(host="web2"), 0),
        (SEGMENT._replace(host=None), 0),
        (SEGMENT._replace(boot="b"), 0),
        (SEGMENT._replace(first_time=2001, last_time=3000), 0),
    ],
)
def test_events_are_shared_by_machine_time_and_serial(other: Segment, events: int) -> None:
    assert list(overlaps([("a", [SEGMENT]), ("b", [other])])) == ([Overlap("a", "b", events)] if events else [])


def test_logs_without_a_machine_must_have_one_name() -> None:
    nameless = SEGMENT._replace(host=None)
    assert [one.events for one in overlaps([("a", [nameless]), ("b", [nameless])])] == [11]
    assert not list(overlaps([("a", [nameless]), ("b", [nameless._replace(file="other")])]))
