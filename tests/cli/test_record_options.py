"""What the options of `record` do, and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from audit2seccomp import read_profile
from audit2seccomp.kernel.abi import abi_named
from tests.cli.command import PATIENCE, SCRIPT, run
from tests.cli.recording import AUDIT, WAYS, X86_64, Recording, record
from tests.e2e.machine import needs
from tests.programs import GETPID, Make, ending, write, write_programs

GETPPID = 110
KNOWN = ["execve", "exit_group", "getpid"]


def names_in(file: Path) -> list[str]:
    """All that a profile names."""
    rules = json.loads(file.read_text())["syscalls"]
    return sorted(name for rule in rules for name in rule["names"])


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A profile that lets through three calls."""
    file = tmp_path / "known.json"
    rule = {"names": KNOWN, "action": "SCMP_ACT_ALLOW"}
    made = {"defaultAction": "SCMP_ACT_KILL_PROCESS", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [rule]}
    file.write_text(json.dumps(made))
    return file


@X86_64
@pytest.mark.parametrize("via", WAYS)
def test_with_known_only_other_calls_are_looked_at(via: str, known: Path, recording: Recording) -> None:
    file = write(recording.folder / "program", ending(Make(GETPID), Make(GETPPID), Make(GETPID)))
    done = recording.run(file, via=via, options=("--known", known))
    assert (done.returncode, done.stderr) == (0, "")
    assert recording.named() == {"getppid": 1}
    assert names_in(recording.profile) == sorted([*KNOWN, "getppid"])
    assert json.loads(recording.profile.read_text())["defaultAction"] == "SCMP_ACT_KILL_PROCESS"


@X86_64
@pytest.mark.parametrize("via", WAYS)
def test_calls_of_other_numberings_are_not_known_and_run(via: str, known: Path, recording: Recording) -> None:
    write_programs(recording.folder)
    x86, x86_64 = abi_named("x86"), abi_named("x86_64")
    assert x86 is not None
    assert x86_64 is not None
    done = recording.run(recording.folder / "modes", via=via, options=("--known", known))
    assert (done.returncode, done.stderr) == (0, "")
    others = (0x40000027, 0x4000000D, 0x400007D0, 1000, GETPPID)
    assert recording.calls() == {(x86.audit_arch, 20): 1, **{(x86_64.audit_arch, nr): 1 for nr in others}}


@X86_64
@pytest.mark.parametrize("via", WAYS)
def test_nothing_new_is_the_known_profile(via: str, known: Path, recording: Recording) -> None:
    file = write(recording.folder / "program", ending(Make(GETPID), status=4))
    done = recording.run(file, via=via, options=("--known", known))
    assert (done.returncode, done.stderr) == (4, "")
    assert names_in(recording.profile) == sorted(KNOWN)


@X86_64
@pytest.mark.parametrize("options", [(), ("--base", "known.json"), ("--update", "known.json")])
def test_a_new_call_without_a_name_is_told_alone(options: tuple[str, ...], known: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "program", ending(Make(GETPID), Make(500)))
    profile = tmp_path / "profile.json"
    done = record("--known", known, *options, "-o", profile, "--", file, cwd=tmp_path)
    assert done.returncode == 0
    assert "no name: call 500 on x86_64 (1 event) is not in the tables" in done.stderr
    assert names_in(profile) == sorted(KNOWN)


@X86_64
def test_known_and_update_extend_one_file(known: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "program", ending(Make(GETPPID)))
    first = record("--known", known, "--update", known, "--", file)
    assert first.stderr.splitlines()[-1] == f"{known}: 1 name added"
    text = known.read_text()
    again = record("--known", known, "--update", known, "--", file)
    assert again.stderr.splitlines()[-1] == f"{known}: nothing is new"
    assert (first.returncode, again.returncode, known.read_text()) == (0, 0, text)
    assert names_in(known) == sorted([*KNOWN, "getppid"])


def test_known_and_update_are_one_file(known: Path, tmp_path: Path) -> None:
    """What the known one allows is not seen, and the other would lack it."""
    other, ran = tmp_path / "other.json", tmp_path / "ran"
    other.write_bytes(known.read_bytes())
    done = record("--known", known, "--update", other, "--", "touch", ran)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        2,
        "audit2seccomp: --known, --update: name the same file: what one allows is not seen, and the other lacks it",
    )
    assert not ran.exists()


@X86_64
def test_known_is_read_once(known: Path, tmp_path: Path) -> None:
    """A pipe's content is there but once."""
    file, profile = write(tmp_path / "program", ending(Make(GETPPID))), tmp_path / "profile.json"
    reader, writer = os.pipe()
    os.write(writer, known.read_bytes())
    os.close(writer)
    done = record("--known", f"/dev/fd/{reader}", "-o", profile, "--", file, pass_fds=[reader])
    os.close(reader)
    assert (done.returncode, names_in(profile)) == (0, sorted([*KNOWN, "getppid"]))


def test_where_the_evidence_cannot_be_written_the_profile_is_all_the_same(tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    done = record("-q", "--evidence", "/dev/full", "-o", profile, "--", "true")
    assert (done.returncode, done.stderr) == (3, "audit2seccomp: /dev/full: cannot write: no space left on device\n")
    assert "execve" in names_in(profile)


def test_quiet_says_nothing_of_what_goes_on_nor_in_the_second_run(tmp_path: Path) -> None:
    options = ("-q", "--then-verify", "-o", tmp_path / "profile.json")
    done = record(*options, "--", "sh", "-c", "sleep 1.5 >&- 2>&- &")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("form", ["oci", "docker", "spo", "kubernetes", "systemd", "minijail", "names", "bpf", "pfc"])
def test_each_format(form: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    evidence = tmp_path / "evidence"
    done = record("-q", "--format", form, "--evidence", evidence, "-o", one, "--", "true")
    made = run("generate", "-q", "--format", form, "-o", other, evidence)
    assert made.status == done.returncode == 0
    assert one.read_bytes() == other.read_bytes() != b""


def test_what_cannot_be_read_back_is_not_what_is_verified(tmp_path: Path) -> None:
    done = record("--then-verify", "--format", "minijail", "-o", tmp_path / "policy", "--", "true")
    said = "--then-verify: runs under the profile itself: what it was written as cannot be read back"
    assert (done.returncode, said in done.stderr.splitlines()) == (0, True)
    done = record("--then-verify", "--format", "systemd", "-o", tmp_path / "drop-in", "--", "true")
    assert (done.returncode, "read back" in done.stderr) == (0, False)


@X86_64
def test_filters_of_the_command_s_own_are_told(tmp_path: Path) -> None:
    words = [SCRIPT, "run", "--profile", str(tmp_path / "all"), "--", "true"]
    (tmp_path / "all").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    said = "the command has filters of its own: "
    assert said in record("--via", "notify", "-o", tmp_path / "p", "--", *words).stderr
    assert said not in record("--via", "notify", "-o", tmp_path / "p", "--", "true").stderr


@needs("setpriv")
def test_where_a_program_may_not_be_looked_up_that_is_said(tmp_path: Path) -> None:
    hides = "import ctypes, os; ctypes.CDLL(None).prctl(4, 0); os.getsid(0)"  # PR_SET_DUMPABLE
    words = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", SCRIPT, "record"]
    words += ["--exe", "/usr/bin/*", "-o", str(tmp_path / "p"), "--", "python3", "-c", hides]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "selection: of some calls the program is not known" in done.stderr


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--runtime", "runc"], "capset"),
        (["--portable"], "faccessat2"),
        (["--allow", "swapon"], "swapon"),
        (["--where", "comm == true"], "execve"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_options_of_generate(options: list[str], name: str, tmp_path: Path) -> None:
    file = tmp_path / "profile"
    done = record("-q", *options, "-o", file, "--", "true")
    assert (done.returncode, name in names_in(file)) == (0, True)


@pytest.mark.parametrize("options", [["--where", 'comm == "cat"'], ["--comm", "cat"], ["--exe", "*/cat"]])
@pytest.mark.parametrize("via", WAYS)
def test_a_selection(options: list[str], via: str, recording: Recording) -> None:
    recording.run("sh", "-c", "cat /dev/null; ls / >/dev/null", via=via, options=tuple(options))
    assert {key.comm for key in recording.seen().counts} == {b"cat"}
    assert recording.seen().unselected > 0


def test_users_are_told_apart(recording: Recording) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another")
    script = "import os; os.setuid(65534); os.getsid(0)"
    done = recording.run("python3", "-S", "-c", script, options=("--uid", "65534"))
    assert done.returncode == 0
    assert recording.named()["getsid"] == 1
    assert {key.uid for key in recording.seen().counts} == {65534}
    assert "setuid" not in recording.named()


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize("field", ["comm", "exe"])
def test_a_profile_for_each_program(field: str, via: str, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    done = record("--via", via, "--per", field, "-d", folder, "--", "sh", "-c", "cat /dev/null; exit 3")
    assert done.returncode == 3
    names = (
        ("sh", "cat")
        if field == "comm"
        else [str(Path(f"/bin/{one}").resolve()).replace("/", ",") for one in ("sh", "cat")]
    )
    sh, cat = (folder / f"{name}.json" for name in names)
    assert sorted(folder.iterdir()) == sorted([sh, cat])
    assert "container" not in done.stderr
    assert ("execve" in names_in(sh), "execve" in names_in(cat)) == (True, False)


def test_evidence_of_two_runs_is_read_together(tmp_path: Path) -> None:
    parts = [tmp_path / "one", tmp_path / "two"]
    for part, command in zip(parts, ("true", "ls"), strict=True):
        record("-q", "--evidence", part, "-o", tmp_path / command, "--", command)
    both = tmp_path / "both"
    assert run("generate", "-q", "-o", both, *parts).status == 0
    assert names_in(both) == sorted({*names_in(tmp_path / "true"), *names_in(tmp_path / "ls")})
    assert run("explain", *parts).status == 0
    assert run("check", both, *parts).status == 0
    assert run("check", tmp_path / "true", parts[1]).status == 1


def test_evidence_and_the_command_s_output_are_not_mixed(tmp_path: Path) -> None:
    done = record("-q", "--evidence", "-", "-o", tmp_path / "profile", "--", "echo", "out")
    assert json.loads(done.stdout)["format"] == "audit2seccomp evidence"
    assert done.stderr == "out\n"


def test_names_are_explained(tmp_path: Path) -> None:
    done = record("-q", "--explain-names", "-o", tmp_path / "profile", "--", "true")
    assert any(line.startswith("execve") and "true (1)" in line for line in done.stderr.splitlines())


def test_new_calls_are_listed(tmp_path: Path) -> None:
    done = record("-v", "-o", tmp_path / "profile", "--", "true")
    assert any("execve" in line for line in done.stderr.splitlines())
    assert done.stderr.splitlines()[-1] == "complete: the kernel held each call until it was counted"


@AUDIT
def test_the_way_is_told(tmp_path: Path) -> None:
    done = record("--via", "audit", "-o", tmp_path / "profile", "--", "true")
    assert done.stderr.splitlines()[-1] == "complete: the kernel lost no record"


def test_a_call_that_is_never_to_be_allowed(tmp_path: Path) -> None:
    file = tmp_path / "profile"
    done = record("-q", "--never", "execve", "-o", file, "--", "true")
    assert (done.returncode, file.exists()) == (3, False)
    assert "--never: was observed: execve" in done.stderr


@pytest.mark.parametrize("status", [0, 5])
def test_it_ends_under_the_profile_as_before(status: int, tmp_path: Path) -> None:
    done = record("--then-verify", "-o", tmp_path / "profile", "--", "sh", "-c", f"ls / >&2; exit {status}")
    assert done.returncode == status
    assert done.stderr.splitlines()[-1] == (
        f"verified: it ended with status {status} under the profile, as when it was recorded"
    )


@pytest.mark.parametrize("number", [15, 40])
def test_the_same_signal_ends_it_under_the_profile(number: int, tmp_path: Path) -> None:
    done = record("--then-verify", "-o", tmp_path / "profile", "--", "sh", "-c", f"kill -{number} $$")
    name = "SIGTERM" if number == 15 else "signal 40"
    assert done.stderr.splitlines()[-1] == f"verified: {name} ended it under the profile, as when it was recorded"
    assert done.returncode == -number


def test_a_command_that_ends_differently_is_told(tmp_path: Path) -> None:
    script = f"test -e {tmp_path}/ran && exit 4; touch {tmp_path}/ran"
    done = record("-q", "--then-verify", "-o", tmp_path / "profile", "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (
        1,
        "audit2seccomp: --then-verify: it ended with status 4 under the profile, and it ended with status 0 when it "
        "was recorded\n",
    )


@X86_64
def test_a_profile_that_lacks_a_call_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "program", ending(Make(GETPID)))
    options = ("--never", "getpid", "--drop-never", "--default-action", "SCMP_ACT_KILL_PROCESS", "--then-verify")
    done = record("-q", *options, "-o", tmp_path / "profile", "--", file)
    assert done.returncode == 1
    assert "SIGSYS ended it under the profile" in done.stderr


def test_the_file_that_is_updated_is_what_is_verified(tmp_path: Path) -> None:
    file = tmp_path / "profile"
    record("-q", "-o", file, "--", "true")
    done = record("--update", file, "--then-verify", "--", "ls", "/")
    assert (done.returncode, "verified" in done.stderr) == (0, True)
    assert read_profile(file.read_bytes(), "profile").sound().rules


LATER = """
import os, sys
marker, code = sys.argv[1], 38
if os.path.exists(marker):
    try:
        os.mkdir(marker + ".d")
    except OSError as error:
        code = error.errno
else:
    open(marker, "w").close()
sys.exit(code)
"""
"""Ends with ENOSYS; when it runs again, with the errno of another call."""


@pytest.mark.parametrize(("form", "verified"), [("oci", True), ("kubernetes", True), ("spo", False)])
def test_then_verify_looks_at_what_was_written(form: str, verified: bool, tmp_path: Path) -> None:
    """A SeccompProfile has no place for the errno of the default action, so that it is EPERM."""
    command = (sys.executable, "-S", "-c", LATER, tmp_path / "marker")
    done = record("--format", form, "--then-verify", "-o", tmp_path / "profile", "--", *command)
    assert done.returncode == (38 if verified else 1), done.stderr
    assert ("verified: it ended with status 38" in done.stderr) is verified
