"""Inputs that were kept under fixtures/fuzz/TARGET: what once went wrong, and what reaches parts that fixtures do not.

`python -m tests.fuzz.corpus` adds of what runs have found (build/fuzz) the inputs that take new ways through the
package, the shortest first."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import audit2seccomp
from tests.corpus import FIXTURES
from tests.fuzz.target import Target

KEPT = FIXTURES / "fuzz"
FOUND = FIXTURES.parent / "build" / "fuzz"
MAX_KEPT_BYTES = 48 << 10
"""For each target, so that all have less than 1 MB."""
_PACKAGE = str(Path(audit2seccomp.__file__).parent)

Way = tuple[object, int, int]
"""From one line of a function to another."""


def kept(target: str) -> list[Path]:
    """The inputs of a target; none is an error."""
    found = sorted(path for path in (KEPT / target).glob("*") if path.is_file())
    assert found, f"no inputs under fixtures/fuzz/{target}"
    return found


def ways(target: Target, data: bytes) -> set[Way]:
    """The ways that an input takes through the package."""
    taken: set[Way] = set()

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            return None
        last = 0

        def line(frame: FrameType, _event: str, _argument: Any) -> Any:
            nonlocal last
            taken.add((frame.f_code, last, frame.f_lineno))
            last = frame.f_lineno
            return line

        return line

    old = sys.gettrace()
    sys.settrace(enter)
    try:
        target.check(data)
    finally:
        sys.settrace(old)
    return taken


def adding(target: Target, candidates: list[bytes]) -> Iterator[bytes]:
    """Of some inputs those that take ways which neither seeds, nor what is kept, nor those before them take."""
    known: set[Way] = set()
    for seed in target.seeds():
        known |= ways(target, seed)
    folder = KEPT / target.name
    sizes = 0
    for path in folder.glob("*"):
        known |= ways(target, path.read_bytes())
        sizes += path.stat().st_size
    for data in sorted(candidates, key=lambda data: (len(data), data)):
        new = ways(target, data) - known
        if new and sizes + len(data) <= MAX_KEPT_BYTES:
            known |= new
            sizes += len(data)
            yield data


def keep(target: str, data: bytes) -> Path:
    """Keep an input, under a name that its content gives."""
    path = KEPT / target / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def main() -> None:
    """Add to the corpora."""
    from tests.fuzz.targets import TARGETS

    for name, target in TARGETS.items():
        found = [path.read_bytes() for path in sorted((FOUND / name / "corpus").glob("*"))]
        added = [keep(name, data) for data in adding(target, found)]
        sys.stdout.write(f"{name}: {len(added)} of {len(found)} inputs added\n")


if __name__ == "__main__":
    main()
