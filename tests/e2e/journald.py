"""A systemd-journald of its own, on machines where systemd runs or not.

It lives in a mount namespace where /run is a folder of the test, and reads the machine's kernel log and audit records.

Its audit socket has traps. Records that it does not read in time overrun the socket's buffer (net.core.rmem_default, a
few hundred of them); the kernel drops the rest, recvmsg() fails with ENOBUFS, and journald never reads that socket
again. So what is recorded here is small, and a test waits for the last record by both transports instead of a time. The
kernel's transport comes through /dev/kmsg: it begins with whatever the ring buffer still holds of others, and with
`Missed N kernel messages` about what it does not. So a test's log starts behind a mark.
"""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command import PATIENCE
from tests.e2e.audit_records import AUDIT_RECORDS
from tests.e2e.auditctl import NO_AUDIT_DAEMON
from tests.e2e.kernel_log import KERNEL_LOG, has_line, wait_until, write_to_kernel_log
from tests.e2e.machine import MOUNT_NAMESPACES, needs

DAEMON = "/lib/systemd/systemd-journald"
needs_journald = needs(DAEMON, "journalctl", "setpriv", MOUNT_NAMESPACES, AUDIT_RECORDS, KERNEL_LOG, NO_AUDIT_DAEMON)

_CONFIG = """
[Journal]
Storage=volatile
# Leave the kernel's switch for audit as it is.
Audit=
ForwardToSyslog=no
RateLimitIntervalSec=0
"""
_START = 'mount --bind "$0" /run && exec "$1"'


class Journald:
    """A journald that can be killed and started again."""

    def __init__(self, run: Path) -> None:
        """Use that folder as /run; it must not exist."""
        config = run / "systemd" / "journald.conf.d" / "test.conf"
        config.parent.mkdir(parents=True)
        config.write_text(_CONFIG)
        self.sockets = run / "systemd" / "journal"
        self.folder = run / "log" / "journal"
        self._run = run
        self._process: subprocess.Popen[bytes] | None = None
        self._after = ""

    def start(self) -> None:
        """Start it, and wait until it has read all that the kernel log holds. Should this process die, so does it."""
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"]
        self._process = subprocess.Popen([*command, "sh", "-c", _START, self._run, DAEMON])
        self.mark()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(PATIENCE)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It reads nothing for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def killed(self) -> Iterator[None]:
        """It is not there for a while."""
        self.kill()
        yield
        self.start()

    def mark(self) -> None:
        """Wait until it has read all of the kernel log, and let what follows begin here."""
        marks: list[str] = []

        def read_one() -> bool:
            # One more at each look: where others fill the kernel log, one may be overwritten before it is read.
            read = self._journalctl("-o", "cat").decode(errors="replace")
            mark = next((mark for mark in reversed(marks) if mark in read), None)
            if mark is not None:
                shown = self._journalctl("-o", "cat", "--show-cursor", "-g", mark).decode()
                self._after = shown.rpartition("-- cursor: ")[2].strip()
                return True
            marks.append(f"mark {uuid.uuid4()}")
            write_to_kernel_log(f"{marks[-1]}\n")
            return False

        wait_until(read_one, "mark in the journal")

    def read(self, *options: str) -> bytes:
        """What journalctl prints of what came behind the mark."""
        return self._journalctl(*self.behind_mark, *options)

    @property
    def command(self) -> list[str]:
        """How journalctl is called to read it."""
        return ["journalctl", "-D", str(self.folder), "-q", "--no-pager"]

    @property
    def behind_mark(self) -> list[str]:
        """The options for what came behind the mark."""
        return ["--after-cursor", self._after]

    def wait_for_both(self, *texts: str) -> None:
        """Wait until there is an entry with all of these by either transport."""
        for transport in ("audit", "kernel"):
            self.wait_for(transport, *texts)

    def wait_for(self, transport: str, *texts: str) -> None:
        """Wait until there is an entry with all of these by that transport."""
        # Not behind the mark: journalctl 252 skips the first entry that matches, where that of the cursor does not.
        wait_until(
            lambda: has_line(self._journalctl("-o", "cat", f"_TRANSPORT={transport}"), *texts),
            f"entry with {texts} by the transport {transport}",
        )

    def _journalctl(self, *options: str) -> bytes:
        # It fails while there is no journal yet.
        return subprocess.run([*self.command, *options], capture_output=True, check=False, timeout=PATIENCE).stdout


@contextmanager
def journald(run: Path) -> Iterator[Journald]:
    """A journald that is at work, with that new folder as its /run."""
    daemon = Journald(run)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.kill()
