"""Records commands as a user does, and tells what was seen."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from audit2seccomp import read
from audit2seccomp.evidence.model import Evidence
from tests.cli.command import PATIENCE, SCRIPT
from tests.e2e.audit_records import AUDIT_RECORDS
from tests.e2e.machine import needs

X86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="makes calls by their numbers on x86_64")
AUDIT = needs(AUDIT_RECORDS)
WAYS = ["notify", pytest.param("audit", marks=AUDIT)]

Call = tuple[int, int]
"""The arch and the number of a record."""


class Recording:
    """A folder in which commands are recorded."""

    def __init__(self, folder: Path) -> None:
        """Nothing is there yet."""
        self.folder = folder
        self.profile = folder / "profile.json"
        self.evidence = folder / "evidence.json"

    def words(self, *command: str | Path, via: str = "notify", options: tuple[str | Path, ...] = ()) -> list[str]:
        """The command line."""
        given = ("record", "--via", via, "-q", "-o", self.profile, "--evidence", self.evidence, *options, "--")
        return [SCRIPT, *map(str, given), *map(str, command)]

    def run(
        self, *command: str | Path, via: str = "notify", options: tuple[str | Path, ...] = (), **kwargs: Any
    ) -> subprocess.CompletedProcess[str]:
        """Record a command to its end."""
        words = self.words(*command, via=via, options=options)
        kwargs = {"capture_output": True, "text": True, "timeout": PATIENCE, **kwargs}
        return subprocess.run(words, check=False, **kwargs)

    def python(self, script: str, via: str = "notify", **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Record a script."""
        return self.run(sys.executable, "-S", "-c", script, via=via, **kwargs)

    def seen(self) -> Evidence:
        """What was recorded."""
        return read([self.evidence])

    def calls(self) -> Counter[Call]:
        """The same, by call."""
        found: Counter[Call] = Counter()
        for key, count in self.seen().counts.items():
            assert key.arch is not None
            found[key.arch, key.nr] += count.events
        return found

    def named(self) -> Counter[str]:
        """The same, by name."""
        found: Counter[str] = Counter()
        for one in self.seen().by_call().observations():
            found[one.name or f"{one.abi.name}:{one.nr}"] += one.events
        return found


def record(*args: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run it with these options."""
    words = [SCRIPT, "record", *map(str, args)]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False, **kwargs)


class Family:
    """Processes that a variable in their environment tells from all others."""

    _NAME = "A2S_TEST_FAMILY"

    def __init__(self, mark: str) -> None:
        """`mark` is the variable's value."""
        self.environment = {**os.environ, self._NAME: mark}
        self._mark = f"{self._NAME}={mark}".encode()

    def members(self) -> list[int]:
        """Those that have not ended."""
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and self._has(name)]

    def _has(self, pid: str) -> bool:
        with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            return self._mark in file.read().split(b"\0")
        return False

    def ends(self) -> bool:
        """Whether all have ended soon; looks again, since one that forks may be missed."""
        return waits_until(lambda: not any(self.members() for _ in range(3)))

    def end(self) -> None:
        """Kill what is left."""
        while left := self.members():
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, 9)


@contextmanager
def family(mark: str) -> Iterator[Family]:
    """A family that does not outlive the test."""
    one = Family(mark)
    try:
        yield one
    finally:
        one.end()


@contextmanager
def started(words: list[str], **kwargs: Any) -> Iterator[subprocess.Popen[str]]:
    """A process, with its standard output as a pipe; one that is stuck is killed, so that nobody waits for what it
    writes."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **kwargs) as process:
        timer = threading.Timer(PATIENCE / 2, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def waits_until(happened: Callable[[], object], seconds: float = PATIENCE / 2) -> bool:
    """Whether it happens at last."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def children_of(pid: int) -> list[int]:
    """Of a process, that have not ended."""
    with suppress(OSError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []
