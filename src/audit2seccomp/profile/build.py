"""Evidence + choices → Profile. Pure: no files, no clock, no host."""

from __future__ import annotations

from collections.abc import Iterable
from errno import ENOSYS

from audit2seccomp.errors import NothingFoundError, UsageError
from audit2seccomp.evidence.model import Evidence, Observation
from audit2seccomp.kernel.abi import abi_named, oci_abis
from audit2seccomp.profile.model import Profile, Rule, RuleAction

GENERATED_ACTIONS = tuple(action for action in RuleAction if action is not RuleAction.NOTIFY)
"""What a profile that is built here can do with a call: NOTIFY needs a listener, which a log cannot name."""

MAX_ERRNO = 4095
"""MAX_ERRNO of include/linux/err.h: the kernel takes no larger one from a filter."""


def build(
    evidence: Evidence,
    *,
    include_denied: bool = False,
    default_action: RuleAction | str = RuleAction.ERRNO,
    errno: int | None = None,
    action: RuleAction | str = RuleAction.ALLOW,
    architectures: Iterable[str] = (),
) -> Profile:
    """The profile that gives `action` to every call that was observed, and `default_action` to all others.

    Only calls that the kernel let through count; `include_denied` adds those that a filter denied. `errno` goes with
    a default action that takes one, and is ENOSYS unless given: on ENOSYS a libc falls back to an older call, on
    EPERM it gives up. `architectures` are added to the observed ones, in any common spelling.

    Raises NothingFoundError where no call is left, and UsageError for choices that contradict each other.
    """
    action, default_action = _known("action", action), _known("default_action", default_action)
    if errno is not None and not (isinstance(errno, int) and 0 <= errno <= MAX_ERRNO):
        raise UsageError(f"--errno: no errno {errno!r}: a number from 0 to {MAX_ERRNO}")
    if action is default_action:
        raise UsageError(f"--action: {action} is the default action too: the profile would make no difference")
    if errno is not None and not default_action.takes_errno:
        raise UsageError(f"--errno: {default_action} takes none: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do")
    used = [seen for seen in evidence.by_call().observations() if counts(seen, include_denied)]
    named = [seen for seen in used if seen.name is not None and seen.abi.scmp_name is not None]
    if not named:
        raise NothingFoundError(_why_nothing(evidence, used))
    observed = {seen.abi.scmp_name for seen in named if seen.abi.scmp_name}
    return Profile(
        default_action=default_action,
        default_errno=(ENOSYS if errno is None else errno) if default_action.takes_errno else None,
        architectures=tuple(sorted(observed | {oci_arch(name) for name in architectures})),
        rules=(Rule(tuple(sorted({seen.name for seen in named if seen.name})), action),),
    )


def _known(option: str, action: str) -> RuleAction:
    try:
        known = RuleAction(action)
    except ValueError:
        raise UsageError(f"--{option}: no action {action!r}: one of {', '.join(GENERATED_ACTIONS)}") from None
    if known not in GENERATED_ACTIONS:
        raise UsageError(f"--{option}: {known} needs a listener, which a profile from a log cannot name")
    return known


def counts(seen: Observation, include_denied: bool) -> bool:
    """Whether an observation makes its call part of the profile. An action that no kernel defines never does."""
    return seen.let_through or (include_denied and seen.action is not None)


def oci_arch(name: str) -> str:
    """The SCMP_ARCH_* name of an architecture in any common spelling; raises UsageError."""
    abi = abi_named(name)
    if abi is None or abi.scmp_name is None:
        problem = "no architecture" if abi is None else "profiles have no name for"
        raise UsageError(f"--arch: {problem} '{name}': one of {', '.join(known.name for known in oci_abis())}")
    return abi.scmp_name


def _why_nothing(evidence: Evidence, used: list[Observation]) -> str:
    """What to say, and what to try, when there is no call to allow."""
    if used:
        return "no call to allow: no observed call has a name and an architecture that a profile can hold"
    if evidence.sound:
        denied = "no call to allow: all records are denials (the calls did not run)"
        known = any(seen.action is not None for seen in evidence.by_call().observations())
        return f"{denied}: --include-denied allows them" if known else f"{denied}, with codes that no kernel defines"
    if evidence.unselected:
        return f"no call to allow: the selection takes none of {evidence.unselected:,} records"
    if evidence.refused:
        return "no call to allow: no record is trusted: give a log that proves more, or lower --trust"
    if evidence.rejected:
        return "no call to allow: no record is sound"
    return (
        'no SECCOMP record found: run the program under the profile {"defaultAction": "SCMP_ACT_LOG"}, '
        "then read journalctl, dmesg or /var/log/audit/audit.log"
    )
