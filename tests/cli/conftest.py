"""Signals as a user's shell sets them, and places to record in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.recording import Recording


@pytest.fixture(autouse=True, scope="session")
def _signals_are_not_ignored() -> Iterator[None]:
    """A background job starts with SIGINT ignored, and so would the runs that it starts."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Where a test records."""
    return Recording(tmp_path)
