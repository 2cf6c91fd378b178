"""`record` leaves no process behind, whoever of it is killed, and no half of a file."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from audit2seccomp.errors import ExitStatus
from tests.cli.command import PATIENCE
from tests.cli.recording import AUDIT, X86_64, Family, Recording, children_of, family, started, waits_until
from tests.programs import Make, program


def _guardians_parent(recorder: int) -> int:
    return children_of(recorder)[0]


def _guardian(recorder: int) -> int:
    return children_of(_guardians_parent(recorder))[0]


KILLED: dict[str, Callable[[int], list[int]]] = {
    "the recorder": lambda recorder: [recorder],
    "the guardian": lambda recorder: [_guardian(recorder)],
    "the guardian's parent": lambda recorder: [_guardians_parent(recorder)],
    "the recorder and the command's parent": lambda recorder: [recorder, _guardian(recorder)],
    "the recorder and the guardian's parent": lambda recorder: [recorder, _guardians_parent(recorder)],
    "the group": lambda recorder: [-recorder],
}
COMMANDS = {
    "one process": "sleep 100",
    "sessions of their own": "setsid sleep 100 & setsid setsid sleep 100 & sleep 100",
    "who ignores signals": "trap '' TERM INT HUP; sleep 100 & while :; do :; done",
    "who is stopped": "sleep 100 & kill -STOP $$",
}


def start(
    recording: Recording, one: Family, *command: str | Path, via: str = "notify"
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start a recorder as the head of a group."""
    words = recording.words(*command, via=via)
    return started(words, env=one.environment, start_new_session=True, stderr=subprocess.DEVNULL)


def runs(process: subprocess.Popen[str]) -> bool:
    """Whether the command has become what it is."""
    try:
        child = children_of(_guardian(process.pid))[0]
        return b"audit2seccomp" not in Path(f"/proc/{child}/cmdline").read_bytes()
    except (IndexError, OSError):
        return False


def kill(pids: list[int], recorder: int) -> int:
    """Kill them; returns the recorder's status then."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return -signal.SIGKILL if recorder in map(abs, pids) else ExitStatus.NO_RESULT


@pytest.mark.parametrize("killed", KILLED.values(), ids=KILLED)
@pytest.mark.parametrize("script", COMMANDS.values(), ids=COMMANDS)
def test_nothing_is_left(script: str, killed: Callable[[int], list[int]], recording: Recording) -> None:
    recording.profile.write_text("old")
    with family(str(recording.folder)) as one, start(recording, one, "sh", "-c", script) as process:
        assert waits_until(lambda: runs(process))
        status = kill(killed(process.pid), process.pid)
        assert one.ends()
        assert process.wait(PATIENCE) == status
    assert recording.profile.read_text() == "old"
    assert list(recording.folder.iterdir()) == [recording.profile]


@AUDIT
@X86_64
@pytest.mark.parametrize("killed", KILLED.values(), ids=KILLED)
def test_nothing_is_left_of_what_forks_and_ends_again_and_again(
    killed: Callable[[int], list[int]], recording: Recording
) -> None:
    # fork(); test %eax, %eax; jz to the start; exit_group(0)
    code = b"\xb8\x39\0\0\0\x0f\x05\x85\xc0\x74\xf5"
    made = program([Make(231)], 64)
    entry = int.from_bytes(made[24:32], "little") - 0x400000
    file = recording.folder / "hop"
    file.write_bytes(made[:entry] + code + made[entry:])
    file.chmod(0o755)
    with family(str(recording.folder)) as one, start(recording, one, file, via="audit") as process:
        assert waits_until(lambda: one.members() and not runs(process))
        assert waits_until(lambda: children_of(process.pid) and children_of(_guardians_parent(process.pid)))
        status = kill(killed(process.pid), process.pid)
        assert one.ends()
        assert process.wait(PATIENCE) == status
    assert not recording.profile.exists()


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_left_whenever_the_recorder_is_killed(seed: int, recording: Recording) -> None:
    chance = random.Random(seed)
    script = "setsid sleep 100 & (sleep 100 & sleep 100) & while :; do true; done"
    with family(str(recording.folder)) as one, start(recording, one, "sh", "-c", script) as process:
        waits_until(lambda: False, chance.uniform(0.1, 0.5))
        process.kill()
        assert one.ends()
    # What it writes first has a hidden name beside its place.
    assert [file for file in recording.folder.iterdir() if not file.name.startswith(".audit2seccomp.")] == []


ODD = """
import ctypes, os, time
ctypes.CDLL(None).prctl(15, b"a) S 1 (b\\n", 0, 0, 0)
os.fork()
os.setsid()
time.sleep(100)
"""


def test_a_process_is_found_whatever_its_name(recording: Recording) -> None:
    with family(str(recording.folder)) as one, start(recording, one, sys.executable, "-S", "-c", ODD) as process:
        assert waits_until(lambda: any(_name(pid) == b"a) S 1 (b\n\n" for pid in one.members()))
        os.kill(_guardian(process.pid), signal.SIGKILL)
        assert process.wait(PATIENCE) == 3
        assert one.ends()


def _name(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_bytes()
    return b""


LEFT = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
    print("ready", flush=True)
    while True: time.sleep(0.05)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_the_command_leaves_is_told_to_end_and_then_killed(number: int, recording: Recording) -> None:
    words = [one for one in recording.words(sys.executable, "-S", "-c", LEFT) if one != "-q"]
    with (
        family(str(recording.folder)) as one,
        started(words, env=one.environment, stderr=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        assert "processes of it go on" in process.stderr.readline()
        process.send_signal(number)
        assert process.stdout.readline() == "told\n"
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert one.ends()
    assert recording.named()["setsid"] == 1


def test_what_the_command_leaves_is_recorded_until_it_ends(recording: Recording) -> None:
    done = recording.run("sh", "-c", "(sleep 0.3; cat /dev/null) & exit 5")
    assert done.returncode == 5
    assert {key.comm for key in recording.seen().counts} == {b"sh", b"sleep", b"cat"}


def test_the_command_may_kill_its_parent(recording: Recording) -> None:
    done = recording.run("sh", "-c", "kill -9 $PPID; sleep 100")
    assert (done.returncode, recording.profile.exists()) == (3, False)
    assert done.stderr == (
        "audit2seccomp: a process that guards the command was killed: what was left of the command was ended, too\n"
    )
