"""What recording and enforcing cost a command: python -m benchmarks.recording [--rounds N] [--folder DIR]

Whole processes, interleaved round by round; medians of the time each takes against the bare command in the same round.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from audit2seccomp import read
from benchmarks.contestants import ENVIRONMENT
from benchmarks.suite import is_editable, machine

PROGRAM = str(Path(sys.executable).with_name("audit2seccomp"))
NOTHING = ("true",)
"""A command whose time is the start of what starts it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a command is run."""

    what: str
    before: tuple[str, ...]
    """What stands in front of it."""


def ways(folder: Path) -> tuple[Way, ...]:
    """The bare command first."""
    profile, made = str(folder / "profile.json"), str(folder / "made.json")
    record = (PROGRAM, "record", "-q")
    return (
        Way("bare", ()),
        Way("strace -f -c", ("strace", "-f", "-c", "-o", "/dev/null")),
        Way("record", (*record, "-o", made, "--")),
        Way("record --via audit", (*record, "--via", "audit", "-o", made, "--")),
        Way("record --known", (*record, "--known", profile, "-o", made, "--")),
        Way("run", (PROGRAM, "run", "--profile", profile, "--")),
    )


def seconds(before: Sequence[str], command: Sequence[str]) -> float:
    """How long one run takes, from start to exit."""
    start = time.perf_counter()
    subprocess.run([*before, *command], env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure(measured: Sequence[Way], command: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """The times of each way, by round; the first round, which warms the page cache, does not count."""
    times: dict[str, list[float]] = {way.what: [] for way in measured}
    for number in range(rounds + 1):
        for way in measured:
            taken = seconds(way.before, command)
            if number:
                times[way.what].append(taken)
    return times


def ratio(times: dict[str, list[float]], one: str, other: str) -> float:
    """The median over the rounds of one way's time by another's."""
    return statistics.median(mine / its for mine, its in zip(times[one], times[other], strict=True))


def main() -> int:
    """Measure and print; returns 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs that count, of each; default: %(default)s")
    parser.add_argument("--folder", nargs="+", default=["/usr"], help="what ls -laR lists; default: %(default)s")
    options = parser.parse_args()
    command = ("ls", "-laR", *options.folder)
    print(f"{machine()}{'; installed editable' if is_editable() else ''}\n")
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        measured = ways(folder)
        for profiled in (command, NOTHING):
            seconds((PROGRAM, "record", "-q", "-o", str(folder / "profile.json"), "--"), profiled)
            if profiled is command:
                evidence = str(folder / "evidence.json")
                seconds((PROGRAM, "record", "-q", "--evidence", evidence, "-o", str(folder / "p"), "--"), command)
                calls = read(evidence).sound
                times = measure(measured, command, options.rounds)
            else:
                starts = measure(measured, NOTHING, 3 * options.rounds)
    print(f"`{' '.join(command)}`: {calls:,} calls\n")
    print("| way | s | by bare | by strace | start, ms |\n|---|--:|--:|--:|--:|")
    for way in measured:
        print(
            f"| {way.what} | {statistics.median(times[way.what]):.2f} | {ratio(times, way.what, 'bare'):.2f} "
            f"| {ratio(times, way.what, 'strace -f -c'):.2f} | {statistics.median(starts[way.what]) * 1000:.0f} |"
        )
    added = (statistics.median(starts["run"]) - statistics.median(starts["bare"])) * 1000
    targets = (
        ("record by strace", ratio(times, "record", "strace -f -c"), 0.7),
        ("record --known by bare", ratio(times, "record --known", "bare"), 1.2),
        ("start that run adds, ms", added, 120),
    )
    print("\n| target | measured | wanted |\n|---|--:|--:|")
    for what, value, limit in targets:
        print(f"| {what} | {value:.2f} | ≤ {limit} |")
    return int(any(value > limit for _, value, limit in targets))


if __name__ == "__main__":
    raise SystemExit(main())
