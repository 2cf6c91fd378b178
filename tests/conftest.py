"""What all tests share: in CI a test that cannot run is a failure, and no example of hypothesis has a time limit."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import sanitized

settings.register_profile("all", deadline=None)
settings.register_profile("few", deadline=None, max_examples=20)
settings.load_profile("all")
if sanitized.is_on():
    sanitized.guard_blocks()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips into failures where AUDIT2SECCOMP_NO_SKIPS is set."""
    report = yield
    if report.skipped and os.environ.get("AUDIT2SECCOMP_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and AUDIT2SECCOMP_NO_SKIPS is set: {report.longrepr}"
    return report
