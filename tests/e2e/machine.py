"""What a test needs of the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from audit2seccomp.evidence.text.compiled import is_compiled
from audit2seccomp.live.host import this_host


class Feature(NamedTuple):
    """What a kernel has, and grants to this process."""

    name: str
    """As a skip gives it for the reason."""
    is_there: Callable[[], bool]
    """Tries it: who may do what depends on more than the user."""


def needs(*things: str | Feature) -> pytest.MarkDecorator:
    """Skip where a program or a feature is missing."""
    missing = [
        (thing.name if isinstance(thing, Feature) else thing)
        for thing in things
        if not (thing.is_there() if isinstance(thing, Feature) else shutil.which(thing))
    ]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def capability(name: str) -> Feature:
    """One in this process's own user namespace."""
    return Feature(name, lambda: name in _capabilities())


def _capabilities() -> frozenset[str]:
    return this_host().caps or frozenset()


_YAMA = Path("/proc/sys/kernel/yama/ptrace_scope")


MOUNT_NAMESPACES = Feature(
    "mount namespaces (CAP_SYS_ADMIN)",
    lambda: not subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode,
)
ATTACHING = Feature(
    "to attach to processes (kernel.yama.ptrace_scope=0, or CAP_SYS_PTRACE)",
    lambda: not _YAMA.exists() or _YAMA.read_text() == "0\n" or "CAP_SYS_PTRACE" in _capabilities(),
)
COMPILED = Feature("the compiled scan (a C compiler and Python's headers)", is_compiled)
