"""These tests share the machine's kernel log, audit daemon and rate limits: one run at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest

from audit2seccomp.errors import FilterError
from audit2seccomp.profile.libseccomp import library_version

_VERSIONS = (
    ("runc", "--version"),
    ("crun", "--version"),
    ("journalctl", "--version"),
    ("auditctl", "-v"),
    ("dmesg", "--version"),
    ("strace", "--version"),
    ("nginx", "-v"),
    ("redis-server", "--version"),
    ("logrotate", "--version"),
    ("busybox",),
)
"""How programs tell which they are, in their first line."""


def pytest_report_header() -> list[str]:
    """What the results are worth depends on the versions that they were got with."""
    met = [f"Linux {os.uname().release} {os.uname().machine}, libseccomp {_libseccomp()}"]
    for command in _VERSIONS:
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            met.append((done.stdout or done.stderr).partition("\n")[0])
    return met


def _libseccomp() -> str:
    try:
        return library_version()
    except FilterError as error:
        return str(error)


@pytest.fixture(scope="session", autouse=True)
def _alone_on_this_machine() -> Iterator[None]:
    """Wait until no other run of these tests is at work."""
    with (Path(gettempdir()) / "audit2seccomp-e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
