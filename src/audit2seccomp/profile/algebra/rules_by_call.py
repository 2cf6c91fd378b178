"""The rules of a profile, call by call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.conditions import is_plain
from audit2seccomp.profile.effects import compared_bits, conjunctions
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, outcome_of

THROUGH = frozenset(one.through for one in MULTIPLEXED.values())
"""`socketcall` and `ipc`."""


def through_on(abis: Collection[Abi] | None) -> list[str]:
    """`socketcall` and `ipc`, where one of some ABIs has them; None for any ABI."""
    return [name for name in sorted(THROUGH) if abis is None or any(_has(abi, name) for abi in abis)]


def widths_of(name: str, abis: Collection[Abi] | None) -> list[int]:
    """How many bits of a call's arguments filters compare on those of some ABIs that have the call, or on all of them
    where none has: it may be newer than the tables. None for any ABI."""
    if abis is None:
        return [32, 64]
    return sorted({compared_bits(abi) for abi in [abi for abi in abis if _has(abi, name)] or abis})


def _has(abi: Abi, name: str) -> bool:
    return table_of(abi).number_of(name) is not None


class Numbered(NamedTuple):
    """A rule, and where it stands in its profile."""

    place: int
    rule: Rule


def by_name(profile: Profile) -> dict[str, list[Numbered]]:
    """The rules of each call, in their order."""
    found: dict[str, list[Numbered]] = {}
    for place, rule in enumerate(profile.rules):
        numbered = Numbered(place, rule)
        for name in rule.names:
            found.setdefault(name, []).append(numbered)
    return found


def effective(rules: Iterable[Numbered], default: Outcome) -> list[Rule]:
    """The rules that say something else than the default does; the runtimes skip the others."""
    return [rule for _, rule in rules if outcome_of(rule) != default]


def rule_of(names: tuple[str, ...], outcome: Outcome) -> Rule:
    """A rule without conditions."""
    return Rule(names, outcome.action, errno=outcome.errno)


def plain_outcomes(rules: dict[str, list[Numbered]], default: Outcome) -> dict[str, Outcome | None]:
    """What becomes of each call that has no conditions and clauses; None for the others."""
    outcomes: dict[int, Outcome | None] = {}
    for name, some in rules.items():
        for place, rule in some:
            if place not in outcomes and name not in THROUGH:
                outcome = outcome_of(rule)
                outcomes[place] = outcome if outcome == default or is_plain(rule) else None
    found: dict[str, Outcome | None] = {}
    for name, some in rules.items():
        if name in THROUGH:
            found[name] = None  # what rules of other calls say of it is conditional
        elif len(some) == 1:
            found[name] = outcomes[some[0].place]
        else:
            found[name] = _first([outcomes[place] for place, _ in some], default)
    return found


def _first(outcomes: Sequence[Outcome | None], default: Outcome) -> Outcome | None:
    """The outcome of rules without conditions; None if one has some."""
    return None if None in outcomes else next((one for one in outcomes if one != default), default)


def add_multiplexed(rules: dict[str, list[Numbered]], through: Iterable[str]) -> None:
    """Add to the rules of `socketcall` and `ipc` what the rules of other calls say of them, where an ABI has these; see
    `effects`."""
    for outer in through:
        added = [
            Numbered(place, seen)
            for name, some in rules.items()
            if (inner := MULTIPLEXED.get(name)) is not None and inner.through == outer
            for place, rule in some
            for seen in seen_through(rule, inner.number)
        ]
        if added:
            rules[outer] = sorted([*rules.get(outer, ()), *added], key=lambda one: one.place)


def seen_through(rule: Rule, number: int) -> list[Rule]:
    """What a rule for a call says of the call through which that is made, too, with its number."""
    subcall = ArgCondition(0, Operator.EQ, number)
    return [
        rule._replace(names=(), args=(subcall, *(one for one in case if one.argument))) for case in conjunctions(rule)
    ]


def meaning(rule: Rule) -> Rule:
    """All of a rule but how it is written and for which calls it is."""
    action, errno = outcome_of(rule)
    return rule._replace(names=(), action=action, errno=errno, errno_name=None, comment=None, single=False, extra=())
