"""A program of which each call is known, and what a recording of it must show."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

import audit2seccomp
from tests.cli.command import I386, X86_64
from tests.programs import Make, write

NAME = f"known{os.getpid()}"
"""Of the process: the kernel log is everybody's, and older runs are still in it."""
x86_only = pytest.mark.skipif(platform.machine() != "x86_64", reason="its programs are made of bytes for x86_64")

CALLS = (
    *[Make(39)] * 3,
    Make(20, int80=True),
    Make(0x40000027),
    Make(1000),
    *[Make(102)] * 2,
    Make(110),
    Make(231),
)
"""In all three ways of x86, and a number that nobody has."""
PROFILE = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["exit_group", "getpid", "getppid", "getuid"], "action": "SCMP_ACT_ALLOW"}],
}
"""Of these calls, from the kernel's tables."""

Calls = Counter[tuple[str, int]]
"""How often each call was made, by the arch and number of its record."""


def written(profile: object) -> bytes:
    """The profile as it stands in a file."""
    return json.dumps(profile, indent=2).encode() + b"\n"


def write_program(folder: Path, calls: Iterable[Make] = CALLS, name: str = NAME) -> Path:
    """Put a program there that makes these calls."""
    return write(folder / name, calls)


def made(calls: Iterable[Make] = CALLS) -> Calls:
    """What such a program does."""
    return Counter((I386 if call.int80 else X86_64, call.nr) for call in calls)


def seen(log: Path, trust: str = "anchored") -> Calls:
    """What a log shows of the programs of this name."""
    found: Calls = Counter()
    for one in audit2seccomp.read(log, trust=trust).observations():
        if one.comm == NAME:
            found[f"{one.abi.audit_arch:x}", one.nr] += one.events
    return found
