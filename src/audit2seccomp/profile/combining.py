"""What becomes of one call in the union or intersection of profiles, and the rules that say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from audit2seccomp.errors import AlgebraError
from audit2seccomp.profile.conditions import is_plain, rules_for, when
from audit2seccomp.profile.model import Outcome, Profile, Rule, default_outcome, outcome_of
from audit2seccomp.profile.partitions import (
    ContradictionError,
    Mode,
    Partition,
    describe_contradiction,
    partition,
    permissiveness,
    together,
)
from audit2seccomp.profile.regions import TooManyBoxesError, simplified, within


class Operand(NamedTuple):
    """A profile that takes part."""

    name: str
    """For messages."""
    profile: Profile


class Numbered(NamedTuple):
    """A rule of an operand, and where it stands there."""

    place: int
    rule: Rule


class Combined(NamedTuple):
    """What becomes of a call."""

    plain: Outcome | None
    """Where it is the same on every host and whatever the arguments are."""
    source: int | None = None
    """Else the operand whose rules say it exactly, if there is one."""
    rules: tuple[Rule, ...] = ()
    """The rules that say it, where `plain` does not."""
    certain: bool = False
    """Whether that needed no look at conditions, so that it is so on each ABI, whatever the conditions mean there."""

    def rules_for(self, name: str) -> tuple[Rule, ...]:
        """Rules that say it; one of them may say what the default does."""
        return self.rules if self.plain is None else (rule_of((name,), self.plain),)


class Combiner:
    """Combines operands call by call."""

    def __init__(self, operands: Sequence[Operand], mode: Mode, default: Outcome) -> None:
        """Take the operands, and the default outcome of the result."""
        self._operands = operands
        self._mode = mode
        self._default = default
        self._defaults = [default_outcome(operand.profile) for operand in operands]
        self._rules = [by_name(operand.profile) for operand in operands]
        self._plain = [plain_outcomes(rules, own) for rules, own in zip(self._rules, self._defaults, strict=True)]
        self._known: dict[tuple[str, int, int], Partition] = {}

    def names(self) -> list[str]:
        """All calls that a rule names, in the order of their names."""
        return sorted(set().union(*self._rules))

    def combined(self, name: str) -> Combined:
        """What becomes of a call on the ABIs that all operands look at. Raises AlgebraError."""
        everyone = range(len(self._operands))
        plain = self.plain(name, everyone)
        if plain is not None:
            return Combined(plain, certain=True)
        undisputed = self._undisputed(name)
        if undisputed is not None:
            return undisputed
        try:
            wanted = self.wanted(name, 64, everyone)
        except TooManyBoxesError:
            raise self._too_many(name) from None
        always = wanted.always()
        if always is not None:
            return Combined(always)
        for index in everyone:
            rules = self.rules_of(index, name)
            if rules and self._says(rules, wanted):
                return Combined(None, index, tuple(rules))
        rules = self._collected(name)
        return Combined(None, None, tuple(rules if self._says(rules, wanted) else self._written(name, wanted)))

    def _undisputed(self, name: str) -> Combined | None:
        """What becomes of a call where that needs no look at conditions: all operands have the same rules for it, or
        only one has any."""
        if set(self._defaults) != {self._default}:
            return None
        spoken = {index: rules for index in range(len(self._operands)) if (rules := self._effective(index, name))}
        outcomes = {outcome_of(rule) for rules in spoken.values() for rule in rules}
        if len(outcomes) != 1:
            return None
        source = min(spoken)
        alike = len({tuple(map(meaning, rules)) for rules in spoken.values()}) == 1
        if alike and len(spoken) == len(self._operands):
            return Combined(None, source, tuple(spoken[source]), certain=True)
        if len(spoken) > 1 and not alike:
            return None
        (outcome,) = outcomes
        above = permissiveness(outcome) > permissiveness(self._default)
        if above == (self._mode is Mode.UNION):
            return Combined(None, source, tuple(spoken[source]), certain=True)
        return Combined(self._default, certain=True)

    def _effective(self, index: int, name: str) -> list[Rule]:
        return effective(self._rules[index].get(name, ()), self._defaults[index])

    def plain(self, name: str, operands: Iterable[int]) -> Outcome | None:
        """What becomes of a call in some of the operands, where no rule of it has a condition; else None."""
        outcomes = [self._plain[index].get(name, self._defaults[index]) for index in operands]
        known = [outcome for outcome in outcomes if outcome is not None]
        if len(known) < len(outcomes):
            return None
        pick = max if self._mode is Mode.UNION else min
        return pick(known, key=permissiveness)

    def wanted(self, name: str, bits: int, operands: Iterable[int]) -> Partition:
        """What becomes of a call in some of the operands. Raises AlgebraError and TooManyBoxesError."""
        return together([self._part(index, name, bits) for index in operands], self._mode, self._default)

    def rules_of(self, index: int, name: str) -> list[Rule]:
        """The rules of an operand that name a call."""
        return [numbered.rule for numbered in self._rules[index].get(name, ())]

    def is_exact(self, name: str, rules: Sequence[Rule], bits: int) -> bool:
        """Whether rules say what becomes of a call on ABIs whose registers have so many bits."""
        values = [
            number
            for rule in (*rules, *(rule for index in range(len(self._operands)) for rule in self.rules_of(index, name)))
            for condition in rule.args
            for number in (condition.value, condition.value_two or 0)
        ]
        if bits < 64 and not any(value >> bits for value in values):
            return True  # then each condition means the same for numbers of fewer bits
        try:
            return partition(rules, self._default, bits).same(self.wanted(name, bits, range(len(self._operands))))
        except (ContradictionError, TooManyBoxesError):
            return False

    def _part(self, index: int, name: str, bits: int) -> Partition:
        key = (name, index, bits)
        if key not in self._known:
            try:
                self._known[key] = partition(self.rules_of(index, name), self._defaults[index], bits)
            except ContradictionError:
                raise describe_contradiction(name, f"{self._operands[index].name}: ") from None
        return self._known[key]

    def _says(self, rules: Sequence[Rule], wanted: Partition) -> bool:
        try:
            return partition(rules, self._default, 64).same(wanted)
        except (ContradictionError, TooManyBoxesError):
            return False

    def _collected(self, name: str) -> list[Rule]:
        """The rules of all operands, without those that add nothing to the others."""
        every = (rule for index in range(len(self._operands)) for rule in self._effective(index, name))
        left = list({meaning(rule): rule for rule in reversed(list(every))}.values())  # of equal ones the first
        for rule in tuple(left):
            others = [other for other in left if other is not rule and outcome_of(other) == outcome_of(rule)]
            if others and all(_adds_nothing(rule, others, bits) for bits in (64, 32)):
                left.remove(rule)
        return [rule._replace(names=(name,), single=False) for rule in reversed(left)]

    def _written(self, name: str, wanted: Partition) -> list[Rule]:
        rules: list[Rule] = []
        try:
            for outcome, region in wanted.regions.items():
                rules += rules_for(name, simplified(region), rule_of((name,), outcome))
        except TooManyBoxesError:
            raise self._too_many(name) from None
        if not self._says(rules, wanted):
            raise AlgebraError(f"{name}: no rules say exactly what the profiles do with it together")
        return rules

    def _too_many(self, name: str) -> AlgebraError:
        return AlgebraError(f"{name}: what the profiles do with it together takes too many rules to say exactly")


def meaning(rule: Rule) -> Rule:
    """All of a rule but how it is written and for which calls it is."""
    action, errno = outcome_of(rule)
    return rule._replace(names=(), action=action, errno=errno, errno_name=None, comment=None, single=False, extra=())


def _adds_nothing(rule: Rule, others: Sequence[Rule], bits: int) -> bool:
    try:
        return within(when(rule, bits), [box for other in others for box in when(other, bits)])
    except TooManyBoxesError:
        return False


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
    for some in rules.values():
        for place, rule in some:
            if place not in outcomes:
                outcome = outcome_of(rule)
                outcomes[place] = outcome if outcome == default or is_plain(rule) else None
    found: dict[str, Outcome | None] = {}
    for name, some in rules.items():
        if len(some) == 1:
            found[name] = outcomes[some[0].place]
            continue
        each = [outcomes[place] for place, _ in some]
        effective = [outcome for outcome in each if outcome != default]
        found[name] = None if None in each else effective[0] if effective else default
    return found
