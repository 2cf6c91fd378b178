"""How much a recording may still lack: estimates from how often, and when, each call was seen."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from audit2seccomp.named_tuple import NamedTuple

CAVEAT = (
    "this holds if the workload goes on as before: starting, reloading, failing and stopping make calls of their own"
)


class Seen(NamedTuple):
    """A distinct call's events, and the time of the first one in milliseconds since the epoch; None if unknown."""

    events: int
    first: int | None


def chance_of_new(calls: Collection[Seen]) -> float | None:
    """The chance, by Good and Turing, that the next event is of a call that was never seen: the calls seen once by all
    events. None without events.

    I. J. Good, The Population Frequencies of Species and the Estimation of Population Parameters, Biometrika 40 (1953).
    """
    events = sum(seen.events for seen in calls)
    return sum(seen.events == 1 for seen in calls) / events if events else None


def curve(calls: Collection[Seen]) -> list[tuple[int, int]]:
    """How many distinct calls had been seen at each time at which there was a new one. Calls without a time are not in
    it."""
    firsts = sorted(seen.first for seen in calls if seen.first is not None)
    points, distinct = [], 0
    for time, together in groupby(firsts):
        distinct += sum(1 for _ in together)
        points.append((time, distinct))
    return points


def quiet_share(calls: Collection[Seen], last: int | None) -> float | None:
    """Which part of the time from the first event to `last`, the last one's, went by without a new call; None where
    there is no such time."""
    points = curve(calls)
    if not points or last is None or last <= points[0][0]:
        return None
    return max(last - points[-1][0], 0) / (last - points[0][0])


def describe(calls: Collection[Seen], last: int | None) -> list[str]:
    """The same in lines for people; none without events."""
    chance = chance_of_new(calls)
    if chance is None:
        return []
    events, once = (sum(seen.events for seen in calls), sum(seen.events == 1 for seen in calls))
    number = "none was" if not once else "1 was" if once == 1 else f"{once:,} were"
    line = (
        f"coverage: {len(calls):,} distinct call{'' if len(calls) == 1 else 's'} in {events:,} "
        f"event{'' if events == 1 else 's'}, {number} seen only once"
    )
    if once:
        line += f": about 1 of {round(1 / chance):,} further events would be a call not seen yet"
    quiet = quiet_share(calls, last)
    lines = [line]
    if quiet is not None:
        share = f"{quiet:.0%}"
        ending = "new calls came up to the end" if share == "0%" else f"no new call in the last {share} of the time"
        lines.append(f"coverage: {ending}")
    return [*lines, f"coverage: {CAVEAT}"]
