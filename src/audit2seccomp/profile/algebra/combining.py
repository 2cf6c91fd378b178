"""What becomes of one call in the union or intersection of profiles, and the rules that say it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.conditions import rules_for, when
from audit2seccomp.profile.algebra.partitions import (
    ContradictionError,
    Mode,
    Partition,
    describe_contradiction,
    is_built,
    partition,
    permissiveness,
    together,
)
from audit2seccomp.profile.algebra.regions import TooManyBoxesError, simplified, within
from audit2seccomp.profile.algebra.rules_by_call import (
    add_multiplexed,
    by_name,
    effective,
    meaning,
    plain_outcomes,
    rule_of,
    seen_through,
    through_on,
    widths_of,
)
from audit2seccomp.profile.model import Outcome, Profile, Rule, default_outcome, outcome_of


class Operand(NamedTuple):
    """A profile that takes part."""

    name: str
    """For messages."""
    profile: Profile


class Combined(NamedTuple):
    """What becomes of a call."""

    plain: Outcome | None
    """Where it is the same on every host and whatever the arguments are."""
    source: int | None = None
    """Else the operand whose rules say it exactly, if there is one."""
    rules: tuple[Rule, ...] = ()
    """The rules that say it, where `plain` does not."""
    through: tuple[Rule, ...] = ()
    """What rules of other calls say of it, besides; see `effects`."""

    def all_rules(self) -> list[Rule]:
        """All rules that speak of it; one of them may say what the default does."""
        return [*(self.rules if self.plain is None else (rule_of((), self.plain),)), *self.through]


class Combiner:
    """Combines operands call by call."""

    def __init__(
        self, operands: Sequence[Operand], mode: Mode, default: Outcome, abis: Collection[Abi] | None = None
    ) -> None:
        """Take the operands, the default outcome of the result, and the ABIs that it looks at: None for any."""
        self._operands = operands
        self._mode = mode
        self._default = default
        self._abis = abis
        self._defaults = [default_outcome(operand.profile) for operand in operands]
        self._own = [by_name(operand.profile) for operand in operands]
        self._rules = [dict(rules) for rules in self._own]
        self._through = through_on(abis)
        for rules in self._rules:
            add_multiplexed(rules, self._through)
        self._plain = [plain_outcomes(rules, own) for rules, own in zip(self._rules, self._defaults, strict=True)]
        self._known: dict[tuple[str, int, int], Partition] = {}

    def all_combined(self) -> dict[str, Combined]:
        """What becomes of each call that a rule speaks of, on the ABIs that all operands look at; in the order of the
        calls' names. Raises AlgebraError."""
        names = sorted(set().union(*self._rules))
        calls = {name: self.combined(name) for name in names if name not in self._through}
        for outer in (name for name in self._through if name in names):
            through = [
                seen
                for name, call in calls.items()
                if (inner := MULTIPLEXED.get(name)) is not None and inner.through == outer
                for rule in call.all_rules()
                if outcome_of(rule) != self._default
                for seen in seen_through(rule, inner.number)
            ]
            calls[outer] = self._settled(outer, tuple(through))
        return {name: calls[name] for name in names}

    def combined(self, name: str) -> Combined:
        """What becomes of a call that is made through no other. Raises AlgebraError."""
        plain = self.plain(name, range(len(self._operands)))
        if plain is not None:
            return Combined(plain)
        return self._undisputed(name) or self._settled(name, ())

    def _settled(self, name: str, through: tuple[Rule, ...]) -> Combined:
        """The first of all ways to say it that is exact, and that libseccomp builds as it stands."""
        everyone = range(len(self._operands))
        widths = widths_of(name, self._abis)
        said = False
        try:
            wanted = {bits: self.wanted(name, bits, everyone) for bits in widths}
            for way in self._ways(name, wanted[max(widths)]):
                call = way._replace(through=through)
                if all(self._says(call.all_rules(), wanted[bits], bits) for bits in widths):
                    if all(self._builds(name, call, bits) for bits in widths):
                        return call
                    said = True
        except TooManyBoxesError:
            if through or not (rules := self._concatenated(name)):
                why = "what the profiles do with it together takes too many rules to say"
                raise AlgebraError(f"{name}: {why}") from None
            return Combined(None, None, rules)
        if said:
            raise AlgebraError(
                f"{name}: libseccomp may build something else of rules that say what the profiles do with it together"
            )
        raise AlgebraError(f"{name}: no rules say exactly what the profiles do with it together")

    def _ways(self, name: str, wanted: Partition) -> Iterator[Combined]:
        always = wanted.always()
        yield Combined(self._default if always is None else always)
        for index, rules in enumerate(self._own):
            if name in rules:
                yield Combined(None, index, tuple(one.rule for one in rules[name]))
        yield Combined(None, None, tuple(self._collected(name)))
        written: list[Rule] = []
        for outcome, region in wanted.regions.items():
            written += rules_for(name, simplified(region), rule_of((name,), outcome))
        yield Combined(None, None, tuple(written))

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
            return Combined(None, source, tuple(spoken[source]))
        if len(spoken) > 1 and not alike:
            return None
        (outcome,) = outcomes
        above = permissiveness(outcome) > permissiveness(self._default)
        if above == (self._mode is Mode.UNION):
            return Combined(None, source, tuple(spoken[source]))
        return Combined(self._default)

    def _concatenated(self, name: str) -> tuple[Rule, ...]:
        """The rules of all operands, where their conditions need no look: all have one outcome, and any of them is
        enough. Else none."""
        every = [rule for index in range(len(self._operands)) for rule in self._effective(index, name)]
        outcomes = {outcome_of(rule) for rule in every}
        if set(self._defaults) != {self._default} or len(outcomes) != 1:
            return ()
        above = permissiveness(outcomes.pop()) > permissiveness(self._default)
        if above != (self._mode is Mode.UNION):
            return ()
        rules = tuple({meaning(rule): rule._replace(names=(name,), single=False) for rule in every}.values())
        built = all(self._builds(name, Combined(None, None, rules), bits) for bits in widths_of(name, self._abis))
        return rules if built else ()

    def _effective(self, index: int, name: str) -> list[Rule]:
        return effective(self._own[index].get(name, ()), self._defaults[index])

    def plain(self, name: str, operands: Iterable[int]) -> Outcome | None:
        """What becomes of a call in some of the operands, where no rule of it has a condition; else None."""
        outcomes = [self._plain[index].get(name, self._defaults[index]) for index in operands]
        known = [outcome for outcome in outcomes if outcome is not None]
        if len(known) < len(outcomes):
            return None
        pick = max if self._mode is Mode.UNION else min
        return pick(known, key=permissiveness)

    def wanted(self, name: str, bits: int, operands: Iterable[int]) -> Partition:
        """What becomes of a call in some of the operands, on an ABI of which filters compare so many bits. Raises
        AlgebraError and TooManyBoxesError."""
        return together([self._part(index, name, bits) for index in operands], self._mode, self._default)

    def _part(self, index: int, name: str, bits: int) -> Partition:
        key = (name, index, bits)
        if key not in self._known:
            rules = [numbered.rule for numbered in self._rules[index].get(name, ())]
            try:
                self._known[key] = partition(rules, self._defaults[index], bits)
            except ContradictionError:
                raise describe_contradiction(name, f"{self._operands[index].name}: ") from None
        return self._known[key]

    def _says(self, rules: Sequence[Rule], wanted: Partition, bits: int) -> bool:
        try:
            return partition(rules, self._default, bits).same(wanted)
        except ContradictionError:
            return False

    def _builds(self, name: str, call: Combined, bits: int) -> bool:
        """Whether libseccomp builds the rules as they stand, or at least did not those of an operand either."""
        each = [effective(rules.get(name, ()), own) for rules, own in zip(self._rules, self._defaults, strict=True)]
        made = [rule for rule in call.all_rules() if outcome_of(rule) != self._default]
        return is_built(made, bits) or not all(is_built(rules, bits) for rules in each)

    def _collected(self, name: str) -> list[Rule]:
        """The rules of all operands, without those that add nothing to the others."""
        every = (rule for index in range(len(self._operands)) for rule in self._effective(index, name))
        left = list({meaning(rule): rule for rule in reversed(list(every))}.values())  # of equal ones the first
        for rule in tuple(left):
            others = [other for other in left if other is not rule and outcome_of(other) == outcome_of(rule)]
            if others and all(_adds_nothing(rule, others, bits) for bits in (64, 32)):
                left.remove(rule)
        return [rule._replace(names=(name,), single=False) for rule in reversed(left)]


def _adds_nothing(rule: Rule, others: Sequence[Rule], bits: int) -> bool:
    try:
        return within(when(rule, bits), [box for other in others for box in when(other, bits)])
    except TooManyBoxesError:
        return False
