"""What a recorded command inherits, and how it ends: as if nobody looked."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import PATIENCE, SCRIPT
from tests.cli.not_started import NOT_STARTED, put_files
from tests.cli.recording import AUDIT, WAYS, Recording, record
from tests.e2e.machine import needs

STATE = """
import os, resource, signal
def link(name):
    try: return os.readlink("/proc/self/fd/" + name).split(":")[0]
    except OSError: return None
fields = ("SigBlk", "SigIgn", "SigCgt", "Umask", "Groups", "NoNewPrivs")
status = [line for line in open("/proc/self/status") if line.startswith(fields)]
own = os.open("/proc/self/fd", os.O_RDONLY)
links = {name: link(name) for name in os.listdir(own) if name != str(own)}
print(status, sorted(links.items()), os.getcwd(), os.getsid(0), os.getpgrp(), os.nice(0))
print(sorted(os.environb.items()), resource.getrlimit(resource.RLIMIT_CORE), signal.getitimer(signal.ITIMER_REAL))
"""
"""Prints what a process was given."""
SHOW = [sys.executable, "-S", "-c", STATE]


def ignored(number: int) -> Callable[[], object]:
    """Ignores a signal."""
    return lambda: signal.signal(number, signal.SIG_IGN)


def blocked(*numbers: int) -> Callable[[], object]:
    """Blocks signals."""
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def closed(*descriptors: int) -> Callable[[], object]:
    """Closes descriptors."""
    return lambda: list(map(os.close, descriptors))


SITUATIONS: dict[str, Callable[[], object]] = {
    "as usual": lambda: None,
    "children ignored": ignored(signal.SIGCHLD),
    "children blocked": blocked(signal.SIGCHLD),
    "ctrl-c ignored": ignored(signal.SIGINT),
    "a hangup ignored": ignored(signal.SIGHUP),
    "signals blocked": blocked(signal.SIGINT, signal.SIGUSR1, signal.SIGTSTP, signal.SIGRTMIN + 5, signal.SIGCONT),
    "a real-time signal ignored": ignored(signal.SIGRTMIN + 7),
    "no standard input": closed(0),
    "no standard error": closed(2),
    "no standard input and error": closed(0, 2),
    "a umask": lambda: os.umask(0o27),
    "niceness": lambda: os.nice(3),
}


@pytest.mark.parametrize("prepare", SITUATIONS.values(), ids=SITUATIONS)
def test_the_command_gets_what_it_would_get_without(prepare: Callable[[], object], recording: Recording) -> None:
    _compare(prepare, recording, "notify")


@pytest.mark.parametrize("via", WAYS[1:])
def test_so_it_is_when_audit_looks(via: str, recording: Recording) -> None:
    _compare(blocked(signal.SIGCHLD), recording, via)


def _compare(prepare: Callable[[], object], recording: Recording, via: str) -> None:
    """What is printed with the recorder and without."""
    environment = {"PATH": os.environ["PATH"], "A": "1", "EMPTY": ""}  # and no locale
    with open(os.devnull, "rb") as stream:
        found = [
            subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                preexec_fn=prepare,
                env=environment,
                cwd=recording.folder,
                pass_fds=[stream.fileno()],
                timeout=PATIENCE,
                check=False,
            )
            for words in (SHOW, recording.words(*SHOW, via=via))
        ]
    assert (found[1].returncode, found[1].stdout) == (found[0].returncode, found[0].stdout)
    assert found[0].stdout
    assert recording.profile.exists()


@needs("env")
def test_the_environment_goes_on_byte_by_byte(recording: Recording) -> None:
    environment = {b"PATH": os.environb[b"PATH"], b"ODD": b"\xff=\n", b"": b"x"}
    words = ([*recording.words("env")], ["env"])
    one, other = (subprocess.run(words, env=environment, capture_output=True, check=True).stdout for words in words)
    assert one == other


def test_standard_input_passes_through(recording: Recording) -> None:
    assert recording.run("cat", input="some\ntext").stdout == "some\ntext"


def test_without_o_the_profile_alone_is_on_standard_output(recording: Recording) -> None:
    words = [SCRIPT, "record", "-q", "--", "sh", "-c", "echo out; echo err >&2"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith('{\n  "defaultAction"')
    assert done.stderr == "out\nerr\n"


@pytest.mark.parametrize("which", ["stdin", "stdout", "another"])
@pytest.mark.parametrize("via", WAYS)
def test_what_the_command_closes_nobody_holds(which: str, via: str, recording: Recording) -> None:
    ours, theirs = reversed(os.pipe()) if which == "stdin" else os.pipe()
    number = {"stdin": 0, "stdout": 1}.get(which, theirs)
    words = recording.words(sys.executable, "-c", f"import os, time; os.close({number}); time.sleep(100)", via=via)
    given: dict[str, Any] = {"pass_fds": [theirs]} if which == "another" else {which: theirs}
    with subprocess.Popen(words, **given) as process:
        os.close(theirs)
        other_end = select.poll()
        other_end.register(ours, 0)
        gone = select.POLLERR if which == "stdin" else select.POLLHUP
        assert other_end.poll(1000 * PATIENCE) == [(ours, gone)]
        assert process.poll() is None
        process.terminate()
    os.close(ours)
    assert recording.profile.exists()


def test_without_standard_error_the_profile_alone_is_on_standard_output(recording: Recording) -> None:
    words = [SCRIPT, "record", "--", "echo", "out"]
    done = subprocess.run(words, stdout=subprocess.PIPE, preexec_fn=closed(0, 2), timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["syscalls"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_standard_output_may_be_named(name: str, kind: str, recording: Recording) -> None:
    words = [SCRIPT, "record", "-q", "-o", name, "--", "true"]
    file = recording.folder / "file"
    with file.open("wb") as stream:
        where = subprocess.PIPE if kind == "pipe" else stream
        done = subprocess.run(words, stdout=where, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout or file.read_bytes())["syscalls"]


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize("status", [3, 127])
def test_it_exits_as_the_command_does(status: int, via: str, recording: Recording) -> None:
    assert recording.run("sh", "-c", f"exit {status}", via=via).returncode == status
    assert recording.profile.exists()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGINT, signal.SIGPIPE, signal.SIGRTMIN + 3]
)
def test_the_signal_that_ends_the_command_ends_the_recorder(number: int, recording: Recording) -> None:
    words = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"]
    words += recording.words("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")
    with subprocess.Popen(words, cwd=recording.folder) as process:
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = 0
    assert (os.WIFSIGNALED(status), os.WTERMSIG(status), os.WCOREDUMP(status)) == (True, number, False)
    assert recording.profile.exists()


EINTR = "; where calls that fail with EINTR are the reason, --via audit makes none fail"


@pytest.mark.parametrize(
    ("name", "via", "said"),
    [
        ("SEGV", "notify", ""),
        ("KILL", "notify", ""),
        ("ABRT", "notify", EINTR),
        pytest.param("ABRT", "audit", "", marks=AUDIT),
        ("TERM", "notify", None),
        ("INT", "notify", None),
        ("PIPE", "notify", None),
    ],
)
def test_a_crash_is_told(name: str, via: str, said: str | None, tmp_path: Path) -> None:
    done = record("--via", via, "-o", tmp_path / "profile", "--", "sh", "-c", f"ulimit -c 0; kill -{name} $$")
    crashed = f"SIG{name} ended it: the profile allows only what was called until then"
    assert [line for line in done.stderr.splitlines() if "ended" in line] == ([] if said is None else [crashed + said])
    assert done.returncode == -signal.Signals[f"SIG{name}"]


@pytest.mark.parametrize(("name", "status", "message"), NOT_STARTED)
def test_commands_that_do_not_start_leave_nothing(name: str, status: int, message: str, recording: Recording) -> None:
    put_files(recording.folder)
    before = sorted(recording.folder.iterdir())
    done = recording.run(name, cwd=recording.folder)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"audit2seccomp: {message}\n")
    assert sorted(recording.folder.iterdir()) == before


def test_a_script_without_a_first_line_is_one_for_sh(recording: Recording) -> None:
    file = recording.folder / "plain"
    file.write_text('echo "plain $1"\n')
    file.chmod(0o755)
    assert recording.run(file, "word").stdout == "plain word\n"


def test_words_of_the_command_are_its_own(recording: Recording) -> None:
    done = recording.run("sh", "-c", 'echo "$0 $*"', "-q", "--portable", "--", "-o", "x")
    assert done.stdout == "-q --portable -- -o x\n"


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    words = [SCRIPT, "record", "-o", "/no/such/place", "--", "touch", str(marker)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "audit2seccomp: /no/such/place: cannot write: no such file or directory\n",
    )
    assert not marker.exists()


def test_a_timer_that_was_set_before_ends_the_command(recording: Recording) -> None:
    done = recording.run("sleep", "30", preexec_fn=lambda: signal.setitimer(signal.ITIMER_REAL, 1))
    assert done.returncode == -signal.SIGALRM
