"""A process writes false records while a program is recorded. What they get out of it: docs/trust.md."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.command import run
from tests.e2e.forger import Forger
from tests.e2e.journald import journald, needs_journald
from tests.e2e.kernel_log import PRINTK_RATELIMIT, KernelLog, setting
from tests.e2e.known import NAME, PROFILE, made, seen, write_program, written, x86_only
from tests.e2e.launcher import run_logged
from tests.e2e.machine import needs
from tests.programs import Make

pytestmark = [needs_journald, needs("dmesg"), x86_only]

PROVEN = ("-o json", "-o json --all", "-o json-pretty", "-o export", "-o verbose", "-o verbose --all", "/dev/kmsg")
"""What proves the kernel as the author: options of journalctl, and the device itself."""
KMSG, TAG, OWN_PID = "kmsg, every facility", "kmsg, the kernel's tag", "kmsg, audit[PID]"
TAGGED = {TAG, OWN_PID, "native, audit", "native, the record in the tag", "syslog, audit[PID]", "stdout, audit"}
NO_LINE = {
    "native, the record in the tag",
    "native, kernel, two messages",
    "native, audit, without its message",
    *(f"native, {what} entry in {field}" for what in ("an export", "a verbose") for field in ("MESSAGE", "A")),
}
UNPROVEN = {
    "-o short": TAGGED,
    "-o short --all": TAGGED,
    "-o short-iso": TAGGED,
    "-o cat": None,
    "-o cat --all": None,
    "dmesg": {KMSG, TAG, OWN_PID},
    "dmesg -r": {KMSG, TAG},
    "dmesg -x": {KMSG},
    "dmesg -x -T": {KMSG},
    "dmesg -J": {KMSG},
    "dmesg -J -x": {KMSG},
}
"""What is only anchored, and the forgeries that are taken there; None for all that make a line in a message."""


class Recorded(NamedTuple):
    """A run of the known program amid forgeries."""

    logs: dict[str, bytes]
    """By their form."""
    ways: dict[int, str]
    """What was forged, see Forger."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Forgeries with the serials of the records to come, and then the program."""
    folder = tmp_path_factory.mktemp("f")
    program, first = write_program(folder), write_program(folder, [Make(60)], "first")
    with setting(PRINTK_RATELIMIT, 0), journald(folder / "run") as journal:
        log = KernelLog()
        words = f" pid={run_logged(first)} ", " syscall=60 "
        log.wait_for(*words)
        (line,) = (line for line in log.kmsg().decode().splitlines() if all(word in line for word in words))
        forger = Forger(NAME, journal.sockets, int(line.partition("):")[0].rpartition(":")[2]) + 1)
        log = KernelLog()
        journal.mark()
        for transport, last in forger.forge():
            journal.wait_for(transport, f'"{NAME}"', last)
        pid = run_logged(program)
        journal.wait_for_both(f" pid={pid} ", " syscall=231 ")
        logs = {form: journal.read(*form.split()) for form in (*PROVEN, *UNPROVEN) if form.startswith("-o")}
        logs |= {form: log.dmesg(*form.split()[1:]) for form in UNPROVEN if form.startswith("dmesg")}
        return Recorded({**logs, "/dev/kmsg": log.kmsg()}, forger.ways)


@pytest.fixture
def log(recorded: Recorded, form: str, tmp_path: Path) -> Path:
    """The log in that form."""
    file = tmp_path / "log"
    file.write_bytes(recorded.logs[form])
    return file


@pytest.mark.parametrize("form", PROVEN)
@pytest.mark.parametrize("trust", ["authenticated", "anchored"])
def test_no_forgery_passes_or_hides_a_record_where_the_log_proves_its_author(log: Path, trust: str) -> None:
    assert seen(log, trust) == made()
    result = run("--trust", trust, "--comm", NAME, log)
    assert (result.status, result.stdout) == (0, written(PROFILE))


@pytest.mark.parametrize("form", UNPROVEN)
def test_nothing_is_authenticated_where_the_log_proves_no_author(log: Path) -> None:
    assert seen(log, "authenticated") == {}
    result = run("--trust", "authenticated", "--comm", NAME, log)
    assert (result.status, result.stdout) == (3, b"")


@pytest.mark.parametrize("form", UNPROVEN)
def test_at_the_anchored_level_just_the_forgeries_of_the_documentation_pass(
    recorded: Recorded, log: Path, form: str
) -> None:
    ways = set(recorded.ways.values())
    passed = UNPROVEN[form]
    assert {recorded.ways[nr] for _, nr in seen(log) - made()} == (ways - NO_LINE if passed is None else passed)
