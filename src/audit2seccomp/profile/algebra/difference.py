"""What two profiles do differently, on which architectures, hosts and with which arguments. Pure, and exact."""

from __future__ import annotations

from collections.abc import Sequence

from audit2seccomp.kernel.abi import Abi, all_abis
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.architectures import Covered, by_host, coverage
from audit2seccomp.profile.algebra.clauses import HOST, clauses_of
from audit2seccomp.profile.algebra.conditions import conditions_of, merged_ne
from audit2seccomp.profile.algebra.partitions import ContradictionError, is_built, partition
from audit2seccomp.profile.algebra.regions import EVERYTHING, Region, TooManyBoxesError, both, simplified
from audit2seccomp.profile.algebra.rules_by_call import (
    add_multiplexed,
    by_name,
    effective,
    meaning,
    plain_outcomes,
    through_on,
)
from audit2seccomp.profile.algebra.spans import Names
from audit2seccomp.profile.effects import compared_bits
from audit2seccomp.profile.model import ArgCondition, Clause, Outcome, Profile, Rule, default_outcome
from audit2seccomp.profile.resolve import dockers_name


class Case(NamedTuple):
    """Where something is so: all of it must hold."""

    args: tuple[ArgCondition, ...] = ()
    """An argument may have several conditions here."""
    includes: Clause = Clause()
    excludes: Clause = Clause()


ALWAYS = (Case(),)


class Change(NamedTuple):
    """What becomes of a call now, and what became of it before."""

    name: str
    old: Outcome
    new: Outcome
    cases: tuple[Case, ...]
    """Where that is so: any of them."""
    abis: tuple[Abi, ...]
    """Where, among those that both profiles look at; none: no table has the call, so nobody knows where it is."""
    everywhere: bool
    """Whether that is on all of them that have the call."""


class Architecture(NamedTuple):
    """An ABI that only one of the profiles looks at; the other one kills its calls."""

    abi: Abi
    host: Abi | None
    """The host on which it is so; None for all."""


class Difference(NamedTuple):
    """All that two profiles do differently."""

    default: tuple[Outcome, Outcome] | None
    """What becomes of calls that none of them names, before and now."""
    added: tuple[Architecture, ...]
    removed: tuple[Architecture, ...]
    architectures: str | None
    """Where the architectures of one profile depend on the host, and those of the other do not: which one."""
    settings: tuple[tuple[str, str, str], ...]
    """Keys that are about no call, with their values before and now."""
    changes: tuple[Change, ...]
    """By the name of the call."""
    untold: tuple[tuple[str, str], ...]
    """Calls that could not be compared, with the reason."""

    @property
    def is_none(self) -> bool:
        """Whether both profiles mean the same."""
        return self == NO_DIFFERENCE


NO_DIFFERENCE = Difference(None, (), (), None, (), (), ())


def difference(old: Profile, new: Profile) -> Difference:
    """What two profiles do differently. How they are written makes no difference: the order of rules and names,
    comments, older spellings, rules that have no effect."""
    outcomes = default_outcome(old), default_outcome(new)
    kinds = [by_host(profile) for profile in (old, new)]
    covered = coverage([old, new]) if kinds[0] == kinds[1] else _covered_by_two_kinds(old, new)
    comparison = _Comparison(old, new, [one for one in covered if len(one.profiles) == 2])
    changes: list[Change] = []
    untold: list[tuple[str, str]] = []
    for name in comparison.names():
        try:
            changes += comparison.changes(name)
            if not comparison.is_built(name):
                untold.append((name, "libseccomp may build something else of its conditions"))
        except ContradictionError:
            untold.append((name, "rules with different actions act on the same arguments"))
        except TooManyBoxesError:
            untold.append((name, "the conditions are too many to compare"))
    return Difference(
        outcomes if outcomes[0] != outcomes[1] else None,
        _only(covered, (1,)) if kinds[0] == kinds[1] else (),
        _only(covered, (0,)) if kinds[0] == kinds[1] else (),
        None if kinds[0] == kinds[1] else "old" if kinds[0] else "new",
        tuple(_settings(old, new)),
        tuple(changes),
        tuple(untold),
    )


def _only(covered: Sequence[Covered], profiles: tuple[int, ...]) -> tuple[Architecture, ...]:
    return tuple(Architecture(one.abi, one.host) for one in covered if one.profiles == profiles)


def _covered_by_two_kinds(old: Profile, new: Profile) -> list[Covered]:
    """What both look at on some host, where the architectures of only one of them depend on it."""
    fixed, mapped = (new, old) if by_host(old) else (old, new)
    listed = {one.abi for one in coverage([fixed])}
    return [one._replace(profiles=(0, 1)) for one in coverage([mapped]) if one.abi in listed]


def _settings(old: Profile, new: Profile) -> list[tuple[str, str, str]]:
    pairs = (
        ("flags", " ".join(sorted(old.flags)), " ".join(sorted(new.flags))),
        ("listenerPath", old.listener_path or "", new.listener_path or ""),
        ("listenerMetadata", old.listener_metadata or "", new.listener_metadata or ""),
    )
    return [pair for pair in pairs if pair[1] != pair[2]]


MAX_PAIRS = 10_000
"""So many pairs of rules with conditions are compared in all, which takes seconds at worst: profiles come from
strangers. Two of Docker's defaults have 2,000 if everything differs."""


class _Comparison:
    """Compares two profiles call by call."""

    def __init__(self, old: Profile, new: Profile, covered: Sequence[Covered]) -> None:
        self._defaults = default_outcome(old), default_outcome(new)
        self._rules = by_name(old), by_name(new)
        through = through_on({one.abi for one in covered})
        for rules in self._rules:
            add_multiplexed(rules, through)
        self._plain = [plain_outcomes(rules, own) for rules, own in zip(self._rules, self._defaults, strict=True)]
        self._covered = covered
        self._pairs = 0

    def names(self) -> list[str]:
        """All calls that a rule speaks of."""
        return sorted({*self._rules[0], *self._rules[1]})

    def changes(self, name: str) -> list[Change]:
        """What changes for a call. Raises ContradictionError and TooManyBoxesError."""
        old, new = (plain.get(name, own) for plain, own in zip(self._plain, self._defaults, strict=True))
        rules = self._effective(name)
        if old is not None and new is not None:
            if old == new:
                return []
        elif self._defaults[0] == self._defaults[1] and [*map(meaning, rules[0])] == [*map(meaning, rules[1])]:
            return []
        where = [one for one in self._covered if table_of(one.abi).number_of(name) is not None]
        if not where and any(table_of(abi).number_of(name) is not None for abi in all_abis()):
            return []  # it is nowhere that both look at
        if old is not None and new is not None:
            return [Change(name, old, new, ALWAYS, tuple(dict.fromkeys(one.abi for one in where)), True)]
        found: dict[tuple[Outcome, Outcome, tuple[Case, ...]], dict[Abi, None]] = {}
        for bits in (64, 32):
            there = [one for one in where if compared_bits(one.abi) == bits]
            if there or (bits == 64 and not where):
                for before, now, region in self._regions(rules, bits):
                    abis = found.setdefault((before, now, _cases(region)), {})
                    abis.update((one.abi, None) for one in there if _reaches(region, one))
        everywhere = len({one.abi for one in where})
        return [
            Change(name, *what, tuple(abis), len(abis) == everywhere)
            for what, abis in found.items()
            if abis or not where
        ]

    def is_built(self, name: str) -> bool:
        """Whether libseccomp builds what the rules say of a call, or they are the same in both profiles."""
        if all(name in plain and plain[name] is not None for plain in self._plain):
            return True
        old, new = self._effective(name)
        there = {
            compared_bits(abi)
            for abi in {one.abi for one in self._covered}
            if table_of(abi).number_of(name) is not None
        }
        return [*map(meaning, old)] == [*map(meaning, new)] or all(
            is_built(rules, bits) for rules in (old, new) for bits in there
        )

    def _effective(self, name: str) -> list[list[Rule]]:
        return [effective(some.get(name, ()), own) for some, own in zip(self._rules, self._defaults, strict=True)]

    def _regions(self, rules: Sequence[Sequence[Rule]], bits: int) -> list[tuple[Outcome, Outcome, Region]]:
        self._pairs += (len(rules[0]) + 1) * (len(rules[1]) + 1)
        if self._pairs > MAX_PAIRS:
            raise TooManyBoxesError
        old, new = (partition(some, own, bits) for some, own in zip(rules, self._defaults, strict=True))
        found = []
        for before in old.outcomes():
            for now in new.outcomes() - {before}:
                changed = old.changed(before, now, new)
                if changed:
                    found.append((before, now, simplified(changed)))
        return sorted(found, key=lambda one: (one[0], one[1]))


def _reaches(region: Region, there: Covered) -> bool:
    """Whether any of a region is on a host."""
    if there.host is None:
        return True
    here = ((HOST, Names(frozenset({dockers_name(there.host)}), False)),)
    return any(both(box, here) is not None for box in region)


def _cases(region: Region) -> tuple[Case, ...]:
    if EVERYTHING in region:
        return ALWAYS
    return tuple(Case(conditions_of(box, holes), *clauses_of(box)) for box, holes in merged_ne(region))
