"""journald ends while its journal is followed, and is started again: nothing is lost without a word."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, SCRIPT, names_of
from tests.e2e.journald import Journald, journald, needs_journald
from tests.e2e.kernel_log import PRINTK_RATELIMIT, setting, wait_until
from tests.e2e.known import NAME, write_program, x86_only
from tests.e2e.launcher import run_logged
from tests.programs import Make

pytestmark = [needs_journald, x86_only]

GETPID, GETPPID, GETUID, EXIT = Make(39), Make(110), Make(102), Make(60)


class Followed:
    """`journalctl -f | audit2seccomp --follow -o PROFILE`, at work."""

    def __init__(self, journal: Journald, form: str, profile: Path) -> None:
        """Start both."""
        self._profile = profile
        journalctl = [*journal.command, *journal.behind_mark, "-f", "-n", "all", "-o", form]
        self._journalctl = subprocess.Popen(journalctl, stdout=subprocess.PIPE)
        follow = [SCRIPT, "--follow", "--comm", NAME, "-o", str(profile)]
        self._follow = subprocess.Popen(follow, stdin=self._journalctl.stdout, stderr=subprocess.PIPE)

    def allows(self, *names: str) -> None:
        """Wait until the profile allows just these."""
        wait_until(lambda: self._names() == list(names), f"profile that allows {names} alone")

    def end(self) -> str:
        """End the stream; returns what was said, which is all there was to read."""
        assert self._journalctl.poll() is None, "journalctl did not outlive journald"
        self._journalctl.terminate()
        _, said = self._follow.communicate(timeout=PATIENCE)
        assert self._follow.returncode == 0
        return said.decode()

    def stop(self) -> None:
        """Leave nothing behind."""
        for process in (self._journalctl, self._follow):
            process.kill()
            process.communicate()

    def _names(self) -> list[str]:
        return names_of(json.loads(self._profile.read_text())) if self._profile.exists() else []


@contextmanager
def followed_journal(folder: Path, form: str) -> Iterator[tuple[Journald, Followed]]:
    """A journal, and the profile that follows it in that form."""
    with setting(PRINTK_RATELIMIT, 0), journald(folder / "run") as journal:
        followed = Followed(journal, form, folder / "p.json")
        try:
            yield journal, followed
        finally:
            followed.stop()


@pytest.mark.parametrize(
    ("form", "number"),
    [("json", signal.SIGKILL), ("export", signal.SIGKILL), ("short", signal.SIGKILL), ("json", signal.SIGTERM)],
    ids=["json, killed", "export, killed", "short, killed", "json, terminated"],
)
def test_calls_before_amid_and_after_a_restart_are_all_there(tmp_path: Path, form: str, number: signal.Signals) -> None:
    programs = [write_folder(tmp_path / str(one.nr), [one, EXIT]) for one in (GETPID, GETPPID, GETUID)]
    with followed_journal(tmp_path, form) as (journal, followed):
        run_logged(programs[0])
        followed.allows("exit", "getpid")
        journal.kill(number)
        run_logged(programs[1])
        journal.start()
        followed.allows("exit", "getpid", "getppid")
        run_logged(programs[2])
        followed.allows("exit", "getpid", "getppid", "getuid")
        said = followed.end()
    assert "\ncomplete as far as the log tells\n" in said


@pytest.mark.parametrize(
    ("form", "absent"),
    [("json", Journald.killed), ("short", Journald.killed), ("json", Journald.stopped)],
    ids=["json, killed", "short, killed", "json, stopped"],
)
def test_what_the_kernel_log_held_no_longer_is_said_to_be_missing(
    tmp_path: Path, form: str, absent: Callable[[Journald], AbstractContextManager[None]]
) -> None:
    calls = [GETPID, EXIT], [*[GETPPID] * 6000, EXIT], [GETUID, EXIT]
    before, amid, after = (write_folder(tmp_path / name, made) for name, made in zip("abc", calls, strict=True))
    with followed_journal(tmp_path, form) as (journal, followed):
        run_logged(before)
        followed.allows("exit", "getpid")
        with absent(journal):
            run_logged(amid)
        run_logged(after)
        followed.allows("exit", "getpid", "getppid", "getuid")
        said = followed.end()
    told = re.search(
        r" records: ([0-9,]+) used,.*missed kernel messages \(.*, up to ([0-9,]+) records missing", said, re.DOTALL
    )
    assert told is not None, said
    used, missing = (int(number.replace(",", "")) for number in told.groups())
    assert used < 6005 <= used + missing


def write_folder(folder: Path, calls: list[Make]) -> Path:
    """A program in a folder of its own: all have one name."""
    folder.mkdir()
    return write_program(folder, calls)
