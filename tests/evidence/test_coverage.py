"""What a recording may still lack."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.coverage import CAVEAT, Seen, chance_of_new, curve, describe, quiet_share

recordings = st.lists(st.builds(Seen, st.integers(1, 1000), st.none() | st.integers(0, 10**13)), max_size=50)
READ, WRITE, BPF = Seen(90, 1_000), Seen(9, 2_000), Seen(1, 6_000)
CALLS = [READ, WRITE, BPF]


def test_the_chance_is_the_calls_seen_once_by_all_events() -> None:
    assert chance_of_new(CALLS) == 0.01
    assert chance_of_new([READ]) == 0
    assert chance_of_new([BPF]) == 1
    assert chance_of_new([]) is None


@given(recordings)
def test_the_chance_is_one(calls: list[Seen]) -> None:
    chance = chance_of_new(calls)
    assert (chance is None) == (not calls)
    assert chance is None or 0 <= chance <= 1


def test_the_chance_is_right_on_average() -> None:
    rnd = Random(1953)
    weights = [1 / rank for rank in range(1, 101)]
    estimated = true = 0.0
    for _ in range(300):
        counts = Counter(rnd.choices(range(100), weights, k=200))
        estimated += chance_of_new([Seen(events, None) for events in counts.values()]) or 0
        true += sum(weight for call, weight in enumerate(weights) if call not in counts) / sum(weights)
    assert estimated == pytest.approx(true, rel=0.05)


def test_the_curve_tells_how_many_calls_had_been_seen_when() -> None:
    assert curve(CALLS) == [(1_000, 1), (2_000, 2), (6_000, 3)]
    assert curve([*CALLS, Seen(3, 2_000), Seen(3, None)]) == [(1_000, 1), (2_000, 3), (6_000, 4)]
    assert curve([]) == []


@given(recordings)
def test_the_curve_only_rises_and_ends_at_all_calls(calls: list[Seen]) -> None:
    points = curve(calls)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(points))
    assert (points[-1][1] if points else 0) == sum(seen.first is not None for seen in calls)


def test_the_quiet_time_is_behind_the_last_new_call() -> None:
    assert quiet_share(CALLS, 11_000) == 0.5
    assert quiet_share(CALLS, 6_000) == 0
    assert quiet_share(CALLS, 5_000) == 0
    assert quiet_share(CALLS, 1_000) is quiet_share(CALLS, None) is quiet_share([], 5) is None


@given(recordings, st.none() | st.integers(0, 10**13))
def test_the_quiet_time_is_a_part_of_all(calls: list[Seen], last: int | None) -> None:
    quiet = quiet_share(calls, last)
    assert quiet is None or 0 <= quiet <= 1


def test_it_is_said_in_words_with_the_caveat() -> None:
    assert describe(CALLS, 11_000) == [
        "coverage: 3 distinct calls in 100 events, 1 was seen only once: about 1 of 100 further events would be a call "
        "not seen yet",
        "coverage: no new call in the last 50% of the time",
        f"coverage: {CAVEAT}",
    ]
    assert describe(CALLS, 6_000)[1] == "coverage: new calls came up to the end"
    assert describe([READ], None) == [
        "coverage: 1 distinct call in 90 events, none was seen only once",
        f"coverage: {CAVEAT}",
    ]
    assert describe([Seen(1, 0), Seen(1, 0)], 0)[0] == (
        "coverage: 2 distinct calls in 2 events, 2 were seen only once: about 1 of 1 further events would be a call "
        "not seen yet"
    )
    assert describe([], 5) == []
