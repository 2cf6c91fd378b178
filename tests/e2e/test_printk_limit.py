"""More records than the kernel log takes with the kernel's own settings: that is said, and auditd gets them all."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from socket import AF_UNIX, socket

from tests.cli.command import PATIENCE, Result, run
from tests.e2e.auditctl import NO_AUDIT_DAEMON
from tests.e2e.auditd import auditd, needs_auditd
from tests.e2e.kernel_log import KERNEL_LOG, WINDOW_SECONDS, KernelLog, default_limit, wait_until
from tests.e2e.known import NAME, made, seen, write_program, x86_only
from tests.e2e.launcher import run_logged, start_logged
from tests.e2e.machine import needs
from tests.programs import Make
from tests.straced import straced

_ACCEPT = 43
CALLS = (
    *[Make(nr) for nr in (102, 104, 107, 108, 39, 110, 111, 186, 24, 140) for _ in range(3000)],
    Make(_ACCEPT),
    Make(39),
    Make(60),
)
"""30,000 calls of ten kinds, then accept(), so that the program waits until it is told to go on."""
NAMES = ["accept", "exit", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getpriority", "gettid"]
NAMES += ["getuid", "sched_yield"]


def flood(folder: Path, pause: float) -> str:
    """Run the program, with a pause before its last calls; returns its pid as records have it."""
    file = folder / "s"
    with socket(AF_UNIX) as listening:
        listening.bind(str(file))
        listening.listen()
        process = start_logged(write_program(folder, CALLS), stdin=listening.makefile("rb"))
    try:
        waiting = Path(f"/proc/{process.pid}/syscall")
        wait_until(lambda: waiting.read_text().startswith(f"{_ACCEPT} "), "program that waits")
        time.sleep(pause)
        with socket(AF_UNIX) as connected:
            connected.connect(str(file))
            assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    return f" pid={process.pid} "


def missing_at_most(result: Result) -> int:
    """The bound that was told."""
    told = re.search(r"^INCOMPLETE: kernel rate limit \(.*up to ([0-9,]+) records missing", result.stderr, re.MULTILINE)
    assert told is not None, result.stderr
    return int(told[1].replace(",", ""))


FORMS: dict[str, Callable[[KernelLog], bytes]] = {
    "dmesg": KernelLog.dmesg,
    "dmesg -x": lambda log: log.dmesg("-x"),
    "/dev/kmsg": KernelLog.kmsg,
}


@needs("dmesg", KERNEL_LOG, NO_AUDIT_DAEMON)
@x86_only
def test_with_default_settings_the_kernel_log_is_incomplete_and_the_bound_covers_what_is_missing(
    tmp_path: Path,
) -> None:
    with default_limit():
        time.sleep(WINDOW_SECONDS + 0.1)  # so that nothing is in its window
        log = KernelLog()
        pid = flood(tmp_path, WINDOW_SECONDS + 0.1)
        log.wait_for(pid, " syscall=60 ")
    for form, shown in FORMS.items():
        file = tmp_path / "log"
        file.write_bytes(shown(log))
        found = seen(file)
        assert found < made(CALLS), form
        result = run("--comm", NAME, file)
        assert missing_at_most(result) >= (made(CALLS) - found).total() > 29_000, form
        assert set(result.names) < set(NAMES), form
        assert run("--comm", NAME, "--strict", file).status == 1, form


@needs_auditd
@x86_only
def test_auditd_gets_every_call_of_a_program_that_makes_thirty_thousand(tmp_path: Path) -> None:
    with auditd(tmp_path) as daemon:
        pid = flood(tmp_path, 0)
        daemon.wait_for(pid, " syscall=60 ")
    assert seen(daemon.log, "authenticated") == made(CALLS)
    result = run("--trust", "authenticated", "--comm", NAME, daemon.log)
    assert (result.status, result.names) == (0, NAMES)
    assert "\ncomplete as far as the log tells\n" in result.stderr


@needs_auditd
@needs("strace", "ls")
def test_auditd_gets_what_strace_counts_of_a_real_program(tmp_path: Path) -> None:
    """The first call is the execve, which is still the launcher's."""
    program = tmp_path / NAME
    shutil.copy(str(shutil.which("ls")), program)
    (tree := tmp_path / "tree").mkdir()
    for number in range(2000):
        (tree / f"{number}").touch()
    listing = [str(program), "-laR", str(tree)]
    with auditd(tmp_path) as daemon:
        pid = run_logged(*listing)
        daemon.wait_for(f" pid={pid} ", " syscall=231 ")
    result = run("--trust", "authenticated", "--comm", NAME, daemon.log)
    assert (result.status, result.names) == (0, sorted({*straced(tmp_path, *listing)} - {"execve"} | {"exit_group"}))
    assert seen(daemon.log).total() > 2000
    assert "\ncomplete as far as the log tells\n" in result.stderr
