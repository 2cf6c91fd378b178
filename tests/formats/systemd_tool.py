"""What systemd itself makes of a unit: `systemd-analyze verify` prints it where SYSTEMD_LOG_LEVEL is debug."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
KILL = -1
UNIT = "[Service]\nExecStart=/bin/true\n"


class Parsed(NamedTuple):
    """A unit's settings as systemd keeps them."""

    listed: bool | None
    """Whether the filter is an allow-list; None if systemd prints no filter."""
    calls: dict[str, int | None]
    """The calls in the filter, each with its errno or KILL if it has one of its own."""
    architectures: frozenset[str]
    errno: int
    """KILL without any."""
    warnings: list[str]


def parsed(folder: Path, drop_in: str, unit: str = UNIT) -> Parsed:
    """What systemd reads in a drop-in for a unit."""
    (folder / "x.service").write_text(unit)
    (folder / "x.service.d").mkdir(exist_ok=True)
    (folder / "x.service.d" / "10-calls.conf").write_bytes(drop_in.encode())
    result = subprocess.run(
        ["systemd-analyze", "verify", str(folder / "x.service")],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "-> Unit x.service:" in result.stdout, result.stderr
    settings = dict(re.findall(r"^\t+(SystemCall\w+): (.*)$", result.stdout, re.MULTILINE))
    listing = settings.get("SystemCallFilter", "").removeprefix("~").split()
    number = settings.get("SystemCallErrorNumber", "kill")
    return Parsed(
        None if "SystemCallFilter" not in settings else not settings["SystemCallFilter"].startswith("~"),
        {name: _number(suffix) if colon else None for name, colon, suffix in (word.partition(":") for word in listing)},
        frozenset(settings.get("SystemCallArchitectures", "").split()),
        _number(number),
        [line for line in result.stderr.splitlines() if "10-calls.conf:" in line],
    )


def _number(text: str) -> int:
    if text == "kill":
        return KILL
    return int(text) if text.isdigit() else int(getattr(errno, text, 133))
