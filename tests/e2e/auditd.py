"""An auditd with a configuration and a log of its own. The kernel knows one audit daemon at a time."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command import PATIENCE
from tests.e2e.kernel_log import has_line, wait_until

PROGRAMS = ("auditd", "auditctl", "ausearch", "setpriv")

_CONFIG = """
local_events = yes
write_logs = yes
log_file = {log}
log_format = {form}
log_group = root
plugin_dir = {plugins}
priority_boost = 0
flush = NONE
max_log_file = 100
num_logs = 0
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
"""


class Auditd:
    """The log of an auditd at work."""

    def __init__(self, log: Path) -> None:
        """That file."""
        self.log = log

    def wait_for(self, *texts: str) -> None:
        """Wait until it has a line with all of these."""
        wait_until(lambda: has_line(self.log.read_bytes(), *texts), f"line with {texts} in {self.log}")


@contextmanager
def auditd(folder: Path, form: str = "RAW") -> Iterator[Auditd]:
    """An auditd at work, with its files in that folder. Behind it, and whatever happened, the kernel's status and its
    rules are as they were; should this process die, auditd does too."""
    (folder / "plugins").mkdir()
    log = folder / "audit.log"
    (folder / "auditd.conf").write_text(_CONFIG.format(log=log, form=form, plugins=folder / "plugins"))
    before, rules = _status(), _auditctl("-l")
    assert before["pid"] == "0", "another audit daemon is at work"
    # -n: it stays in the foreground. It switches audit on, and leaves it so.
    command = ["setpriv", "--pdeathsig", "KILL", "auditd", "-n", "-c", str(folder)]
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(
                    lambda: _status()["pid"] == str(process.pid) and log.exists() and log.stat().st_size > 0,
                    "audit daemon that the kernel knows",
                )
                yield Auditd(log)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)
    finally:
        _auditctl("-e", before["enabled"])
    after = _status()
    assert {name: after[name] for name in _SETTINGS} == {name: before[name] for name in _SETTINGS}
    assert _auditctl("-l") == rules


_SETTINGS = ("enabled", "failure", "pid", "rate_limit", "backlog_limit", "backlog_wait_time")


def _status() -> dict[str, str]:
    return dict(line.split(" ", 1) for line in _auditctl("-s").splitlines())


def _auditctl(*options: str) -> str:
    return subprocess.run(["auditctl", *options], capture_output=True, check=True, text=True).stdout
