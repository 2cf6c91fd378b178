"""A run of these tests that is ended in the midst leaves the machine as it was, whoever of it is killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.command import PATIENCE
from tests.cli.recording import children_of
from tests.e2e.auditctl import DEFAULTS, audit_settings, status
from tests.e2e.auditd import needs_auditd
from tests.e2e.guardian import ENDING
from tests.e2e.journald import needs_journald
from tests.e2e.kernel_log import PRINTK_BURST, PRINTK_RATELIMIT, default_limit, sysctl, wait_until
from tests.e2e.machine import needs
from tests.e2e.undo import FOLDER

pytestmark = [needs_auditd, needs_journald, needs("nginx", "runc", "busybox", "gcc")]

STARTED = {"auditd", "systemd-journal", "nginx", "sleep"}
INNER = FOLDER / "inner"
"""What the run has to undo; should the run of this test be killed, that undoes it."""
CHANGED = {"enabled", "backlog_limit", "backlog_wait_time", PRINTK_RATELIMIT, PRINTK_BURST}


def settings() -> dict[str, str]:
    """What these tests change."""
    found = {**status(), **{name: sysctl("-n", name) for name in (PRINTK_RATELIMIT, PRINTK_BURST)}}
    return {name: found[name] for name in CHANGED}


class Run(NamedTuple):
    """A run in which all is at work."""

    process: subprocess.Popen[bytes]
    """The outer guardian, which heads a process group."""
    family: dict[int, int]
    """Its pid and those of all that is below it, each with a descriptor by which the process can be waited for."""
    container: str
    said: Path

    @property
    def inner(self) -> int:
        """The inner guardian."""
        return list(self.family)[1]

    @property
    def pytest(self) -> int:
        """The process that runs the tests."""
        return list(self.family)[2]

    def ends(self, *pids: int) -> None:
        """Fails if one of these goes on."""
        for pid in pids:
            assert select.select([self.family[pid]], [], [], PATIENCE)[0], f"{pid} goes on: {self.said.read_text()}"

    def is_gone(self) -> None:
        """Fails if anything is left of it."""
        self.ends(*self.family)
        assert self.process.wait(PATIENCE) != 0
        assert list(Path("/sys/fs/cgroup").rglob(self.container)) == []
        assert str(self.said.parent) not in Path("/proc/mounts").read_text()
        assert list(INNER.iterdir()) == []


def start(test: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start a run with its files in that folder."""
    environment = {
        "TMPDIR": str(folder),
        "AUDIT2SECCOMP_E2E_FOLDER": str(INNER),
        "AUDIT2SECCOMP_E2E_READY": str(folder / "ready"),
    }
    pytest_words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/e2e/at_work.py::{test}"]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            # What a shell's `&` and nohup leave ignored is no longer.
            ["env", "--default-signal", *pytest_words],
            stdout=said,
            stderr=said,
            env={**os.environ, **environment},
            start_new_session=True,
        )


@contextmanager
def at_work(folder: Path) -> Iterator[Run]:
    """Such a run; none of its processes is there afterwards."""
    ready, said = folder / "ready", folder / "said"
    process = start("test_all_is_at_work", folder)
    wait_until(lambda: ready.exists() or process.poll() is not None, "run at work")
    assert ready.exists(), said.read_text()
    family = {pid: os.pidfd_open(pid) for pid in with_descendants(process.pid)}
    try:
        yield Run(process, family, ready.read_text(), said)
    finally:
        for descriptor in family.values():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)
        process.wait(PATIENCE)


def with_descendants(pid: int) -> Iterator[int]:
    """A process and all that is below it, first the first child with its own."""
    yield pid
    for child in children_of(pid):
        yield from with_descendants(child)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run in the midst of which all is at work; when it has ended, the machine must be as it was."""
    # Values that the run changes, whatever this machine has.
    with default_limit(), audit_settings(enabled=0, backlog_limit=DEFAULTS["backlog_limit"], backlog_wait_time=1):
        before = settings()
        with at_work(tmp_path) as made:
            assert {Path(f"/proc/{pid}/comm").read_text().strip() for pid in made.family} >= STARTED
            now = settings()
            assert {name for name in CHANGED if now[name] != before[name]} == CHANGED
            yield made
            assert settings() == before


KILLED: dict[str, Callable[[Run], tuple[int, ...]]] = {
    "pytest": lambda run: (run.pytest,),
    "the outer guardian": lambda run: (run.process.pid,),
    "the inner guardian": lambda run: (run.inner,),
    "both guardians": lambda run: (run.process.pid, run.inner),
    "pytest and the inner guardian": lambda run: (run.inner, run.pytest),
    "the process group": lambda run: (-run.process.pid,),
}


@pytest.mark.parametrize("killed", KILLED.values(), ids=KILLED)
def test_whoever_is_killed_nothing_is_left(run: Run, killed: Callable[[Run], tuple[int, ...]]) -> None:
    for pid in killed(run):
        os.kill(pid, signal.SIGKILL)
    run.is_gone()


@pytest.mark.parametrize("number", ENDING, ids=[number.name for number in ENDING])
def test_a_signal_ends_the_tests_and_what_they_started(run: Run, number: signal.Signals) -> None:
    os.kill(run.process.pid, number)
    run.is_gone()
    assert run.process.returncode == 128 + number
    assert f"ended by {number.name}" in run.said.read_text()


def test_where_all_are_killed_the_next_run_undoes_it(run: Run, tmp_path: Path) -> None:
    for pid in (run.process.pid, run.inner, run.pytest):
        os.kill(pid, signal.SIGKILL)
        run.ends(pid)
    assert settings()[PRINTK_RATELIMIT] == "0"
    assert start("test_nothing_is_left", tmp_path).wait(PATIENCE) == 0, run.said.read_text()
    assert list(Path("/sys/fs/cgroup").rglob(run.container)) == []
