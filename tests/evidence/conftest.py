"""Tests that hold of the compiled scan and of the pure one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from audit2seccomp.evidence.text import compiled
from tests.e2e.machine import COMPILED, needs
from tests.evidence.scans import pure_scan

_IS_PURE = compiled.PURE in os.environ
SCANS = ["pure"] if _IS_PURE else [pytest.param("compiled", marks=needs(COMPILED)), "pure"]
collect_ignore = ["test_compiled.py"] if _IS_PURE else []


@pytest.fixture(scope="module", params=SCANS)
def each_scan(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read with one of the scans, then with the other."""
    if request.param == "compiled":
        yield
        return
    with pure_scan():
        yield
