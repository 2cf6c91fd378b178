"""Inputs that cannot be read, are no logs, are too large, or have odd names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, SCRIPT, line, run, running, shell

READ, CLOSE = line(0), line(3)
NOTHING_WRITTEN = "nothing is written (--keep-going writes what the others yield)"
MEMORY_BOUND = 80 << 20
"""Generous: the program starts at about 30 MB and keeps blocks and lines of a mebibyte."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a good log."""
    (tmp_path / "good.log").write_bytes(READ)
    return tmp_path


def _is_refused(folder: Path, bad: str | bytes, reason: str, program: tuple[str, ...] = (SCRIPT,)) -> None:
    """The bad one is named in one line, the good ones around it are read, and nothing is written."""
    (folder / "more.log").write_bytes(CLOSE)
    result = run("good.log", bad, "more.log", cwd=folder, program=program)
    assert (result.status, result.stdout) == (3, b"")
    complaints = [said for said in result.stderr.splitlines() if said.startswith("audit2seccomp: ")]
    assert len(complaints) == 2
    assert complaints[0].startswith(f"audit2seccomp: {reason}")
    assert complaints[1] == f"audit2seccomp: an input could not be read: {NOTHING_WRITTEN}"
    assert "2 records: 2 used" in result.stderr
    keeping = run("--keep-going", "good.log", bad, "more.log", cwd=folder, program=program)
    assert (keeping.status, keeping.names) == (3, ["close", "read"])
    assert reason in keeping.stderr


def test_missing(folder: Path) -> None:
    _is_refused(folder, "gone.log", "gone.log: no such file or directory")


def test_directory(folder: Path) -> None:
    (folder / "sub").mkdir()
    _is_refused(folder, "sub", "sub: is a directory")


def test_unreadable(folder: Path) -> None:
    (folder / "secret.log").touch(mode=0)
    # Permission bits bind root only without these capabilities.
    as_anybody = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    _is_refused(folder, "secret.log", "secret.log: permission denied", (*as_anybody, SCRIPT))


def test_binary(folder: Path) -> None:
    _is_refused(folder, os.path.realpath(sys.executable), f"{os.path.realpath(sys.executable)}: binary data")


def test_a_program_of_the_system(folder: Path) -> None:
    _is_refused(folder, "/bin/true", "/bin/true: binary data, not a text log")


def test_an_error_while_reading(folder: Path) -> None:
    # Address 0 of a process is not mapped.
    _is_refused(folder, "/proc/self/mem", "/proc/self/mem: input/output error")


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        pytest.param(gzip.compress(READ), "zcat x.log |", id="gzip"),
        pytest.param(bz2.compress(READ), "bzcat x.log |", id="bzip2"),
        pytest.param(lzma.compress(READ), "xzcat x.log |", id="xz"),
        pytest.param(b"\x28\xb5\x2f\xfd\x04\x00" + READ, "zstdcat x.log |", id="zstd"),
        pytest.param(b"LPKSHHRH" + bytes(200) + READ, "journalctl --file x.log |", id="journal"),
    ],
)
def test_compressed_or_journal(folder: Path, data: bytes, advice: str) -> None:
    (folder / "x.log").write_bytes(data)
    _is_refused(folder, "x.log", f"x.log: not a text log: it is {'a journal' if b'LPK' in data[:4] else 'compressed'}")
    assert advice in run("x.log", cwd=folder).stderr


def test_compressed_data_that_comes_byte_by_byte() -> None:
    with running() as stream:
        for byte in gzip.compress(READ)[:2]:
            stream.feed(bytes([byte]))
            stream.wait_until_read()
        assert "<stdin>: not a text log: it is compressed by gzip: zcat FILE |" in stream.says()
        assert stream.result().status == 3


def test_the_advice_for_an_odd_name_can_be_pasted(folder: Path) -> None:
    (folder / "my log; rm.gz").write_bytes(gzip.compress(READ))
    assert "zcat 'my log; rm.gz' |" in run("my log; rm.gz", cwd=folder).stderr


def test_empty_file(folder: Path) -> None:
    (folder / "empty.log").touch()
    alone = run("empty.log", cwd=folder)
    assert (alone.status, alone.stdout) == (3, b"")
    assert "read 0 lines, 0 records" in alone.stderr
    assert "no SECCOMP record found" in alone.stderr
    both = run("empty.log", "good.log", cwd=folder)
    assert (both.status, both.names) == (0, ["read"])


def test_closed_standard_input() -> None:
    result = run(program=shell('exec "$@" <&-'))
    assert (result.status, result.stdout) == (3, b"")
    assert "<stdin>: is closed" in result.stderr


@pytest.mark.parametrize("name", [b"caf\xe9.log", b"new\nline.log", b"\x1b[31mred.log", "größe.log".encode()])
def test_odd_file_names(folder: Path, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_bytes(CLOSE + line(1, arch=None))
    result = run(name, cwd=folder)
    assert (result.status, result.names) == (0, ["close"])
    shown = {
        b"caf\xe9.log": r"caf\udce9.log",
        b"new\nline.log": r"new\nline.log",
        b"\x1b[31mred.log": r"\x1b[31mred.log",
    }.get(name, "größe.log")
    assert f"rejected: {shown}:2: no arch=" in result.stderr
    _is_refused(folder, name + b".gone", f"{shown}.gone: no such file or directory")
    assert "\x1b" not in run(name + b".gone", cwd=folder).stderr


def test_a_name_that_looks_like_an_option(folder: Path) -> None:
    (folder / "--strict").write_bytes(CLOSE)
    assert run("--", "--strict", cwd=folder).names == ["close"]


def test_a_fifo(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    program = shell('cat good.log > fifo & exec "$@"')
    assert run("fifo", cwd=folder, program=program).names == ["read"]


_MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss * 1024, file=open("peak", "w"))
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A process of its own: the peak of a child counts that of whom it was forked from."""


@pytest.mark.parametrize(
    "filling", [b"x" * (1 << 20), b"\0" * (1 << 20), READ.strip() * 4000], ids=["x", "NUL", "records"]
)
def test_a_line_of_100_mb_takes_little_memory(tmp_path: Path, filling: bytes) -> None:
    command = [sys.executable, "-c", _MEASURE, SCRIPT, "-o", "p.json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(CLOSE + b"Jul  6 15:37:40 my-machine app[1]: ")
        for _ in range(100):
            process.stdin.write(filling)
        process.stdin.write(b"\n" + READ)
        process.stdin.close()
        said = process.stderr.read().decode()
        assert process.wait(PATIENCE) == 0
    assert '"close",\n        "read"' in (tmp_path / "p.json").read_text()
    assert int((tmp_path / "peak").read_text()) < MEMORY_BOUND
    records, rejected = (3, 1) if b"SECCOMP" in filling or b"type=" in filling else (2, 0)
    assert f"read 3 lines, {records} records: 2 used, 0 denied, {rejected} rejected" in said
