"""A progress bar for files, on a terminal only."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WORTH_A_BAR = 32 << 20
"""Fewer bytes are read before rich, which draws the bar, is imported."""


@contextmanager
def progress_bar(logs: list[str], quiet: bool) -> Iterator[Callable[[int], object]]:
    """Draw a bar on stderr while these files are read; yields what is to be told how many more bytes were read."""
    total = sum(_size(log) for log in logs)
    if quiet or total < _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)


def _size(log: str) -> int:
    """The bytes of a regular file; 0 for what has no size, and for what the reading will complain about."""
    try:
        status = os.fstat(0) if log == "-" else os.stat(log)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
