"""How many threads and processes read logs, and from when on they are worth it."""

from __future__ import annotations

import os

MAX_THREADS = 4
"""More are of no use: one thread counts what the others find, which takes it a third of the time that they take."""
MAX_PROCESSES = 8
"""Each takes its own memory, and one process puts together what all of them find."""
WORTH_IT = 1 << 20
"""For logs of fewer bytes no threads or processes are started: that takes as long as reading them."""


def thread_count(jobs: int | None) -> int:
    """So many, or one for each core for None; 1 says that there is no need for any."""
    return min(_wanted(jobs), MAX_THREADS)


def process_count(jobs: int | None) -> int:
    """The same of processes."""
    return min(_wanted(jobs), MAX_PROCESSES)


def _wanted(jobs: int | None) -> int:
    return jobs or len(os.sched_getaffinity(0))
