"""What the commands on profiles cost beyond the start of the program: python -m benchmarks.profiles [--rounds N]"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import ENVIRONMENT
from benchmarks.suite import is_editable, machine

PROGRAM = str(Path(sys.executable).with_name("audit2seccomp"))
DOCKERS = "fixtures/profiles/docker-like.json"
NAMES = 500
START = "--version"
"""What is measured beside the commands: the start, and nothing else."""


@dataclass(frozen=True, slots=True)
class Task:
    """A command, and how long it may take beyond the start."""

    what: str
    arguments: tuple[str, ...]
    limit: float
    """Milliseconds."""
    statuses: tuple[int, ...] = (0,)


def tasks(folder: Path) -> tuple[Task, ...]:
    """The commands, with the files that they need made in the folder."""
    one, other = write_profile(folder / "one.json", 0), write_profile(folder / "other.json", 7)
    log = write_log(folder / "calls.log")
    changed = folder / "changed.json"
    changed.write_text(Path(DOCKERS).read_text().replace('"openat2",', "", 1))
    return (
        Task(f"build one of {NAMES} names", (log, "-q"), 50),
        Task(
            f"build, --base, --runtime, --portable ({NAMES} names)",
            (log, "-q", "--base", one, "--runtime", "any", "--portable"),
            50,
        ),
        Task(f"merge two of {NAMES} names", ("merge", one, other), 50),
        Task(f"lint one of {NAMES} names", ("lint", "-q", one), 50, (0, 1)),
        Task("diff of two of Docker's defaults", ("diff", DOCKERS, str(changed)), 150, (0, 1)),
    )


def names() -> list[str]:
    """NAMES calls of x86_64 and x86."""
    found: list[str] = []
    for table in ("x86_64", "x86"):
        rows = Path("syscall_tables", f"{table}.csv").read_text().splitlines()[1:]
        found += [name for row in rows if (name := row.split(",")[1]) not in found]
    return found[:NAMES]


def write_profile(path: Path, left_out: int) -> str:
    """A profile of all these names but some; returns its path."""
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [{"names": sorted(names()[left_out:]), "action": "SCMP_ACT_ALLOW"}],
    }
    path.write_text(json.dumps(document, indent=2))
    return str(path)


def write_log(path: Path) -> str:
    """A kernel log with a record of each call of x86_64 and x86, up to NAMES; returns its path."""
    lines: list[str] = []
    for arch, table in (("c000003e", "x86_64"), ("40000003", "x86")):
        for row in Path("syscall_tables", f"{table}.csv").read_text().splitlines()[1:]:
            lines.append(
                f"Jul  6 15:37:40 h kernel: [    1.500000] audit: type=1326 audit(1594067860.484:{len(lines) + 1}): "
                f'auid=4294967295 uid=0 gid=0 ses=4294967295 pid=29064 comm="nginx" exe="/usr/sbin/nginx" sig=0 '
                f"arch={arch} syscall={row.split(',')[0]} compat=0 ip=0x46fe1f code=0x7ffc0000\n"
            )
    path.write_text("".join(lines[:NAMES]))
    return str(path)


def seconds(arguments: tuple[str, ...], statuses: tuple[int, ...]) -> float:
    """How long one run takes, from start to exit."""
    start = time.perf_counter()
    done = subprocess.run([PROGRAM, *arguments], env=ENVIRONMENT, capture_output=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode not in statuses:
        raise SystemExit(f"{' '.join(arguments)}: status {done.returncode}: {done.stderr.decode()}")
    return taken


def main() -> int:
    """Measure all in turn, round by round, and print the medians; returns 1 if one takes too long."""
    parser = argparse.ArgumentParser(prog="benchmarks.profiles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="runs that count, of each; default: %(default)s")
    rounds = parser.parse_args().rounds
    print(f"{machine()}{'; installed editable' if is_editable() else ''}\n")
    with TemporaryDirectory(prefix="bench-") as folder:
        measured = tasks(Path(folder))
        times: dict[str, list[float]] = {START: [], **{task.what: [] for task in measured}}
        for number in range(rounds + 1):
            for what, arguments, statuses in (
                (START, (START,), (0,)),
                *((task.what, task.arguments, task.statuses) for task in measured),
            ):
                taken = seconds(arguments, statuses)
                if number:  # the first round warms the page cache
                    times[what].append(taken)
    start = statistics.median(times[START])
    print(f"start (--version): {start * 1000:.0f} ms\n\n| task | ms beyond the start | wanted |\n|---|--:|--:|")
    slow = False
    for task in measured:
        beyond = (statistics.median(times[task.what]) - start) * 1000
        slow |= beyond > task.limit
        print(f"| {task.what} | {beyond:.0f} | ≤ {task.limit:.0f} |")
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
