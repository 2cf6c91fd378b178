"""What a profile does with each call, as runc and crun read it and libseccomp builds it.

The rules of a profile are turned into branches: conditions that must all hold, and what becomes of the call then. Only
profiles that do not depend on the host are understood here: `resolve` makes one of Docker's.

Sources: runc, libcontainer/seccomp/seccomp_linux.go (matchCall); crun, src/libcrun/seccomp.c; libseccomp, src/db.c
(_db_rule_add). The tests hold all of it against filters that libseccomp makes.
"""

from __future__ import annotations

from typing import NamedTuple

from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, default_outcome, outcome_of

Conjunction = tuple[ArgCondition, ...]
"""Conditions that must all hold, at most one for each argument, in the order of the arguments; none: always."""


class Branch(NamedTuple):
    """What becomes of a call whose arguments are so."""

    when: Conjunction
    outcome: Outcome


class Effect(NamedTuple):
    """What a profile does with one call of one ABI.

    Where branches with different outcomes hold at once, which one acts depends on how libseccomp sorts them; see
    `is_certain`."""

    branches: tuple[Branch, ...]
    """Their outcomes differ from `default`. One that always holds stands alone."""
    default: Outcome
    """Where no branch holds."""

    @property
    def always(self) -> Outcome | None:
        """What becomes of the call whatever its arguments are; None where they matter."""
        if not self.branches:
            return self.default
        return self.branches[0].outcome if not self.branches[0].when else None


def covered(profile: Profile) -> frozenset[Abi] | None:
    """The ABIs whose calls the filter looks at; it kills the others (SCMP_FLTATR_ACT_BADARCH). None: the host's own."""
    found = (abi_named(name) for name in profile.architectures)
    return frozenset(abi for abi in found if abi is not None) or None


def effects(profile: Profile, abi: Abi) -> dict[str, Effect]:
    """The effect on each call of the ABI that a rule speaks of, by name, in the order of the rules. All other calls
    have the default outcome."""
    table = table_of(abi)
    return {name: effect for name, effect in named_effects(profile).items() if table.number_of(name) is not None}


def named_effects(profile: Profile) -> dict[str, Effect]:
    """The effect on each call that a rule speaks of, by name, in the order of the rules, on any ABI that has it."""
    default = default_outcome(profile)
    rules: dict[str, list[Rule]] = {}
    for rule in profile.rules:
        if outcome_of(rule) != default:  # the runtimes skip it, and libseccomp refuses it
            for name in rule.names:
                rules.setdefault(name, []).append(rule)
    return {name: _effect(alike, default) for name, alike in rules.items()}


def effect_of(profile: Profile, abi: Abi, name: str) -> Effect:
    """The effect on one call; see `effects`."""
    named = profile._replace(rules=tuple(rule._replace(names=(name,)) for rule in profile.rules if name in rule.names))
    return effects(named, abi).get(name, Effect((), default_outcome(profile)))


def _effect(rules: list[Rule], default: Outcome) -> Effect:
    """The first rule without conditions replaces all that have some, wherever they stand."""
    for rule in rules:
        if not rule.args:
            return Effect((Branch((), outcome_of(rule)),), default)
    branches = [Branch(when, outcome_of(rule)) for rule in rules for when in conjunctions(rule)]
    return Effect(tuple(dict.fromkeys(branches)), default)


def conjunctions(rule: Rule) -> list[Conjunction]:
    """When a rule acts: one of these must hold. Where an argument has two conditions, each condition of the rule
    stands alone."""
    conditions = sorted((condition._replace(extra=()) for condition in rule.args), key=lambda one: one.argument)
    if len({condition.argument for condition in conditions}) < len(conditions):
        return [(condition,) for condition in conditions]
    return [tuple(conditions)]


def holds(condition: ArgCondition, args: tuple[int, ...], bits: int = 64) -> bool:
    """Whether a condition holds for the six arguments of a call, on an ABI whose registers have so many bits: with 32
    the filter compares no more than the lower half (libseccomp, src/gen_bpf.c)."""
    mask = (1 << bits) - 1
    datum, value, two = args[condition.argument] & mask, condition.value & mask, (condition.value_two or 0) & mask
    match condition.operator:
        case Operator.NE:
            return datum != value
        case Operator.LT:
            return datum < value
        case Operator.LE:
            return datum <= value
        case Operator.EQ:
            return datum == value
        case Operator.GE:
            return datum >= value
        case Operator.GT:
            return datum > value
        case Operator.MASKED_EQ:
            return datum & value == two


def outcomes(effect: Effect, args: tuple[int, ...], bits: int = 64) -> frozenset[Outcome]:
    """What may become of a call with these arguments: one outcome, but several where branches contradict each other."""
    found = {branch.outcome for branch in effect.branches if all(holds(one, args, bits) for one in branch.when)}
    return frozenset(found or {effect.default})
