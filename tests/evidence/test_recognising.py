"""Evidence files are told from logs, however they were rewritten, and logs are not taken for them."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audit2seccomp
from audit2seccomp.errors import EvidenceFileError, InputError
from audit2seccomp.evidence.inputs.sources import Source
from audit2seccomp.evidence.inputs.tail import Stream
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored.files import from_bytes, to_text
from audit2seccomp.evidence.stored.recognising import ELEMENTS, LOOK_BYTES, OTHERS, Recogniser
from tests.evidence.line_by_line import LINE
from tests.evidence.one_file import EVIDENCE, KEY, ROOT, SCHEMA
from tests.evidence.stored import evidences

TEXT = to_text(EVIDENCE)
SORTED = json.dumps(json.loads(TEXT), sort_keys=True, indent=2).encode()
LONG = EVIDENCE.merge(
    Evidence({KEY._replace(exe=b"/usr/bin/%d" % i): EVIDENCE.counts[KEY]._replace(numbered=0) for i in range(1000)})
)
"""Its counts alone are longer than what is looked at."""
LONG_SORTED = json.dumps(json.loads(to_text(LONG)), sort_keys=True).encode()
LOGS = [
    path
    for path in sorted((ROOT / "fixtures").rglob("*"))
    if path.is_file()
    and not path.name.endswith((".yields", ".md", ".expect.json"))
    and (ROOT / "fixtures" / "fuzz") not in path.parents  # some of those are evidence
]


def verdict(data: bytes, step: int | None = None) -> bool:
    """What is said of an input that comes in pieces."""
    recogniser = Recogniser()
    for at in range(0, len(data), step or len(data) or 1):
        known = recogniser.look(data[at : at + (step or len(data))])
        if known is not None:
            return known
    return recogniser.end()


def shuffled(value: Any, data: st.DataObject) -> Any:
    """The same with the members of each object in another order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name], data) for name in data.draw(st.permutations(sorted(value)))}
    return [shuffled(item, data) for item in value] if isinstance(value, list) else value


@given(st.data(), evidences(), st.sampled_from([b"", b"\xef\xbb\xbf", b"\n \t\r\n", b"\xef\xbb\xbf\n"]), st.booleans())
def test_a_rewritten_file_is_known_and_says_the_same(
    data: st.DataObject, evidence: Evidence, front: bytes, ascii_only: bool
) -> None:
    document = shuffled(json.loads(to_text(evidence)), data)
    indent = data.draw(st.sampled_from([None, 0, 1, 4, "\t"]))
    text = front + json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    assert verdict(text, data.draw(st.sampled_from([None, 1, 7, 4096])))
    assert from_bytes(text, "e.json") == evidence


@pytest.mark.parametrize("step", [None, 1, 1000])
@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        SORTED,
        LONG_SORTED,
        b'{"comment": "of web1", ' + LONG_SORTED[1:],  # this and those below are refused, and not read as logs
        b'{"comment": "of web1", ' + SORTED[1:],
        SORTED[:800],
        LONG_SORTED[: LOOK_BYTES // 2],
        SORTED.replace(b"audit2seccomp evidence", b"evidence"),
        b"[" + SORTED + b"]",
        SORTED.replace(b"},", b"}", 1),
        b'{"format":"audit2seccomp evidence"',
    ],
)
def test_what_can_only_be_evidence_is_no_log(data: bytes, step: int | None) -> None:
    assert verdict(data, step)


@pytest.mark.parametrize("step", [None, 1, 1000])
@pytest.mark.parametrize(
    "entry",
    [
        '{"log": "a line", "stream": "stdout", "version": "1.27"}',
        '{"version": 1, "lines": 3, "log": "a line"}',
        '{"version": 1, "lines": 3, "repeated": null}',
        '{"logs": [{"message": "a line"}], "version": 1}',
        '{"logs": [{"name": "a", "lines": 3}], "message": "a line"}',
        '{"segments": [{"file": "a.ts"}], "meta": {"a": [1]}}',
        '{"counts": [1, 2], "lines": [[]]}',
        '{"counts": {"arch": "x"}}',
        '{"format": "audit2seccomp", "version": 1}',
        '{"message": "{\\"format\\":\\"audit2seccomp evidence\\""}',
        '{"kubernetes": {"format":"audit2seccomp evidence"}}',
        '{"dmesg": [',
        '{"options": [], "seen": []}',
        "{}",
        "[]",
        "[",
        '[{"a": 1}]',
        "[    0.000000] Linux version 5",
        "[not json",
        '{"version": 1, "log": "a li',
        '{"version": 1 "log": 1}',
        '{"version": 1e',
        "{",
        "",
        "\ufeff",
        "\ufeff\ufeff{}",
        " " * LOOK_BYTES,
    ],
)
def test_other_entries_are_no_evidence(entry: str, step: int | None) -> None:
    assert not verdict(entry.encode(), step)
    assert not verdict(f"{entry}\n".encode() + b'{"MESSAGE": "a line"}\n' * 10_000, step)


@pytest.mark.parametrize("path", LOGS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_log_is_taken_for_evidence(path: Path) -> None:
    data = path.read_bytes()[: 2 * LOOK_BYTES]
    assert not verdict(data)
    assert not verdict(data, 500)


@pytest.mark.parametrize(
    "entry", [b"Jan  1 00:00:00 h kernel: x", b'{"a":1,"b":"c"}', b'{\n\t"a": 1\n}', b'[{"a":1}', b'{"dmesg":[']
)
def test_the_first_entry_decides(entry: bytes) -> None:
    assert Recogniser().look(entry) is False


def test_memory_is_bounded() -> None:
    recogniser = Recogniser()
    assert recogniser.look(b'{"comment":"') is None
    assert [recogniser.look(b"x" * 1000) for _ in range(100)].index(False) == LOOK_BYTES // 1000


def test_the_names_are_those_of_the_schema() -> None:
    arrays = {name: one["items"] for name, one in SCHEMA["properties"].items() if one.get("type") == "array"}
    elements = {
        name: set((SCHEMA["$defs"][one["$ref"].split("/")[-1]] if "$ref" in one else one)["properties"])
        for name, one in arrays.items()
    }
    assert {name: set(names.split()) for name, names in ELEMENTS.items()} == elements
    assert ELEMENTS.keys() | set(OTHERS) == SCHEMA["properties"].keys()


@pytest.mark.parametrize(("data", "evidence"), [(SORTED, EVIDENCE), (LONG_SORTED, LONG)])
def test_a_rewritten_file_is_read_however_it_comes(tmp_path: Path, data: bytes, evidence: Evidence) -> None:
    path = tmp_path / "e.json"
    for content in (data, gzip.compress(data)):
        path.write_bytes(content)
        assert audit2seccomp.read(path) == evidence
    assert audit2seccomp.read(data.splitlines(keepends=True)) == evidence


def test_what_turns_out_to_be_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "e.json"
    path.write_bytes(SORTED.replace(b"audit2seccomp evidence", b"evidence"))
    with pytest.raises(EvidenceFileError, match=r'e\.json: no "format": "audit2seccomp evidence" in it: make it again'):
        audit2seccomp.read(path)


def test_json_entries_with_such_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "docker.json"
    entry = {"version": 1, "lines": 1, "log": LINE.decode(), "stream": "stdout", "time": "2026-01-01T00:00:00Z"}
    path.write_text(json.dumps(entry) + "\n")
    assert audit2seccomp.read(path, trust="embedded").sound == 1


def followed(pieces: list[bytes]) -> None:
    """Follow a pipe that gets these one by one."""
    reading, writing = os.pipe()
    stream = Stream(Source("s", lambda: os.read(reading, 1 << 16), descriptor=reading), Scanner())
    try:
        for piece in pieces:
            os.write(writing, piece)
            stream.step()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_stream_of_evidence_in_pieces_cannot_be_followed() -> None:
    followed([LINE, b"\n"])
    with pytest.raises(InputError, match="s: is an evidence file, which does not grow: read it without --follow"):
        followed(SORTED.splitlines(keepends=True))


@settings(max_examples=50)
@given(st.binary(max_size=60) | st.text('{}[],:" \\\n1aé').map(str.encode), st.integers(1, 9))
def test_pieces_make_no_difference(data: bytes, step: int) -> None:
    for front in (b"", b'{"version":1,', b'{"counts":[{"arch":"a",'):
        assert verdict(front + data) == verdict(front + data, step)
