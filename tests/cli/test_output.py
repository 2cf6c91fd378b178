"""-o FILE: whole or not at all, and known to be writable before anything is read."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
from pathlib import Path

import pytest

from tests.cli.command import line, names_of, run, running, shell

READ, CLOSE = line(0), line(3)


def _names(path: Path) -> list[str]:
    return names_of(json.loads(path.read_text()))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A profile of an earlier run."""
    path = tmp_path / "p.json"
    path.write_text("old\n")
    return path


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    for umask, mode in (("022", 0o644), ("077", 0o600)):
        path = tmp_path / f"{umask}.json"
        assert run("-o", path, stdin=READ, program=shell(f'umask {umask}; exec "$@"')).status == 0
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert sorted(os.listdir(tmp_path)) == ["022.json", "077.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o444])
def test_an_old_file_is_replaced_and_its_mode_kept(old: Path, mode: int) -> None:
    old.chmod(mode)
    other_name = old.with_name("other.json")
    os.link(old, other_name)
    assert run("-o", old, stdin=READ).status == 0
    assert _names(old) == ["read"]
    assert stat.S_IMODE(old.stat().st_mode) == mode
    assert other_name.read_text() == "old\n", "the file was written into, not replaced"
    assert sorted(os.listdir(old.parent)) == ["other.json", "p.json"]


@pytest.mark.parametrize("target", ["real/p.json", "real/new.json"])
def test_a_link_stays_a_link(tmp_path: Path, target: str) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/p.json").write_text("old\n")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    assert run("-o", link, stdin=READ).status == 0
    assert os.readlink(link) == target
    assert _names(tmp_path / target) == ["read"]
    assert sorted(os.listdir(tmp_path)) == ["link.json", "real"]


@pytest.mark.parametrize(
    ("args", "log", "status"),
    [
        pytest.param((), b"noise\n", 3, id="nothing found"),
        pytest.param(("--strict",), READ + line(9999), 1, id="incomplete"),
        pytest.param(("-", "gone.log"), READ, 3, id="missing input"),
        pytest.param(("--trust", "nonsense"), READ, 2, id="usage"),
        pytest.param(("--include-denied", "--keep-going", "gone.log"), READ, 3, id="nothing to keep"),
    ],
)
def test_an_old_file_survives_a_failure(old: Path, args: tuple[str, ...], log: bytes, status: int) -> None:
    before = old.stat()
    assert run("-o", old, *args, stdin=log, cwd=old.parent).status == status
    assert old.read_text() == "old\n"
    assert (old.stat().st_ino, old.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(old.parent) == ["p.json"]


def test_no_file_appears_when_a_run_fails(tmp_path: Path) -> None:
    assert run("-o", tmp_path / "p.json", stdin=b"noise\n").status == 3
    assert os.listdir(tmp_path) == []


def test_the_file_is_not_touched_before_the_end(old: Path) -> None:
    with running("-v", "-o", old) as stream:
        stream.feed(READ)
        assert stream.says().startswith("new: ")
        assert os.listdir(old.parent) == ["p.json"]
        assert old.read_text() == "old\n"
        stream.signal(signal.SIGTERM)
        assert stream.result().status == 143
    assert _names(old) == ["read"]
    assert os.listdir(old.parent) == ["p.json"]


def test_what_fails_only_at_the_end_leaves_nothing_behind(tmp_path: Path) -> None:
    with running("-v", "-o", tmp_path / "p.json") as stream:
        stream.feed(READ)
        assert stream.says().startswith("new: ")
        (tmp_path / "p.json").mkdir()
        stream.close()
        result = stream.result()
    assert result.status == 3
    assert result.stderr.endswith("p.json: cannot write: is a directory\n")
    assert os.listdir(tmp_path) == ["p.json"]
    assert os.listdir(tmp_path / "p.json") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("gone/p.json", "no such file or directory"),
        ("sub", "is a directory"),
        ("", "is a directory"),
        ("file/p.json", "not a directory"),
        ("loop", "too many levels of symbolic links"),
        ("/proc/p.json", "no such file or directory"),
        ("/sys/p.json", "permission denied|read-only file system|operation not permitted"),
        ("x" * 300, "file name too long"),
    ],
)
def test_a_path_that_cannot_be_written_is_said_before_anything_is_read(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with running("-v", "-o", path, program=shell(f'cd "{tmp_path}" && exec "$@"')) as stream:
        result = stream.result()  # its input is still open
    assert (result.status, result.stdout) == (3, b"")
    (said,) = result.stderr.splitlines()
    assert said.startswith(f"audit2seccomp: {path}: ")
    assert any(words in said for words in reason.split("|"))
    assert sorted(os.listdir(tmp_path)) == ["file", "loop", "sub"]


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)
    assert run("-o", path, stdin=READ).status == 0
    assert _names(path) == ["read"]


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.json")
    assert run("-o", path, stdin=READ).status == 0
    assert _names(path) == ["read"]


@pytest.mark.parametrize("path", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_names_of_standard_output(path: str) -> None:
    assert run("-o", path, stdin=READ).names == ["read"]


def test_dev_stdout_is_written_to_where_it_stands(tmp_path: Path) -> None:
    program = shell('{ echo before; "$@"; echo after; } > out')
    assert run("-o", "/dev/stdout", stdin=READ, cwd=tmp_path, program=program).status == 0
    text = (tmp_path / "out").read_text()
    assert text.startswith("before\n{")
    assert text.endswith("}\nafter\n")


def test_a_fifo_is_written_into(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(fifo.read_text()), daemon=True)
    reader.start()
    assert run("-o", fifo, stdin=READ).status == 0
    reader.join(60)
    assert names_of(json.loads(received[0])) == ["read"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert os.listdir(tmp_path) == ["fifo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_fifo_without_reader_does_not_hold_the_program(tmp_path: Path, number: signal.Signals) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "a.log").write_bytes(READ)
    with running("-o", tmp_path / "fifo", tmp_path / "a.log") as stream:
        stream.hears_until("distinct calls")
        stream.signal(number)
        result = stream.result()
    assert result.status == 128 + number
    assert "not written" in result.stderr


def test_a_full_device() -> None:
    with open("/dev/full", "wb") as full:
        result = run(stdin=READ, stdout=full)
    assert result.status == 3
    assert result.stderr.splitlines()[4:] == ["audit2seccomp: <stdout>: cannot write: no space left on device"]


def test_closed_standard_output_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with running(program=shell('exec "$@" >&-')) as stream:
        result = stream.result()
    assert result.status == 3
    assert result.stderr == "audit2seccomp: <stdout>: is closed: -o FILE names a file\n"
    path = tmp_path / "p.json"
    assert run("-o", path, stdin=READ, program=shell('exec "$@" >&-')).status == 0
    assert _names(path) == ["read"]
