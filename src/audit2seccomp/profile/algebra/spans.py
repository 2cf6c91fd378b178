"""Sets of the numbers that one argument of a call can be, and of the names that a host's architecture can be.

Exact under intersection and complement, which is what the conditions of a profile need: each condition is such a set
or a few of them, and so is everything that can be made of conditions.
"""

from __future__ import annotations

from audit2seccomp.named_tuple import NamedTuple


class Span(NamedTuple):
    """The numbers from `low` to `high` that are `value` under `mask`. Made by `span`, which leaves out a mask or ends
    where the rest says as much, so that all other numbers have few parts."""

    low: int
    high: int
    mask: int
    value: int
    top: int
    """The largest number that there is: 2**64 - 1, less where registers are smaller, 1 for yes and no."""


class Names(NamedTuple):
    """Some names, or with `others` all but these."""

    names: frozenset[str]
    others: bool


Cell = Span | Names


def span(low: int, high: int, mask: int, value: int, top: int) -> Span | None:
    """The numbers from `low` to `high` that are `value` under `mask`; None if there are none."""
    if value & ~mask or low > high:
        return None
    if mask:
        first, flipped_last = _next(low, mask, value, top), _next(top - high, mask, ~value & mask, top)
        if first is None or flipped_last is None or first > top - flipped_last:
            return None
        low, high = first, top - flipped_last
        free = top & ~mask
        if low == value and high == value | free and free & (free + 1):
            return Span(0, top, mask, value, top)  # the mask says it all, and no ends would
        mask &= (1 << (low ^ high).bit_length()) - 1  # above, the ends say it
    return Span(low, high, mask, value & mask, top)


def _next(start: int, mask: int, value: int, top: int) -> int | None:
    """The smallest number from `start` on that is `value` under `mask`."""
    if start & mask == value:
        return start
    # It agrees with `start` above a bit that is set in it and not in `start`; the lower that is, the smaller it is.
    wrong = ((start ^ value) & mask).bit_length() - 1  # no agreement goes further down than to here
    for bit in range(wrong, top.bit_length()):
        one = 1 << bit
        if start & one or (mask & one and not value & one):
            continue
        return (start >> bit | 1) << bit | (value & (one - 1))
    return None


def meet(one: Cell, other: Cell) -> Cell | None:
    """What is in both; None if nothing is."""
    if isinstance(one, Span) and isinstance(other, Span):
        if (one.value ^ other.value) & one.mask & other.mask:
            return None
        low, high = max(one.low, other.low), min(one.high, other.high)
        return span(low, high, one.mask | other.mask, one.value | other.value, one.top)
    assert isinstance(one, Names)
    assert isinstance(other, Names)
    if one.others and other.others:
        return Names(one.names | other.names, True)
    if not one.others and not other.others:
        both = one.names & other.names
    else:
        both = one.names - other.names if other.others else other.names - one.names
    return Names(both, False) if both else None


def rest(cell: Cell) -> list[Cell]:
    """All that is not in it, in parts that have nothing in common."""
    if isinstance(cell, Names):
        opposite = Names(cell.names, not cell.others)
        return [opposite] if opposite.names or opposite.others else []
    low, high, mask, value, top = cell
    parts = [span(0, low - 1, 0, 0, top) if low else None, span(high + 1, top, 0, 0, top)]
    agreed = 0
    for bit in range(mask.bit_length()):
        one = 1 << bit
        if mask & one:
            parts.append(span(low, high, agreed | one, (value & agreed) | (~value & one), top))
            agreed |= one
    return [part for part in parts if part is not None]


def contains(outer: Cell, inner: Cell) -> bool:
    """Whether all of a cell is in another one."""
    if isinstance(outer, Span) and isinstance(inner, Span) and not outer.mask:
        return outer.low <= inner.low and inner.high <= outer.high
    return all(meet(part, inner) is None for part in rest(outer))


def joined(one: Cell, other: Cell) -> Cell | None:
    """One cell for what is in either, where there is one that is easily seen."""
    if isinstance(one, Names) and isinstance(other, Names):
        if one.others == other.others:
            names = one.names & other.names if one.others else one.names | other.names
            return Names(names, one.others)
        out, into = (one, other) if one.others else (other, one)
        return Names(out.names - into.names, True)
    if isinstance(one, Span) and isinstance(other, Span) and not one.mask and not other.mask:
        first, second = sorted((one, other))
        if second.low <= first.high + 1:
            return Span(first.low, max(first.high, second.high), 0, 0, one.top)
    return None


def is_all(cell: Cell) -> bool:
    """Whether it says nothing."""
    if isinstance(cell, Names):
        return cell.others and not cell.names
    return cell.low == 0 and cell.high == cell.top and not cell.mask
