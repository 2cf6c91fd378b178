"""Starts of the command that cost no import: a process that has imported it forks for each run.

It reads a line of JSON for each run (`argv`, `cwd`, `stderr`), stops the fork before its first step, says its pid, and
at the end its status as `os.waitstatus_to_exitcode` has it."""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import sys
from importlib import import_module

import audit2seccomp


def main() -> None:
    """Until standard input ends."""
    for module in pkgutil.walk_packages(audit2seccomp.__path__, "audit2seccomp."):
        if module.name != "audit2seccomp.__main__":
            import_module(module.name)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(asked["argv"], asked["cwd"], asked["stderr"])
            return
        os.waitpid(pid, os.WUNTRACED)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(argv: list[str], cwd: str, stderr: str) -> None:
    """Be the command, as if it had just been started."""
    for number, path in enumerate((os.devnull, os.devnull, stderr)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.closerange(3, 64)
    os.chdir(cwd)
    sys.argv[1:] = argv
    os.kill(os.getpid(), signal.SIGSTOP)
    from audit2seccomp.cli.start import main

    main()


if __name__ == "__main__":
    main()
