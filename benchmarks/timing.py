"""Running contestants: what one run costs, the medians of many, and whether all say the same."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.contestants import ENVIRONMENT, OUT, Answer, Call, Contestant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MEASURED = Path(__file__).with_name("measured.py")


class ContestantFailedError(Exception):
    """A contestant ended with an error; the text holds what it said."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one whole process, from start to exit, took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of user and system time, of all its processes together."""
    peak: float
    """Bytes of memory, of its largest process."""
    records: int
    """Records in the log that it read."""

    @property
    def rate(self) -> float:
        """Records per second of wall time."""
        return self.records / self.wall


class Run(NamedTuple):
    """One run and the file with its answer."""

    cost: Cost
    answer: Path


def run(contestant: Contestant, log: Path, records: int, scratch: Path) -> Run:
    """Run it once; ContestantFailedError when its exit status is not 0."""
    stdout, out = scratch / "stdout", scratch / "out"
    command = contestant.command_for(log, out)
    launcher = [sys.executable, "-I", "-S", str(_MEASURED), str(stdout), *command]
    done = subprocess.run(launcher, env=ENVIRONMENT, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise ContestantFailedError(f"{contestant.name}: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    if figures["status"]:
        raise ContestantFailedError(f"{contestant.name}: {log.name}: status {figures['status']}: {done.stderr.strip()}")
    cost = Cost(figures["wall"], figures["user"] + figures["system"], figures["peak"], records)
    return Run(cost, out if OUT in contestant.command else stdout)


def ask(contestant: Contestant, log: Path, scratch: Path) -> Answer:
    """Return what the contestant says about the log."""
    return contestant.answer(run(contestant, log, 0, scratch).answer.read_bytes())


def median(costs: Sequence[Cost]) -> Cost:
    """Return the median of each figure by itself; the records must be the same in all."""
    return Cost(
        statistics.median(cost.wall for cost in costs),
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.peak for cost in costs),
        costs[0].records,
    )


def disagreements(answers: Mapping[str, frozenset[Call]]) -> list[str]:
    """Compare each answer with the first one; returns a line for each that differs, which says in what."""
    if not answers:
        return []
    (reference, expected), *others = answers.items()
    lines = []
    for name, found in others:
        parts = []
        if only := expected - found:
            parts.append(f"only in {reference}: {_listed(only)}")
        if only := found - expected:
            parts.append(f"only in {name}: {_listed(only)}")
        if parts:
            lines.append(f"{reference} and {name} differ: {'; '.join(parts)}")
    return lines


def miscounts(name: str, counted: int, *, lines: int, records: int) -> list[str]:
    """Return a complaint unless the count is one of the two that were written."""
    if counted in (lines, records):
        return []
    return [f"{name} counts {counted:,}; written were {records:,} records in {lines:,} lines"]


def _listed(calls: Iterable[Call]) -> str:
    return ", ".join(f"{arch:x}:{number}" for arch, number in sorted(calls))
