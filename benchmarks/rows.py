"""What is measured, and what the project promises about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import (
    ASKING,
    AUPARSE,
    AUSEARCH,
    EMPTY_PYTHON,
    GREP,
    GREP_COUNT,
    IMPORT_TYPER,
    MAWK,
    MAWK_WHERE,
    PIPED,
    PIPED_GREP,
    TOOL,
    TOOL_WHERE,
    WC,
    ZCAT,
    Contestant,
)
from benchmarks.timing import Cost


@dataclass(frozen=True, slots=True)
class Entry:
    """One contestant on one log."""

    contestant: Contestant
    log: str

    @property
    def label(self) -> str:
        return f"{self.contestant.name}, {Path(self.log).name}"


@dataclass(frozen=True, slots=True)
class Row:
    """Entries that are measured in turn, so that what else the machine does hits all of them alike."""

    name: str
    timed: tuple[Entry, ...]
    must_agree: tuple[tuple[Entry, ...], ...]
    """Groups that must say the same before anything is timed; counts are compared with what was written."""
    rounds: float = 1.0
    """How often, as a multiple of the usual number."""
    warm: bool = True
    """Whether a round goes before that does not count."""


def _same(log: str, *contestants: Contestant) -> tuple[Entry, ...]:
    return tuple(Entry(contestant, log) for contestant in contestants)


ROWS = (
    Row(
        "dense",
        (
            *_same("dense.log", TOOL, MAWK, GREP),
            Entry(TOOL, "dense.audit.log"),
            *_same("slice.audit.log", AUSEARCH, AUPARSE),
        ),
        (
            (*_same("dense.log", TOOL, MAWK, GREP), *_same("dense.audit.log", TOOL, GREP)),
            _same("slice.audit.log", TOOL, AUSEARCH, AUPARSE, GREP),
        ),
    ),
    Row(
        "sparse",
        _same("sparse.log", TOOL, GREP_COUNT, WC),
        (_same("sparse.log", TOOL, MAWK, GREP), _same("sparse.log", GREP_COUNT), _same("sparse.log", WC)),
    ),
    Row(
        "journal",
        (Entry(TOOL, "fifth.log"), Entry(TOOL, "fifth.journal.json"), Entry(TOOL, "fifth.journal.export")),
        (
            (
                *_same("fifth.log", TOOL, MAWK, GREP),
                *_same("fifth.journal.json", TOOL, GREP),
                *_same("fifth.journal.export", TOOL, GREP),
            ),
        ),
    ),
    Row(
        "asking",
        (*_same("thousandth.journal", ASKING, PIPED, PIPED_GREP), *_same("firewall.journal", ASKING, PIPED)),
        (_same("thousandth.journal", ASKING, PIPED, PIPED_GREP), _same("firewall.journal", ASKING, PIPED, PIPED_GREP)),
    ),
    Row(
        "gzip",
        (*_same("sparse.log.gz", TOOL, ZCAT), *_same("dense.log.gz", TOOL, ZCAT)),
        (
            (Entry(TOOL, "sparse.log.gz"), *_same("sparse.log", MAWK)),
            (Entry(TOOL, "dense.log.gz"), *_same("dense.log", MAWK)),
            (Entry(ZCAT, "sparse.log.gz"), Entry(ZCAT, "dense.log.gz")),
        ),
    ),
    Row("where", _same("dense.log", TOOL, TOOL_WHERE), (_same("dense.log", TOOL_WHERE, MAWK_WHERE),)),
    Row(
        "start",
        _same("small.log", TOOL, IMPORT_TYPER, EMPTY_PYTHON),
        (_same("small.log", TOOL, MAWK, GREP),),
        rounds=3.0,
    ),
    Row(
        "memory",
        (Entry(TOOL, "pids.log"), Entry(TOOL, "pids-tenfold.log"), Entry(TOOL, "names.log")),
        (
            _same("pids.log", TOOL, MAWK),
            _same("pids-tenfold.log", TOOL, MAWK),
            _same("names.log", TOOL, MAWK),
        ),
        rounds=0.2,
        warm=False,
    ),
)

Costs = Mapping[tuple[str, str], Cost]
"""The median costs by contestant and log."""


@dataclass(frozen=True, slots=True)
class Target:
    """A promise about one number."""

    row: str
    text: str
    value: Callable[[Costs], float]
    """Raises KeyError when what it needs was not measured."""
    limit: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


def _rates(log: str, peer: Contestant, peer_log: str, tool: Contestant = TOOL) -> Callable[[Costs], float]:
    return lambda costs: costs[tool.name, log].rate / costs[peer.name, peer_log].rate


_TOOLS = frozenset((TOOL.name, TOOL_WHERE.name))


def _largest_peak(costs: Costs) -> float:
    return max((cost.peak / 1e6 for (name, _), cost in costs.items() if name in _TOOLS), default=0) or _missing()


def _missing() -> float:
    raise KeyError(TOOL.name)


_SLICE = "slice.audit.log"
TARGETS = (
    Target("dense", "dense, kernel lines: times ausearch's rate", _rates("dense.log", AUSEARCH, _SLICE), 12),
    Target("dense", "dense, auditd's file: times ausearch's rate", _rates("dense.audit.log", AUSEARCH, _SLICE), 12),
    Target("dense", "dense: times the mawk one-liner's rate", _rates("dense.log", MAWK, "dense.log"), 0.25),
    Target("sparse", "sparse: times grep -c type=1326's rate", _rates("sparse.log", GREP_COUNT, "sparse.log"), 0.5),
    Target(
        "journal", "journalctl -o json: times the rate of text", _rates("fifth.journal.json", TOOL, "fifth.log"), 0.25
    ),
    Target(
        "journal",
        "journalctl -o export: times the rate of text",
        _rates("fifth.journal.export", TOOL, "fifth.log"),
        0.35,
    ),
    Target(
        "asking",
        "--journal, 1 entry in 1,000 ours: times the rate of a pipe",
        _rates("thousandth.journal", PIPED, "thousandth.journal", ASKING),
        10,
    ),
    Target("gzip", "sparse, gzip: times the rate of zcat, wc -l", _rates("sparse.log.gz", ZCAT, "sparse.log.gz"), 0.8),
    Target("gzip", "dense, gzip: times the rate of zcat, wc -l", _rates("dense.log.gz", ZCAT, "dense.log.gz"), 0.8),
    Target("where", "dense, one comm: times the rate of all", _rates("dense.log", TOOL, "dense.log", TOOL_WHERE), 0.85),
    Target(
        "start",
        "1,000 records, start to finish: times import typer",
        lambda costs: costs[TOOL.name, "small.log"].wall / costs[IMPORT_TYPER.name, "small.log"].wall,
        1.6,
        at_most=True,
    ),
    Target("memory", "peak memory of any run in MB", _largest_peak, 80, at_most=True),
    Target(
        "memory",
        "peak memory, ten times the records: times as much",
        lambda costs: costs[TOOL.name, "pids-tenfold.log"].peak / costs[TOOL.name, "pids.log"].peak,
        1.1,
        at_most=True,
    ),
)
