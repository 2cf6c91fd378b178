"""Inputs that go away while they are read: what was read counts, and what was not is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, line, names_of, run, running, shell
from tests.e2e.scenarios import MAKERS, scenario

READ, CLOSE, STAT = line(0), line(3), line(4)
HOLE_BYTES = 256 << 20
"""Takes a good part of a second to read."""
TRUNCATED = "was truncated while it was read: what stood behind byte "


def with_hole(path: Path) -> Path:
    """A log with its second record far behind its first."""
    with path.open("wb") as file:
        file.write(READ)
        file.seek(HOLE_BYTES)
        file.write(b"\n" + CLOSE)
    return path


def names(path: Path) -> list[str]:
    """What a profile allows."""
    return names_of(json.loads(path.read_text()))


def test_a_log_that_is_deleted_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    log = with_hole(tmp_path / "kern.log")
    with running("-v", log) as one:
        assert one.says().startswith("new: x86_64 0 read")
        log.unlink()
        result = one.result()
    assert (result.status, result.names) == (0, ["close", "read"])


@pytest.mark.parametrize("grown", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_a_log_that_is_truncated_while_it_is_read_is_told_of(tmp_path: Path, grown: bool, strict: bool) -> None:
    log, profile = with_hole(tmp_path / "kern.log"), tmp_path / "p.json"
    profile.write_bytes(b"old\n")
    with running("-v", log, "-o", profile, *(["--strict"] if strict else [])) as one:
        assert one.says().startswith("new: x86_64 0 read")
        one.signal(signal.SIGSTOP)
        os.truncate(log, 0)
        if grown:
            log.write_bytes(STAT)
            os.truncate(log, HOLE_BYTES + 500)
        one.signal(signal.SIGCONT)
        result = one.result()
    assert f"audit2seccomp: {log}: {TRUNCATED}" in result.stderr
    assert "INCOMPLETE: input that ends early" in result.stderr
    assert result.status == int(strict)
    if strict:
        assert profile.read_bytes() == b"old\n"
    else:
        assert names(profile) == ["read"]


def test_what_was_truncated_while_it_was_read_is_read_in_the_copy_by_the_next_run(tmp_path: Path) -> None:
    log, state = with_hole(tmp_path / "kern.log"), tmp_path / "s.json"
    argv = ("collect", log, "--state", state)
    with running(*argv) as one:
        wait_until_it_reads(one.process.pid, log)
        one.signal(signal.SIGSTOP)
        shutil.copyfile(log, tmp_path / "kern.log.1")
        os.truncate(log, 0)
        log.write_bytes(STAT)
        one.signal(signal.SIGCONT)
        result = one.result()
    assert result.status == 0
    assert f"{log}: was truncated while it was read: the next run reads the rest in the copy\n" in result.stderr
    assert run(*argv).status == 0
    assert run("-q", state).names == ["close", "read", "stat"]


def wait_until_it_reads(pid: int, path: Path) -> None:
    """Wait until a process has read more of a file than it looks at before, and not all of it."""
    while True:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                position = int(Path(f"/proc/{pid}/fdinfo/{descriptor.name}").read_text().split()[1])
                if os.readlink(descriptor) == str(path) and position > 8 << 20:
                    assert position < HOLE_BYTES
                    return
        os.sched_yield()


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_folder_that_is_removed_is_said_file_by_file(tmp_path: Path, keep_going: bool) -> None:
    folder, profile = tmp_path / "logs", tmp_path / "p.json"
    folder.mkdir()
    for name in ("a.log", "b.log"):
        (folder / name).write_bytes(CLOSE)
    profile.write_bytes(b"old\n")
    options = ["--keep-going"] if keep_going else []
    with running("-v", "--recursive", "-", folder, "-o", profile, *options) as one:
        one.feed(READ)
        assert one.says().startswith("new: x86_64 0 read")
        shutil.rmtree(folder)
        one.close()
        result = one.result()
    assert result.status == 3
    for name in ("a.log", "b.log"):
        assert f"audit2seccomp: {folder / name}: no such file or directory\n" in result.stderr
    if keep_going:
        assert names(profile) == ["read"]
    else:
        assert profile.read_bytes() == b"old\n"


def test_the_line_at_which_the_writer_of_a_pipe_was_killed_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(READ + CLOSE[:-20])
    script = ("/bin/sh", "-c", f'sh -c "cat log; kill -KILL \\$\\$" | "{SCRIPT}" "$@"', "sh")
    result = run("--strict", program=script, cwd=tmp_path)
    assert (result.status, result.stdout) == (1, b"")
    assert "rejected: <stdin>:2: cut" in result.stderr


@pytest.mark.parametrize("name", MAKERS)
def test_a_working_folder_that_is_gone_is_an_error_like_any_other(tmp_path: Path, name: str) -> None:
    made = scenario(name, tmp_path)
    gone = shell(f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && exec "$@"')
    result = run(*made.argv, program=gone)
    assert result.status == 3
    assert "Traceback" not in result.stderr
    assert all(said.startswith("audit2seccomp: ") for said in result.stderr.splitlines())
