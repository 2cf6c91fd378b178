"""Runs the installed command as a user does, and the lines that it is given."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

SCRIPT = str(Path(sys.executable).with_name("audit2seccomp"))
PATIENCE = 60
"""Seconds after which a run is stuck; none takes a tenth of that."""

LOG = "0x7ffc0000"
ERRNO = "0x50001"
KILL_PROCESS = "0x80000000"
TRACE = "0x7ff00000"
USER_NOTIF = "0x7fc00000"
TRAP = "0x30000"
X86_64 = "c000003e"
I386 = "40000003"
AARCH64 = "c00000b7"
ALPHA = "c0009026"

_SERIALS = count(14536)
"""Each line is another event."""

Arg = str | bytes | Path

NO_RUNTIME = (
    "container: the log holds no call of a container runtime: a container would not start under this profile: "
    "--runtime runc, crun or any adds what they call"
)
"""What is said of a log that was not recorded in a container."""


def body(nr: int = 51, *, arch: str | None = X86_64, code: str | None = LOG, comm: str = '"http-echo"') -> str:
    """The fields of a record; without `arch` or `code` as old kernels wrote it."""
    return (
        f'auid=4294967295 uid=0 gid=0 ses=4294967295 pid=29064 comm={comm} exe="/http-echo" sig=0 '
        + (f"arch={arch} " if arch is not None else "")
        + f"syscall={nr} compat=0 ip=0x46fe1f"
        + (f" code={code}" if code is not None else "")
    )


def line(nr: int = 51, *, arch: str | None = X86_64, code: str | None = LOG, comm: str = '"http-echo"') -> bytes:
    """A line of kern.log."""
    return _line("my-machine kernel: [369128.669452] audit: type=1326", body(nr, arch=arch, code=code, comm=comm))


def embedded_line(nr: int = 51) -> bytes:
    """What any program can have syslog write."""
    return _line("my-machine echo[77]: type=1326", body(nr))


def auditd_line(nr: int = 51) -> bytes:
    """A line of audit.log."""
    return f"type=SECCOMP msg=audit(1594067860.484:{next(_SERIALS)}): {body(nr)}\n".encode()


def _line(tag: str, fields: str) -> bytes:
    return f"Jul  6 15:37:40 {tag} audit(1594067860.484:{next(_SERIALS)}): {fields}\n".encode()


@dataclass(frozen=True)
class Result:
    """What a run left behind."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def profile(self) -> dict[str, Any]:
        """The profile on stdout."""
        document = json.loads(self.stdout)
        assert isinstance(document, dict)
        return document

    @property
    def names(self) -> list[str]:
        """The allowed names of the only rule."""
        return names_of(self.profile)


def names_of(profile: dict[str, Any]) -> list[str]:
    """The names of a profile's only rule."""
    (rule,) = profile["syscalls"]
    names = rule["names"]
    assert isinstance(names, list)
    return names


def run(
    *args: Arg,
    stdin: bytes | IO[bytes] | int = b"",
    stdout: int | IO[bytes] = subprocess.PIPE,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    program: tuple[Arg, ...] = (SCRIPT,),
) -> Result:
    """Run the command to its end; bytes on stdin come through a pipe."""
    done = subprocess.run(
        [*program, *args],
        input=stdin if isinstance(stdin, bytes) else None,
        stdin=None if isinstance(stdin, bytes) else stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        timeout=PATIENCE,
        check=False,
    )
    return Result(done.returncode, done.stdout or b"", done.stderr.decode())


class Running:
    """A run whose standard input is a pipe that is still open."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take a process with three pipes."""
        self.process = process

    def feed(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self) -> None:
        """End its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def wait_until_read(self) -> None:
        """Wait until it has read all that it was fed."""
        assert self.process.stdin is not None
        unread = array.array("i", [1])
        while unread[0] and self.process.poll() is None:
            fcntl.ioctl(self.process.stdin, termios.FIONREAD, unread)
            os.sched_yield()

    def says(self) -> str:
        """The next line on stderr; waits for it."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode()

    def hears_until(self, start: str) -> None:
        """Read stderr up to a line that starts so."""
        while not (said := self.says()).startswith(start):
            assert said, f"stderr ended before a line that starts with {start!r}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def result(self) -> Result:
        """What it leaves behind, once it has ended by itself; its standard input stays open until then."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        status = self.process.wait(PATIENCE)
        return Result(status, self.process.stdout.read(), self.process.stderr.read().decode())


@contextmanager
def running(*args: Arg, program: tuple[Arg, ...] = (SCRIPT,)) -> Iterator[Running]:
    """Start the command with an open pipe as standard input, and see that it does not outlive the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*program, *args], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def shell(script: str) -> tuple[str, ...]:
    """A program for `run` and `running`: the command as `"$@"` in a shell script."""
    return ("/bin/sh", "-c", script, "sh", SCRIPT)


def as_anybody() -> tuple[str, ...]:
    """Permission bits bind root only without these capabilities."""
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
