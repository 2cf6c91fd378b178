"""How many threads read a log, and from when on they are worth it."""

from __future__ import annotations

import os

MAX_THREADS = 4
"""More are of no use: one thread counts what the others find, which takes it a third of the time that they take."""
WORTH_IT = 1 << 20
"""For logs of fewer bytes no threads are started: that takes as long as reading them."""


def thread_count(jobs: int | None) -> int:
    """So many, or one for each core for None; 1 says that there is no need for any."""
    return min(jobs or len(os.sched_getaffinity(0)), MAX_THREADS)
