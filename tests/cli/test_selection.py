"""Selecting records: --where and its shortcuts, on the slow path and on the fast one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import AARCH64, line, run

LOG = line(0) + line(3) + line(1, comm='"nginx"') + line(56, comm='"nginx"', arch=AARCH64) + line(9, comm="6E67")


def names(*args: str, stdin: bytes = LOG) -> list[str]:
    """The calls in the profile."""
    result = run(*args, stdin=stdin)
    assert result.status == 0, result.stderr
    return sorted(name for rule in json.loads(result.stdout)["syscalls"] for name in rule["names"])


@pytest.mark.parametrize("times", [1, 300], ids=["few lines", "many lines"])
@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["--where", "comm == nginx"], ["openat", "write"]),
        (["--where", "comm == nginx and arch == aarch64"], ["openat"]),
        (["--where", 'comm == "ng"'], ["mmap"]),
        (["--where", "not syscall in (read, close, 1)"], ["mmap", "openat"]),
        (["--where", "gid == 0 and ses == unset and sig == 0 and compat == 0 and pid == 29064"], None),
        (["--where", "time >= 2020-07-06T00:00Z and host == my-machine"], None),
        (["--where", "time < 2020-07-06T00:00Z or syscall == read"], ["read"]),
        (["--since", "2020-07-06T00:00Z", "--comm", "nginx", "--comm", "ng"], ["mmap", "openat", "write"]),
        (["--comm", "ngin*", "--uid", "0", "--pid", "29064", "--exe", "/http-*"], ["openat", "write"]),
    ],
)
def test_records_are_selected(args: list[str], wanted: list[str] | None, times: int) -> None:
    everything = ["close", "mmap", "openat", "read", "write"]
    assert names(*args, stdin=LOG * times) == (everything if wanted is None else wanted)


def test_what_is_not_selected_is_counted() -> None:
    said = run("--comm", "nginx", stdin=LOG).stderr
    assert said.startswith("read 5 lines, 5 records: 2 used, 0 denied, 0 rejected, 0 not trusted, 3 not selected\n")
    assert run("--until", "2020-01-01", stdin=LOG).status == 3


def test_a_mistake_is_shown_with_a_caret() -> None:
    result = run("--where", "com == nginx", stdin=LOG)
    assert result.status == 2
    assert result.stderr.splitlines() == [
        "audit2seccomp: no field 'com': did you mean comm, compat?",
        "    com == nginx",
        "    ^",
    ]


@pytest.mark.parametrize("option", ["--where", "--since", "--until"])
def test_an_empty_query_is_a_mistake_not_everything(option: str) -> None:
    """A variable that is not set must not select all records."""
    assert run(option, "", stdin=LOG).status == 2
    assert run("explain", option, "", stdin=LOG).status == 2


@pytest.mark.parametrize("times", [1, 300], ids=["few lines", "many lines"])
def test_the_runtime_is_missed_only_where_the_time_leaves_it_out(times: int) -> None:
    log = (line(0, comm='"runc:[2:INIT]"').replace(b"/http-echo", b"/") + line(1)) * times
    assert "leaves out" not in run("--since", "2020-01-01", stdin=log).stderr
    assert "leaves out what the container runtime itself called" in run("--until", "2020-01-01", stdin=log).stderr
    assert "leaves out" not in run("--where", "syscall == 0 or time < 1990-01-01", stdin=log).stderr


@pytest.mark.parametrize("times", [1, 300], ids=["few lines", "many lines"])
def test_what_is_not_trusted_is_said_whatever_the_time(times: int) -> None:
    genuine = line(1)
    forged = genuine.replace(b" syscall=1 ", b" syscall=2 ").rstrip(b"\n") + b" (not the kernel's)\n"
    for query in (["--since", "2020-01-01"], ["--until", "2020-01-01"]):
        said = run("explain", *query, stdin=line(0) * times + forged + genuine).stderr
        assert "text stands behind the record (1 record)" in said
    assert names("--since", "2020-01-01", stdin=line(0) * times + forged * times + genuine) == ["read", "write"]


def test_a_field_that_only_some_inputs_have_is_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "kern.log").write_bytes(LOG)
    (tmp_path / "bare.log").write_bytes(line(0).partition(b"audit: ")[1] + line(0).partition(b"audit: ")[2])
    said = run("--where", "host == my-machine", "kern.log", "bare.log", cwd=tmp_path).stderr
    assert "selection: no record in bare.log tells its host" in said
    assert "no record here" not in said


def test_what_evidence_keeps_is_known_and_its_runtime_is_missed(tmp_path: Path) -> None:
    log = line(0, comm='"runc:[2:INIT]"').replace(b"/http-echo", b"/") + line(1)
    (tmp_path / "kern.log").write_bytes(log)
    assert run("collect", "kern.log", "-o", "a.evidence.json", cwd=tmp_path).status == 0
    said = run(
        "--where", "comm == http-echo and uid == 0 and syscall in (0, 1)", "a.evidence.json", cwd=tmp_path
    ).stderr
    assert "tells its" not in said
    assert "leaves out what the container runtime itself called (runc:[2:INIT])" in said
    assert "no record here tells its unit" in run("--unit", "x", "a.evidence.json", cwd=tmp_path).stderr
