"""`record` sees all of tens of thousands of calls under the kernel's own limits and without an audit daemon, as strace
does; or it says how many it did not see."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.recording import Recording, record
from tests.e2e.audit_records import needs_audit_records
from tests.e2e.auditctl import DEFAULTS, NO_AUDIT_DAEMON, audit_settings, status
from tests.e2e.kernel_log import KERNEL_LOG, default_limit
from tests.e2e.machine import needs
from tests.straced import straced

pytestmark = [needs("strace", "ls", KERNEL_LOG, NO_AUDIT_DAEMON), needs_audit_records]
FOLDERS, FILES = 40, 250


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command that lists a large folder."""
    large = tmp_path_factory.mktemp("large")
    for folder in range(FOLDERS):
        (large / f"{folder}").mkdir()
        for file in range(FILES):
            (large / f"{folder}" / f"{file}").touch()
    return ["ls", "-laR", str(large)]


@pytest.fixture(scope="module")
def counted(listing: list[str], tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """Its calls."""
    found = straced(tmp_path_factory.mktemp("strace"), *listing)
    assert found.total() > 3 * FOLDERS * FILES
    return found + Counter(["exit_group"])


@pytest.fixture(autouse=True)
def _default_limits() -> Iterator[None]:
    """Of the kernel's log and of its audit; nobody else takes the records."""
    with default_limit(), audit_settings(**DEFAULTS):
        assert status()["pid"] == "0"
        yield


def recorded(folder: Path, via: str, listing: list[str]) -> tuple[Counter[str], subprocess.CompletedProcess[str]]:
    """The calls that were seen, and what was said."""
    seen = Recording(folder)
    done = record("--via", via, "-o", seen.profile, "--evidence", seen.evidence, "--", *listing)
    assert done.returncode == 0, done.stderr
    return seen.named(), done


def test_by_notification_nothing_is_lost(listing: list[str], counted: Counter[str], tmp_path: Path) -> None:
    seen, done = recorded(tmp_path, "notify", listing)
    assert "\ncomplete: the kernel held each call until it was counted\n" in done.stderr
    assert seen == counted


def test_by_audit_what_is_missing_is_told(listing: list[str], counted: Counter[str], tmp_path: Path) -> None:
    seen, done = recorded(tmp_path, "audit", listing)
    assert seen <= counted
    assert (counted - seen).total() <= missing_at_most(done.stderr)


def missing_at_most(said: str) -> int:
    """How many records were lost, or at most."""
    if "\ncomplete: the kernel lost no record" in said:
        return 0
    told = re.findall(r"^INCOMPLETE: [^\n]*?([0-9,]+) records", said, re.MULTILINE)
    return sum(int(number.replace(",", "")) for number in told)
