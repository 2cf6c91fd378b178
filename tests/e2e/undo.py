"""What these tests change on the machine, and how that is undone, whatever becomes of the run.

The command that undoes a change is written down before the change is made. It is called behind it; by the guardians, if
the run was killed meanwhile; or, if they were killed as well, by the next run.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

PATIENCE = 60
"""Seconds after which such a command is stuck."""


def _folder() -> Path:
    """All runs of those who may change the machine have one; others are in nobody's way."""
    place = "/run" if os.access("/run", os.W_OK) else gettempdir()
    return Path(os.environ.get("AUDIT2SECCOMP_E2E_FOLDER") or f"{place}/audit2seccomp-e2e-{os.geteuid()}")


FOLDER = _folder()
"""Holds the commands. Who has locked it may change the machine."""


def be_alone() -> None:
    """Wait until no other run is at work. This one is until it and its guardians have ended, which inherit the lock."""
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    assert FOLDER.stat().st_uid == os.geteuid(), (
        f"{FOLDER} is another user's, who would have commands called: remove it"
    )
    lock = os.open(FOLDER, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.set_inheritable(lock, True)


@contextmanager
def undone_by(*command: str | Path) -> Iterator[None]:
    """Changes are made inside, and this command undoes them."""
    kept = to_be_undone_by(*command)
    try:
        yield
    finally:
        _undo(kept)


def to_be_undone_by(*command: str | Path) -> Path:
    """Have this command called when the run has ended; it succeeds also where nothing is to be undone."""
    kept = FOLDER / f"{time.monotonic_ns():020}.json"
    half = kept.with_suffix(".half")
    half.write_text(json.dumps([str(word) for word in command]))
    half.rename(kept)
    return kept


def undo_all() -> None:
    """Undo what has not been undone, the last change first; what cannot be is told of."""
    for kept in sorted(FOLDER.rglob("*.json"), key=lambda file: file.name, reverse=True):
        try:
            _undo(kept)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"tests/e2e: not undone: {error}", file=sys.stderr)
            kept.unlink()


def _undo(kept: Path) -> None:
    subprocess.run(json.loads(kept.read_text()), stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
    kept.unlink()
