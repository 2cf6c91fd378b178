"""Runs programs under a profile by which the kernel logs each call and lets it through."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO, Any

from tests.cli.command import PATIENCE, SCRIPT

LOG_ALL = Path(__file__).with_name("log_all.json")


def start_logged(
    program: Path | str, *args: Path | str, stdin: int | IO[Any] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program, in the process that is returned. The execve is logged as well, with the name of what ran before.

    That is one record; more would use up printk's limit."""
    command = [SCRIPT, "run", "--profile", LOG_ALL, "--", program, *args]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL)


def run_logged(program: Path | str, *args: Path | str) -> int:
    """Run a program to its end; returns its pid."""
    process = start_logged(program, *args)
    assert process.wait(PATIENCE) == 0
    return process.pid
