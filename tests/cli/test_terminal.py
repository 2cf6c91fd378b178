"""What changes when a terminal is there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, SCRIPT, line

READ = line(0)
BAR = "\u2501".encode()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A log that is worth a bar: a record and a hole."""
    log = tmp_path / "large.log"
    log.write_bytes(READ)
    os.truncate(log, 40 << 20)
    return log


def _on_a_terminal(*args: str, program: tuple[str, ...] = (SCRIPT,)) -> tuple[int, bytes, bytes]:
    """Exit status, stdout, and what a terminal as stderr was sent."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen([*program, *args], stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        sent = b"".join(iter(lambda: _read(ours), b""))
        assert process.stdout is not None
        return process.wait(PATIENCE), process.stdout.read(), sent


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that the other side is closed
        return b""


def test_a_bar_for_a_large_file(large: Path) -> None:
    status, out, sent = _on_a_terminal(str(large))
    assert (status, b'"read"' in out) == (0, True)
    assert BAR in sent
    assert b"41.9 MB" in sent
    assert b"MB/s" in sent
    assert b"\x1b" not in out
    assert b"read 2 lines, 1 record: 1 used" in sent[sent.rindex(BAR) :], "the summary stands below the bar"


def test_a_bar_for_a_redirected_file(large: Path) -> None:
    status, _, sent = _on_a_terminal(program=("/bin/sh", "-c", f'exec "{SCRIPT}" < "{large}"'))
    assert status == 0
    assert BAR in sent


@pytest.mark.parametrize("script", ['cat "{log}" | "{tool}"', '"{tool}" -q "{log}"', 'head -c 400 "{log}" | "{tool}"'])
def test_no_bar_for_a_pipe_and_none_for_quiet(large: Path, script: str) -> None:
    status, out, sent = _on_a_terminal(program=("/bin/sh", "-c", script.format(log=large, tool=SCRIPT)))
    assert (status, b'"read"' in out) == (0, True)
    assert BAR not in sent
    assert b"\x1b" not in sent


def test_no_bar_without_terminal(large: Path) -> None:
    command = [sys.executable, "-X", "importtime", SCRIPT, str(large)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert b" audit2seccomp.cli.progress\n" in done.stderr
    assert b" rich\n" not in done.stderr, "what draws no bar is not imported"
    assert BAR not in done.stderr
    assert b"\x1b" not in done.stderr


def test_new_calls_and_the_bar_go_together(large: Path) -> None:
    status, _, sent = _on_a_terminal("-v", str(large))
    assert status == 0
    assert b"new: x86_64 0 read, LOG, by http-echo (/http-echo)" in sent
    assert BAR in sent


def test_a_terminal_as_standard_input_is_not_waited_for() -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run([SCRIPT], stdin=theirs, capture_output=True, timeout=PATIENCE, check=False)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no input" in done.stderr
    assert b"audit2seccomp --journal" in done.stderr
