"""Signals and the terminal belong to the recorded command: as if nobody stood between."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tests.cli.command import PATIENCE
from tests.cli.recording import WAYS, Recording, family, started
from tests.e2e.machine import needs

COUNTING = """
import signal, sys, time
came = []
for number in map(int, sys.argv[2:]):
    signal.signal(number, lambda number, _: came.append(number))
print("ready", flush=True)
until = time.monotonic() + 30
while len(came) < int(sys.argv[1]) and time.monotonic() < until: time.sleep(0.01)
time.sleep(0.3)
print("came", *came, flush=True)
"""
"""Prints the signals that come, some time after there were so many."""


def counting(many: int, *numbers: int) -> list[str]:
    """That program."""
    return [sys.executable, "-S", "-c", COUNTING, str(many), *map(str, map(int, numbers))]


SENT = [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, 42]


@pytest.mark.parametrize("via", WAYS)
def test_each_signal_reaches_the_command_once(via: str, recording: Recording) -> None:
    words = recording.words(*counting(len(SENT), *SENT), via=via)
    with started(words, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in SENT:
            process.send_signal(number)
            time.sleep(0.02)
        assert sorted(process.stdout.readline().split()[1:], key=int) == sorted(map(str, map(int, SENT)), key=int)
        assert process.wait(PATIENCE) == 0
    assert recording.profile.exists()


def test_a_signal_that_ends_the_command_ends_the_recorder_and_the_profile_is_written(recording: Recording) -> None:
    words = recording.words("sh", "-c", "echo ready; exec sleep 100")
    with started(words) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM
    assert recording.profile.exists()


class Terminal:
    """A shell with job control on a terminal."""

    def __init__(self, mark: dict[str, str]) -> None:
        """With that environment."""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--norc", "--noprofile", "--noediting", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**mark, "PS1": "$ "},
        )
        os.close(theirs)
        self._said = b""

    def types(self, text: str) -> None:
        """As from the keyboard."""
        os.write(self._ours, text.encode())

    def shows(self, pattern: str) -> re.Match[bytes]:
        """Wait for something; what stands up to its end is not looked at again."""
        until = time.monotonic() + PATIENCE / 4
        while (found := re.search(pattern.encode(), self._said)) is None:
            ready = select.select([self._ours], [], [], max(0, until - time.monotonic()))[0]
            assert ready, f"waited for {pattern!r}, and there was {self._said!r}"
            self._said += os.read(self._ours, 4096)
        self._said = self._said[found.end() :]
        return found

    def resize(self, lines: int) -> None:
        """Give it another size."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))

    def end(self) -> None:
        """Hang up."""
        os.close(self._ours)
        self._process.kill()
        self._process.wait()


@pytest.fixture
def terminal(recording: Recording) -> Iterator[Terminal]:
    """What is left of it is ended behind the test."""
    with family(str(recording.folder)) as one:
        made = Terminal(one.environment)
        try:
            yield made
        finally:
            made.end()


def line(words: list[str]) -> str:
    """A command line for the shell, which says what came of it."""
    return f"{shlex.join(words)}; echo status=$?\n"


pytestmark = needs("bash", "setsid")


@pytest.mark.parametrize("via", WAYS)
def test_ctrl_c_reaches_the_command_once(via: str, terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words(*counting(1, signal.SIGINT), via=via)))
    terminal.shows("ready\r\n")
    terminal.types("\x03")
    terminal.shows("came 2\r\n")
    terminal.shows("status=0\r\n")
    assert recording.profile.exists()


def test_ctrl_c_ends_the_command_and_the_profile_is_written(terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words("sh", "-c", "echo go; exec sleep 100")))
    terminal.shows("go\r\n")
    terminal.types("\x03")
    # The rest of the line does not run where a signal ended the first command.
    terminal.shows(r"\$ ")
    terminal.types("echo $?,\n")
    terminal.shows("130,\r\n")
    assert recording.profile.exists()


def test_ctrl_c_leaves_what_is_not_in_the_foreground(terminal: Terminal, recording: Recording) -> None:
    script = "setsid sh -c 'echo go; sleep 1; echo left' & exec sleep 100"
    terminal.types(line(recording.words("sh", "-c", script)))
    terminal.shows("go\r\n")
    terminal.types("\x03")
    terminal.shows("left\r\n")


@pytest.mark.parametrize("via", WAYS)
def test_ctrl_z_stops_both_and_fg_goes_on(via: str, terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words(*counting(1, signal.SIGCONT), via=via)))
    terminal.shows("ready\r\n")
    terminal.types("\x1a")
    terminal.shows(r"Stopped(?s:.*?)\n\$ ")
    terminal.types("fg; echo end=$?\n")
    assert terminal.shows(r"came([ 0-9]+)\r\n").group(1) == b" %d" % signal.SIGCONT
    terminal.shows("end=0\r\n")
    assert recording.profile.exists()


def test_the_command_may_be_stopped_again_and_again(terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words("sh", "-c", "echo ready; read line; echo got $line")))
    terminal.shows("ready\r\n")
    for _ in range(3):
        terminal.types("\x1a")
        terminal.shows(r"Stopped(?s:.*?)\n\$ ")
        terminal.types("fg\n")
        terminal.shows(r"fg\r\n.*record.*\n")
        time.sleep(0.2)  # the shell lets it go on behind this line, which takes back what is typed before
    terminal.types("word\n")
    terminal.shows("got word\r\n")


def test_a_command_in_the_background_that_reads_from_the_terminal_waits(
    terminal: Terminal, recording: Recording
) -> None:
    words = recording.words("sh", "-c", "read line; echo got $line")
    terminal.types(f"{shlex.join(words)} & until jobs -s | grep record; do sleep 0.1; done; echo wa''its\n")
    terminal.shows("waits\r\n")
    terminal.types("fg\nword\n")
    terminal.shows("got word\r\n")
    terminal.types("echo end=$?\n")
    terminal.shows("end=0\r\n")


def test_another_size_of_the_terminal_is_told_once(terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words(*counting(1, signal.SIGWINCH))))
    terminal.shows("ready\r\n")
    terminal.resize(33)
    assert terminal.shows(r"came([ 0-9]+)\r\n").group(1) == b" %d" % signal.SIGWINCH


def test_a_shell_in_the_recorder_has_job_control(terminal: Terminal, recording: Recording) -> None:
    terminal.types(line(recording.words("env", "PS1=>> ", "bash", "--norc", "--noprofile", "--noediting", "-i")))
    terminal.shows("[^=]>> ")
    terminal.types("sh -c 'echo go; exec sleep 100'\n")
    terminal.shows("go\r\n")
    terminal.types("\x1a")
    terminal.shows(r"Stopped(?s:.*?)\n>> ")
    terminal.types("kill -9 %1; exec sh -c 'exit 7'\n")
    terminal.shows("status=7\r\n")
    assert recording.profile.exists()
