"""What strace counts."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

from tests.cli.command import PATIENCE

_ROW = re.compile(r"^ *[0-9.]+ +[0-9.]+ +[0-9]+ +([0-9]+) +(?:[0-9]+ +)?(\w+)$", re.MULTILINE)
"""% time, seconds, usecs/call, calls, errors, syscall."""


def straced(folder: Path, *command: str) -> Counter[str]:
    """How often a command and its descendants made each call, as `strace -f -c` says: a call that does not return is
    not among them. The table is left in that folder."""
    table = folder / "strace"
    subprocess.run(["strace", "-f", "-c", "-o", table, *command], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    return Counter({name: int(calls) for calls, name in _ROW.findall(table.read_text()) if name != "total"})
