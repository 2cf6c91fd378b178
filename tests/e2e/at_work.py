"""For test_ending.py: a run of tests in the midst of which all is at work that these tests start and change."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.e2e.auditctl import audit_settings
from tests.e2e.auditd import auditd
from tests.e2e.containers import make_container
from tests.e2e.disk import mounted
from tests.e2e.journald import journald
from tests.e2e.kernel_log import PRINTK_BURST, PRINTK_RATELIMIT, setting
from tests.e2e.servers import Nginx
from tests.e2e.undo import FOLDER


def test_all_is_at_work(tmp_path: Path) -> None:
    for name in ("auditd", "bundle", "nginx"):
        (tmp_path / name).mkdir()
    with (
        mounted(tmp_path / "disk", "size=1m"),
        setting(PRINTK_RATELIMIT, 0),
        setting(PRINTK_BURST, 11),
        audit_settings(backlog_limit=65, backlog_wait_time=0),
        auditd(tmp_path / "auditd"),
        journald(tmp_path / "run"),
        Nginx(tmp_path / "nginx").started(),
        make_container("runc", tmp_path / "bundle", no_new_privileges=True).started(
            "sleep", "1000", profile={"defaultAction": "SCMP_ACT_ALLOW"}
        ) as container,
    ):
        Path(os.environ["AUDIT2SECCOMP_E2E_READY"]).write_text(container)
        signal.pause()


def test_nothing_is_left() -> None:
    """The next run has undone what a run did that could not."""
    assert list(FOLDER.iterdir()) == []
