"""What a profile does with each call, as runc and crun read it and libseccomp builds it.

The rules of a profile are turned into branches: conditions that must all hold, and what becomes of the call then. Only
profiles that do not depend on the host are understood here: `resolve` makes one of Docker's.

Sources: runc, libcontainer/seccomp/seccomp_linux.go (matchCall); crun, src/libcrun/seccomp.c; libseccomp, src/db.c
(db_rule_add) and src/syscalls.c (abi_rule_add). The tests hold all of it against filters that libseccomp makes;
docs/verdicts.md tells it with examples.
"""

from __future__ import annotations

from itertools import combinations

from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named
from audit2seccomp.kernel.multiplexed import MULTIPLEXED, Multiplexed, multiplexed
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.exactness import builds_exactly, disjoint
from audit2seccomp.profile.model import (
    ArgCondition,
    Operator,
    Outcome,
    Profile,
    Rule,
    RuleAction,
    default_outcome,
    outcome_of,
)

Conjunction = tuple[ArgCondition, ...]
"""Conditions that must all hold, at most one for each argument, in the order of the arguments; none: always."""

BAD_ARCH = Outcome(RuleAction.KILL_THREAD)
"""What becomes of a call of an ABI that the filter does not cover: libseccomp's SCMP_FLTATR_ACT_BADARCH, which neither
runc nor crun changes (seccomp_attr_set(3))."""


class Branch(NamedTuple):
    """What becomes of a call whose arguments are so."""

    when: Conjunction
    outcome: Outcome


class Effect(NamedTuple):
    """What a profile does with one call of one ABI.

    Where branches with different outcomes hold at once, which one acts depends on how libseccomp sorts them, and where
    `exact` is False so does whether any of them acts; see `is_certain`."""

    branches: tuple[Branch, ...]
    """Their outcomes differ from `default`. One that always holds stands alone."""
    default: Outcome
    """Where no branch holds."""
    exact: bool = True
    """False for conditions that libseccomp may combine into something else (profile/exactness.py)."""

    @property
    def always(self) -> Outcome | None:
        """What becomes of the call whatever its arguments are; None where they matter."""
        if not self.branches:
            return self.default
        return self.branches[0].outcome if self.exact and not self.branches[0].when else None


def covered(profile: Profile) -> frozenset[Abi] | None:
    """The ABIs whose calls the filter looks at; it kills the others (BAD_ARCH). None: the host's own. A runtime's
    filter always covers that, too, even where the profile lists others only (libseccomp, seccomp_init)."""
    found = (abi_named(name) for name in profile.architectures)
    return frozenset(abi for abi in found if abi is not None) or None


def compared_bits(abi: Abi) -> int:
    """How many bits of an argument a filter for the ABI compares, of both sides: 32 also on x32 and n32, whose
    registers have 64 (libseccomp, `size` of each src/arch-*.c)."""
    return 64 if abi.audit_arch & _AUDIT_ARCH_64BIT and abi.name not in _HALF_COMPARED else 32


_AUDIT_ARCH_64BIT = 0x80000000
"""__AUDIT_ARCH_64BIT of include/uapi/linux/audit.h."""
_HALF_COMPARED = ("x32", "mips64n32", "mipsel64n32")


def effects(profile: Profile, abi: Abi) -> dict[str, Effect]:
    """The effect on each call of the ABI that a rule speaks of, by name, in the order of the rules. All other calls
    have the default outcome.

    A rule for a call that the ABI can also make through `socketcall` or `ipc` speaks of those, too. There the first
    argument says which call is meant, and what the rule asks of the call's own first argument is lost; its other
    conditions look at the arguments of `socketcall` and `ipc` by the same positions, which hold other things."""
    default = default_outcome(profile)
    table, bits = table_of(abi), compared_bits(abi)
    found: dict[str, list[Branch]] = {}
    for rule in profile.rules:
        outcome = outcome_of(rule)
        if outcome == default:  # the runtimes skip it, and libseccomp refuses it
            continue
        cases = conjunctions(rule)
        for name in rule.names:
            through = multiplexed(abi, name)
            if through is not None:
                branches = [Branch(seen(case, bits), outcome) for case in made_through(through, cases)]
                found.setdefault(through.through, []).extend(branches)
            if table.number_of(name) is not None:
                found.setdefault(name, []).extend(Branch(seen(case, bits), outcome) for case in cases)
    return {name: _effect(branches, default, bits) for name, branches in found.items()}


def made_through(through: Multiplexed, cases: list[Conjunction]) -> list[Conjunction]:
    """When a rule for an inner call acts on the outer one; see `effects`."""
    inner = ArgCondition(0, Operator.EQ, through.number)
    return [(inner, *(one for one in case if one.argument)) for case in cases]


def named_effects(profile: Profile) -> dict[str, Effect]:
    """The effect on each call that a rule speaks of, by name, in the order of the rules, where it is made by its own
    number on an ABI of 64 bits."""
    default = default_outcome(profile)
    found: dict[str, list[Branch]] = {}
    for rule in profile.rules:
        outcome = outcome_of(rule)
        if outcome != default:
            branches = [Branch(case, outcome) for case in conjunctions(rule)]
            for name in rule.names:
                found.setdefault(name, []).extend(branches)
    return {name: _effect(branches, default, 64) for name, branches in found.items()}


def effect_of(profile: Profile, abi: Abi, name: str) -> Effect:
    """The effect on one call; see `effects`."""
    names = speaking_of(name)
    rules = (rule._replace(names=tuple(one for one in rule.names if one in names)) for rule in profile.rules)
    return effects(profile._replace(rules=tuple(rules)), abi).get(name, Effect((), default_outcome(profile)))


def speaking_of(name: str) -> frozenset[str]:
    """The names whose rules may act on a call: its own, and those of the calls that are made through it."""
    return frozenset((name, *(inner for inner, made in MULTIPLEXED.items() if made.through == name)))


def outcomes_of(profile: Profile, abi: Abi, nr: int, args: tuple[int, ...]) -> frozenset[Outcome]:
    """What may become of a call by its number, signed, and its six arguments, on a host whose own ABI the profile
    covers; see `outcomes`."""
    covers = covered(profile)
    if covers is not None and not looks_at(covers, abi, nr):
        return frozenset((BAD_ARCH,))
    name = table_of(abi).name_of(nr)
    if name is None:
        return frozenset((default_outcome(profile),))
    return outcomes(effect_of(profile, abi, name), args, compared_bits(abi))


def looks_at(covers: frozenset[Abi], abi: Abi, nr: int) -> bool:
    """Whether a filter for some ABIs looks at a call of one, by its number, signed; else it kills (BAD_ARCH).

    x86_64 and x32 share their `arch` and are told apart by the number, as unsigned; -1, which a tracer sets to skip a
    call, belongs to both (libseccomp, src/gen_bpf.c)."""
    if abi.name not in ("x86_64", "x32"):
        return abi in covers
    names = {one.name for one in covers}
    if nr == -1:
        return not names.isdisjoint(("x86_64", "x32"))
    return ("x32" if nr & _MAX_U32 >= X32_SYSCALL_BIT else "x86_64") in names


_MAX_U32 = 0xFFFFFFFF


def seen(when: Conjunction, bits: int) -> Conjunction:
    """Without the conditions that always hold on an ABI, which libseccomp leaves out: a mask of 0."""
    mask = (1 << bits) - 1
    return tuple(one for one in when if one.operator is not Operator.MASKED_EQ or one.value & mask)


def _effect(branches: list[Branch], default: Outcome, bits: int) -> Effect:
    """The first branch without conditions replaces all that have some, wherever they stand; but those before it are
    built first."""
    always = next((place for place, branch in enumerate(branches) if not branch.when), None)
    before = tuple(dict.fromkeys(branches[:always]))
    exact = builds_exactly(before, bits)
    return Effect(before if always is None else (branches[always],), default, exact)


def is_certain(effect: Effect, bits: int = 64) -> bool:
    """Whether one outcome alone is possible for any arguments (see `compared_bits`). False also where branches with
    different outcomes exclude each other in a way that is not seen: what no single argument tells."""
    return effect.exact and all(
        one.outcome == two.outcome or disjoint(one.when, two.when, bits)
        for one, two in combinations(effect.branches, 2)
    )


def conjunctions(rule: Rule) -> list[Conjunction]:
    """When a rule acts: one of these must hold. Where an argument has two conditions, each condition of the rule
    stands alone."""
    conditions = sorted((condition._replace(extra=()) for condition in rule.args), key=lambda one: one.argument)
    if len({condition.argument for condition in conditions}) < len(conditions):
        return [(condition,) for condition in conditions]
    return [tuple(conditions)]


def holds(condition: ArgCondition, args: tuple[int, ...], bits: int = 64) -> bool:
    """Whether a condition holds for the six arguments of a call, on an ABI of which filters compare so many bits (see
    `compared_bits`). Of MASKED_EQ's second value, bits outside of the mask do not count (_db_node_mask_fixup)."""
    mask = (1 << bits) - 1
    datum, value, two = args[condition.argument] & mask, condition.value & mask, condition.value_two or 0
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
            return datum & value == two & value


def outcomes(effect: Effect, args: tuple[int, ...], bits: int = 64) -> frozenset[Outcome]:
    """What may become of a call with these arguments: one outcome, but several where branches contradict each other,
    and all that the effect knows where it is not exact."""
    if not effect.exact:
        return frozenset((effect.default, *(branch.outcome for branch in effect.branches)))
    found = {branch.outcome for branch in effect.branches if all(holds(one, args, bits) for one in branch.when)}
    return frozenset(found or {effect.default})
