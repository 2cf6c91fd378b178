"""Rules about rules that speak of the same call: one that never acts, or contradicts another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from audit2seccomp.profile.effects import Conjunction, conjunctions, holds
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.model import (
    MAX_U64,
    ArgCondition,
    Clause,
    Operator,
    Outcome,
    Rule,
    RuleAction,
    errno_text,
)

_MAX_COMPARED = 30
"""So many rules of one name are compared with each other: their pairs grow with the square of that."""


@lint_rule("duplicate-name", Level.WARNING, "a name stands twice in a rule")
def duplicate_name(subject: Subject) -> Iterator[Hit]:
    """The second one changes nothing."""
    for index, rule in enumerate(subject.profile.rules):
        seen: dict[str, int] = {}
        for position, name in enumerate(rule.names):
            first = seen.setdefault(name, position)
            if first != position:
                yield Hit(("syscalls", index, "names", position), f'"{name[:80]}" is already name {first}: remove it')


@lint_rule("repeats-default", Level.NOTE, "a rule does what the default action does anyway; runtimes skip it")
def repeats_default(subject: Subject) -> Iterator[Hit]:
    """It still counts for runc's ENOSYS border, which is at the largest number that is named."""
    for index, outcome in enumerate(subject.outcomes):
        if outcome == subject.default and subject.profile.rules[index].names:
            what = f"the default action is {_told(outcome)}, too, so runtimes skip this rule: remove it"
            yield Hit(("syscalls", index, "action"), what)


@lint_rule("shadowed-rule", Level.WARNING, "a call has the same outcome by another rule: this one never matters")
def shadowed(subject: Subject) -> Iterator[Hit]:
    """An earlier rule without conditions does the same, or one with the same conditions."""
    first: dict[tuple[str, object], int] = {}
    for index, name, path in subject.names():
        rule, outcome = subject.profile.rules[index], subject.outcomes[index]
        if outcome == subject.default:
            continue
        hosts = (rule.includes, rule.excludes)
        always = first.get((name, ((), outcome, (Clause(), Clause()))))
        if always is None:
            always = first.get((name, ((), outcome, hosts)))
        same = first.setdefault((name, (_conditions(rule), outcome, hosts)), index)
        earlier = index if always is None else always
        earlier = min(earlier, same)
        if earlier < index:
            kind = "all of it" if not subject.profile.rules[earlier].args else "the same"
            yield Hit(path, f'rule {earlier} already says {kind} of "{name[:80]}": remove it here')


@lint_rule(
    "contradiction", Level.WARNING, "two rules say different things of one call, and one of them is without effect"
)
def contradiction(subject: Subject) -> Iterator[Hit]:
    """As libseccomp decides (_db_rule_add in src/db.c; measured): a rule without conditions goes before all that have
    some, and of several without conditions the first one counts; of the same conditions the second rule is refused, and
    runc and crun with it; of conditions that hold at once, one or the other."""
    of_name: dict[str, list[tuple[int, Path]]] = {}
    for index, name, path in subject.names():
        if subject.outcomes[index] != subject.default:
            alike = of_name.setdefault(name, [])
            if len(alike) < _MAX_COMPARED and (not alike or alike[-1][0] != index):
                alike.append((index, path))
    for name, alike in of_name.items():
        told: set[Path] = set()
        for one, other in combinations(alike, 2):
            hit = _contradict(subject, name, one, other)
            if hit is not None and hit.path not in told:
                told.add(hit.path)
                yield hit


def _contradict(subject: Subject, name: str, one: tuple[int, Path], other: tuple[int, Path]) -> Hit | None:
    """What is wrong with two rules about one call, each given by its index and the path of the name."""
    (first, first_path), (second, second_path) = one, other
    a, b = subject.profile.rules[first], subject.profile.rules[second]
    if subject.outcomes[first] == subject.outcomes[second] or not may_meet(a, b):
        return None
    if a.args and not b.args:
        return _without_effect(name, first_path, second, subject.outcomes[second])
    if not a.args:
        return _without_effect(name, second_path, first, subject.outcomes[first])
    what = f'rule {first} has another action for "{name[:80]}"'
    if not set(conjunctions(a)).isdisjoint(conjunctions(b)):
        what += " under the same conditions, and runc and crun refuse such a profile: remove one"
        return Hit(second_path, what, Level.ERROR)
    if any(_overlap(x, y) for x in conjunctions(a) for y in conjunctions(b)):
        what += ", and the conditions of both may hold at once"
        return Hit(second_path, f"{what}: which one acts is left to libseccomp: make them exclude each other")
    return None


def _without_effect(name: str, path: Path, other: int, outcome: Outcome) -> Hit:
    what = f'this has no effect on "{name}": rule {other} makes it {_told(outcome)} without conditions'
    return Hit(path, f"{what}: remove one of them")


def may_meet(one: Rule, other: Rule) -> bool:
    """Whether there are hosts on which both rules are there."""
    for a, b in ((one, other), (other, one)):
        if set(a.includes.caps) & set(b.excludes.caps):
            return False
        if a.includes.arches and set(a.includes.arches) <= {*b.excludes.arches}:
            return False
        if a.includes.min_kernel and a.includes.min_kernel == b.excludes.min_kernel:
            return False
    arches = [set(rule.includes.arches) for rule in (one, other) if rule.includes.arches]
    return not any(a.isdisjoint(b) for a, b in pairwise(arches))


def _conditions(rule: Rule) -> Conjunction | tuple[Conjunction, ...]:
    return tuple(conjunctions(rule)) if rule.args else ()


def _overlap(one: Conjunction, other: Conjunction) -> bool:
    """Whether there are arguments that fulfil both; where nobody can tell at a glance, there may be."""
    by_argument = {condition.argument: condition for condition in other}
    return not any(
        condition.argument in by_argument and _exclude(condition, by_argument[condition.argument]) for condition in one
    )


def _exclude(one: ArgCondition, other: ArgCondition) -> bool:
    """Whether two conditions on an argument exclude each other. Comparisons change only at their values, so it is
    enough to try those and their neighbours."""
    if one.operator is Operator.MASKED_EQ and other.operator is Operator.MASKED_EQ:
        return bool(((one.value_two or 0) ^ (other.value_two or 0)) & one.value & other.value)
    tried = {0, MAX_U64}
    for condition in (one, other):
        base = (condition.value_two or 0) if condition.operator is Operator.MASKED_EQ else condition.value
        tried |= {value for value in (base - 1, base, base + 1) if 0 <= value <= MAX_U64}
    if any(_both(one, other, value) for value in tried):
        return False
    # What is left: a mask beside a range, which hold together somewhere or not.
    ranges = [condition for condition in (one, other) if condition.operator not in (Operator.MASKED_EQ, Operator.EQ)]
    return not (Operator.MASKED_EQ in (one.operator, other.operator) and ranges)


def _both(one: ArgCondition, other: ArgCondition, value: int) -> bool:
    args = (value,) * 6
    return holds(one, args) and holds(other, args)


def _told(outcome: Outcome) -> str:
    action = outcome.action.removeprefix("SCMP_ACT_")
    return errno_text(outcome.errno) if outcome.action is RuleAction.ERRNO and outcome.errno is not None else action
