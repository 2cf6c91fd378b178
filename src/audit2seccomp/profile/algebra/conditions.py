"""The conditions of rules as regions, and regions as rules."""

from __future__ import annotations

from itertools import product
from math import prod

from audit2seccomp.profile.algebra.clauses import clauses_of, guard
from audit2seccomp.profile.algebra.regions import MAX_BOXES, Box, Region, TooManyBoxesError, both, bounded
from audit2seccomp.profile.algebra.spans import Span, span
from audit2seccomp.profile.effects import conjunctions
from audit2seccomp.profile.model import MAX_ARGS, ArgCondition, Clause, Operator, Rule

_LISTED = 64
"""So many numbers in a row are written one by one, and not as what they have in common under a mask: libseccomp builds
that more reliably beside other conditions (profile/exactness.py)."""


def when(rule: Rule, bits: int) -> Region:
    """On which hosts and for which arguments a rule acts, on an ABI whose registers have so many bits."""
    there = guard(rule)
    if there is None:
        return []
    boxes: Region = []
    for conjunction in conjunctions(rule):
        region: Region = [there]
        for condition in conjunction:
            dimension = _argument(condition.argument)
            choices = [((dimension, cell),) for cell in _cells(condition, bits)]
            region = [made for box in region for choice in choices if (made := both(box, choice)) is not None]
        boxes += region
    return bounded(boxes)


def always_holds(rule: Rule, bits: int) -> bool:
    """Whether a rule acts whatever the arguments are, on an ABI of which filters compare so many bits. A condition
    under a mask of 0 is none, and libseccomp leaves it out; see `effects`."""
    if not rule.args:
        return True
    top = (1 << bits) - 1
    return any(
        all(one.operator is Operator.MASKED_EQ and not one.value & top for one in conjunction)
        for conjunction in conjunctions(rule)
    )


def is_plain(rule: Rule) -> bool:
    """Whether a rule acts on every host and whatever the arguments are."""
    return not rule.args and rule.includes == _NOWHERE and rule.excludes == _NOWHERE


_NOWHERE = Clause()


def _argument(index: int) -> str:
    return f"arg{index}"


def _cells(condition: ArgCondition, bits: int) -> list[Span]:
    """What a condition lets through: see `effects.holds`. NE is all below and all above."""
    top = (1 << bits) - 1
    value, two = condition.value & top, (condition.value_two or 0) & top
    match condition.operator:
        case Operator.NE:
            found = [span(0, value - 1, 0, 0, top), span(value + 1, top, 0, 0, top)]
        case Operator.LT:
            found = [span(0, value - 1, 0, 0, top)]
        case Operator.LE:
            found = [span(0, value, 0, 0, top)]
        case Operator.EQ:
            found = [span(value, value, 0, 0, top)]
        case Operator.GE:
            found = [span(value, top, 0, 0, top)]
        case Operator.GT:
            found = [span(value + 1, top, 0, 0, top)]
        case Operator.MASKED_EQ:
            found = [span(0, top, value, two & value, top)]
    return [one for one in found if one is not None]


def _arguments(box: Box) -> dict[int, Span]:
    cells = dict(box)
    return {index: cell for index in range(MAX_ARGS) if isinstance(cell := cells.get(_argument(index)), Span)}


def merged_ne(region: Region) -> list[tuple[Box, dict[int, int]]]:
    """The boxes of a region, each with the one number that its arguments must not be: two boxes that hold what is
    below a number and what is above it are one."""
    left: list[tuple[Box, dict[int, int]]] = [(box, {}) for box in region]
    for index in range(MAX_ARGS):
        dimension = _argument(index)
        seen: dict[object, int] = {}
        done: list[tuple[Box, dict[int, int]]] = []
        for box, not_equal in left:
            cell = dict(box).get(dimension)
            rest = tuple(pair for pair in box if pair[0] != dimension)
            key, hole = None, None
            if isinstance(cell, Span) and not cell.mask:
                if cell.low == 0 and cell.high < cell.top:
                    hole, key = cell.high + 1, (rest, tuple(not_equal.items()), cell.high + 1)
                elif cell.high == cell.top and cell.low > 0:
                    hole, key = cell.low - 1, (rest, tuple(not_equal.items()), cell.low - 1)
            other = seen.get(key) if key is not None else None
            if key is None or hole is None:
                done.append((box, not_equal))
            elif other is None or dict(done[other][0]).get(dimension) == cell:
                seen[key] = len(done)
                done.append((box, not_equal))
            else:
                done[other] = (rest, {**not_equal, index: hole})
        left = done
    return left


def rules_for(name: str, region: Region, template: Rule) -> list[Rule]:
    """Rules for one call that act exactly in a region of 64-bit numbers, with the action of `template`. Raises
    TooManyBoxesError."""
    rules: list[Rule] = []
    for box, not_equal in merged_ne(region):
        clauses = clauses_of(box)
        choices = [_choices(index, cell) for index, cell in _arguments(box).items()]
        choices += [[ArgCondition(index, Operator.NE, value)] for index, value in not_equal.items()]
        if prod(len(some) for some in choices) > MAX_BOXES:
            raise TooManyBoxesError
        for args in product(*choices):
            in_order = tuple(sorted(args, key=lambda one: one.argument))
            rules.append(
                template._replace(names=(name,), args=in_order, includes=clauses.includes, excludes=clauses.excludes)
            )
    return rules


def conditions_of(box: Box, not_equal: dict[int, int]) -> tuple[ArgCondition, ...]:
    """Conditions that must all hold for a call to be in a box, in the order of the arguments, of which one may have
    several; with the numbers that `merged_ne` found."""
    found = [one for index, cell in _arguments(box).items() for one in _ranges(index, cell)]
    found += [ArgCondition(index, Operator.NE, value) for index, value in not_equal.items()]
    return tuple(sorted(found, key=lambda one: one.argument))


def _ranges(index: int, cell: Span) -> list[ArgCondition]:
    """Conditions that must all hold for an argument to be in a cell: its ends, and its mask."""
    if cell.low == cell.high:
        return [ArgCondition(index, Operator.EQ, cell.low)]
    if (cell.low, cell.high, cell.mask) == (1, cell.top, 0):
        return [ArgCondition(index, Operator.NE, 0)]
    masked = _masked(index, cell) if cell.mask else None
    if masked is not None:
        return [masked]
    found = []
    if cell.low == 1 << 32:  # GE would be GE 0 where registers have 32 bits
        found.append(ArgCondition(index, Operator.GT, cell.low - 1))
    elif cell.low:
        found.append(ArgCondition(index, Operator.GE, cell.low))
    if cell.high < cell.top:
        found.append(ArgCondition(index, Operator.LE, cell.high))
    if cell.mask:
        found.append(ArgCondition(index, Operator.MASKED_EQ, cell.mask, cell.value))
    return found


def _choices(index: int, cell: Span) -> list[ArgCondition]:
    """Conditions of which any must hold for an argument to be in a cell."""
    ranges = _ranges(index, cell)
    if len(ranges) == 1:
        return ranges
    if not cell.mask and cell.high - cell.low < _LISTED:
        return [ArgCondition(index, Operator.EQ, value) for value in range(cell.low, cell.high + 1)]
    blocks = [(block, _masked(index, block)) for block in _blocks(cell)]
    return [
        _ranges(index, block)[0] if masked is None or block.low == block.high else masked for block, masked in blocks
    ]


def _masked(index: int, cell: Span) -> ArgCondition | None:
    """A cell as one comparison under a mask, where it is that."""
    if cell.mask and (cell.low, cell.high) == (0, cell.top):
        return ArgCondition(index, Operator.MASKED_EQ, cell.mask, cell.value)
    shared = cell.top & ~((1 << (cell.low ^ cell.high).bit_length()) - 1)  # what all of its numbers begin with
    mask = shared | cell.mask
    value = cell.low & mask
    if cell.low == value and cell.high == value | (cell.top & ~mask):
        return ArgCondition(index, Operator.MASKED_EQ, mask, value)
    return None


def _blocks(cell: Span) -> list[Span]:
    """A cell in parts, each of which is one comparison under a mask: the aligned powers of two between its ends."""
    parts = []
    low = cell.low
    while low <= cell.high:
        size = low & -low or cell.top + 1
        while low + size - 1 > cell.high:
            size >>= 1
        part = span(low, low + size - 1, cell.mask, cell.value, cell.top)
        if part is not None:
            parts.append(part)
        low += size
    return parts
