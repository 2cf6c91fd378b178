"""Reading with the compiled scan or the pure one, alone or with workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import TYPE_CHECKING
from unittest.mock import patch

from audit2seccomp.evidence import beginning
from audit2seccomp.evidence import scan as scan_module
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.inputs import sources, stretches
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text import compiled
from audit2seccomp.evidence.text import lines as lines_module
from audit2seccomp.evidence.text.compiled import CompiledScan
from tests.evidence.line_by_line import claims, without_text

if TYPE_CHECKING:
    from audit2seccomp.evidence.text._scan import Found
    from audit2seccomp.evidence.text.workers import Workers


@cache
def _workers(jobs: int) -> Workers:
    """They last as long as the process, so that one set of them does for all examples."""
    from audit2seccomp.evidence.text.workers import Workers

    return Workers(jobs)


def workers_of(jobs: int) -> AbstractContextManager[object]:
    """Scanners have those of the process."""
    return patch.object(scan_module, "_workers", lambda _: None if jobs == 1 else _workers(jobs))


def pure_scan() -> AbstractContextManager[None]:
    """As where no compiler was."""
    return patch.object(compiled, "_scan", None)


def scanned(
    data: bytes, cuts: Iterable[int] = (), trust: Trust = Trust.ANCHORED, *, pure: bool = False, jobs: int = 1
) -> Evidence:
    """What a scanner says; however small its blocks are, workers look at them."""
    with (
        pure_scan() if pure else nullcontext(),
        patch.object(lines_module, "MIN_BYTES", 1),
        patch.object(lines_module, "WORTH_IT", 1),
        workers_of(jobs),
    ):
        scanner = Scanner(trust, jobs=jobs)
        scanner.start_input("log")
        start = 0
        for cut in (*sorted(cuts), len(data)):
            scanner.feed(data[start:cut])
            start = cut
        scanner.finish_input()
        return scanner.evidence()


@contextmanager
def small(jobs: int = 1) -> Iterator[None]:
    """Files are read a few lines at a time, and the first lines show what they are."""
    with (
        patch.object(sources, "BLOCK_BYTES", 300),
        patch.object(stretches, "STRETCH_BYTES", 700),
        patch.object(stretches, "_WINDOW_BYTES", 300),
        patch.object(lines_module, "MIN_BYTES", 1),
        patch.object(lines_module, "WORTH_IT", 1),
        patch.object(beginning, "WATCHED_BYTES", 1),
        workers_of(jobs),
    ):
        yield


class Taken:
    """How many lines the compiled scan took."""

    lines = 0


@contextmanager
def taking() -> Iterator[Taken]:
    """Count the lines that the compiled scan takes meanwhile."""
    taken = Taken()
    commit: Callable[[CompiledScan, list[Found]], None] = CompiledScan.commit

    def counted(self: CompiledScan, scanned: list[Found]) -> None:
        taken.lines += sum(map(len, scanned))
        commit(self, scanned)

    with patch.object(CompiledScan, "commit", counted):
        yield taken


def said(evidence: Evidence) -> object:
    """All but what depends on how many events are looked at together, where times do not follow serials."""
    plain = without_text(evidence)
    return claims(plain), plain.lines, plain.rejected, plain.refused, plain.losses
