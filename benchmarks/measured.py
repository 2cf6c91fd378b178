"""Run one command and print what it cost as JSON: python -I -S measured.py STDOUT_FILE COMMAND [ARGUMENT ...]

A program of its own because the kernel keeps the peak memory of a process across exec: a child of the benchmark suite
would show the suite's memory as its own. Started like this, the floor is about 10 MB, a bare Python.

The standard output goes to a file: grep stops at the first match when it is /dev/null.
"""

from __future__ import annotations

import json
import os
import sys
import time


def measure(stdout: str, command: list[str]) -> dict[str, float]:
    """Return wall, user and system seconds, peak memory in bytes and the exit status.

    User and system time include all processes that the command waited for; the peak is that of the largest one.
    """
    to_file = (os.POSIX_SPAWN_OPEN, 1, stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    started = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=[to_file])
    _, status, usage = os.wait4(child, 0)
    return {
        "wall": time.perf_counter() - started,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,  # getrusage(2): in KiB
        "status": os.waitstatus_to_exitcode(status),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2:])))
