"""The kernel log from a moment on, and the settings that decide what gets into it."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from tests.cli.command import PATIENCE
from tests.e2e.machine import Feature
from tests.e2e.undo import undone_by

KMSG = Path("/dev/kmsg")
PRINTK_RATELIMIT = "kernel.printk_ratelimit"
"""Seconds; 0 is no limit."""
PRINTK_BURST = "kernel.printk_ratelimit_burst"
WINDOW_SECONDS, WINDOW_MESSAGES = 5, 10
"""The kernel's defaults (kernel/printk/printk.c)."""


@contextmanager
def setting(name: str, value: int) -> Iterator[None]:
    """Change a sysctl for a while."""
    with undone_by("sysctl", "-qw", f"{name}={sysctl('-n', name)}"):
        sysctl("-qw", f"{name}={value}")
        yield


@contextmanager
def default_limit() -> Iterator[None]:
    """The kernel's own limit."""
    with setting(PRINTK_RATELIMIT, WINDOW_SECONDS), setting(PRINTK_BURST, WINDOW_MESSAGES):
        yield


def sysctl(*words: str) -> str:
    """What it prints."""
    return subprocess.run(["sysctl", *words], capture_output=True, check=True, text=True).stdout.strip()


def _is_ours() -> bool:
    """Whether this process may read it, write it, and set its limits."""
    try:
        os.close(os.open(KMSG, os.O_RDWR))
    except OSError:
        return False
    return which("sysctl") is not None and os.access(f"/proc/sys/{PRINTK_RATELIMIT.replace('.', '/')}", os.W_OK)


KERNEL_LOG = Feature("the kernel log and its limits (root, sysctl)", _is_ours)


def write_to_kernel_log(message: str) -> None:
    """Write a message as a process may. A file that is opened anew has not used up its own limit (printk_devkmsg), and
    without its newline nobody can read a message until the next one comes."""
    file = os.open(KMSG, os.O_WRONLY)
    try:
        os.write(file, message.encode())
    finally:
        os.close(file)


class KernelLog:
    """What comes into the kernel log from now on."""

    def __init__(self) -> None:
        """Mark the place where it begins."""
        self._mark = f"mark {uuid.uuid4()}"
        write_to_kernel_log(f"{self._mark}\n")

    def dmesg(self, *options: str) -> bytes:
        """What dmesg prints of it."""
        return self._from_mark(subprocess.run(["dmesg", *options], capture_output=True, check=True).stdout)

    def kmsg(self) -> bytes:
        """What /dev/kmsg holds of it: a message for each read."""
        file = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK)
        found = []
        try:
            while True:
                try:
                    found.append(os.read(file, 8192))
                except BrokenPipeError:  # what was to be read next is overwritten; the next read gives what is there
                    continue
        except BlockingIOError:
            return self._from_mark(b"".join(found))
        finally:
            os.close(file)

    def wait_for(self, *texts: str) -> None:
        """Wait until it has a line with all of these."""
        wait_until(lambda: has_line(self.kmsg(), *texts), f"a line with {texts}")

    def _from_mark(self, text: bytes) -> bytes:
        before, mark, after = text.partition(self._mark.encode())
        assert mark, f"the log was overwritten: it begins with {before[:200]!r}"
        return after.partition(b"\n")[2]


def has_line(text: bytes, *texts: str) -> bool:
    """Whether a line has all of these."""
    return any(all(text.encode() in line for text in texts) for line in text.split(b"\n"))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait for what other processes do."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"there is no {what}"
        time.sleep(0.05)
