"""An auditd with a configuration and a log of its own. The kernel knows one audit daemon at a time."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command import PATIENCE
from tests.e2e.auditctl import AUDIT_STATUS, NO_AUDIT_DAEMON, audit_settings, auditctl, status
from tests.e2e.kernel_log import has_line, wait_until
from tests.e2e.machine import needs

needs_auditd = needs("auditd", "ausearch", "setpriv", AUDIT_STATUS, NO_AUDIT_DAEMON)

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
    before = _settings()
    # -n: it stays in the foreground. It would switch audit on by itself, and leave it so.
    command = ["setpriv", "--pdeathsig", "KILL", "auditd", "-n", "-c", str(folder)]
    with (
        audit_settings(enabled=1),
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
    ):
        try:
            wait_until(
                lambda: status()["pid"] == str(process.pid) and log.exists() and log.stat().st_size > 0,
                "audit daemon that the kernel knows",
            )
            yield Auditd(log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
    assert _settings() == before


def _settings() -> tuple[str, ...]:
    """What of the kernel's is to be as it was."""
    shown = status()
    names = ("enabled", "failure", "rate_limit", "backlog_limit", "backlog_wait_time")
    return (*(shown[name] for name in names), auditctl("-l"))
