"""Saved journals, written by systemd's own program from what `journalctl -o export` prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.machine import needs

REMOTE = "/lib/systemd/systemd-journal-remote"
needs_journals = needs("journalctl", REMOTE, root=False)


def writing(file: Path) -> list[str]:
    """The command that writes a journal of what comes on its standard input, entry by entry."""
    return [REMOTE, "--split-mode=none", f"--output={file}", "-"]


def save(export: bytes, file: Path) -> Path:
    """Write a journal, whose name must end in `.journal`."""
    file.parent.mkdir(exist_ok=True)
    subprocess.run(writing(file), input=export, stderr=subprocess.PIPE, check=True)
    return file
