"""What `record` does where it cannot do what it is asked: nothing, and a line that says what to do."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from audit2seccomp.profile.libseccomp import library_version
from tests.cli.command import PATIENCE, SCRIPT
from tests.cli.recording import WAYS, Recording, record
from tests.e2e.machine import MOUNT_NAMESPACES, Feature, capability, needs

WITHOUT_PRIVILEGES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
RUNS = ("--", "touch", "ran")
WRONG = {
    "no command": (),
    "no such way": ("--via", "strace", *RUNS),
    "no such format": ("--format", "xml", *RUNS),
    "a query that is none": ("--where", "comm =", *RUNS),
    "a field that nobody knows here": ("--where", "subj == x", *RUNS),
    "-d without --per": ("-d", "x", *RUNS),
    "--per without -d": ("--per", "comm", *RUNS),
    "--per file": ("--per", "file", "-d", "x", *RUNS),
    "--then-verify of several": ("--then-verify", "--per", "comm", "-d", "x", *RUNS),
    "--known -": ("--known", "-", *RUNS),
    "--update and --base": ("--update", "p", "--base", "p", *RUNS),
    "two things in one place": ("--evidence", "-", *RUNS),
    "two things in one file": ("--evidence", "x", "-o", "x", *RUNS),
    "no such call": ("--allow", "opne", *RUNS),
}


@pytest.mark.parametrize("args", WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_starts_nothing(args: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "p").write_text('{"defaultAction": "SCMP_ACT_ERRNO"}')
    done = record(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("audit2seccomp: ")
    assert [file.name for file in tmp_path.iterdir()] == ["p"]


@needs("setpriv", capability("CAP_SETPCAP"))
def test_it_records_without_privileges(recording: Recording) -> None:
    words = [*WITHOUT_PRIVILEGES, *recording.words("ls", "/")]
    assert subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False).returncode == 0
    assert recording.named()["execve"] == 1


@needs("setpriv", capability("CAP_SETPCAP"))
def test_audit_without_privileges_says_what_to_do(recording: Recording) -> None:
    words = [*WITHOUT_PRIVILEGES, *recording.words("touch", "ran", via="audit")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=recording.folder, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "audit2seccomp: audit: reading records takes CAP_AUDIT_READ: run as root, or --via notify\n",
    )
    assert list(recording.folder.iterdir()) == []


@pytest.mark.parametrize("errno", [38, 22, 1])
def test_where_the_kernel_takes_no_filter_nothing_runs(errno: int, recording: Recording) -> None:
    profile = recording.folder / "no-seccomp"
    rule = {"names": ["seccomp"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    words = [SCRIPT, "run", "--profile", str(profile), "--", *recording.words("touch", "ran")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=recording.folder, timeout=PATIENCE, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("audit2seccomp: seccomp: cannot load a filter: ")
    assert done.stderr.count("\n") == 1
    assert list(recording.folder.iterdir()) == [profile]


SAME_NUMBER = 'echo 3 >/proc/sys/kernel/ns_last_pid && { "$@"; exit; }'
"""The fourth process in this pid namespace and in the one above, whose first three are two shells and unshare."""
WRONG_PROC = {
    "of the namespace above": ("unshare", "--pid", "--fork"),
    "of the namespace above, with the same number by chance": pytest.param(
        (
            *("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", 'unshare --pid --fork "$@"; exit', "sh"),
            *("sh", "-c", SAME_NUMBER, "sh"),
        ),
        marks=needs(Feature("a kernel with ns_last_pid", Path("/proc/sys/kernel/ns_last_pid").exists)),
    ),
    "not mounted": ("unshare", "--mount", "sh", "-c", 'umount --lazy /proc && exec "$@"', "sh"),
    "another file system": ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"),
    "a folder like it": (
        *("unshare", "--pid", "--fork", "--mount", "sh", "-c"),
        'mount -t tmpfs none /proc && ln -s 1 /proc/self && exec "$@"',
        "sh",
    ),
}


@needs(MOUNT_NAMESPACES)
@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize("inside", WRONG_PROC.values(), ids=WRONG_PROC)
def test_where_proc_is_another_s_nothing_runs(inside: tuple[str, ...], via: str, recording: Recording) -> None:
    words = [*inside, *recording.words("touch", "ran", via=via)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=recording.folder, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        "audit2seccomp: /proc: is not mounted for this pid namespace: mount it, as unshare --mount-proc does\n",
    )
    assert list(recording.folder.iterdir()) == []


@needs(MOUNT_NAMESPACES)
@pytest.mark.parametrize("via", WAYS)
def test_in_a_pid_namespace_with_its_own_proc_it_records(via: str, recording: Recording) -> None:
    words = ["unshare", "--pid", "--fork", "--mount-proc", *recording.words("sh", "-c", "ls /; true", via=via)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {key.comm for key in recording.seen().counts} == {b"sh", b"ls"}


def test_a_recorder_in_a_recorder(recording: Recording, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    done = recording.run(SCRIPT, "record", "-q", "-o", inner, "--", "touch", tmp_path / "ran")
    assert done.returncode == 3
    assert "this process is being recorded already" in done.stderr
    assert not inner.exists()
    assert not (tmp_path / "ran").exists()


def without_libseccomp() -> list[str]:
    """What stands in front of a command that is not to find it."""
    assert library_version()
    libraries = sorted(map(str, Path("/usr/lib").rglob("libseccomp.so.2*")))
    masked = [word for file in libraries for word in ("--ro-bind", os.devnull, file)]
    return ["bwrap", "--dev-bind", "/", "/", *masked, "--"]


@needs("bwrap")
def test_without_libseccomp_it_records(recording: Recording) -> None:
    words = [*without_libseccomp(), *recording.words("true")]
    assert subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False).returncode == 0
    assert recording.named()["execve"] == 1


@needs("bwrap")
@pytest.mark.parametrize(
    "options", [("--known", "known"), ("--then-verify",), ("--format", "bpf"), ("--format", "pfc")]
)
def test_without_libseccomp_what_needs_it_says_what_to_do(options: tuple[str, ...], recording: Recording) -> None:
    known = recording.folder / "known"
    known.write_text('{"defaultAction": "SCMP_ACT_ERRNO"}')
    words = [*without_libseccomp(), *recording.words("touch", "ran", options=options)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=recording.folder, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "apt-get install libseccomp2" in done.stderr
    assert list(recording.folder.iterdir()) == [known]
