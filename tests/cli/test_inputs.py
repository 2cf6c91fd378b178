"""Inputs that cannot be read, are no logs, are too large, or have odd names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.archives import PACK
from tests.cli.command import PATIENCE, SCRIPT, as_anybody, auditd_line, line, run, running, shell

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


def test_a_folder_is_read_with_recursive(folder: Path) -> None:
    below = folder / "sub" / "audit"
    below.mkdir(parents=True)
    (folder / "sub" / "kern.log").write_bytes(line(2))
    (folder / "sub" / "kern.log.1").write_bytes(line(1))
    (folder / "sub" / "kern.log.10.gz").write_bytes(PACK["gzip"](line(0)))
    (below / "audit.log").write_bytes(auditd_line(3))
    (below / "x.journal").write_bytes(b"LPKSHHRH" + bytes(99))
    (below / "wtmp").write_bytes(bytes(range(1, 30)) * 9)
    result = run("-v", "--recursive", "sub", "good.log", cwd=folder)
    assert (result.status, result.names) == (0, ["close", "open", "read", "write"])
    seen = [said.split()[3] for said in result.stderr.splitlines() if said.startswith("new: ")]
    assert seen == ["read,", "write,", "open,", "close,"]
    skipped = "skipped: 2 files in folders, no text: sub/audit/wtmp, sub/audit/x.journal"
    assert skipped in result.stderr.splitlines()
    assert run("-q", "-r", "sub", cwd=folder).stderr == ""
    _is_refused(folder, "sub", "sub: is a directory: --recursive reads the files in it")
    named = run("-r", "sub", "sub/audit/wtmp", cwd=folder)
    assert named.status == 3
    assert "audit2seccomp: sub/audit/wtmp: binary data" in named.stderr


def test_many_skipped_files_are_counted(folder: Path) -> None:
    for number in range(9):
        (folder / f"{number}.journal").write_bytes(b"LPKSHHRH" + bytes(99))
    names = ", ".join(f"./{number}.journal" for number in range(5))
    assert f"skipped: 9 files in folders, no text: {names} and 4 more\n" in run("-r", ".", cwd=folder).stderr


def test_a_folder_in_a_folder_that_may_not_be_listed(folder: Path) -> None:
    (folder / "sub" / "secret").mkdir(parents=True)
    (folder / "sub" / "a.log").write_bytes(CLOSE)
    (folder / "sub" / "secret").chmod(0)
    result = run("-r", "sub", "good.log", cwd=folder, program=(*as_anybody(), SCRIPT))
    assert (result.status, result.stdout) == (3, b"")
    assert "audit2seccomp: sub/secret: permission denied\n" in result.stderr
    assert "2 records: 2 used" in result.stderr


def test_rotated_logs_that_a_shell_lists_are_read_in_the_order_of_time(folder: Path) -> None:
    for number, name in enumerate(["kern.log.2.gz", "kern.log.1", "kern.log"]):
        (folder / name).write_bytes(PACK["gzip"](line(number)) if name.endswith("gz") else line(number))
    result = run(cwd=folder, program=shell('exec "$@" -v kern.log*'))
    assert [said.split()[3] for said in result.stderr.splitlines() if said.startswith("new: ")] == [
        "read,", "write,", "open,"
    ]  # fmt: skip


def test_unreadable(folder: Path) -> None:
    (folder / "secret.log").touch(mode=0)
    _is_refused(folder, "secret.log", "secret.log: permission denied", (*as_anybody(), SCRIPT))


def test_binary(folder: Path) -> None:
    _is_refused(folder, os.path.realpath(sys.executable), f"{os.path.realpath(sys.executable)}: binary data")


def test_a_program_of_the_system(folder: Path) -> None:
    _is_refused(folder, "/bin/true", "/bin/true: binary data, not a text log")


def test_an_error_while_reading(folder: Path) -> None:
    # Address 0 of a process is not mapped.
    _is_refused(folder, "/proc/self/mem", "/proc/self/mem: input/output error")


@pytest.mark.parametrize("form", sorted(PACK))
def test_compressed_under_any_name(folder: Path, form: str) -> None:
    (folder / "x.txt").write_bytes(PACK[form](CLOSE + READ))
    for result in (
        run("x.txt", cwd=folder),
        run(stdin=PACK[form](CLOSE + READ)),
        run(cwd=folder, program=shell('exec "$@" < x.txt')),
    ):
        assert (result.status, result.names) == (0, ["close", "read"])
        assert "read 2 lines, 2 records: 2 used" in result.stderr


def test_a_journal_file(folder: Path) -> None:
    (folder / "my log; rm.journal").write_bytes(b"LPKSHHRH" + bytes(200) + READ)
    _is_refused(folder, "my log; rm.journal", "my log; rm.journal: not a text log: it is a journal file: ")
    assert "give --journal 'my log; rm.journal'\n" in run("my log; rm.journal", cwd=folder).stderr


@pytest.mark.parametrize("inner", [PACK["gzip"](READ), b"LPKSHHRH" + bytes(200)], ids=["archive", "journal"])
def test_what_an_archive_holds_is_no_text(folder: Path, inner: bytes) -> None:
    (folder / "x.log").write_bytes(PACK["gzip"](inner))
    what = "a journal file: unpack it, and give --journal FILE" if b"LPK" in inner else "an archive: unpack it first"
    _is_refused(folder, "x.log", f"x.log: not a text log: it holds {what}")


def test_compressed_data_that_comes_byte_by_byte() -> None:
    with running("-v") as stream:
        packer = zlib.compressobj(wbits=31)
        for data in (CLOSE, READ):
            for byte in packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH):
                stream.feed(bytes([byte]))
                stream.wait_until_read()
            # Nothing waits for the rest of the archive.
            stream.hears_until(f"new: x86_64 {3 if data is CLOSE else 0} ")
        stream.feed(packer.flush())
        stream.close()
        assert stream.result().names == ["close", "read"]


def test_a_signal_ends_the_reading_of_a_compressed_stream() -> None:
    with running("-v") as stream:
        packer = zlib.compressobj(wbits=31)
        stream.feed(packer.compress(CLOSE) + packer.flush(zlib.Z_SYNC_FLUSH))
        stream.hears_until("new: ")
        stream.signal(signal.SIGINT)
        result = stream.result()
        assert (result.status, result.names) == (130, ["close"])


@pytest.mark.parametrize("damage", ["ends early", "is damaged"])
@pytest.mark.parametrize("form", sorted(PACK))
def test_an_archive_that_is_cut_or_damaged_counts_and_is_named(folder: Path, form: str, damage: str) -> None:
    held = CLOSE + b"".join(line(nr) for nr in range(60))
    packed = PACK[form](held)
    bad = packed[:-3] if damage == "ends early" else packed[:-3] + bytes(b ^ 0x55 for b in packed[-3:])
    (folder / "x").write_bytes(bad)
    result = run("good.log", "x", cwd=folder)
    assert result.status == 0
    assert len(result.names) == 60
    complaint = f"audit2seccomp: x: the archive {damage}, at byte {len(held):,} of what it holds: "
    assert complaint in result.stderr
    assert "INCOMPLETE: input that ends early (1 time" in result.stderr
    assert "input that ends early: x\n" in result.stderr
    assert run("--strict", "good.log", "x", cwd=folder).status == 1
    quiet = run("-q", "good.log", "x", cwd=folder)
    assert (quiet.status, quiet.stdout) == (0, result.stdout)
    assert quiet.stderr.startswith(complaint)


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


@pytest.mark.parametrize("form", sorted(PACK))
def test_an_archive_of_half_a_gigabyte_of_nothing_takes_little_memory(tmp_path: Path, form: str) -> None:
    bomb = PACK[form](bytes(128 << 20)) * 4 + PACK[form](b"\n" + CLOSE)
    assert len(bomb) < 1 << 20
    (tmp_path / "bomb").write_bytes(bomb)
    command = [sys.executable, "-c", _MEASURE, SCRIPT, "-o", "p.json", "bomb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert "read 2 lines, 1 record: 1 used" in done.stderr
    assert int((tmp_path / "peak").read_text()) < MEMORY_BOUND


def test_a_signal_ends_the_reading_of_a_large_archive() -> None:
    bomb = PACK["bzip2"](bytes(128 << 20)) * 400
    assert len(bomb) < 60_000, "it fits into a pipe"
    with running() as stream:
        stream.feed(PACK["bzip2"](CLOSE) + bomb)
        stream.wait_until_read()
        stream.signal(signal.SIGINT)
        result = stream.result()
        assert (result.status, result.names) == (130, ["close"])
