"""Numbers of the kernel's user interface: audit record types and what a seccomp filter can return."""

from __future__ import annotations

from enum import Enum

AUDIT_SECCOMP = 1326
"""The record type "Secure Computing event" (include/uapi/linux/audit.h)."""

AUDIT_ANOM_ABEND = 1701
"""The record type "Process ended abnormally", which kernels 3.2 to 3.8 also wrote for seccomp (same header)."""

AUDIT_UID_UNSET = AUDIT_SID_UNSET = 0xFFFFFFFF
"""The login id and the session of processes that no login began (same header)."""

SECCOMP_RET_ACTION_FULL = 0xFFFF0000
"""Which bits of a filter's return value say the action (include/uapi/linux/seccomp.h); the rest is data for it."""

MAX_ERRNO = 4095
"""The largest errno (include/linux/err.h); the kernel returns it for a larger one of a filter."""


class Action(Enum):
    """What a filter told the kernel to do with a call: the SECCOMP_RET_* of include/uapi/linux/seccomp.h.

    Members stand in the kernel's order, from the least to the most permissive.
    """

    KILL_PROCESS = 0x80000000
    KILL_THREAD = 0x00000000
    TRAP = 0x00030000
    ERRNO = 0x00050000
    USER_NOTIF = 0x7FC00000
    TRACE = 0x7FF00000
    LOG = 0x7FFC0000
    ALLOW = 0x7FFF0000

    @property
    def let_through(self) -> bool:
        """Whether the call ran as asked.

        TRACE and USER_NOTIF are not among them: a tracer or supervisor may have let the call run, changed it or
        refused it, and the record does not say which (__seccomp_filter() in kernel/seccomp.c).
        """
        return self is Action.LOG or self is Action.ALLOW


_ACTIONS = {action.value: action for action in Action}


def action_of(code: int) -> Action | None:
    """The action in a record's `code=`, whatever its data bits; None if the kernel defines no such action.

    Old kernels leave the errno in (0x50001). The kernel kills for an action that it does not know (__seccomp_filter()
    in kernel/seccomp.c), but the record still says what the filter returned, so None stays None here.
    """
    return _ACTIONS.get(code & SECCOMP_RET_ACTION_FULL)
