"""Fuzz one target with hypothesis, which makes small changes to the seeds: with_hypothesis TARGET SECONDS."""

from __future__ import annotations

import sys
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import FOUND, kept
from tests.fuzz.target import MAX_BYTES, Target
from tests.fuzz.targets import TARGETS

_BATCH = 500
"""Inputs between two looks at the clock."""


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """A seed with a few changes: pieces taken away, put in, or copied from another seed."""
    seeds = st.sampled_from(list(target.seeds()))
    places = st.integers(0, MAX_BYTES)
    copied = st.tuples(seeds, places, st.integers(1, 200)).map(lambda of: _from(of[0], of[1])[: of[2]])
    pieces = st.sampled_from(target.words) | st.binary(max_size=4) | copied
    return st.builds(_changed, seeds, st.lists(st.tuples(places, st.integers(0, 20), pieces), max_size=6))


def _from(data: bytes, place: int) -> bytes:
    return data[place % (len(data) + 1) :]


def _changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, gone, put in changes:
        rest = _from(data, place)
        data = data[: len(data) - len(rest)] + put + rest[gone:]
    return data[:MAX_BYTES]


def main() -> int:
    """Returns 1, and the smallest input is in build/fuzz, if something does not hold."""
    name, seconds = sys.argv[1], float(sys.argv[2])
    target = TARGETS[name]
    for path in kept(name):
        target.run(path.read_bytes())
    tried = 0
    last = b""

    @settings(max_examples=_BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def batch(data: bytes) -> None:
        nonlocal last, tried
        last, tried = data, tried + 1
        target.run(data)

    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            batch()
    except BaseException:
        path = FOUND / name / "crash"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(last)
        sys.stderr.write(f"{path}: does not hold of it\n")
        raise
    finally:
        sys.stderr.write(f"stat::number_of_executed_units: {tried}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
