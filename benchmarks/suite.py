"""The benchmark suite: makes the logs, asks all contestants, times them, and says which targets are met."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.contestants import ENVIRONMENT, Contestant
from benchmarks.make_logs import LogSpec, make_log, standard_logs
from benchmarks.rows import ROWS, TARGETS, Costs, Entry, Row
from benchmarks.timing import ContestantFailedError, Cost, ask, disagreements, median, miscounts, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Suite:
    """The logs, who takes part, and where the contestants write."""

    def __init__(self, logs: dict[str, LogSpec], directory: Path, scratch: Path) -> None:
        self._logs, self._directory, self._scratch = logs, directory, scratch
        self._missing: dict[str, str | None] = {}

    def takes_part(self, contestant: Contestant) -> bool:
        """Say whether it is installed; notes once if it is not."""
        if contestant.name not in self._missing:
            self._missing[contestant.name] = note = contestant.missing()
            if note:
                print(f"- {note}", flush=True)
        return self._missing[contestant.name] is None

    def complaints(self, row: Row) -> list[str]:
        """Ask everybody about the row's logs; returns what they do not agree about."""
        found = []
        for group in row.must_agree:
            answers = {}
            for entry in group:
                if not self.takes_part(entry.contestant):
                    continue
                log = self._logs[entry.log]
                answer = ask(entry.contestant, self._directory / entry.log, self._scratch)
                if isinstance(answer, int):
                    found += miscounts(entry.label, answer, lines=log.lines, records=log.records)
                else:
                    answers[entry.label] = answer
            if any(not calls for calls in answers.values()):
                found.append(f"no calls at all: {', '.join(name for name, calls in answers.items() if not calls)}")
            found += disagreements(answers)
        return found

    def make_logs(self, row: Row) -> None:
        """Write the logs of the row that are not there yet."""
        entries = (*row.timed, *(entry for group in row.must_agree for entry in group))
        for name in dict.fromkeys(entry.log for entry in entries):
            make_log(self._logs[name], self._directory)

    def costs(self, row: Row, rounds: int) -> dict[tuple[str, str], Cost]:
        """Measure everybody in turn, round by round; returns the medians."""
        entries = [entry for entry in row.timed if self.takes_part(entry.contestant)]
        measured: dict[Entry, list[Cost]] = {entry: [] for entry in entries}
        for number in range(rounds + row.warm):
            for entry, costs in measured.items():
                log = self._logs[entry.log]
                cost = run(entry.contestant, self._directory / entry.log, log.records, self._scratch).cost
                if number >= row.warm:
                    costs.append(cost)
        return {(entry.contestant.name, entry.log): median(costs) for entry, costs in measured.items()}


def table(costs: Costs, name: str, rounds: int) -> str:
    """Return the row's figures as a Markdown table; ratios are to the row's first entry."""
    lines = [
        f"### {name} (median of {rounds})",
        "",
        "| program | log | wall s | cpu s | records/s | rate, first = 1 | by cpu | peak MB |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    first = next(iter(costs.values()))
    for (program, log), cost in costs.items():
        ratio, by_cpu = cost.rate / first.rate, (cost.records / cost.cpu) / (first.records / first.cpu)
        lines.append(
            f"| {program} | {log} | {cost.wall:.3f} | {cost.cpu:.3f} | {cost.rate:,.0f} | {ratio:.3f} | {by_cpu:.3f} "
            f"| {cost.peak / 1e6:.0f} |"
        )
    return "\n".join([*lines, ""])


def verdicts(costs: Mapping[str, Costs], rows: Sequence[Row]) -> tuple[str, bool]:
    """Return the targets of the rows as a Markdown table, and whether one is missed or was not measured.

    `costs` are those of each row. What a target compares was measured in turn; another row may have the same run."""
    everything = {run: cost for row in costs.values() for run, cost in row.items()}
    lines = ["### Targets", "", "| target | wanted | measured | |", "|---|--:|--:|---|"]
    missed = False
    for target in TARGETS:
        if target.row not in {row.name for row in rows}:
            continue
        wanted = f"{'≤' if target.at_most else '≥'} {target.limit:g}"
        try:
            value = target.value({**everything, **costs.get(target.row, {})})
        except KeyError:
            lines.append(f"| {target.text} | {wanted} | - | not measured |")
            missed = True
            continue
        missed |= not target.met(value)
        lines.append(f"| {target.text} | {wanted} | {value:.2f} | {'met' if target.met(value) else '**missed**'} |")
    return "\n".join(lines), missed


def machine() -> str:
    """Describe what the figures depend on, without saying whose machine it is."""
    models = [line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    cpu = models[0] if models else platform.machine()
    linux = ".".join(platform.release().split(".")[:2])
    return f"{cpu}, {os.cpu_count()} cores, Linux {linux}, Python {platform.python_version()}"


def is_editable() -> bool:
    """Say whether the project is installed editable, by PEP 610's record of where an installed thing comes from."""
    try:
        origin = Distribution.from_name("audit2seccomp").read_text("direct_url.json")
    except PackageNotFoundError:
        return False
    return bool(origin and json.loads(origin).get("dir_info", {}).get("editable"))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(prog="bench.py", description="Compare audit2seccomp with its peers.")
    parser.add_argument("--quick", action="store_true", help="logs of a tenth of the size")
    parser.add_argument("--rows", default=",".join(names), help="some of %(default)s, with commas between")
    parser.add_argument("--rounds", type=int, default=5, help="runs that count, of each; default: %(default)s")
    parser.add_argument("--directory", type=Path, default=Path("build/bench"), help="of the logs; default: %(default)s")
    parser.add_argument("--enforce", action="store_true", help="a target that is missed or not measured is an error")
    options = parser.parse_args(argv)
    if unknown := set(options.rows.split(",")) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suite; returns 1 when contestants differ or fail, with --enforce also for a target that is not met."""
    options = _options(argv)
    rows = [row for row in ROWS if row.name in options.rows.split(",")]
    directory = options.directory / "quick" if options.quick else options.directory
    note = "; quick: the start weighs more" if options.quick else ""
    print(f"{machine()}; LC_ALL={ENVIRONMENT['LC_ALL']}{note}\n", flush=True)
    if is_editable():
        print("- installed editable, which makes every start of this Python slower: use a plain install for the record")
    costs: dict[str, Costs] = {}
    with TemporaryDirectory(prefix="bench-") as scratch:
        suite = Suite(standard_logs(quick=options.quick), directory, Path(scratch))
        try:
            for row in rows:
                if not any(suite.takes_part(entry.contestant) for entry in row.timed):
                    continue
                suite.make_logs(row)
                if complaints := suite.complaints(row):
                    print(f"error: {row.name}: the answers differ", *complaints, sep="\n", file=sys.stderr)
                    return 1
                rounds = max(1, round(options.rounds * row.rounds))
                costs[row.name] = suite.costs(row, rounds)
                print(table(costs[row.name], row.name, rounds), flush=True)
        except (ContestantFailedError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    text, missed = verdicts(costs, rows)
    print(text)
    return 1 if missed and options.enforce else 0
