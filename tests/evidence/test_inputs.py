"""Which files are read, and in which order: folders, rotated logs, links."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import InputError
from audit2seccomp.evidence.inputs.expand import expand, in_time_order
from audit2seccomp.evidence.inputs.sources import from_path

OLDEST_FIRST = [
    ["kern.log.10.gz", "kern.log.9.gz", "kern.log.2.gz", "kern.log.1", "kern.log"],
    ["audit.log.4", "audit.log.3", "audit.log.2", "audit.log.1", "audit.log"],
    ["messages-20251228.xz", "messages-20260104.xz", "messages-20260111", "messages"],
    ["kern.log-20261101-1699999999", "kern.log-20261101-1700003599.zst", "kern.log-20261102.bz2", "kern.log"],
    ["a.log-2026110109", "a.log-2026110110.gz", "a.log"],
    ["app.2.log.gz", "app.1.log", "app.log"],
    ["app-2026-11-01.log", "app-2026-11-02.log", "app.log"],
    ["0.log.20261101-093000.gz", "0.log.20261101-235959.gz", "0.log.20261102-000000", "0.log"],
    ["dmesg.1.gz", "dmesg.0", "dmesg"],
    ["x-20261101", "x.2", "x.1", "x"],
]
"""Rotated by logrotate, auditd, kubelet, savelog, and a logrotate whose settings were changed."""


@pytest.mark.parametrize("names", OLDEST_FIRST, ids=lambda names: names[-1])
def test_rotated_logs_are_read_oldest_first(names: list[str]) -> None:
    for seed in range(20):
        given_names = random.Random(seed).sample(names, len(names))
        assert in_time_order(given_names) == names
        assert in_time_order([f"/var/log/{name}" for name in given_names]) == [f"/var/log/{name}" for name in names]


def test_what_is_no_rotated_log_keeps_its_place() -> None:
    paths = ["z.log", "kern.log", "-", "a.log", "kern.log.1", "other/kern.log.3", "kern.log.2.gz", "b.log"]
    assert in_time_order(paths) == [
        "z.log", "kern.log.2.gz", "-", "a.log", "kern.log.1", "other/kern.log.3", "kern.log", "b.log"
    ]  # fmt: skip
    assert in_time_order(["2.log", "1.log", "syslog", "1.2.3", ".gz", ""]) == [
        "2.log", "1.log", "syslog", "1.2.3", ".gz", ""
    ]  # fmt: skip


NAMES = st.lists(
    st.text(max_size=6)
    | st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "a/", "/b/"]),
        st.sampled_from(["kern.log", "kern", "1", "-"]),
        st.sampled_from(["", ".1", ".2", ".10", "-20261101", "-20261101-17", ".2026-11-02", ".1.log"]),
        st.sampled_from(["", ".gz", ".zst", ".gz.xz"]),
    ),
    max_size=12,
)


@given(NAMES)
def test_ordering_loses_and_invents_nothing_and_does_it_once(paths: list[str]) -> None:
    ordered = in_time_order(paths)
    assert Counter(ordered) == Counter(paths)
    assert in_time_order(ordered) == ordered


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder such as /var/log, with all that may stand in it."""
    for name in ("syslog", "kern.log.2.gz", "kern.log", "kern.log.1", "audit/audit.log.1", "audit/audit.log",
                 "pods/web/0.log.20261101-093000", "pods/web/0.log", "aaa/z/deep.log"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "web.log").symlink_to(tmp_path / "pods" / "web" / "0.log")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "audit" / "up").symlink_to("..")
    (tmp_path / "nowhere.log").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "hard.log").hardlink_to(tmp_path / "audit" / "audit.log")
    return tmp_path


FOUND = [
    "hard.log", "kern.log.2.gz", "kern.log.1", "kern.log", "syslog", "aaa/z/deep.log", "audit/audit.log.1",
    "pods/web/0.log.20261101-093000", "pods/web/0.log",
]  # fmt: skip
"""Each file once, log by log; not the links to folders, nor what is no regular file."""


def test_the_files_in_a_folder_and_below(tree: Path) -> None:
    assert expand([str(tree)], recursive=True) == [str(tree / name) for name in FOUND]
    relative = os.path.relpath(tree)
    assert expand([relative], recursive=True) == [f"{relative}/{name}" for name in FOUND]


def test_a_link_to_a_folder_that_is_named_is_followed(tree: Path) -> None:
    assert expand([str(tree / "loop")], recursive=True) == [str(tree / "loop" / name) for name in FOUND]


def test_a_link_to_a_file_elsewhere_is_read(tree: Path) -> None:
    assert expand([str(tree / "containers")], recursive=True) == [str(tree / "containers" / "web.log")]


def test_what_is_named_stays_and_is_not_found_again(tree: Path) -> None:
    named = ["-", str(tree / "audit" / "up" / "syslog"), str(tree), str(tree / "audit"), "gone.log", "gone.log"]
    found = [str(tree / name) for name in FOUND if name != "syslog"]
    assert expand(named, recursive=True) == ["-", named[1], *found, "gone.log", "gone.log"]


def test_without_recursive_a_folder_stays(tree: Path) -> None:
    assert expand([str(tree), "b.log", "b.log.1"], recursive=False) == [str(tree), "b.log.1", "b.log"]


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder for what is too deep for pytest to remove."""
    yield tmp_path
    subprocess.run(["rm", "-r", tmp_path], check=True)


def _nest(top: Path, names: Iterable[str]) -> None:
    """Make folders in each other, however long the path."""
    here = os.open(top, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=here)
        deeper = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("x.log", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_folders_deeper_than_python_may_call(deep: Path) -> None:
    _nest(deep, ["d"] * 1200)
    assert expand([str(deep)], recursive=True) == [f"{deep}{'/d' * 1200}/x.log"]


def test_a_folder_that_cannot_be_listed_stays_for_the_opening_to_say_why(deep: Path) -> None:
    name = "n" * 250
    _nest(deep, [name] * 20)
    (deep / "a.log").touch()
    found, unlisted = expand([str(deep)], recursive=True)
    assert found == f"{deep}/a.log"
    assert unlisted.startswith(f"{deep}/{name}/")
    with pytest.raises(InputError, match=f"^{unlisted}: file name too long$"):
        from_path(unlisted)
