"""Runs of the command in which one system call fails, or is the last one: strace says which, and is exact."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

KILL = "SIGKILL"
_CALL = re.compile(r"([a-z0-9_]+)\((.*)")
_ATTACHED = "attached"


class Fault(NamedTuple):
    """What happens at the nth call of that name."""

    call: str
    nth: int
    what: str
    """An errno's name, or SIGKILL, which comes before the call does anything."""

    @property
    def injection(self) -> str:
        """As strace takes it."""
        what = f"signal={self.what}" if self.what == KILL else f"error={self.what}"
        return f"inject={self.call}:{what}:when={self.nth}"


class Called(NamedTuple):
    """A system call of a run."""

    call: str
    nth: int
    text: str
    """Its arguments and result; descriptors with their paths."""


@dataclass(frozen=True)
class Ended:
    """What a run left behind."""

    status: int
    """Negative: the signal that ended it."""
    stderr: str
    calls: list[Called]
    at: Called | None = None
    """The call at which the fault came to pass. Runs are alike, but not always to the last call."""


class Starter:
    """Starts runs in a folder."""

    def __init__(self, server: subprocess.Popen[str], scratch: Path) -> None:
        """Take a running tests.e2e.prefork; `scratch` is for what runs say."""
        self._server = server
        self._stderr = scratch / "stderr"
        self._trace = scratch / "trace"

    def undisturbed(self, folder: Path, argv: list[str]) -> Ended:
        """Run to the end, and do not look."""
        os.kill(self._started(folder, argv), signal.SIGCONT)
        return Ended(int(self._hear()), self._stderr.read_text(), [])

    def run(self, folder: Path, argv: list[str], fault: Fault | None = None) -> Ended:
        """Run to the end, with a fault."""
        pid = self._started(folder, argv)
        options = ["-e", "trace=all"] if fault is None else ["-e", f"trace={fault.call}", "-e", fault.injection]
        command = ["strace", "-p", str(pid), "-y", "-s", "64", "-o", str(self._trace), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            try:
                _wait_until_attached(_pipe(strace.stderr))
            finally:
                os.kill(pid, signal.SIGCONT)
            status = int(self._hear())
        trace = self._trace.read_text(errors="replace")
        calls = _calls(trace)
        met = "(INJECTED)" in trace or (fault is not None and fault.what == KILL and status == -signal.SIGKILL)
        return Ended(status, self._stderr.read_text(), calls, calls[fault.nth - 1] if fault and met else None)

    def _started(self, folder: Path, argv: list[str]) -> int:
        """The process of a run that waits for SIGCONT."""
        pipe = _pipe(self._server.stdin)
        pipe.write(json.dumps({"argv": argv, "cwd": str(folder), "stderr": str(self._stderr)}) + "\n")
        pipe.flush()
        return int(self._hear())

    def _hear(self) -> str:
        line = _pipe(self._server.stdout).readline()
        assert line, "the process that forks has ended"
        return line


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _wait_until_attached(said: IO[str]) -> None:
    line = said.readline()
    assert _ATTACHED in line, f"strace: {line}{said.read()}"


def _calls(trace: str) -> list[Called]:
    seen: Counter[str] = Counter()
    calls = []
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match is not None:
            seen[match[1]] += 1
            calls.append(Called(match[1], seen[match[1]], match[2]))
    return calls


@contextmanager
def starter(scratch: Path) -> Iterator[Starter]:
    """Starts runs as long as this is open."""
    command = [sys.executable, "-m", "tests.e2e.prefork"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            yield Starter(server, scratch)
        finally:
            server.kill()
