"""A container's whole way: recorded in the logs of daemons at work, its profile made, and then confined."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from audit2seccomp.live.host import number_of
from audit2seccomp.profile.building.runtimes import RELEASES
from tests.cli.command import names_of, run
from tests.e2e.audit_records import kept, needs_audit_records
from tests.e2e.auditd import auditd, needs_auditd
from tests.e2e.containers import Container, make_container
from tests.e2e.journald import journald, needs_journald
from tests.e2e.kernel_log import setting
from tests.e2e.machine import needs

pytestmark = [needs("runc", "crun", "busybox", "gcc"), needs_audit_records, needs_auditd, needs_journald]
TIMES = 20
SCRIPT = "cd /tmp; echo one >a; echo two >>a; sort -r a | head -n 1; wc -l <a; cat a; rm a; sleep 0.05; attempt"
PRINTED = "two\n2\none\ntwo\n0 attempts\n"
ATTEMPTS = ("attempt", "all")
OWN_CALLS = {"runc": 'comm ~ "runc:[*"', "crun": "comm == crun"}
"""What leaves a runtime's own calls in, as `audit2seccomp` proposes it."""
JOURNALS = ("json", "export", "short")
"""What journalctl is asked for."""
RECEIVE_BUFFER = "net.core.rmem_default"
"""Bytes. systemd-journald-audit.socket has 128 MiB for journald, which opens the socket itself here."""


class Recorded(NamedTuple):
    """A container, and the records of one run of it."""

    container: Container
    log: Path
    """auditd's file."""
    journals: dict[str, Path]
    """What journalctl prints, by form."""
    choice: str
    """The value of --runtime."""

    def profile(self, *options: str, log: Path | None = None) -> dict[str, Any]:
        """What is generated from the records of its programs, in auditd's file or in another log."""
        exe = f"{self.container.inside}/*"
        return generated("--runtime", self.choice, "--exe", exe, *options, str(log or self.log))


@cache
def recording_profile() -> dict[str, Any]:
    """As users get it."""
    return run("audit-profile").profile


CASES = {"runc:nnp": ("runc", True), "runc": ("runc", False), "crun:nnp": ("crun", True), "crun": ("crun", False)}
"""Values of --runtime: which runtime, and whether with noNewPrivileges."""


@pytest.fixture(scope="module", params=CASES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """One run of the workload under the recording profile, in the logs of an auditd and of a journald at work."""
    runtime, no_new_privileges = CASES[request.param]
    folder = tmp_path_factory.mktemp("logs")
    container = make_container(runtime, tmp_path_factory.mktemp("bundle"), no_new_privileges=no_new_privileges)
    with setting(RECEIVE_BUFFER, 128 << 20), auditd(folder) as daemon, journald(folder / "run") as journal:
        succeeds(container.run("sh", "-c", SCRIPT, profile=recording_profile()))
        last = (f' exe="{container.inside}/attempt" ', f" syscall={number_of('exit_group')} ")
        daemon.wait_for(*last)
        journal.wait_for("audit", *last)
        journals = {form: folder / form for form in JOURNALS}
        for form, file in journals.items():
            file.write_bytes(journal.read("-o", form))
    return Recorded(container, daemon.log, journals, request.param)


def generated(*words: str) -> dict[str, Any]:
    """The profile of a run that lost nothing."""
    done = run("generate", "--strict", *words)
    assert done.status == 0, done.stderr
    return done.profile


def succeeds(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, PRINTED, "")


def test_the_same_workload_runs_under_its_profile_every_time(recorded: Recorded) -> None:
    profile = recorded.profile()
    for _ in range(TIMES):
        succeeds(recorded.container.run("sh", "-c", SCRIPT, profile=profile))


@pytest.mark.parametrize("form", JOURNALS)
def test_the_journal_gives_the_same_profile_as_auditd_s_file(recorded: Recorded, form: str) -> None:
    assert recorded.profile(log=recorded.journals[form]) == recorded.profile("--trust", "authenticated")


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "Function not implemented"), (("--errno", "EPERM"), "Operation not permitted")],
    ids=["ENOSYS", "EPERM"],
)
def test_what_was_not_recorded_fails_with_the_profile_s_errno(
    recorded: Recorded, options: tuple[str, ...], said: str
) -> None:
    free = recorded.container.run(*ATTEMPTS, profile=None)
    assert free.stdout.splitlines() == ["3 attempts", "mkdir done", "ptrace No such process", "socket done"]
    confined = recorded.container.run(*ATTEMPTS, profile=recorded.profile(*options))
    assert confined.stdout.splitlines() == ["3 attempts", f"mkdir {said}", f"ptrace {said}", f"socket {said}"]


def test_commands_join_a_container_under_the_profile(recorded: Recorded) -> None:
    container, profile = recorded.container, recorded.profile()
    with container.started("sleep", "1000", profile=profile) as name:
        for _ in range(5):
            succeeds(container.execute(name, "sh", "-c", SCRIPT))
        joined = container.execute(name, *ATTEMPTS)
        assert joined.stdout.splitlines()[1:] == [
            f"{call} Function not implemented" for call in ("mkdir", "ptrace", "socket")
        ]


def test_joining_takes_what_the_table_has_for_it_and_nothing_else(recorded: Recorded, tmp_path: Path) -> None:
    starting, joining = measured(recorded)
    container, joined, log = recorded.container, set(), tmp_path / "audit.log"
    with container.started("sleep", "1000", profile=recording_profile()) as name:
        for _ in range(5):
            with kept(log):
                succeeds(container.execute(name, "sh", "-c", SCRIPT))
            joined.update(names_of(generated("--where", OWN_CALLS[container.runtime], str(log))))
    assert joined - starting == joining - starting
    alone = generated("--exe", f"{container.inside}/*", "--allow", ",".join(starting), str(recorded.log))
    with container.started("sleep", "1000", profile=alone) as name:
        done = container.execute(name, "sh", "-c", SCRIPT)
    assert (done.returncode == 0) == (joining <= starting)


def measured(recorded: Recorded) -> tuple[set[str], set[str]]:
    """What the table has of the runtime's release that is installed: what it calls at the start, and for exec."""
    runtime, no_new_privileges = CASES[recorded.choice]
    said = subprocess.run([runtime, "--version"], capture_output=True, text=True, check=True).stdout
    version = said.partition("\n")[0].split()[-1]
    for one in RELEASES[runtime]:
        if any(f"{version}.".startswith(f"{release}.") for release in one.release.split(", ")):
            starting, joining = [one.nnp], [one.executing]
            if not no_new_privileges:
                starting.append(one.no_nnp)
                joining.append(one.executing_no_nnp)
            return set(" ".join(starting).split()), set(" ".join(joining).split())
    pytest.skip(f"{runtime} {version}: was not measured")


def test_runtimes_call_nothing_but_what_is_added_for_them(recorded: Recorded, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(recorded.profile()))
    log = tmp_path / "audit.log"
    with kept(log):
        for _ in range(5):
            succeeds(recorded.container.run("sh", "-c", SCRIPT, profile=recording_profile()))
    done = run("check", profile, log, "--where", OWN_CALLS[recorded.container.runtime], "--json")
    assert done.status == 0, done.stderr
    assert "execve" in [call["name"] for call in json.loads(done.stdout)]


@pytest.mark.parametrize("recorded", ["runc:nnp", "runc", "crun"], indirect=True)
def test_without_the_runtime_s_own_calls_no_container_starts_and_that_is_said(recorded: Recorded) -> None:
    """crun with noNewPrivileges calls nothing that the shell does not call, too."""
    done = run("--exe", f"{recorded.container.inside}/*", recorded.log)
    assert "selection: leaves out what the container runtime itself called" in done.stderr
    assert recorded.container.run("sh", "-c", SCRIPT, profile=done.profile).returncode != 0


@pytest.mark.parametrize("recorded", ["crun:nnp", "crun"], indirect=True)
def test_one_recording_holds_all_that_crun_calls(recorded: Recorded) -> None:
    """It makes the same calls each time. A runtime that is written in Go does not."""
    container = recorded.container
    selected = f'exe ~ "{container.inside}/*" or {OWN_CALLS["crun"]}'
    profile = generated("--where", selected, str(recorded.log))
    for _ in range(TIMES):
        succeeds(container.run("sh", "-c", SCRIPT, profile=profile))
