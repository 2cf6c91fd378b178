"""A full disk: the old file survives, one error says why, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import line, run, running
from tests.e2e.disk import mounted
from tests.e2e.machine import MOUNT_NAMESPACES, needs
from tests.e2e.scenarios import MAKERS, scenario

pytestmark = needs("mount", "umount", MOUNT_NAMESPACES)

DISK_BYTES = 256 << 10


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    with mounted(tmp_path / "disk", f"size={DISK_BYTES},nr_inodes=64") as made:
        yield made


def without_bytes(disk: Path, free: int = 0) -> None:
    """Fill the disk, but for so many bytes."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            os.truncate(file.fileno(), max(0, file.tell() - free))


def without_files(disk: Path) -> None:
    """Make files until there can be no more."""
    number = 0
    try:
        while True:
            (disk / f"ballast{number}").touch()
            number += 1
    except OSError:
        pass


@pytest.mark.parametrize("filled", [without_bytes, without_files], ids=["no bytes", "no files"])
@pytest.mark.parametrize("name", MAKERS)
def test_the_old_files_survive_and_one_error_says_why(disk: Path, name: str, filled: Callable[[Path], None]) -> None:
    made = scenario(name, disk)
    filled(disk)
    result = run(*made.argv, cwd=made.folder)
    assert result.status == 3
    (said,) = [text for text in result.stderr.splitlines() if not text.startswith("loss: ")]
    assert said.startswith("audit2seccomp: ")
    assert said.endswith(": cannot write: no space left on device")
    assert made.contents() == made.old
    assert not made.strays()
    for ballast in disk.glob("ballast*"):
        ballast.unlink()
    assert run(*made.argv, cwd=made.folder).status == 0
    assert made.contents() == made.new


def test_room_for_some_of_many_files_is_room_for_none(disk: Path) -> None:
    made = scenario("-d", disk)
    without_bytes(disk, 2 * 4096)
    assert run(*made.argv, cwd=made.folder).status == 3
    assert made.contents() == made.old
    assert not made.strays()


def test_a_disk_that_fills_up_while_a_log_is_followed(disk: Path) -> None:
    profile = disk / "p.json"
    with running("--follow", "-q", "-o", profile) as stream:
        stream.feed(line(0))
        while not profile.exists():
            assert stream.process.poll() is None
        whole = profile.read_bytes()
        without_bytes(disk)
        stream.feed(line(3))
        result = stream.result()
    assert result.status == 3
    assert result.stderr == f"audit2seccomp: {profile}: cannot write: no space left on device\n"
    assert profile.read_bytes() == whole
    assert sorted(os.listdir(disk)) == ["ballast", "p.json"]


def test_a_disk_that_can_only_be_read(disk: Path) -> None:
    made = scenario("-o", disk)
    subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
    result = run(*made.argv, cwd=made.folder)
    assert (result.status, result.stderr) == (3, "audit2seccomp: p.json: cannot write: read-only file system\n")
    assert made.contents() == made.old
