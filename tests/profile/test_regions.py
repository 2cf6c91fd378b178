"""Sets of arguments, against counting: in a universe of a few bits every number is tried."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.profile.algebra.regions import (
    Box,
    Region,
    complement,
    equal,
    intersection,
    simplified,
    union,
    without,
)
from audit2seccomp.profile.algebra.spans import Cell, Names, Span, joined, meet, rest, span

TOP = 31
NAMES = ("amd64", "arm64", "s390x")
small = st.integers(0, TOP)
spans = st.builds(lambda low, high, mask, value: span(low, high, mask, value, TOP), small, small, small, small)
names = st.builds(Names, st.frozensets(st.sampled_from(NAMES), min_size=1), st.booleans())
ALL = Span(0, TOP, 0, 0, TOP)
cells: st.SearchStrategy[Cell] = st.one_of(spans.map(lambda one: one or ALL), names)
boxes: st.SearchStrategy[Box] = st.builds(
    lambda first, second, host: tuple(
        (name, cell) for name, cell in (("arg0", first), ("arg1", second), ("host", host)) if cell is not None
    ),
    spans,
    spans,
    st.none() | names,
)
regions: st.SearchStrategy[Region] = st.lists(boxes, max_size=4)


def inside(cell: Cell | None, what: int | str) -> bool:
    """Whether a number or name is in a cell, as the words say it."""
    if isinstance(cell, Span):
        return isinstance(what, int) and cell.low <= what <= cell.high and what & cell.mask == cell.value
    return isinstance(cell, Names) and (what in cell.names) != cell.others


def members(cell: Cell | None) -> set[int | str]:
    """All that is in it."""
    universe: list[int | str] = [*range(TOP + 1)] if isinstance(cell, Span) else [*NAMES, "other"]
    return {what for what in universe if inside(cell, what)}


POINTS: list[dict[str, int | str]] = [
    {"arg0": one, "arg1": two, "host": host}
    for one, two, host in product(range(0, TOP + 1, 3), range(0, TOP + 1, 5), (*NAMES, "other"))
]


def held(region: Region) -> list[bool]:
    """Which of the points are in a region."""
    return [any(all(inside(cell, point[name]) for name, cell in box) for box in region) for point in POINTS]


@given(small, small, small, small)
def test_a_span_is_what_it_says(low: int, high: int, mask: int, value: int) -> None:
    made = span(low, high, mask, value, TOP)
    assert members(made) == {number for number in range(low, high + 1) if number & mask == value}


@given(cells, cells)
def test_meeting_and_the_rest(one: Cell, other: Cell) -> None:
    if type(one) is not type(other):
        return
    assert members(meet(one, other)) == members(one) & members(other)
    either = joined(one, other)
    assert either is None or members(either) == members(one) | members(other)
    parts = [members(part) for part in rest(one)]
    everything = set(range(TOP + 1)) if isinstance(one, Span) else {*NAMES, "other"}
    assert set().union(*parts) == everything - members(one)
    assert sum(map(len, parts)) == len(set().union(*parts))


@given(regions, regions)
def test_regions_are_sets(one: Region, other: Region) -> None:
    left, right = held(one), held(other)
    assert held(union(one, other)) == [a or b for a, b in zip(left, right, strict=True)]
    assert held(intersection(one, other)) == [a and b for a, b in zip(left, right, strict=True)]
    assert held(without(one, other)) == [a and not b for a, b in zip(left, right, strict=True)]
    assert held(complement(one)) == [not a for a in left]
    assert held(simplified(one)) == left
    assert not equal(one, other) or left == right


@given(regions)
def test_a_region_equals_what_else_says_the_same(one: Region) -> None:
    assert equal(one, simplified(one))
    assert equal(one, complement(complement(one)))
    assert equal(union(one, complement(one)), [()])
    assert not intersection(one, complement(one))
