"""A seccomp profile, in the terms of the OCI runtime specification (config-linux.md, "Seccomp")."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RuleAction(StrEnum):
    """What a filter does with a call. NOTIFY is missing: it needs a listener, which a profile from a log cannot
    name."""

    ALLOW = "SCMP_ACT_ALLOW"
    LOG = "SCMP_ACT_LOG"
    ERRNO = "SCMP_ACT_ERRNO"
    KILL = "SCMP_ACT_KILL"
    KILL_PROCESS = "SCMP_ACT_KILL_PROCESS"
    KILL_THREAD = "SCMP_ACT_KILL_THREAD"
    TRAP = "SCMP_ACT_TRAP"
    TRACE = "SCMP_ACT_TRACE"

    @property
    def takes_errno(self) -> bool:
        """Whether an errno goes with it; crun refuses one beside any other action."""
        return self in (RuleAction.ERRNO, RuleAction.TRACE)


class Rule(NamedTuple):
    """One action for some calls, by name."""

    names: tuple[str, ...]
    action: RuleAction


class Profile(NamedTuple):
    """A default action and the rules that differ from it."""

    default_action: RuleAction
    default_errno: int | None
    """What a call fails with under the default action; None where that takes none."""
    architectures: tuple[str, ...]
    """SCMP_ARCH_* names."""
    rules: tuple[Rule, ...]
