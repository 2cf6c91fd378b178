"""These tests share the machine's kernel log, audit daemon and rate limits: one run at a time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest


@pytest.fixture(scope="session", autouse=True)
def _alone_on_this_machine() -> Iterator[None]:
    """Wait until no other run of these tests is at work."""
    with (Path(gettempdir()) / "audit2seccomp-e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
