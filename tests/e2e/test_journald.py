"""What a journald at work holds of a program, in all that journalctl prints of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from tests.cli.command import run
from tests.e2e.journald import Journald, journald, needs_journald
from tests.e2e.kernel_log import PRINTK_RATELIMIT, setting
from tests.e2e.known import NAME, PROFILE, made, seen, write_program, written, x86_only
from tests.e2e.launcher import run_logged
from tests.journals import without_places

pytestmark = [needs_journald, x86_only]

PROVEN = ("json", "json-pretty", "json-seq", "export", "verbose")
"""docs/trust.md, "Structured logs"."""
OTHERS = 3_000
TEXT = ("short", "short-iso", "short-full", "cat")
FOLDER = "all-forms"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journald]:
    """A journal with one run of the known program, by both transports."""
    folder = tmp_path_factory.mktemp(FOLDER, numbered=False)
    program = write_program(folder)
    with setting(PRINTK_RATELIMIT, 0), journald(folder / "run") as journal:
        pid = run_logged(program)
        journal.wait_for_both(f" pid={pid} ", " syscall=231 ")
        yield journal


@pytest.fixture
def log(recorded: Journald, form: str, tmp_path: Path) -> Path:
    """What journalctl prints of it."""
    file = tmp_path / form
    file.write_bytes(recorded.read("-o", form))
    return file


@pytest.mark.parametrize("form", [*PROVEN, *TEXT])
def test_every_form_gives_what_the_program_did_and_each_call_once(log: Path) -> None:
    """The journal holds each call twice."""
    assert seen(log) == made()
    result = run("--comm", NAME, stdin=log.read_bytes())
    assert (result.status, result.stdout) == (0, written(PROFILE))
    assert "\ncomplete as far as the log tells\n" in result.stderr


@pytest.mark.parametrize("form", PROVEN)
def test_entries_prove_the_kernel_as_their_author(log: Path) -> None:
    result = run("--trust", "authenticated", "--comm", NAME, log)
    assert (result.status, result.stdout) == (0, written(PROFILE))


def test_journalctl_is_asked_for_what_counts_alone(recorded: Journald) -> None:
    # All of the journal, so also what the kernel log still holds of the programs of other tests.
    this = ("--exe", f"*/{FOLDER}/{NAME}")
    asked = ("collect", *this, "--trust", "authenticated", "--journal", recorded.folder)
    before = json.loads(run(*asked).stdout)
    assert run("--journal", recorded.folder, *this).stdout == written(PROFILE)
    with socket(AF_UNIX, SOCK_DGRAM) as log:
        log.connect(str(recorded.sockets / "dev-log"))
        for number in range(OTHERS):
            log.send(f"<30>other[7]: {number} of them".encode())
    recorded.wait_for("syslog", f"{OTHERS - 1} of them")
    after = json.loads(run(*asked).stdout)
    # An entry has more than ten lines, and meanwhile the kernel may have said something.
    assert after["lines"] < before["lines"] + OTHERS
    export = json.loads(run("collect", *this, stdin=recorded.read("-o", "export")).stdout)
    assert without_places(export)["counts"] == without_places(after)["counts"] == without_places(before)["counts"]


@pytest.mark.parametrize("form", TEXT)
def test_text_proves_nothing(log: Path) -> None:
    result = run("--trust", "authenticated", "--comm", NAME, log)
    assert (result.status, result.stdout) == (3, b"")
    assert ": a process can write such a line (" in result.stderr
    assert "no record is trusted: give a log that proves more" in result.stderr
