"""`record` where a filter denies it a call, or a limit more processes, files or memory: it says so in one line, and
neither a process nor a file is left. Or it does without, and does what it always does."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import PATIENCE, SCRIPT
from tests.cli.recording import AUDIT, WAYS, X86_64, Recording, family
from tests.e2e.machine import needs


@pytest.fixture(autouse=True)
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What measures coverage makes calls and files of its own, which are denied, too."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.setenv(name, "")


COMMAND = ("sh", "-c", "sleep 0.2 & exec sleep 0.1")
TAKES = (
    "clone", "fchmod", "fsync", "getpid", "kill", "pipe2", "poll", "prctl", "recvfrom", "recvmsg", "rename",
    "rt_sigprocmask", "rt_sigreturn", "seccomp", "sendmsg", "sendto", "setsid", "signalfd4", "socketpair", "umask",
    "wait4",
)  # fmt: skip
"""Calls of a recorder and its guardians, but for what Python itself needs to start; `kill` where they end something."""
DOES_WITHOUT = ("dup3", "getsockname", "pidfd_open", "pidfd_send_signal")
OTHERS = ("faccessat2", "pselect6", "unlink")
"""What libc does without, what is waited with at times, and what leaves the file with which a folder was tried."""
TAKES_FOR_AUDIT = ("bind", "setsockopt", "socket")


def is_refused(done: subprocess.CompletedProcess[str], recording: Recording) -> bool:
    """Whether nothing was done, and that was said as it is to be said; else all was done."""
    if done.returncode == 0:
        assert (done.stderr, recording.profile.exists(), recording.evidence.exists()) == ("", True, True)
        return False
    lines = done.stderr.splitlines()
    assert done.returncode == 3, done.stderr
    # Of the evidence and the profile each is tried.
    assert len(lines) == 1 or [": cannot write: " in line for line in lines] == [True, True], done.stderr
    assert all(line.startswith("audit2seccomp: ") for line in lines)
    assert [file.name for file in recording.folder.iterdir()] == []
    return True


def recorded(
    recording: Recording, *before: str, command: tuple[str, ...] = COMMAND, via: str = "notify", **kwargs: Any
) -> bool:
    """Whether it is refused to record a command, by a recorder behind other words; nobody is left in any case."""
    words = [*before, *recording.words(*command, via=via)]
    with family(str(recording.folder)) as one:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=one.environment,
            timeout=PATIENCE,
            check=False,
            **kwargs,
        )
        assert one.ends()
    return is_refused(done, recording)


def denying(call: str, number: int, folder: Path) -> list[str]:
    """What stands in front of a command that is denied a call with an errno."""
    profile = folder / "denied.json"
    rule = {"names": [call], "action": "SCMP_ACT_ERRNO", "errnoRet": number}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    return [SCRIPT, "run", "--profile", str(profile), "--"]


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is no output."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.mark.parametrize("call", [*TAKES, *DOES_WITHOUT])
def test_a_call_that_is_denied(call: str, recording: Recording, elsewhere: Path) -> None:
    assert recorded(recording, *denying(call, errno.EPERM, elsewhere)) == (call in TAKES)


@pytest.mark.parametrize("call", [*DOES_WITHOUT, "faccessat2"])
def test_a_call_that_older_kernels_lack(call: str, recording: Recording, elsewhere: Path) -> None:
    assert not recorded(recording, *denying(call, errno.ENOSYS, elsewhere))


@AUDIT
@pytest.mark.parametrize("call", [*TAKES_FOR_AUDIT, "clone", "poll", "seccomp", "sendto", "wait4"])
def test_a_call_that_is_denied_where_audit_looks(call: str, recording: Recording, elsewhere: Path) -> None:
    assert recorded(recording, *denying(call, errno.EPERM, elsewhere), via="audit")


def traced(folder: Path, *words: str) -> set[str]:
    """What a program and its descendants call."""
    trace = folder / "trace"
    subprocess.run(["strace", "-f", "-o", trace, *words], capture_output=True, timeout=PATIENCE, check=True)
    return set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))


@X86_64
@needs("strace")
@pytest.mark.parametrize("via", WAYS)
def test_no_call_is_left_out(via: str, recording: Recording, elsewhere: Path) -> None:
    made = traced(elsewhere, *recording.words(*COMMAND, via=via))
    made -= traced(elsewhere, SCRIPT, "record", "--help") | traced(elsewhere, *COMMAND)
    assert made - {*TAKES, *DOES_WITHOUT, *OTHERS, *TAKES_FOR_AUDIT} == set()


def limited(kind: int, most: int) -> Callable[[], None]:
    """Sets a limit."""
    return lambda: resource.setrlimit(kind, (most, most))


def refused_at(
    limits: Iterable[int], kind: int, recording: Recording, via: str = "notify", words: tuple[str, ...] = ()
) -> list[bool]:
    """Whether it is refused to record under each limit, with these words in front of the command line."""
    refused = []
    for most in limits:
        refused.append(recorded(recording, *words, via=via, preexec_fn=limited(kind, most)))
        for file in recording.folder.iterdir():
            file.unlink()
    return refused


@pytest.mark.parametrize("via", WAYS)
def test_few_descriptors(via: str, recording: Recording) -> None:
    refused = refused_at(range(5, 13), resource.RLIMIT_NOFILE, recording, via)  # Python alone needs five
    assert refused == sorted(refused, reverse=True)
    assert set(refused) == {True, False}


FIXED = ("setarch", "--addr-no-randomize")
"""Puts libraries where they always are, so that the same fits every time."""


@needs(*FIXED[:1])
@pytest.mark.parametrize("via", WAYS)
def test_little_memory(via: str, recording: Recording) -> None:
    refused = refused_at(_memory(), resource.RLIMIT_AS, recording, via, FIXED)
    assert refused == sorted(refused, reverse=True)
    assert set(refused) == {True, False}


def _memory() -> Iterator[int]:
    """Limits in bytes, from where on all is imported."""
    found = 0
    for limit in range(16 << 20, 1 << 30, 1 << 20):
        words = [*FIXED, SCRIPT, "record"]
        start = limited(resource.RLIMIT_AS, limit)
        if found or subprocess.run(words, capture_output=True, preexec_fn=start, check=False).returncode == 2:
            found += 1
        if found > 1:
            yield limit
        if found > 21:
            return


def test_small_files(recording: Recording) -> None:
    assert refused_at([0, 100], resource.RLIMIT_FSIZE, recording) == [True, True]


@needs("setpriv", "prlimit")
@pytest.mark.parametrize("most", range(7))
def test_few_processes(most: int, recording: Recording) -> None:
    recording.folder.chmod(0o777)
    user = str(50_000 + os.getpid() % 10_000)  # one who has no other process; this one's files are for root
    caps = ("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override", "--bounding-set=-all,+dac_override")
    words = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *caps, "prlimit", f"--nproc={most}"]
    assert recorded(recording, *words, command=("true",)) == (most < 4)
