"""Commands that do not start, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path

NOT_STARTED = [
    ("no-such-command", 127, "no-such-command: no such command"),
    ("./no-such-command", 127, "./no-such-command: no such command"),
    ("/etc/passwd", 126, "/etc/passwd: cannot be executed: permission denied"),
    ("/etc", 126, "/etc: cannot be executed: is a directory"),
    ("./lost", 126, "./lost: cannot be executed: its interpreter or loader is not there"),
    ("./garbage", 126, "./garbage: cannot be executed: exec format error"),
    ("./waits", 126, "./waits: cannot be executed: permission denied"),
]
"""The word, the exit status and the message."""


def put_files(folder: Path) -> None:
    """Those of them that are in the working folder."""
    (folder / "lost").write_text("#!/no/such/shell\n")
    (folder / "garbage").write_bytes(b"\x7fELF\2\1\1" + bytes(80))
    os.mkfifo(folder / "waits")
    for file in ("lost", "garbage", "waits"):
        (folder / file).chmod(0o755)
