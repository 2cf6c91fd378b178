"""What an auditd at work writes of a program, and what ausearch prints of that."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.e2e.auditd import auditd, needs_auditd
from tests.e2e.known import NAME, PROFILE, made, seen, write_program, written, x86_only
from tests.e2e.launcher import run_logged

pytestmark = [needs_auditd, x86_only]


@pytest.fixture(scope="module", params=["RAW", "ENRICHED"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of one run of the known program, in either of auditd's formats."""
    folder = tmp_path_factory.mktemp("auditd")
    with auditd(folder, request.param) as daemon:
        pid = run_logged(write_program(folder))
        daemon.wait_for(f" pid={pid} ", " syscall=231 ")
    return daemon.log


@pytest.mark.parametrize("trust", ["authenticated", "anchored"])
def test_its_file_proves_what_the_program_did(log: Path, trust: str) -> None:
    assert seen(log, trust) == made()
    result = run("--trust", trust, "--comm", NAME, log)
    assert (result.status, result.stdout) == (0, written(PROFILE))
    assert "\ncomplete as far as the log tells\n" in result.stderr


AUSEARCH = {
    "by default": ((), "authenticated"),
    "raw": (("--raw",), "authenticated"),
    "format raw": (("--format", "raw"), "authenticated"),
    "interpreted": (("--interpret",), "anchored"),
    "format interpret": (("--format", "interpret"), "anchored"),
}
"""What ausearch is asked for, and the most that it proves (docs/trust.md)."""


@pytest.mark.parametrize(("options", "trust"), AUSEARCH.values(), ids=AUSEARCH.keys())
def test_what_ausearch_prints_gives_the_same_profile(
    log: Path, tmp_path: Path, options: tuple[str, ...], trust: str
) -> None:
    found = tmp_path / "found"
    with found.open("wb") as file:
        subprocess.run(["ausearch", "-if", log, "-m", "SECCOMP", *options], stdout=file, check=True)
    assert seen(found, trust) == made()
    result = run("--trust", trust, "--comm", NAME, found)
    assert (result.status, result.stdout) == (0, written(PROFILE))


def test_interpreted_records_prove_nothing(log: Path) -> None:
    shown = subprocess.run(["ausearch", "-if", log, "-m", "SECCOMP", "-i"], capture_output=True, check=True).stdout
    result = run("--trust", "authenticated", "--comm", NAME, stdin=shown)
    assert (result.status, result.stdout) == (3, b"")
    assert "ausearch -i: a process can write such a line" in result.stderr
