"""What a profile does with one call, as a region for each outcome; and what several profiles do together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import reduce

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.uapi import Action
from audit2seccomp.profile.algebra.conditions import always_holds, is_plain, when
from audit2seccomp.profile.algebra.regions import (
    EVERYTHING,
    Region,
    absorbed,
    complement,
    equal,
    intersection,
    union,
    without,
)
from audit2seccomp.profile.effects import conjunctions
from audit2seccomp.profile.exactness import builds_exactly
from audit2seccomp.profile.model import Outcome, Rule, RuleAction, outcome_of

_KERNEL_ORDER = {action.name: position for position, action in enumerate(Action)}


class ContradictionError(Exception):
    """Rules with different outcomes act on the same arguments; which one wins, libseccomp decides."""


class Mode(Enum):
    """Which outcome several profiles have together."""

    UNION = "union"
    """The most permissive one."""
    INTERSECTION = "intersection"
    """The least permissive one."""


def permissiveness(outcome: Outcome) -> tuple[int, bool, int]:
    """What orders outcomes, from the least to the most permissive: the kernel's order of actions; of two errnos,
    ENOSYS is the more permissive one, since programs then try another call, and else the smaller number."""
    name = "USER_NOTIF" if outcome.action is RuleAction.NOTIFY else outcome.action.name
    number = outcome.errno or 0
    return _KERNEL_ORDER[name], number == _ENOSYS, -number


_ENOSYS = 38
"""include/uapi/asm-generic/errno.h"""


class Partition:
    """What one profile does with one call."""

    def __init__(self, default: Outcome, regions: dict[Outcome, Region]) -> None:
        """Take a region for each outcome that is not the default one; they have nothing in common."""
        self.default = default
        self.regions = regions

    def always(self) -> Outcome | None:
        """What becomes of the call on every host and whatever its arguments are; None where they matter."""
        if not self.regions:
            return self.default
        return next((outcome for outcome, region in self.regions.items() if EVERYTHING in region), None)

    def outcomes(self) -> set[Outcome]:
        """All outcomes that the call may have."""
        return {self.default, *self.regions}

    def where(self, wanted: Callable[[Outcome], bool]) -> Region:
        """Where the outcome is one of the wanted ones."""
        if wanted(self.default):
            return complement(self._explicit(lambda outcome: not wanted(outcome)))
        return self._explicit(wanted)

    def _explicit(self, wanted: Callable[[Outcome], bool]) -> Region:
        return reduce(union, (region for outcome, region in self.regions.items() if wanted(outcome)), [])

    def changed(self, old: Outcome, new: Outcome, to: Partition) -> Region:
        """Where the outcome is `old`, and that of another partition `new`."""
        mine, others = self._explicit(old.__eq__), to._explicit(new.__eq__)
        mine_all, others_all = self._explicit(self.default.__ne__), to._explicit(to.default.__ne__)
        if old != self.default and new != to.default:
            return intersection(mine, others)
        if old == self.default and new == to.default:
            return complement([*mine_all, *others_all])
        return without(others, mine_all) if old == self.default else without(mine, others_all)

    def limited(self, to: Region) -> Partition:
        """The same where the call is in a region, and the default outcome elsewhere."""
        return Partition(
            self.default,
            {outcome: part for outcome, region in self.regions.items() if (part := intersection(region, to))},
        )

    def same(self, other: Partition) -> bool:
        """Whether both do the same with the call; their defaults must be the same."""
        return all(
            equal(self.regions.get(outcome, []), other.regions.get(outcome, []))
            for outcome in {*self.regions, *other.regions}
        )


def partition(rules: Iterable[Rule], default: Outcome, bits: int) -> Partition:
    """What the rules that name a call do with it, on an ABI whose registers have so many bits.

    As `effects` has it: rules whose outcome is the default one are skipped, the first rule without arguments goes
    before all others. Raises ContradictionError and TooManyBoxesError."""
    effective = [rule for rule in rules if outcome_of(rule) != default]
    found: dict[Outcome, Region] = {}
    for rule in (rule for rule in effective if always_holds(rule, bits)):
        _add(found, outcome_of(rule), _free(when(rule, bits), outcome_of(rule), found))
        if is_plain(rule):
            return Partition(default, _absorbed(found))
    first = {outcome: list(region) for outcome, region in found.items()}
    for rule in (rule for rule in effective if not always_holds(rule, bits)):
        _add(found, outcome_of(rule), _free(when(rule, bits), outcome_of(rule), first))
    regions = _absorbed(found)
    several = list(regions.values())
    if any(intersection(region, other) for index, region in enumerate(several) for other in several[:index]):
        raise ContradictionError
    return Partition(default, regions)


def _free(region: Region, outcome: Outcome, taken: dict[Outcome, Region]) -> Region:
    """The part of a region where no other outcome holds yet."""
    for other, part in taken.items():
        if other != outcome:
            region = without(region, part)
    return region


def _add(regions: dict[Outcome, Region], outcome: Outcome, region: Region) -> None:
    if region:
        regions.setdefault(outcome, []).extend(region)


def _absorbed(regions: dict[Outcome, Region]) -> dict[Outcome, Region]:
    return {outcome: absorbed(region) for outcome, region in regions.items()}


def together(parts: Sequence[Partition], mode: Mode, default: Outcome) -> Partition:
    """The outcome that several profiles have together, as a partition with that default. Raises TooManyBoxesError."""
    found: dict[Outcome, Region] = {}
    for outcome in sorted(set().union(*(part.outcomes() for part in parts)), key=permissiveness, reverse=True):
        if outcome != default:
            region = _where_together(parts, mode, outcome, above=permissiveness(outcome) > permissiveness(default))
            if region:
                found[outcome] = region
    return Partition(default, found)


def _where_together(parts: Sequence[Partition], mode: Mode, outcome: Outcome, *, above: bool) -> Region:
    """Where the outcome is that one: where it goes so far from the default, and not further."""
    limit = permissiveness(outcome)

    def so_far(other: Outcome) -> bool:
        return permissiveness(other) >= limit if above else permissiveness(other) <= limit

    def further(other: Outcome) -> bool:
        return so_far(other) and other != outcome

    one_is_enough = (mode is Mode.UNION) == above
    combine = union if one_is_enough else intersection
    region = reduce(combine, (part.where(so_far) for part in parts))
    if region and any(further(other) for part in parts for other in part.outcomes()):
        region = without(region, reduce(combine, (part.where(further) for part in parts)))
    return region


def is_built(rules: Iterable[Rule], bits: int) -> bool:
    """Whether libseccomp builds the rules of a call as they stand, on an ABI of which filters compare so many bits: see
    profile/exactness.py. Clauses are not looked at: with all rules there it is no easier than with some."""
    some = list(rules)
    if any(always_holds(rule, bits) for rule in some):
        return True
    return builds_exactly([(case, outcome_of(rule)) for rule in some for case in conjunctions(rule)], bits)


def describe_contradiction(name: str, where: str = "") -> AlgebraError:
    """The error for a call that a profile contradicts itself about."""
    return AlgebraError(
        f"{where}{name}: rules with different actions act on the same arguments: make their conditions differ"
    )
