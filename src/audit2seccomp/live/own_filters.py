"""Filters that the command loads itself, which may hand calls to somebody else than the recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit2seccomp.live.host import numbers_of

if TYPE_CHECKING:
    from audit2seccomp.evidence.model import Evidence


def filters_that_hand_over(seen: Evidence) -> int:
    """How many calls may have loaded a filter that hands calls to a listener or tracer. It takes seccomp(2) itself for
    the former; for the latter somebody must trace, in this tree: others are not noticed. What else a filter does to a
    call it did not run; so it is where nobody listens or traces."""
    events = {name: _events(seen, name) for name in ("seccomp", "prctl", "ptrace")}
    return events["seccomp"] + (events["prctl"] if events["ptrace"] else 0)


def _events(seen: Evidence, name: str) -> int:
    calls = set(numbers_of(name))
    return sum(count.events for key, count in seen.counts.items() if key[:2] in calls)
