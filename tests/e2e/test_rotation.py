"""Logs that logrotate rotates while they are written and read: no record is lost, and none counts twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.cli.command import line, run, running
from tests.e2e.chance import SEED
from tests.e2e.machine import needs
from tests.e2e.scenarios import STRAY

pytestmark = needs("logrotate")

MODES = ["create", "copytruncate", "create\ndateext\ndateformat -%Y%m%d-%s\ncompress", "copytruncate\ncompress"]
PATIENCE = 60
STEPS = ["run"] * 2 + ["killed"] * 3 + ["rotate"] * 4
LAST = 39
"""The number of the call that is written last: umount2 is seen by nothing else here."""


class Writer:
    """Writes records into a log without a pause, as a daemon does: into the file that it opened, until it is told to
    open the log anew."""

    def __init__(self, path: Path, told: Path) -> None:
        """Open the log; it is told by a file of that name, which it removes."""
        self.path = path
        self._told = told
        self.records = 0
        self._lock = threading.Lock()
        self._file = path.open("ab", buffering=0)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._stopped.wait(0.002):
            if self._told.exists():
                self._file.close()
                self._file = self.path.open("ab", buffering=0)
                self._told.unlink()
            self.write(self.records % LAST)

    def write(self, number: int) -> None:
        """Write a record of that call."""
        with self._lock:
            self._file.write(line(number))
            self.records += 1

    def rotate(self, config: Path) -> None:
        """Have logrotate rotate the log. What is written between its copy and its truncation is lost to everybody, so
        that nothing is written then."""
        how = config.read_text()
        if "dateext" in how:
            time.sleep(1.01)  # a name has a second
        with self._lock if "copytruncate" in how else nullcontext():
            command = ["logrotate", "--force", "--state", str(config.with_suffix(".state")), str(config)]
            subprocess.run(command, check=True, timeout=PATIENCE)

    def stop(self) -> None:
        """Write the last record."""
        self.close()
        self._file = self.path.open("ab", buffering=0)
        self.write(LAST)
        self._file.close()

    def close(self) -> None:
        """Write no more."""
        self._stopped.set()
        self._thread.join(PATIENCE)
        self._file.close()


@contextmanager
def written(log: Path, how: str) -> Iterator[tuple[Writer, Path]]:
    """A log that is written as long as this is open, and how logrotate is to rotate it."""
    config, told = log.parent.with_name("rotate.conf"), log.parent.with_name("told")
    script = f"postrotate\ntouch {told}; while [ -e {told} ]; do sleep 0.01; done\nendscript"
    config.write_text(f"{log} {{\nrotate 30\n{how}\n{'' if 'copytruncate' in how else script}\n}}\n")
    config.chmod(0o600)
    writer = Writer(log, told)
    try:
        yield writer, config
    finally:
        writer.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the log stands."""
    (tmp_path / "log").mkdir(mode=0o755)
    return tmp_path / "log" / "kern.log"


@pytest.mark.parametrize("how", MODES)
def test_nothing_is_lost_while_a_log_is_followed(log: Path, tmp_path: Path, how: str) -> None:
    with written(log, how) as (writer, config), running("--follow", log, "-o", tmp_path / "p.json") as one:
        for _ in range(3):
            time.sleep(1.3)  # more than the time between two looks
            writer.rotate(config)
        writer.stop()
        one.hears_until(f"new: x86_64 {LAST} ")
        one.signal(signal.SIGTERM)
        result = one.result()
    assert result.status == 128 + signal.SIGTERM
    count = f"{writer.records:,}"
    assert f"read {count} lines, {count} records: {count} used, 0 denied, 0 rejected" in result.stderr
    assert "INCOMPLETE" not in result.stderr


@pytest.mark.parametrize("how", MODES)
def test_nothing_is_lost_night_by_night_though_runs_are_killed(log: Path, tmp_path: Path, how: str) -> None:
    chooser = random.Random(f"{SEED} {how}")
    state = tmp_path / "s.json"
    argv = ("collect", "-q", log, "--state", state)
    done: list[str] = []
    with written(log, how) as (writer, config):
        assert run(*argv).status == 0  # from here on no file goes unseen
        for step in chooser.sample(STEPS, len(STEPS)):
            done.append(step)
            if step == "rotate":
                writer.rotate(config)
            elif step == "run":
                assert run(*argv).status == 0
            else:
                with running(*argv) as one:
                    time.sleep(chooser.uniform(0.05, 0.4))
                    one.signal(signal.SIGKILL)
        writer.stop()
    assert run(*argv).status == 0
    print(f"AUDIT2SECCOMP_SEED={SEED}: {', '.join(done)}")
    evidence = json.loads(state.read_text())
    assert sum(count["numbered"] for count in evidence["counts"]) == writer.records, done
    assert (evidence["lines"], evidence["losses"], evidence["rejected"]) == (writer.records, [], [])
    strays = [name for name in os.listdir(tmp_path) if STRAY.fullmatch(name)]
    assert len(strays) <= done.count("killed")
