"""Sets of calls: which arguments a call has, and on which host it is made. Exact, and bounded.

A region is a list of boxes, of which any may hold a call; a box says for some dimensions (an argument, a capability,
the kernel's version, the host's architecture) which cell of `spans` they are in, and nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.profile.algebra.spans import Cell, Span, contains, is_all, joined, meet, rest

Box = tuple[tuple[str, Cell], ...]
"""Dimensions in the order of their names, each with what it must be in; none: everything."""

Region = list[Box]

EVERYTHING: Box = ()
MAX_BOXES = 128
"""Taking conditions from conditions can double their number each time, and the time for it grows with the square.
Docker's default needs nine for a call."""


class TooManyBoxesError(Exception):
    """A region would need more than MAX_BOXES."""


def both(one: Box, other: Box) -> Box | None:
    """What is in both boxes; None if nothing is."""
    if not one or not other:
        return one or other
    cells = dict(one)
    for dimension, cell in other:
        there = cells.get(dimension)
        common = cell if there is None else meet(there, cell)
        if common is None:
            return None
        cells[dimension] = common
    return tuple(sorted(cells.items()))


def intersection(one: Region, other: Region) -> Region:
    """What is in both regions."""
    return bounded(common for left in one for right in other if (common := both(left, right)) is not None)


def without(region: Region, taken: Region) -> Region:
    """What is in a region and not in another one."""
    for box in taken:
        region = bounded(part for left in region for part in _box_without(left, box))
    return region


def complement(region: Region) -> Region:
    """All that is not in a region."""
    return without([EVERYTHING], region)


def union(one: Region, other: Region) -> Region:
    """What is in either region."""
    return absorbed([*one, *other])


def within(one: Region, other: Region) -> bool:
    """Whether all of a region is in another one."""
    return not without(one, other)


def equal(one: Region, other: Region) -> bool:
    """Whether two regions hold the same calls."""
    return one == other or (within(one, other) and within(other, one))


def absorbed(region: Region) -> Region:
    """The region without boxes that are in another box of it. Raises TooManyBoxesError."""
    kept: Region = []
    for box in bounded(dict.fromkeys(region)):
        if any(_contains(other, box) for other in kept):
            continue
        kept = [other for other in kept if not _contains(box, other)]
        kept.append(box)
    return kept


def _contains(outer: Box, inner: Box) -> bool:
    if len(outer) > len(inner):
        return False
    cells = dict(inner)
    return all((cell := cells.get(dimension)) is not None and contains(own, cell) for dimension, own in outer)


def simplified(region: Region) -> Region:
    """The region in fewer boxes, where two of them differ in one dimension and one cell says what both say."""
    boxes = absorbed(region)
    index = 0
    while index < len(boxes):
        for at in range(index):
            fused = _fused(boxes[at], boxes[index])
            if fused is not None:
                boxes = absorbed([*boxes[:at], *boxes[at + 1 : index], *boxes[index + 1 :], fused])
                index = -1
                break
        index += 1
    return boxes


def bounded(boxes: Iterable[Box]) -> Region:
    """The boxes as a list; raises TooManyBoxesError."""
    kept: Region = []
    for box in boxes:
        kept.append(box)
        if len(kept) > MAX_BOXES:
            raise TooManyBoxesError
    return kept


def _box_without(box: Box, taken: Box) -> Region:
    """What is in one box and not in the other, in boxes that have nothing in common."""
    if both(box, taken) is None:
        return [box]
    parts: Region = []
    cells = dict(box)
    for dimension, cell in taken:
        there = cells.get(dimension)
        for other in rest(cell):
            left = other if there is None else meet(there, other)
            if left is not None:
                parts.append(tuple(sorted({**cells, dimension: left}.items())))
        common = cell if there is None else meet(there, cell)
        assert common is not None
        cells[dimension] = common
    return parts


def _fused(one: Box, other: Box) -> Box | None:
    """One box for two, which differ in one dimension."""
    if len(one) != len(other):
        return None
    different = [at for at in range(len(one)) if one[at] != other[at]]
    if len(different) != 1 or one[different[0]][0] != other[different[0]][0]:
        return None
    at = different[0]
    first, second = one[at][1], other[at][1]
    cell = joined(first, second)
    if cell is None or (_is_one(first) and _is_one(second) and not is_all(cell)):  # two flags are no range
        return None
    return (*one[:at], *(() if is_all(cell) else ((one[at][0], cell),)), *one[at + 1 :])


def _is_one(cell: Cell) -> bool:
    return isinstance(cell, Span) and cell.low == cell.high
