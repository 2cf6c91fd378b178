"""Pipes and signals."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import NO_RUNTIME, SCRIPT, Result, line, names_of, run, running, shell

READ, CLOSE = line(0), line(3)
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def test_a_new_call_shows_while_the_stream_is_open() -> None:
    with running("-v") as stream:
        stream.feed(READ)
        assert stream.says() == "new: x86_64 0 read, LOG, by http-echo (/http-echo)\n"
        stream.feed(CLOSE)
        assert stream.says() == "new: x86_64 3 close, LOG, by http-echo (/http-echo)\n"
        assert stream.process.poll() is None


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_stream_and_its_profile_is_written(number: signal.Signals) -> None:
    with running("-v") as stream:
        stream.feed(CLOSE + READ)
        assert stream.says().startswith("new: ")
        assert stream.says().startswith("new: ")
        stream.signal(number)
        result = stream.result()
    assert (result.status, result.names) == (128 + number, ["close", "read"])
    assert "read 2 lines, 2 records: 2 used" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_start_of_a_line_that_was_cut_by_the_signal_counts_as_a_line() -> None:
    with running("-v") as stream:
        stream.feed(READ)
        assert stream.says().startswith("new: ")
        stream.feed(CLOSE[:-30])
        stream.signal(signal.SIGTERM)
        result = stream.result()
    assert (result.status, result.names) == (143, ["read"])


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_any_record(number: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with running("-v", "-", tmp_path / "fifo", "-o", tmp_path / "p.json") as stream:
        stream.feed(line(3, code="0x50001"))
        assert stream.says().startswith("new: ")
        stream.signal(number)
        result = stream.result()
    assert result.status == 128 + number
    assert "all records are denials" in result.stderr
    assert f"{tmp_path}/fifo: not read: interrupted" in result.stderr
    assert os.listdir(tmp_path) == ["fifo"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_fifo_that_nobody_opens_does_not_hold_the_program(number: signal.Signals, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with running("-v", "-", fifo) as stream:
        stream.feed(READ)
        assert stream.says().startswith("new: ")
        stream.close()
        _sleeps_in(stream.process.pid, "wait_for_partner")
        stream.signal(number)
        result = stream.result()
    assert (result.status, result.names) == (128 + number, ["read"])


def _sleeps_in(pid: int, function: str) -> None:
    """Wait until a process sleeps in that function of the kernel, where the kernel tells; the outcome of the tests is
    the same if it does not, they only see less."""
    for _ in range(100_000):
        where = Path(f"/proc/{pid}/wchan").read_text()
        if where == function or (where == "0" and not os.access("/proc/1/stack", os.R_OK)):
            return
        os.sched_yield()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("redirected", [False, True])
def test_a_signal_while_a_file_is_read_writes_nothing(tmp_path: Path, number: signal.Signals, redirected: bool) -> None:
    log, profile = tmp_path / "a.log", tmp_path / "p.json"
    profile.write_text("old\n")
    log.write_bytes(READ)
    os.truncate(log, 2 << 30)  # a hole that takes seconds to read
    program = shell(f'exec "$@" - < "{log}"') if redirected else shell(f'exec "$@" "{log}"')
    with running("-v", "-o", profile, program=program) as stream:
        assert stream.says().startswith("new: ")
        stream.signal(number)
        result = stream.result()
    assert result.status == 128 + number
    name = "<stdin>" if redirected else log
    assert result.stderr == f"audit2seccomp: {name}: interrupted: nothing is written\n"
    assert profile.read_text() == "old\n"
    assert sorted(os.listdir(tmp_path)) == ["a.log", "p.json"]


def test_an_ignored_signal_stays_ignored() -> None:
    with running("-v", program=shell('trap "" INT; exec "$@"')) as stream:
        stream.feed(READ)
        assert stream.says().startswith("new: ")
        stream.signal(signal.SIGINT)
        stream.feed(CLOSE)
        assert stream.says().startswith("new: ")
        stream.close()
        result = stream.result()
    assert (result.status, result.names) == (0, ["close", "read"])


@pytest.mark.parametrize("number", SIGNALS)
def test_a_reader_that_does_not_read_does_not_hold_the_program(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "a.log").write_bytes(READ)
    out, into = os.pipe()
    size = fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
    os.write(into, b"x" * size)
    command = [SCRIPT, str(tmp_path / "a.log")]
    with subprocess.Popen(command, stdout=into, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            while not process.stderr.readline().startswith(b"distinct calls"):
                assert process.poll() is None
            process.send_signal(number)
            assert process.wait(60) == 128 + number
            assert b"not written" in process.stderr.read()
        finally:
            process.kill()
    os.close(into)
    os.close(out)


def _without_reader(*args: str, stdin: bytes = b"") -> Result:
    out, into = os.pipe()
    os.close(out)
    try:
        return run(*args, stdin=stdin, stdout=into)
    finally:
        os.close(into)


def test_a_broken_pipe_is_quiet() -> None:
    result = _without_reader("-q", stdin=READ)
    assert (result.status, result.stderr) == (141, "")
    loud = _without_reader(stdin=READ)
    assert loud.status == 141
    assert loud.stderr.splitlines() == [
        "read 1 line, 1 record: 1 used, 0 denied, 0 rejected, 0 not trusted",
        "distinct calls: 1 on x86_64",
        "complete as far as the log tells",
        NO_RUNTIME,
    ]


@pytest.mark.parametrize("args", [("syscall", "read", "--arch", "all"), ("syscall", "read", "--json")])
def test_a_broken_pipe_of_a_look_up_is_quiet(args: tuple[str, ...]) -> None:
    result = _without_reader(*args)
    assert (result.status, result.stderr) == (141, "")


@pytest.mark.parametrize("args", [("--help",), ("--version",)])
def test_a_broken_pipe_of_help_is_quiet(args: tuple[str, ...]) -> None:
    result = _without_reader(*args)
    assert result.status != 0
    assert result.stderr == ""


def test_a_broken_pipe_does_not_matter_with_a_file(tmp_path: Path) -> None:
    result = _without_reader("-o", str(tmp_path / "p.json"), stdin=READ)
    assert result.status == 0
    assert names_of(json.loads((tmp_path / "p.json").read_text())) == ["read"]
