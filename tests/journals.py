"""Saved journals, written by systemd's own program from what `journalctl -o export` prints."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.machine import needs

REMOTE = "/lib/systemd/systemd-journal-remote"
needs_journals = needs("journalctl", REMOTE)


def writing(file: Path) -> list[str]:
    """The command that writes a journal of what comes on its standard input, entry by entry."""
    return [REMOTE, "--split-mode=none", f"--output={file}", "-"]


def save(export: bytes, file: Path) -> Path:
    """Write a journal, whose name must end in `.journal`."""
    file.parent.mkdir(exist_ok=True)
    subprocess.run(writing(file), input=export, stderr=subprocess.PIPE, check=True)
    return file


def without_places(evidence: dict[str, Any]) -> dict[str, Any]:
    """What an evidence file counts and knows to be missing, wherever it stands."""
    kept = {name: evidence[name] for name in ("counts", "losses", "segments", "repeated", "rejected")}
    for row in (*kept["counts"], *kept["losses"], *kept["segments"], *kept["rejected"]):
        for place in ("file", "line"):
            row.pop(place, None)
    return kept
