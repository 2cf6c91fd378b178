"""Commands that write files, with what stands there before, and what must stand there after."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.command import line, run

STRAY = re.compile(r"\.audit2seccomp\.[0-9a-f]{16}")
"""What a killed run may leave behind (docs/reliability.md)."""
Contents = dict[str, bytes | None]
"""Of the files that a run writes; None for one that is not there."""


@dataclass
class Scenario:
    """One command in a folder of its own."""

    name: str
    folder: Path
    argv: list[str]
    outputs: tuple[str, ...]
    """Paths in the folder."""
    old: Contents = field(default_factory=dict)
    new: Contents = field(default_factory=dict)

    def contents(self) -> Contents:
        """What stands there now."""
        return {name: _read(self.folder / name) for name in self.outputs}

    def strays(self) -> list[Path]:
        """Files that nobody asked for."""
        return [path for path in self.folder.rglob("*") if STRAY.fullmatch(path.name)]

    def processes(self) -> list[int]:
        """Those that work in the folder, as all do that a run starts."""
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and self._holds(name)]

    def _holds(self, pid: str) -> bool:
        with suppress(OSError):  # it has ended
            return os.readlink(f"/proc/{pid}/cwd") == str(self.folder)
        return False

    def reset(self) -> None:
        """All as it was before."""
        for path in self.strays():
            path.unlink()
        for name, content in self.old.items():
            path = self.folder / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def log(first: int, last: int) -> bytes:
    """A log with these calls."""
    return b"".join(map(line, range(first, last + 1)))


def _generate(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    (folder / "kern.log").write_bytes(log(0, 40))
    (folder / "p.json").write_bytes(b"old\n")
    return ["-q", "kern.log", "-o", "p.json"], ("p.json",)


def _update(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    (folder / "kern.log").write_bytes(log(0, 40))
    assert run("-q", "-o", "p.json", "-", stdin=log(0, 4), cwd=folder).status == 0
    return ["-q", "--update", "p.json", "kern.log"], ("p.json",)


def _many(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    (folder / "out").mkdir()
    for number, name in enumerate("abc"):
        (folder / f"{name}.log").write_bytes(log(number * 10, number * 10 + 9))
    for name in ("a.json", "b.json"):
        (folder / "out" / name).write_bytes(b"old\n")
    return ["-q", "-d", "out", "a.log", "b.log", "c.log"], ("out/a.json", "out/b.json", "out/c.json")


def _state(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    path = folder / "kern.log"
    path.write_bytes(log(0, 9))
    argv = ["collect", "-q", "kern.log", "--state", "s.json", "-o", "e.json"]
    assert run(*argv, cwd=folder).status == 0
    with path.open("ab") as more:
        more.write(log(10, 40))
    return argv, ("s.json", "e.json")


def _merge(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    for name, calls in (("a.json", log(0, 9)), ("b.json", log(5, 20))):
        assert run("-q", "-o", name, "-", stdin=calls, cwd=folder).status == 0
    (folder / "p.json").write_bytes(b"old\n")
    return ["merge", "-q", "a.json", "b.json", "-o", "p.json"], ("p.json",)


def _convert(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    assert run("-q", "-o", "a.json", "-", stdin=log(0, 20), cwd=folder).status == 0
    (folder / "p.yaml").write_bytes(b"old\n")
    return ["convert", "a.json", "--to", "spo", "-o", "p.yaml"], ("p.yaml",)


def _record(folder: Path) -> tuple[list[str], tuple[str, ...]]:
    """The command leaves a process that ends only if somebody ends it. When it is that far the shell knows, so that
    each run is like the other; but not quite, and so only the calls of a third program count."""
    (folder / "p.json").write_bytes(b"old\n")
    true = shutil.which("true")
    script = f"exec 2>&-; setsid sh -c 'echo $$; kill -STOP $$' | {{ read -r left; {true}; kill -KILL $left; }}"
    return ["record", "-q", "--comm", "true", "-o", "p.json", "--", "sh", "-c", script], ("p.json",)


_Make = Callable[[Path], tuple[list[str], tuple[str, ...]]]
MAKERS: dict[str, _Make] = {
    "-o": _generate,
    "--update": _update,
    "-d": _many,
    "collect --state": _state,
    "merge -o": _merge,
    "convert -o": _convert,
    "record -o": _record,
}


def scenario(name: str, parent: Path) -> Scenario:
    """Make one, and find out what an undisturbed run leaves."""
    folder = parent / re.sub(r"\W+", "-", name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    argv, outputs = MAKERS[name](folder)
    made = Scenario(name, folder, argv, outputs)
    made.old = made.contents()
    done = run(*argv, cwd=folder)
    assert done.status == 0, done.stderr
    made.new = made.contents()
    assert all(made.new[output] not in (None, made.old[output]) for output in outputs)
    assert not made.strays()
    made.reset()
    assert made.contents() == made.old
    return made
