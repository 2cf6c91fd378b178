"""What `record --via audit` says of records that the kernel lost."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import PATIENCE, SCRIPT
from tests.e2e.audit_records import needs_audit_records
from tests.e2e.auditctl import audit_settings, auditctl
from tests.e2e.kernel_log import sysctl
from tests.e2e.machine import needs
from tests.e2e.undo import undone_by

pytestmark = [needs("setpriv"), needs_audit_records]
CALLS = 20_000
COMMAND = ("python3", "-c", f"import os\nfor _ in range({CALLS}): os.getppid()")
LOST = r"^INCOMPLETE: records lost in the kernel, of any program \(([0-9,]+) records\)"


@pytest.fixture
def _tiny_backlog() -> Iterator[None]:
    """Nobody waits until there is room again."""
    with audit_settings(backlog_limit=4, backlog_wait_time=0):
        yield


def recorded(
    file: Path, *options: str, before: tuple[str, ...] = (), tracer: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Record the command by the kernel's records."""
    words = [*before, SCRIPT, "record", "--via", "audit", "-o", str(file), *options, "--", *tracer, *COMMAND]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.usefixtures("_tiny_backlog")
def test_as_many_as_were_lost_are_told(tmp_path: Path) -> None:
    done = recorded(tmp_path / "p.json")
    seen = re.search(r"^recorded ([0-9,]+) calls", done.stderr)
    lost = re.search(LOST, done.stderr, re.MULTILINE)
    assert seen, done.stderr
    assert lost, done.stderr
    assert int(seen[1].replace(",", "")) + int(lost[1].replace(",", "")) >= CALLS
    assert recorded(tmp_path / "strict.json", "--strict").returncode == 1
    assert not (tmp_path / "strict.json").exists()


def test_without_losses_it_is_complete(tmp_path: Path) -> None:
    done = recorded(tmp_path / "p.json", "--strict")
    assert "complete: the kernel lost no record" in done.stderr
    assert done.returncode == 0


def test_a_count_that_cannot_be_read_is_not_zero(tmp_path: Path) -> None:
    without = ("setpriv", "--bounding-set=-all,+audit_read,+sys_admin", "--inh-caps=-all")
    done = recorded(tmp_path / "p.json", "--strict", before=without)
    assert done.returncode == 1
    assert "INCOMPLETE: kernel's count of losses is not known" in done.stderr


EXCLUDING = (("msgtype=SECCOMP",), ("msgtype>=1300",), ("exe=/usr/bin/true",))
HARMLESS = (("msgtype=AVC",), ("msgtype<1326",), ("msgtype!=SECCOMP",))


@pytest.mark.parametrize("fields", EXCLUDING + HARMLESS, ids=" ".join)
def test_rules_that_exclude_records_are_told(fields: tuple[str, ...], tmp_path: Path) -> None:
    """No count tells what they keep from being written."""
    rule = ("exclude,always", *(word for field in fields for word in ("-F", field)))
    with undone_by("auditctl", "-d", *rule):
        auditctl("-a", *rule)
        words = [SCRIPT, "record", "--via", "audit", "-o", str(tmp_path / "p.json"), "--", "true"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if fields in HARMLESS:
        assert "complete: the kernel lost no record" in done.stderr
    elif "exe" in fields[0]:
        assert "INCOMPLETE: audit rules that may exclude records (1 rule): " in done.stderr
    else:
        assert "no record came" in done.stderr
        assert "auditctl -l" in done.stderr


def test_where_the_kernel_logs_no_such_record_nothing_runs(tmp_path: Path) -> None:
    name = "kernel.seccomp.actions_logged"
    logged = sysctl("-n", name)
    words = [SCRIPT, "record", "--via", "audit", "-o", str(tmp_path / "p.json"), "--", "touch", str(tmp_path / "ran")]
    with undone_by("sysctl", "-qw", f"{name}={logged}"):
        sysctl("-qw", f"{name}={' '.join(one for one in logged.split() if one != 'log')}")
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("audit2seccomp: audit: kernel.seccomp.actions_logged lacks log: ")
    assert list(tmp_path.iterdir()) == []


@needs("strace")
def test_a_filter_for_a_tracer_hides_what_is_traced(tmp_path: Path) -> None:
    traced = ("strace", "-f", "--seccomp-bpf", "-e", "trace=getppid", "-o", "/dev/null")
    done = recorded(tmp_path / "p.json", tracer=traced)
    assert "getppid" not in (tmp_path / "p.json").read_text()
    assert "INCOMPLETE: filters of its own, which hide what they trace (" in done.stderr
    without = recorded(tmp_path / "p.json", tracer=tuple(word for word in traced if word != "--seccomp-bpf"))
    assert "complete: the kernel lost no record" in without.stderr


def test_a_program_that_filters_itself_may_hide_calls(tmp_path: Path) -> None:
    words = [SCRIPT, "record", "--via", "audit", "-o", str(tmp_path / "p.json"), "--"]
    words += [SCRIPT, "record", "-o", str(tmp_path / "inner.json"), "--", "true"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "INCOMPLETE: filters of its own, which hide what they trace (" in done.stderr
