"""What the program says on stderr."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.command import AARCH64, ERRNO, embedded_line, line, run, shell

READ, CLOSE = line(0), line(3)


def test_lines_records_calls_and_refusals() -> None:
    log = READ * 3 + CLOSE + line(3, arch=AARCH64) + b"noise\n" + line(1, code=ERRNO) + embedded_line(2) * 2
    log += line(4, arch=None)
    assert run(stdin=log).stderr.splitlines()[:2] == [
        "read 10 lines, 9 records: 3 used, 1 denied, 1 rejected, 2 not trusted, 2 seen before",
        "distinct calls: 1 on aarch64, 2 on x86_64",
    ]


def test_reasons_are_counted_apart_with_the_first_as_example(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(READ + line(1, arch=None) + line(2)[:-40] + b"\n" + line(4, arch=None))
    (tmp_path / "b.log").write_bytes(line(5, arch=None))
    said = run("a.log", "b.log", cwd=tmp_path).stderr.splitlines()
    reasons = [index for index, text in enumerate(said) if text.startswith("rejected: ")]
    assert [re.sub(r"(no arch=|cut).*\(", r"\1 (", said[index]) for index in reasons] == [
        "rejected: a.log:3: cut (1 record)",
        "rejected: a.log:2: no arch= (3 records)",
    ]
    assert all("type=1326" in said[index + 1] or "my-machine" in said[index + 1] for index in reasons)


def test_quiet_leaves_only_errors() -> None:
    log = READ + line(9999) + line(1, arch=None) + line(2, code=ERRNO) + embedded_line(3)
    quiet = run("-q", stdin=log)
    assert (quiet.status, quiet.names, quiet.stderr) == (0, ["read"], "")
    assert run("-q", "-v", stdin=log).stderr == ""
    failed = run("-q", stdin=b"noise\n")
    assert failed.status == 3
    assert failed.stderr.startswith("audit2seccomp: no SECCOMP record found")
    assert len(failed.stderr.splitlines()) == 1
    assert run("-q", "gone.log").stderr.startswith("audit2seccomp: gone.log: no such file or directory\n")
    assert "incomplete" in run("-q", "--strict", stdin=log).stderr


def _new(text: str) -> list[str]:
    return [said for said in text.splitlines() if said.startswith("new: ")]


def test_verbose_lists_each_distinct_call_once_as_first_seen() -> None:
    log = CLOSE + READ + CLOSE + line(3, comm='"other"') + line(3, code=ERRNO) + line(9999) + line(3, arch=AARCH64)
    said = run("-v", stdin=log).stderr
    assert sorted(_new(said)) == [
        "new: aarch64 3 io_cancel, LOG, by http-echo (/http-echo)",
        "new: x86_64 0 read, LOG, by http-echo (/http-echo)",
        "new: x86_64 3 close, ERRNO, by http-echo (/http-echo)",
        "new: x86_64 3 close, LOG, by http-echo (/http-echo)",
        "new: x86_64 9999 (not in the tables), LOG, by http-echo (/http-echo)",
    ]
    assert said.index("new: ") < said.index("read 7 lines")
    assert _new(run(stdin=log).stderr) == []


def test_verbose_names_no_user_twice() -> None:
    assert len(_new(run("-v", stdin=READ + READ.replace(b" uid=0", b" uid=7")).stderr)) == 1


@pytest.mark.parametrize("args", [(), ("-v",), ("-v", "--trust", "embedded")])
def test_control_characters_of_a_log_do_not_reach_the_terminal(args: tuple[str, ...]) -> None:
    evil = b"\x1b]0;owned\x07\x9b31m\xc2\x9b\r\x08\xe2\x80\xae"
    log = line(0, comm=evil.hex().upper())
    log += line(1, arch=None).replace(b'"http-echo"', b'"http' + evil + b'"')
    log += line(2, arch=None).replace(b"\n", evil + b"\n")
    log += embedded_line(3).replace(b"echo[77]", evil + b"[77]")
    said = run(*args, stdin=log).stderr
    assert "rejected: " in said
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    assert r"\x1b]0;owned\x07" in said


def test_an_example_is_short_whatever_the_line() -> None:
    said = run(stdin=READ + line(1, arch=None).replace(b"\n", b" " + b"y" * 100_000 + b"\n")).stderr
    assert "rejected: <stdin>:2: " in said
    assert max(map(len, said.splitlines())) < 400


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_closed_or_full_stderr_is_no_reason_to_fail(redirection: str) -> None:
    result = run("-v", "-", stdin=READ, program=shell(f'exec "$@" {redirection}'))
    assert (result.status, result.names) == (0, ["read"])
