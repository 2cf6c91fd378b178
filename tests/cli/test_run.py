"""`audit2seccomp run`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.siblings import RESTARTED
from audit2seccomp.kernel.syscalls import all_names, table_of
from audit2seccomp.profile.libseccomp import library_version
from tests.cli.command import PATIENCE, SCRIPT, run
from tests.cli.not_started import NOT_STARTED, put_files
from tests.cli.recording import started, waits_until
from tests.e2e.machine import needs
from tests.programs import GETPID, Make, ending, write

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="makes calls by their numbers on x86_64")

X86_64 = abi_named("x86_64")
ALL = {"defaultAction": "SCMP_ACT_ALLOW"}
EXECVE_ALONE = {
    "defaultAction": "SCMP_ACT_KILL_PROCESS",
    "syscalls": [{"names": ["execve", "exit_group"], "action": "SCMP_ACT_ALLOW"}],
}
ASK = "import ctypes, sys; c = ctypes.CDLL(None, use_errno=True); r = c.syscall(*map(int, sys.argv[1:])); " + (
    "print(r if r >= 0 else -ctypes.get_errno())"
)
"""Makes a call by its number and prints what it gives."""


def number(name: str) -> int:
    """Of a call on x86_64."""
    found = maybe_number(name)
    assert found is not None
    return found


def maybe_number(name: str) -> int | None:
    """The same; None where x86_64 has no such call."""
    assert X86_64 is not None
    return table_of(X86_64).number_of(name)


def under(
    profile: dict[str, Any], folder: Path, *command: str | Path, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command under a profile."""
    file = folder / "profile.json"
    file.write_text(json.dumps(profile))
    return subprocess.run(
        [SCRIPT, "run", "--profile", file, "--", *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **kwargs,
    )


def denying(*names: str, **rule: Any) -> dict[str, Any]:
    """All is allowed but these."""
    return {**ALL, "syscalls": [{"names": list(names), "action": "SCMP_ACT_ERRNO", **rule}]}


def asked(profile: dict[str, Any], folder: Path, *call: int) -> int:
    """What a call gives under a profile."""
    done = under(profile, folder, sys.executable, "-c", ASK, *map(str, call))
    assert done.stderr == ""
    return int(done.stdout)


def test_the_command_takes_the_process_s_place(tmp_path: Path) -> None:
    done = under(ALL, tmp_path, "sh", "-c", 'echo "$0 $1"; echo err >&2; exit 3', "-q", "--profile")
    assert (done.returncode, done.stdout, done.stderr) == (3, "-q --profile\n", "err\n")


def test_it_keeps_the_environment_and_the_open_files(tmp_path: Path) -> None:
    file = tmp_path / "open"
    with file.open("w") as stream:
        done = under(
            ALL,
            tmp_path,
            "sh",
            "-c",
            f'echo "$A2S_TEST" >/dev/fd/{stream.fileno()}',
            env={**os.environ, "A2S_TEST": "yes"},
            pass_fds=[stream.fileno()],
        )
    assert (done.returncode, file.read_text()) == (0, "yes\n")


def test_it_does_not_inherit_the_signals_that_python_ignores(tmp_path: Path) -> None:
    done = under(ALL, tmp_path, "sh", "-c", "grep SigIgn /proc/self/status")
    ignored = int(done.stdout.split()[1], 16)
    assert not ignored & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)


def test_nothing_but_execve_is_called_on_the_way(tmp_path: Path) -> None:
    program = write(tmp_path / "seven", ending(status=7))
    assert under(EXECVE_ALONE, tmp_path, program).returncode == 7


def test_a_call_outside_ends_the_process_if_the_profile_says_so(tmp_path: Path) -> None:
    program = write(tmp_path / "getpid", ending(Make(GETPID)))
    assert under(EXECVE_ALONE, tmp_path, program).returncode == -31


def test_denied_calls_fail_with_the_profile_s_errno(tmp_path: Path) -> None:
    mkdir = number("mkdir")
    assert asked(denying("mkdir", errnoRet=39), tmp_path, mkdir, 0, 0) == -39
    assert asked(denying("mkdir"), tmp_path, mkdir, 0, 0) == -1
    assert asked(ALL, tmp_path, mkdir, 0, 0) == -14


def test_conditions_on_arguments_hold(tmp_path: Path) -> None:
    kill = number("kill")
    made = denying("kill", errnoRet=5, args=[{"index": 1, "value": 17, "op": "SCMP_CMP_EQ"}])
    assert [asked(made, tmp_path, kill, 0, signal) for signal in (17, 18)] == [-5, 0]


SLEEP = """
import ctypes, sys
c, second, word = ctypes.CDLL(None, use_errno=True), (ctypes.c_long * 2)(1, 0), ctypes.c_int(0)
arguments = {
    "clock_nanosleep": (1, 0, second, None), "nanosleep": (second, None), "poll": (None, 0, 1000),
    "futex": (ctypes.byref(word), 0, 0, second), "ppoll": (None, 0, second, None, 0),
}
c.syscall(int(sys.argv[2]), *arguments[sys.argv[1]])
print(ctypes.get_errno())
"""
"""Sleeps a second by a call, and prints errno."""


@pytest.mark.parametrize("name", [*filter(maybe_number, RESTARTED), "ppoll"])
def test_a_sleep_goes_on_after_a_stop_by_another_call(name: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(denying("restart_syscall", errnoRet=39)))
    words = [SCRIPT, "run", "--profile", str(file), "--", sys.executable, "-c", SLEEP, name, str(number(name))]
    with started(words) as process:
        own = Path(f"/proc/{process.pid}")
        assert waits_until(lambda: (own / "syscall").read_text().split()[0] == str(number(name)))
        process.send_signal(signal.SIGSTOP)
        assert waits_until(lambda: (own / "stat").read_text().rpartition(") ")[2].startswith("T"))
        process.send_signal(signal.SIGCONT)
        errno = int(process.communicate(timeout=PATIENCE)[0])
    assert (errno == 39) == (name in RESTARTED)


def test_names_that_libseccomp_lacks_are_set_by_their_numbers(tmp_path: Path) -> None:
    import pyseccomp

    lacking = [
        name
        for name in sorted(all_names())
        if maybe_number(name) is not None and pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, name) == -1
    ]
    if not lacking:
        pytest.skip(f"libseccomp {library_version()} knows every call")
    for name in lacking[:3]:
        assert asked(denying(name, errnoRet=77), tmp_path, number(name)) == -77


def test_it_runs_without_privileges(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs privileges, to lose them")
    script = "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status"
    as_root = under(denying("mkdir"), tmp_path, "sh", "-c", script)
    assert as_root.stdout.split() == ["NoNewPrivs:", "0", "Seccomp:", "2"]
    done = subprocess.run(
        [
            "setpriv",
            "--bounding-set=-all",
            "--inh-caps=-all",
            SCRIPT,
            "run",
            "--profile",
            "-",
            "--",
            "sh",
            "-c",
            script,
        ],
        input=json.dumps(denying("mkdir")),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.split() == ["NoNewPrivs:", "1", "Seccomp:", "2"], done.stderr


REFUSED = {
    "nobody listens": (
        {**ALL, "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]},
        "SCMP_ACT_NOTIFY: nobody would answer here",
    ),
    "a flag for listeners": (
        {**denying("mkdir"), "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]},
        "flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: is for listeners",
    ),
    "a name that nobody knows": (denying("no_such_call"), "no_such_call: libseccomp"),
    "a condition by number alone": (
        {
            **denying("listmount", args=[{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]),
            "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        },
        "listmount: libseccomp",
    ),
    "rules that contradict each other": (
        {
            **ALL,
            "syscalls": [
                {"names": ["kill"], "action": action, "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}
                for action in ("SCMP_ACT_ERRNO", "SCMP_ACT_LOG")
            ],
        },
        "rule 1 (kill): libseccomp refuses it",
    ),
    "two rules without conditions": (
        {
            **ALL,
            "syscalls": [
                {"names": ["mkdir"], "action": "SCMP_ACT_LOG"},
                {"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS"},
            ],
        },
        "mkdir: rules that contradict each other: SCMP_ACT_LOG and SCMP_ACT_KILL_PROCESS",
    ),
    "no command could start": ({"defaultAction": "SCMP_ACT_ERRNO"}, "execve: SCMP_ACT_ERRNO (EPERM)"),
    "no command could start with an environment": (
        denying("execve", args=[{"index": 2, "value": 0, "op": "SCMP_CMP_NE"}]),
        "execve: SCMP_ACT_ERRNO (EPERM)",
    ),
    "no profile": ({"defaultAction": "SCMP_ACT_NONE"}, "profile.json:1"),
}


@pytest.mark.parametrize(("profile", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_enforced_exactly_starts_nothing(profile: dict[str, Any], message: str, tmp_path: Path) -> None:
    marker = tmp_path / "started"
    done = under(profile, tmp_path, "touch", marker)
    assert (done.returncode, done.stdout) == (3, "")
    assert message in done.stderr
    assert done.stderr.startswith("audit2seccomp: ")
    assert not marker.exists()


def test_flags_are_taken(tmp_path: Path) -> None:
    made = {**denying("mkdir"), "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"]}
    assert under(made, tmp_path, "true").returncode == 0


def test_of_rules_for_some_hosts_that_speak_of_one_call_the_first_counts(tmp_path: Path) -> None:
    """So it is in containers/common's profile, without CAP_SYS_ADMIN."""
    log, mkdir = {"names": ["mkdir"], "action": "SCMP_ACT_LOG"}, number("mkdir")
    denies = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40, "includes": {"minKernel": "3.0"}}
    assert asked({**ALL, "syscalls": [denies, log]}, tmp_path, mkdir, 0, 0) == -40
    assert asked({**ALL, "syscalls": [log, denies]}, tmp_path, mkdir, 0, 0) == -14


def test_rules_in_docker_s_form_are_those_of_this_host(tmp_path: Path) -> None:
    mkdir = number("mkdir")
    rules = [
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 40, "includes": {"minKernel": "99.0"}},
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 41, "includes": {"arches": ["s390x"]}},
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42, "includes": {"minKernel": "3.0"}},
    ]
    assert asked({**ALL, "syscalls": rules}, tmp_path, mkdir, 0, 0) == -42


def test_a_clause_that_nobody_knows_starts_nothing(tmp_path: Path) -> None:
    """Not even where unknown keys are kept: the rule may not be there."""
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ALLOW", "includes": {"distro": "x"}}
    file = tmp_path / "profile.json"
    file.write_text(json.dumps({**ALL, "defaultAction": "SCMP_ACT_LOG", "syscalls": [rule]}))
    done = run("run", "--lenient", "--profile", file, "--", "echo", "hello")
    assert (done.status, done.stdout) == (3, b"")
    assert done.stderr == 'audit2seccomp: rule 0: nobody knows on which hosts "distro" holds: take it out\n'


def test_the_profile_may_come_from_standard_input() -> None:
    done = run("run", "--profile", "-", "--", "echo", "hello", stdin=json.dumps(ALL).encode())
    assert (done.status, done.stdout) == (0, b"hello\n")


def denied_around(folder: Path, *words: str | Path, **rule: Any) -> subprocess.CompletedProcess[str]:
    """What a command says where a call is denied, as a container may do it."""
    return under({**ALL, "syscalls": [{"action": "SCMP_ACT_ERRNO", **rule}]}, folder, *words)


def written(folder: Path, profile: dict[str, Any]) -> list[str | Path]:
    """The command line for `touch` under a profile."""
    file = folder / "inner.json"
    file.write_text(json.dumps(profile))
    return [SCRIPT, "run", "--profile", file, "--", "touch", folder / "started"]


LOGS_ALL = {"defaultAction": "SCMP_ACT_LOG"}
LOGS_ONE = {**ALL, "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_LOG"}]}
HERE_DENIED = {
    1: "operation not permitted: a filter such as a container's may deny what this takes: run it on the host",
    22: "this kernel has no filters or lacks a flag, or a container denies seccomp(2): run it on the host "
    "(invalid argument)",
    38: "this kernel has no filters or lacks a flag, or a container denies seccomp(2): run it on the host "
    "(function not implemented)",
}


@pytest.mark.parametrize("profile", [ALL, LOGS_ALL, LOGS_ONE])
@pytest.mark.parametrize("errno", HERE_DENIED)
def test_where_seccomp_is_denied_nothing_starts(errno: int, profile: dict[str, Any], tmp_path: Path) -> None:
    """libseccomp asks the kernel for actions such as LOG, and so would refuse them."""
    done = denied_around(tmp_path, *written(tmp_path, profile), names=["seccomp"], errnoRet=errno)
    said = f"audit2seccomp: seccomp: cannot load a filter: {HERE_DENIED[errno]}\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", said)
    assert not (tmp_path / "started").exists()


def test_a_filter_is_made_where_none_can_be_loaded(tmp_path: Path) -> None:
    """Without asking the kernel, so `decide` and `convert` need no privileges."""
    file = tmp_path / "logs.json"
    file.write_text(json.dumps(LOGS_ALL))
    done = denied_around(tmp_path, SCRIPT, "decide", file, "getpid", names=["seccomp"])
    assert (done.returncode, done.stdout.partition("\n")[0]) == (0, "SCMP_ACT_LOG")


def test_a_kernel_that_lacks_an_action_is_told(tmp_path: Path) -> None:
    """It would take the filter, and kill. Only what asks for actions is denied here, as older kernels answer it."""
    asking = {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}
    for profile, status in ((ALL, 0), (LOGS_ONE, 3)):
        words = written(tmp_path, profile)
        done = denied_around(tmp_path, *words, names=["seccomp"], errnoRet=95, args=[asking])
        assert done.returncode == status
    assert "this kernel lacks one of its actions: SCMP_ACT_LOG and _KILL_PROCESS take Linux 4.14" in done.stderr


@needs("setpriv")
def test_where_no_new_privs_cannot_be_set_nothing_starts(tmp_path: Path) -> None:
    setting = {"index": 0, "value": 38, "op": "SCMP_CMP_EQ"}
    words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *written(tmp_path, ALL)]
    done = denied_around(tmp_path, *words, names=["prctl"], args=[setting])
    assert (done.returncode, done.stderr) == (
        3,
        "audit2seccomp: seccomp: cannot load a filter: another filter denies prctl(2), which no_new_privs takes: "
        "run it as root, or on the host (permission denied)\n",
    )


def test_where_libseccomp_cannot_write_that_is_said(tmp_path: Path) -> None:
    for errno, why in ((1, HERE_DENIED[1]), (24, "too many open files: ulimit -n raises the limit")):
        done = denied_around(tmp_path, *written(tmp_path, ALL), names=["memfd_create"], errnoRet=errno)
        assert (done.returncode, done.stderr) == (
            3,
            f"audit2seccomp: memfd_create: libseccomp cannot write the filter to memory: {why}\n",
        )


def test_it_takes_no_other_process_and_few_files(tmp_path: Path) -> None:
    """Limits of processes do not count for root, so the calls that make them are denied."""
    forks = ["clone", "clone3", "fork", "vfork"]
    done = denied_around(tmp_path, "prlimit", "--nofile=8", *written(tmp_path, ALL), names=forks, errnoRet=11)
    assert (done.returncode, done.stderr) == (0, "")


def test_too_little_memory_is_said(tmp_path: Path) -> None:
    """Just less than enough."""
    words = written(tmp_path, ALL)
    too_little, enough, said = 4 << 20, 512 << 20, ""
    while enough - too_little > 1 << 19:
        limit = (too_little + enough) // 2
        command = ["prlimit", f"--as={limit}", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode == 0:
            enough = limit
        else:
            too_little, said = limit, done.stderr
    assert said == "audit2seccomp: out of memory: ulimit -v raises the limit\n"


@pytest.mark.parametrize(("name", "status", "message"), NOT_STARTED)
def test_commands_that_do_not_start(name: str, status: int, message: str, tmp_path: Path) -> None:
    put_files(tmp_path)
    done = under(ALL, tmp_path, name, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"audit2seccomp: {message}\n")


def test_a_script_without_a_first_line_is_one_for_sh(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text('echo "plain $1"\n')
    plain.chmod(0o755)
    assert under(ALL, tmp_path, plain, "word").stdout == "plain word\n"


def test_no_command(tmp_path: Path) -> None:
    assert under(ALL, tmp_path).returncode == 2
