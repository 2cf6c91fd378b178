"""These tests share the machine's kernel log, audit daemon and rate limits: one run at a time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from importlib.metadata import version

import pytest

from audit2seccomp.errors import FilterError
from audit2seccomp.profile.libseccomp import library_version
from tests.e2e.guardian import ENDING, guard
from tests.e2e.undo import be_alone, undo_all

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
    libraries = f"libseccomp {_libseccomp()}, pyseccomp {version('pyseccomp')}"
    met = [f"Linux {os.uname().release} {os.uname().machine}, {libraries}"]
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
def _alone_on_this_machine(pytestconfig: pytest.Config) -> Iterator[None]:
    """Begin with a machine as it was before all runs of these tests, and see that it is so again behind this one."""
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        be_alone()
        undo_all()
        if threading.active_count() == 1:  # a fork leaves other threads behind, such as those of xdist or a debugger
            guard()
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    yield
    undo_all()


def _end(number: int, _: object) -> None:
    """Have all fixtures and contexts end, and only once: the signal may come from the guardians, too."""
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    pytest.exit(f"ended by {signal.Signals(number).name}", 128 + number)
