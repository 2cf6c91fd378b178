"""Names of files: safe, readable, always the same, and never the same for two values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit2seccomp.cli.file_names import MAX_NAME_BYTES, file_name, file_names, input_names, object_name

SAFE = re.compile(r"[A-Za-z0-9_,%][A-Za-z0-9_.@:,%-]*\.json")
_TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["nginx", "Nginx", "NGINX", "%4Eginx", "/", ".", "..", ""]
)
_LONG = st.builds(lambda start, end: "x" * start + end, st.integers(230, 260), _TEXT)
VALUES = st.sets(_TEXT | _LONG, max_size=12)
BYTES = st.sets(st.binary(max_size=4) | st.sampled_from([b"a", b"A", b"%41", b"%unknown", b"%empty"]), max_size=12)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"nginx", "nginx.json"),
        (b"NetworkManager", "NetworkManager.json"),
        (b"pool-1-thread-1", "pool-1-thread-1.json"),
        (b"runc:[2:INIT]", "runc:%5B2:INIT%5D.json"),
        (b"kworker/0:1", "kworker,0:1.json"),
        (b"/usr/sbin/nginx", ",usr,sbin,nginx.json"),
        ("user@1000.service", "user@1000.service.json"),
        (b"two words", "two%20words.json"),
        (b"50%", "50%25.json"),
        (b"a,b", "a%2Cb.json"),
        ("näh", "n%C3%A4h.json"),
        (b"\0\n\x1b", "%00%0A%1B.json"),
        (b"\xff", "%FF.json"),
        (b".", "%2E.json"),
        (b"..", "%2E..json"),
        (b"-rf", "%2Drf.json"),
        (b"@args", "%40args.json"),
        (b"~", "%7E.json"),
        (b"", "%empty.json"),
        (None, "%unknown.json"),
        (b"%unknown", "%25unknown.json"),
        (b"a" * 250, "a" * 250 + ".json"),
        (b"a" * 251, "a" * 210 + "%sha256-" + "772f911dd9d6692897188d0b03f718fb.json"),
    ],
)
def test_the_name_for(value: bytes | str | None, name: str) -> None:
    assert file_name(value) == name


@given(VALUES | BYTES)
@example({"\udc80", "\xed\xb2\x80", "é"})
@example({"x" * 300 + "a", "x" * 300 + "b", "X" * 300 + "a"})
def test_names_are_safe_and_differ_also_where_case_makes_no_difference(values: set[str | bytes]) -> None:
    names = file_names([*values, None])
    assert names.keys() == {*values, None}
    assert len({name.lower() for name in names.values()}) == len(names)
    for name in names.values():
        assert SAFE.fullmatch(name)
        assert len(name) <= MAX_NAME_BYTES


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_name_of_a_value_does_not_depend_on_the_others(one: bytes, other: bytes) -> None:
    assert (file_name(one) == file_name(other)) is (one == other)


def test_values_that_differ_in_case_alone() -> None:
    assert file_names([b"Nginx", b"nginx", b"Xorg"]) == {
        b"Nginx": "%4Eginx.json",
        b"nginx": "nginx.json",
        b"Xorg": "Xorg.json",
    }


def test_a_file_system_takes_the_worst(tmp_path: Path) -> None:
    values = [bytes([byte]) * length for byte in range(256) for length in (1, 2, 84, 255)]
    for name in file_names(values).values():
        (tmp_path / name).touch(exist_ok=False)
    assert len(list(tmp_path.iterdir())) == len(values)


class TestInputs:
    """Names of profiles for logs."""

    def test_the_base_name_without_what_says_that_it_is_a_log(self) -> None:
        assert input_names(
            ["/var/log/kern.log", "kern.log.1", "kern.log.2.gz", "a.b.txt", "j.json.zst", ".log", "log"]
        ) == {
            "/var/log/kern.log": "kern.json",
            "kern.log.1": "kern.log.1.json",
            "kern.log.2.gz": "kern.log.2.json",
            "a.b.txt": "a.b.json",
            "j.json.zst": "j.json",
            ".log": "%2Elog.json",
            "log": "log.json",
        }

    def test_standard_input(self) -> None:
        assert input_names(["<stdin>"]) == {"<stdin>": "stdin.json"}

    @pytest.mark.parametrize("other", ["x/a.log", "a.txt", "a.log.gz", "A.log", "a"])
    def test_where_two_would_have_one_name_all_have_their_path(self, other: str) -> None:
        names = input_names(["a.log", other, "/s/b.log"])
        assert names == file_names(["a.log", other, "/s/b.log"])
        assert names["/s/b.log"] == ",s,b.log.json"
        assert len({name.lower() for name in names.values()}) == 3

    def test_an_input_that_is_given_twice_is_one(self) -> None:
        assert input_names(["a.log", "a.log"]) == {"a.log": "a.json"}

    @given(st.sets(st.text(st.sampled_from("aA/.logtx"), min_size=1, max_size=6), max_size=8))
    def test_they_are_safe_and_differ(self, paths: set[str]) -> None:
        names = input_names(sorted(paths))
        assert names.keys() == paths
        assert len({name.lower() for name in names.values()}) == len(paths)
        assert all(SAFE.fullmatch(name) for name in names.values())


def test_another_ending() -> None:
    assert file_names([b"a", b"A"], ".yaml") == {b"a": "a.yaml", b"A": "%41.yaml"}
    assert input_names(["/var/log/kern.log"], ".conf") == {"/var/log/kern.log": "kern.conf"}
    assert len(file_name(b"a" * 300, ending=".policy")) <= MAX_NAME_BYTES


LABEL = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@given(VALUES | BYTES)
def test_objects_have_names_that_differ_too(values: set[str | bytes]) -> None:
    names = [object_name(name) for name in file_names(values).values()]
    assert len(set(names)) == len(names)
    assert all(LABEL.fullmatch(name) for name in names)


def test_what_is_a_label_stays() -> None:
    assert object_name("nginx-1.json") == "nginx-1"
    assert object_name("runc:%5B2:INIT%5D.yaml").startswith("runc--5b2-init-5d-")
