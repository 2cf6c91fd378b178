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
    FOLDER,
    FOLDER_ONE_JOB,
    GREP,
    GREP_COUNT,
    IMPORT_TYPER,
    MAWK,
    MAWK_WHERE,
    ONE_JOB,
    PIPED,
    PIPED_GREP,
    PURE,
    PURE_JOBS,
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
            *_same("dense.log", ONE_JOB, MAWK, GREP, WC),
            Entry(ONE_JOB, "dense.audit.log"),
            *_same("slice.audit.log", AUSEARCH, AUPARSE),
        ),
        (
            (*_same("dense.log", ONE_JOB, MAWK, GREP), *_same("dense.audit.log", ONE_JOB, GREP)),
            _same("slice.audit.log", TOOL, AUSEARCH, AUPARSE, GREP),
            _same("dense.log", WC),
        ),
    ),
    Row(
        "sparse",
        _same("sparse.log", TOOL, ONE_JOB, GREP_COUNT, WC),
        (_same("sparse.log", TOOL, ONE_JOB, MAWK, GREP), _same("sparse.log", GREP_COUNT), _same("sparse.log", WC)),
    ),
    Row(
        "pure",
        (*_same("dense.log", PURE, PURE_JOBS, MAWK), *_same("sparse.log", PURE, PURE_JOBS, GREP_COUNT)),
        (_same("dense.log", PURE, PURE_JOBS, MAWK), _same("sparse.log", PURE, PURE_JOBS, MAWK)),
    ),
    Row(
        "rotated",
        _same("rotated", FOLDER, FOLDER_ONE_JOB),
        ((*_same("rotated", FOLDER, FOLDER_ONE_JOB), *_same("sparse.log", MAWK)),),
    ),
    Row(
        "journal",
        (Entry(PURE, "fifth.log"), Entry(TOOL, "fifth.journal.json"), Entry(TOOL, "fifth.journal.export")),
        (
            (
                *_same("fifth.log", PURE, MAWK, GREP),
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
    Row(
        "where",
        _same("pids-tenfold.log", TOOL, TOOL_WHERE),
        (_same("pids-tenfold.log", TOOL_WHERE, MAWK_WHERE),),
    ),
    Row(
        "start",
        _same("small.log", TOOL, IMPORT_TYPER, EMPTY_PYTHON),
        (_same("small.log", TOOL, MAWK, GREP),),
        rounds=3.0,
    ),
    Row(
        "growth",
        (*_same("pids.log", ONE_JOB), *_same("pids-tenfold.log", ONE_JOB, TOOL), *_same("names.log", ONE_JOB)),
        (
            _same("pids.log", ONE_JOB, MAWK),
            _same("pids-tenfold.log", ONE_JOB, TOOL, MAWK),
            _same("names.log", ONE_JOB, TOOL, MAWK),
        ),
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


def _times(one: Entry, other: Entry) -> Callable[[Costs], float]:
    """How long one takes, as a multiple of what the other takes."""
    return lambda costs: _cost(costs, one).wall / _cost(costs, other).wall


def _peak(*entries: Entry) -> Callable[[Costs], float]:
    """The largest, in MB."""
    return lambda costs: max(_cost(costs, entry).peak for entry in entries) / 1e6


def _cost(costs: Costs, entry: Entry) -> Cost:
    return costs[entry.contestant.name, entry.log]


_SLICE = "slice.audit.log"
_PIDS, _TENFOLD, _NAMES = (Entry(ONE_JOB, log) for log in ("pids.log", "pids-tenfold.log", "names.log"))
_TWO_JOBS = Entry(TOOL, "pids-tenfold.log")
_SMALL = Entry(TOOL, "small.log")
TARGETS = (
    Target("dense", "dense, one job: times mawk's rate", _rates("dense.log", MAWK, "dense.log", ONE_JOB), 1.5),
    Target("dense", "dense, one job: times grep -oP's rate", _rates("dense.log", GREP, "dense.log", ONE_JOB), 3),
    Target(
        "dense",
        "dense, auditd's file, one job: times ausearch's rate",
        _rates("dense.audit.log", AUSEARCH, _SLICE, ONE_JOB),
        40,
    ),
    Target("sparse", "sparse: times grep -c type=1326's rate", _rates("sparse.log", GREP_COUNT, "sparse.log"), 1),
    Target("sparse", "sparse: times wc -l's rate", _rates("sparse.log", WC, "sparse.log"), 0.5),
    # What the scan had before there was a compiled one.
    Target("pure", "dense, pure scan: times mawk's rate", _rates("dense.log", MAWK, "dense.log", PURE), 0.13),
    Target(
        "pure", "sparse, pure scan: times grep -c's rate", _rates("sparse.log", GREP_COUNT, "sparse.log", PURE), 0.12
    ),
    Target(
        "pure",
        "dense, pure scan, two jobs, two cores: times the rate of one",
        _rates("dense.log", PURE, "dense.log", PURE_JOBS),
        1.3,
    ),
    Target(
        "rotated",
        "60 packed files, two jobs, two cores: times the rate of one",
        _rates("rotated", FOLDER_ONE_JOB, "rotated", FOLDER),
        1.3,
    ),
    Target(
        "journal",
        "journalctl -o json: times the pure scan's rate of text",
        _rates("fifth.journal.json", PURE, "fifth.log"),
        0.25,
    ),
    Target(
        "journal",
        "journalctl -o export: times the pure scan's rate of text",
        _rates("fifth.journal.export", PURE, "fifth.log"),
        0.35,
    ),
    Target(
        "asking",
        "--journal, 1 entry in 1,000 ours: times the rate of a pipe",
        _rates("thousandth.journal", PIPED, "thousandth.journal", ASKING),
        10,
    ),
    Target("gzip", "sparse, gzip: times the rate of zcat, wc -l", _rates("sparse.log.gz", ZCAT, "sparse.log.gz"), 1),
    Target("gzip", "dense, gzip: times the rate of zcat, wc -l", _rates("dense.log.gz", ZCAT, "dense.log.gz"), 1),
    Target(
        "where",
        "one comm: times the rate of all",
        _rates("pids-tenfold.log", TOOL, "pids-tenfold.log", TOOL_WHERE),
        0.85,
    ),
    Target(
        "start",
        "1,000 records, start to finish: times import typer",
        _times(_SMALL, Entry(IMPORT_TYPER, "small.log")),
        1.3,
        at_most=True,
    ),
    Target(
        "start",
        "1,000 records, start to finish: times python -c pass",
        _times(_SMALL, Entry(EMPTY_PYTHON, "small.log")),
        5,
        at_most=True,
    ),
    Target("growth", "two jobs, two cores: times the rate of one", _times(_TENFOLD, _TWO_JOBS), 1.7),
    Target("growth", "ten times the records: times as long", _times(_TENFOLD, _PIDS), 11, at_most=True),
    Target("growth", "peak memory, 1 and 10 million pids, in MB", _peak(_PIDS, _TENFOLD, _TWO_JOBS), 60, at_most=True),
    Target("growth", "peak memory, 100,000 programs, one job, in MB", _peak(_NAMES), 80, at_most=True),
)
