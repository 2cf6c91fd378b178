"""Small disks."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNS = 0x20000
"""include/uapi/linux/sched.h"""


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory, as long as this is open. It is this process's and its children's alone, so that it goes
    away with them."""
    folder.mkdir()
    assert not ctypes.CDLL(None).unshare(_CLONE_NEWNS)
    for words in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", options, "tmpfs", folder]):
        subprocess.run(["mount", *words], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
