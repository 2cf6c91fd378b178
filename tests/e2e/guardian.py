"""Processes above a run of these tests, which put away all that it leaves behind, however it ends.

    guardian            waits in the place of the run: its pid, its terminal, its exit status
    └─ guardian         in a session of its own, where no signal to the run's process group meets it
       └─ the run       and all that it starts

Each of them is told when the one above it is killed, and ends then. Each guardian adopts what the one below it leaves
behind (prctl(2), PR_SET_CHILD_SUBREAPER), ends it, and undoes what was changed on the machine.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from audit2seccomp.live.descendants import end_descendants
from audit2seccomp.live.libc import adopt_orphans
from tests.e2e.undo import undo_all

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a user, a terminal or a CI ends a run with."""
_PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h"""


def guard() -> None:
    """Return in another process, which is the run from then on."""
    for leaves_session in (False, True):
        child = os.fork()
        if child:
            _become_guardian(child, leaves_session=leaves_session)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _become_guardian(child: int, *, leaves_session: bool) -> NoReturn:
    """Another program: who kills all that is called pytest does not mean it."""
    adopt_orphans()
    if leaves_session:
        os.setsid()
    os.execv(sys.executable, [sys.executable, "-m", __name__, str(child)])  # noqa: S606


def main() -> int:
    """Wait for the child, put away what it leaves behind, and give its exit status as a shell does."""
    child = int(sys.argv[1])
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: _pass_on(number, child))
    status = _wait_for(child)
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    end_descendants(signal.SIGKILL, wait=True)
    undo_all()
    return status if status >= 0 else 128 - status


def _pass_on(number: int, child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _wait_for(child: int) -> int:
    """Its status; those that it left behind and that have ended are forgotten."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
