"""`--jobs N`: whatever reads the logs, in threads or in processes, the result is that of one job."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from audit2seccomp.evidence.jobs import WORTH_IT
from tests.archives import PACK
from tests.cli.command import PATIENCE, auditd_line, body, embedded_line, line, run, running, shell

NOISE = b"Jul  6 15:37:40 my-machine sshd[77]: Accepted publickey for somebody from %b port 50312 ssh2\n"
PURE = {"AUDIT2SECCOMP_PURE": "1"}
A_WHILE = 400_000
"""So many lines take half a second to unpack and search."""


def entry(nr: int) -> bytes:
    """What journalctl -o json prints for the kernel's."""
    message = f"audit: type=1326 audit(1594067861.484:{90_000 + nr}): {body(nr)}"
    return json.dumps({"_TRANSPORT": "kernel", "MESSAGE": message, "_HOSTNAME": "db"}).encode() + b"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Logs of all kinds, an evidence file, and what is none of these."""
    copied = line(7) + line(8)
    (tmp_path / "kern.log.1").write_bytes(line(0) + (NOISE % b"192.0.2.7") * 12_000 + line(1))
    (tmp_path / "kern.log").write_bytes(copied + embedded_line(9) + line(2) + b"audit: backlog limit exceeded\n")
    (tmp_path / "kern.log.2.gz").write_bytes(PACK["gzip"]((NOISE % b"192.0.2.7") * 12_000 + line(3) + line(3)[:60]))
    (tmp_path / "copy.xz").write_bytes(PACK["xz"](copied + line(4)))
    (tmp_path / "journal.json").write_bytes(entry(10) + entry(11))
    (tmp_path / "audit.log").write_bytes(auditd_line(12) + auditd_line(13).replace(b"syscall=", b"syscall=x"))
    (tmp_path / "cut.gz").write_bytes(PACK["gzip"](line(14) + NOISE * 99)[:-9])
    (tmp_path / "noise").write_bytes(NOISE)
    (tmp_path / "wtmp").write_bytes(bytes(range(256)) * 4)
    saved = run("collect", "-o", "saved.evidence.json", stdin=line(15), cwd=tmp_path)
    assert saved.status == 0
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > WORTH_IT, "or no process is started"
    return tmp_path


@pytest.mark.parametrize("environment", [{}, PURE], ids=["compiled", "pure"])
@pytest.mark.parametrize(
    "command",
    [
        ("collect", "--keep-going", "-r", "."),
        ("collect", "--keep-going", "-r", ".", "--where", "pid == 29064 or time > 2020-07-06", "--trust", "embedded"),
        ("--keep-going", "-r", ".", "gone.log", "kern.log", "kern.log"),
        ("--keep-going", "-v", "-r", "."),
        ("explain", "--keep-going", "-r", ".", "noise", "--trust", "authenticated"),
        ("kern.log", "wtmp", "kern.log.1"),
    ],
    ids=lambda command: " ".join(command)[:40],
)
def test_many_files_say_the_same_whatever_the_number_of_jobs(
    folder: Path, command: tuple[str, ...], environment: dict[str, str]
) -> None:
    alone, three = (run(*command, "--jobs", jobs, cwd=folder, env=environment) for jobs in ("1", "3"))
    assert three == alone
    assert alone.stderr


def test_a_profile_for_each_file_is_the_same(folder: Path) -> None:
    for jobs in ("1", "2"):
        made = run("--keep-going", "-r", ".", "-d", f"../{folder.name}-{jobs}", "--jobs", jobs, cwd=folder)
        assert made.status == 3
    one, two = (folder.parent / f"{folder.name}-{jobs}" for jobs in "12")
    names = sorted(path.name for path in one.iterdir())
    assert len(names) > 5
    assert names == sorted(path.name for path in two.iterdir())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_a_large_file_that_the_pure_scan_reads_says_the_same(tmp_path: Path) -> None:
    lines = [line(nr % 300) if nr % 40 == 0 else NOISE for nr in range(1_500_000)]
    (tmp_path / "log").write_bytes(b"".join(lines))
    assert (tmp_path / "log").stat().st_size > 128 << 20, "it has parts"
    alone, two = (run("collect", "log", "--jobs", jobs, cwd=tmp_path, env=PURE) for jobs in ("1", "2"))
    assert two == alone


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A log that takes a while."""
    chance = Random(1)
    lines = [NOISE % chance.randbytes(12).hex().encode() for _ in range(A_WHILE)]
    return gzip.compress(b"".join(lines), 1)


SMALL_PARTS = """
from audit2seccomp.evidence.parallel import ahead, parts
from audit2seccomp.cli.start import main
parts.PART_BYTES, ahead._LARGE_BYTES = 1 << 20, 1 << 19
main()
"""


def test_a_large_trace_that_is_alone_is_read_as_one(tmp_path: Path) -> None:
    calls = b'700 read(3, "some text", 4096) = 9\n701 close(3) = 0\n'
    (tmp_path / "trace").write_bytes(calls * 80_000)
    program = (sys.executable, "-c", SMALL_PARTS)
    alone, two = (run("trace", "--jobs", jobs, cwd=tmp_path, env=PURE, program=program) for jobs in ("1", "2"))
    assert two == alone
    assert alone.names == ["close", "read"]


@pytest.mark.parametrize("most", range(7, 26))
def test_few_open_files_are_enough(tmp_path: Path, most: int, packed: bytes) -> None:
    names = [f"{number}.gz" for number in range(5)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(PACK["gzip"](line(number)) + packed[: 300 << 10])
    names += names[:1]
    limited = shell(f'ulimit -n {most}; exec "$@"')
    alone, eight = (run(*names, "--keep-going", "--jobs", jobs, cwd=tmp_path, program=limited) for jobs in ("1", "8"))
    assert eight == alone


def children(pid: int) -> list[int]:
    """The processes that this one has started, as soon as there are any."""
    there = Path(f"/proc/{pid}/task/{pid}/children")
    until = time.monotonic() + PATIENCE
    while not (found := there.read_text().split()):
        assert time.monotonic() < until
        time.sleep(0.001)
    return list(map(int, found))


def test_what_a_process_was_reading_when_it_died_is_read_again(tmp_path: Path, packed: bytes) -> None:
    for number in range(3):
        (tmp_path / f"{number}.gz").write_bytes(PACK["gzip"](line(number)) + packed)
    with running("--jobs", "2", "-r", str(tmp_path)) as reading:
        for child in children(reading.process.pid):
            os.kill(child, signal.SIGKILL)
        result = reading.result()
    assert (result.status, result.names) == (0, ["open", "read", "write"])
    assert f"read {3 * A_WHILE + 3:,} lines, 3 records" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_a_signal(tmp_path: Path, number: signal.Signals, packed: bytes) -> None:
    for name in "abc":
        (tmp_path / f"{name}.gz").write_bytes(PACK["gzip"](line()) + packed * 2)
    with running("--jobs", "2", "-r", str(tmp_path)) as reading:
        started = children(reading.process.pid)
        reading.signal(number)
        result = reading.result()
    if number is not signal.SIGKILL:
        assert (result.status, result.stdout) == (128 + number, b"")
        assert "a.gz: interrupted: nothing is written" in result.stderr
    until = time.monotonic() + PATIENCE
    while any(map(is_there, started)):
        assert time.monotonic() < until
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    """Whether a process has not ended."""
    with suppress(ProcessLookupError, FileNotFoundError):
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    return False
