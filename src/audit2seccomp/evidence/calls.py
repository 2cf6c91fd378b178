"""Evidence → calls: what was seen of each system call, whoever made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from audit2seccomp.evidence.model import Evidence, Observation, RecordKey, observe
from audit2seccomp.kernel.abi import Abi

T = TypeVar("T")
Shares = tuple[tuple[str | None, int], ...]
"""Each value and how many events had it, the most frequent first; None for events of which it is not known."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one ABI."""

    abi: Abi
    nr: int
    name: str | None
    """None where the table of the ABI has no such number."""
    events: int
    first: int | None
    """The earliest time, milliseconds since the epoch; None where no event of it has one."""
    last: int | None
    place: tuple[str, int]
    """The input and the line of the first record; line 0 where nobody counted lines."""
    programs: tuple[tuple[tuple[str | None, str | None], int], ...]
    """comm and exe of each program, as `Shares` are."""
    actions: Shares
    """What the kernel did, by the name of the action or the code; None where an old kernel did not say."""
    comm: Shares
    exe: Shares
    subj: Shares
    host: Shares
    unit: Shares
    container: Shares


def calls_of(evidence: Evidence) -> list[Call]:
    """The calls in evidence, in the order "name"."""
    # One call's observations at a time, because there may be 100,000 of them.
    keys: dict[tuple[int, int], list[RecordKey]] = {}
    for key in evidence.counts:
        keys.setdefault((key.arch, key.nr), []).append(key)
    return in_order((_call([observe(key, evidence.counts[key]) for key in alike]) for alike in keys.values()), "name")


def _call(seen: list[Observation]) -> Call:
    times = [time for one in seen for time in (one.counted.first, one.counted.last) if time is not None]
    first = min(seen, key=_when)
    return Call(
        abi=first.abi,
        nr=first.nr,
        name=first.name,
        events=sum(one.events for one in seen),
        first=min(times, default=None),
        last=max(times, default=None),
        place=(first.origin.file, first.counted.line),
        programs=_shares(seen, lambda one: (one.comm, one.exe)),
        actions=_shares(seen, _action),
        comm=_shares(seen, lambda one: one.comm),
        exe=_shares(seen, lambda one: one.exe),
        subj=_shares(seen, lambda one: one.subj),
        host=_shares(seen, lambda one: one.origin.host),
        unit=_shares(seen, lambda one: one.origin.unit),
        container=_shares(seen, lambda one: one.origin.container),
    )


def _when(seen: Observation) -> tuple[bool, int, str, int]:
    """Inputs can be given in any order, so the first record is that with the earliest time, if times are known."""
    time = seen.counted.first
    return time is None, time or 0, seen.origin.file, seen.counted.line


def _action(seen: Observation) -> str | None:
    if seen.action is not None:
        return seen.action.name
    return None if seen.code is None else f"{seen.code:#x}"


def _shares(seen: Iterable[Observation], value_of: Callable[[Observation], T]) -> tuple[tuple[T, int], ...]:
    events: Counter[T] = Counter()
    for one in seen:
        events[value_of(one)] += one.events
    return tuple(sorted(events.items(), key=lambda share: (-share[1], repr(share[0]))))


def _by_name(call: Call) -> tuple[str, bool, str, int]:
    return call.abi.name, call.name is None, call.name or "", call.nr


ORDERS: dict[str, Callable[[Call], tuple[object, ...]]] = {
    "name": lambda call: (),
    "rarest": lambda call: (call.events,),
    "frequent": lambda call: (-call.events,),
    "first": lambda call: (call.first is None, call.first or 0),
}
"""What calls can be sorted by. Those that are equal in that stand by ABI and name, those without a name last."""


def in_order(calls: Iterable[Call], order: str) -> list[Call]:
    """Calls in one of the `ORDERS`."""
    return sorted(calls, key=lambda call: (*ORDERS[order](call), *_by_name(call)))
