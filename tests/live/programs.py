"""Static programs whose calls are all known, written where a test can run them."""

from __future__ import annotations

from pathlib import Path

from tests.programs import Make, program

EXIT_GROUP = 231
GETPID = 39


def write(file: Path, *calls: Make, status: int = 0) -> Path:
    """A 64-bit program that makes these calls and exits."""
    file.write_bytes(program([*calls, Make(EXIT_GROUP, first=status)], 64))
    file.chmod(0o755)
    return file
