"""Each event counts once, in whatever order the log has them."""

from __future__ import annotations

import pytest

from audit2seccomp.evidence.once import Channel, Once


@pytest.mark.parametrize(
    "takes",
    [
        # Two boots grow towards each other, and what one of them holds comes again where the other fits as well.
        [([0], [61]), ([2500], [50]), ([1500], [51]), ([900], [61])],
        # The times of one run of serials fall, each by less than a second.
        [([1000, 500, 0], [1, 2, 3]), ([1900, 1400], [1, 2])],
    ],
)
def test_a_copy_is_one_whichever_boot_it_fits(takes: list[tuple[list[int], list[int]]]) -> None:
    seen = Once()
    seen.start_input("a")
    copies = [seen.take(Channel(None), times, numbers) for times, numbers in takes]
    assert copies[-1] == list(range(len(takes[-1][0])))
