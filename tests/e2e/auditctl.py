"""The kernel's audit status: what it is, and changes of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from shutil import which

from tests.e2e.machine import Feature
from tests.e2e.undo import undone_by

_OPTIONS = {"enabled": "-e", "rate_limit": "-r", "backlog_limit": "-b", "backlog_wait_time": "--backlog_wait_time"}
DEFAULTS = {"rate_limit": 0, "backlog_limit": 64}
"""The kernel's own, in records a second, where 0 is no limit, and in records (kernel/audit.c)."""


def auditctl(*options: str) -> str:
    """What it prints."""
    return subprocess.run(["auditctl", *options], capture_output=True, check=True, text=True).stdout


def status() -> dict[str, str]:
    """All that `auditctl -s` shows."""
    return dict(line.split(" ", 1) for line in auditctl("-s").splitlines())


@contextmanager
def audit_settings(**values: int) -> Iterator[None]:
    """Change some of what `auditctl -s` shows for a while."""
    old = status()
    with undone_by("auditctl", *_given({name: old[name] for name in values})):
        auditctl(*_given(values))
        yield


def _given(values: dict[str, int] | dict[str, str]) -> list[str]:
    return list(chain.from_iterable((_OPTIONS[name], str(value)) for name, value in values.items()))


@cache
def _shown() -> dict[str, str]:
    """The status; nothing where it is not shown to this process, or where the tool is missing."""
    try:
        return status() if which("auditctl") else {}
    except subprocess.CalledProcessError:
        return {}


AUDIT_STATUS = Feature("audit's status (auditctl, CAP_AUDIT_CONTROL)", lambda: bool(_shown()))
NO_AUDIT_DAEMON = Feature(
    # The kernel forgets one that was killed at the next record alone.
    "that no audit daemon is at work",
    lambda: not Path(f"/proc/{_shown().get('pid', '0')}").exists(),
)
