"""Which conditions of one call libseccomp combines exactly, and which cannot hold at once.

libseccomp turns all rules of a call into one tree of comparisons, in which rules share nodes (src/db.c, _db_tree_add
and _db_tree_prune). Some combinations come out wrong: narrower or wider than the rules, or its code does not end. What
is called exact here was tried against libseccomp 2.5.4 with random conditions (docs/verdicts.md); that something is not
does not mean that it is always built wrongly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from audit2seccomp.profile.model import ArgCondition, Operator, Outcome

Conditions = tuple[ArgCondition, ...]

_HALF = 32
_EQUALITIES = (Operator.EQ, Operator.MASKED_EQ)
_RANGES = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)


def builds_exactly(branches: Iterable[tuple[Conditions, Outcome]], bits: int) -> bool:
    """Whether a filter does with a call what one of the branches says that hold, or else the default, on an ABI of
    which filters compare so many bits."""
    parts = list(dict.fromkeys((tuple(narrowed(one, bits) for one in when), outcome) for when, outcome in branches))
    return _combines_exactly(parts, bits) or _splits_exactly(parts, bits)


def _splits_exactly(parts: list[tuple[Conditions, Outcome]], bits: int) -> bool:
    """Whether each branch asks for a value of its first argument, as those of `socketcall` do, and for each value what
    is left is exact. Where nothing is left, the value alone decides."""
    by_value: dict[ArgCondition, list[tuple[Conditions, Outcome]]] = {}
    for when, outcome in parts:
        if when[0].operator is not Operator.EQ or when[0].argument != parts[0][0][0].argument:
            return False
        by_value.setdefault(when[0], []).append((when[1:], outcome))
    return all(
        len(group) == 1 or _combines_exactly([branch for branch in group if branch[0]], bits)
        for group in by_value.values()
    )


def _combines_exactly(parts: list[tuple[Conditions, Outcome]], bits: int) -> bool:
    """Whether one branch is alone, or those with several conditions ask for equality only and do not meet an NE or an
    order that disturbs them."""
    if len(parts) < 2:
        return True
    singles = [(when[0], outcome, place) for place, (when, outcome) in enumerate(parts) if len(when) == 1]
    chains = [(when, outcome, place) for place, (when, outcome) in enumerate(parts) if len(when) > 1]
    chained = [one for when, _, _ in chains for one in when]
    if any(one.operator not in _EQUALITIES for one in chained):
        return False
    for unequal, outcome, place in singles:
        if unequal.operator is Operator.NE:
            for when, other, where in chains:
                if any(_shares_a_node(one, unequal) for one in when) and (where > place or other == outcome):
                    return False
    return bits == _HALF or not _mixes_halves([one for one, _, _ in singles], chained)


def _shares_a_node(one: ArgCondition, unequal: ArgCondition) -> bool:
    """NE is an EQ whose other way out acts."""
    compared = one.value if one.operator is Operator.EQ else one.value_two
    return one.argument == unequal.argument and compared == unequal.value


def _mixes_halves(singles: Sequence[ArgCondition], others: Sequence[ArgCondition]) -> bool:
    """Whether an argument of 64 bits that is compared by order has conditions whose upper halves differ: order is
    decided on the upper half first, in nodes that all of them share."""
    ordered = {one.argument for one in singles if one.operator in _RANGES}
    halves = {(one.argument, half) for one in (*singles, *others) if one.argument in ordered for half in _upper(one)}
    return len(halves) > len(ordered)


def _upper(one: ArgCondition) -> Iterator[int]:
    yield one.value >> _HALF
    if one.operator is Operator.MASKED_EQ:
        yield (one.value_two or 0) >> _HALF


def narrowed(one: ArgCondition, bits: int) -> ArgCondition:
    """The condition as a filter has it on an ABI of which so many bits are compared, in one spelling."""
    mask = (1 << bits) - 1
    value = one.value & mask
    if one.operator is Operator.MASKED_EQ:
        return one._replace(value=value, value_two=(one.value_two or 0) & value, extra=())
    return one._replace(value=value, value_two=None, extra=())


def disjoint(first: Conditions, second: Conditions, bits: int) -> bool:
    """Whether no call can fulfil both; False where that is not seen."""
    return any(
        one.argument == two.argument and _exclude_each_other(narrowed(one, bits), narrowed(two, bits), bits)
        for one in first
        for two in second
    )


def _exclude_each_other(one: ArgCondition, two: ArgCondition, bits: int) -> bool:
    low, high = _bounds(one, bits)
    other_low, other_high = _bounds(two, bits)
    low, high = max(low, other_low), min(high, other_high)
    if low >= high:
        return low > high or not (_takes(one, low) and _takes(two, low))
    if one.operator is two.operator is Operator.MASKED_EQ:
        return bool(((one.value_two or 0) ^ (two.value_two or 0)) & one.value & two.value)
    return False


def _bounds(one: ArgCondition, bits: int) -> tuple[int, int]:
    """The least and the greatest value that may fulfil a condition."""
    largest = (1 << bits) - 1
    match one.operator:
        case Operator.EQ:
            return one.value, one.value
        case Operator.LT:
            return 0, one.value - 1
        case Operator.LE:
            return 0, one.value
        case Operator.GT:
            return one.value + 1, largest
        case Operator.GE:
            return one.value, largest
        case Operator.MASKED_EQ if one.value == largest:
            return (one.value_two or 0,) * 2
        case _:
            return 0, largest


def _takes(one: ArgCondition, datum: int) -> bool:
    """Whether a value within the bounds fulfils a condition."""
    if one.operator is Operator.NE:
        return datum != one.value
    return one.operator is not Operator.MASKED_EQ or datum & one.value == one.value_two
