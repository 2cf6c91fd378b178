"""What the rules of lint look at: a profile, the targets it is meant for, and what both mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise

from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import conjunctions
from audit2seccomp.profile.lint.libseccomp_tables import Release, knows
from audit2seccomp.profile.lint.registry import Level, Path
from audit2seccomp.profile.lint.targets import Target
from audit2seccomp.profile.model import (
    MAX_U64,
    ArgCondition,
    Operator,
    Outcome,
    Profile,
    Rule,
    RuleAction,
    default_outcome,
    errno_text,
    outcome_of,
)

DENYING = (RuleAction.ERRNO, RuleAction.KILL, RuleAction.KILL_PROCESS, RuleAction.KILL_THREAD, RuleAction.TRAP)
"""What does not let a call through; a tracer or a listener may."""


class Subject:
    """A profile under lint, with what several rules need to know of it."""

    def __init__(
        self,
        profile: Profile,
        targets: tuple[Target, ...] = (),
        size: int | None = None,
        flaws: tuple[tuple[Path, str, bool], ...] = (),
    ) -> None:
        """`size`: of its file, in bytes. `flaws`: what of the file could not be understood: the path, what is wrong
        there, and whether with the key. A rule with a flaw has no names."""
        self.profile = profile
        self.flaws = flaws
        self.is_whole = all(of_key for _, _, of_key in flaws)
        """Whether all was understood: else nothing can be said of what the profile lacks."""
        self.targets = targets
        self.size = size
        self.default = default_outcome(profile)
        self.outcomes = tuple(outcome_of(rule) for rule in profile.rules)

    @cached_property
    def families(self) -> tuple[tuple[Abi, ...], ...]:
        """The ABIs that the filter has together: one family, or one for each entry of archMap; none where only the
        host's own is meant."""
        lists = [(entry.architecture, *entry.sub_architectures) for entry in self.profile.arch_map]
        if self.profile.architectures:
            lists.append(self.profile.architectures)
        found = (tuple(dict.fromkeys(abi for name in names if (abi := abi_named(name)))) for names in lists)
        return tuple(family for family in found if family)

    @cached_property
    def abis(self) -> tuple[Abi, ...]:
        """All ABIs that the profile lists."""
        return tuple(dict.fromkeys(abi for family in self.families for abi in family))

    def abis_of(self, rule: Rule) -> tuple[Abi, ...]:
        """The ABIs of the hosts that a rule is for. Other than all only where it includes some, or excludes some."""
        if rule.includes.arches:
            hosts = {abi_named(name) for name in rule.includes.arches}
            found = [abi for family in self.families if hosts & set(family) for abi in family]
            return tuple(dict.fromkeys((*found, *(abi for abi in hosts if abi is not None))))
        left_out = {abi_named(name) for name in rule.excludes.arches}
        return tuple(abi for abi in self.abis if abi not in left_out)

    @staticmethod
    def asks(rule: Rule) -> bool:
        """Whether a rule has conditions that may be false."""
        return not any(all(map(always_holds, when)) for when in conjunctions(rule))

    def may_meet(self, one: int, other: int) -> bool:
        """Whether there are hosts on which two rules, given by their indexes, are both there."""
        return _may_meet(self.profile.rules[one], self.profile.rules[other])

    def names(self) -> Iterator[tuple[int, str, Path]]:
        """Each name: the index of its rule, the name, and its path."""
        for index, rule in enumerate(self.profile.rules):
            if rule.single:
                yield index, rule.names[0], ("syscalls", index, "name")
                continue
            for position, name in enumerate(rule.names):
                yield index, name, ("syscalls", index, "names", position)

    @cached_property
    def libseccomps(self) -> tuple[Release, ...]:
        """The releases of libseccomp that the targets use, where that is known."""
        return tuple(dict.fromkeys(one.libseccomp for one in self.targets if one.libseccomp is not None))

    @cached_property
    def named(self) -> frozenset[str]:
        """All names that the targets' libseccomp knows, which are those that count for runc's border."""
        return self._known(name for rule in self.profile.rules for name in rule.names)

    @cached_property
    def spoken_of(self) -> frozenset[str]:
        """The names of which a rule says something else than the default, and that the targets' libseccomp knows: all
        others are skipped."""
        return self._known(name for index, name, _ in self.names() if self.outcomes[index] != self.default)

    def _known(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for name in set(names) if all(knows(release, name) for release in self.libseccomps))

    @cached_property
    def let_through(self) -> frozenset[str]:
        """The names that a rule may let through, under whatever conditions."""
        return frozenset(
            name
            for rule, outcome in zip(self.profile.rules, self.outcomes, strict=True)
            if outcome.action not in DENYING
            for name in rule.names
        )

    @property
    def default_denies(self) -> bool:
        """Whether a call that no rule speaks of is denied."""
        return self.default.action in DENYING

    @property
    def errno_path(self) -> Path:
        """Where the profile says what such a call fails with."""
        return ("defaultAction",) if self.profile.default_errno is None else ("defaultErrnoRet",)

    def may_run_with(self, runtime: str) -> bool:
        """Whether `runc` or `crun` may load it: one of the targets uses that, or no runtime is told."""
        known = [target.platform.runtimes for target in self.targets if target.platform.runtimes]
        return not known or any(runtime in runtimes for runtimes in known)

    def level_with(self, runtime: str) -> Level:
        """How bad it is that a runtime refuses the profile: an error where a target certainly uses that one."""
        certain = any(target.platform.runtimes == (runtime,) for target in self.targets)
        return Level.ERROR if certain else Level.WARNING


def always_holds(condition: ArgCondition) -> bool:
    """Whether a condition holds for all arguments."""
    value, two = condition.value, condition.value_two or 0
    if condition.operator is Operator.MASKED_EQ:
        return value == two == 0
    return (condition.operator, value) in ((Operator.GE, 0), (Operator.LE, MAX_U64))


def listed(words: list[str], most: int = 5) -> str:
    """Some words for a sentence, the first ones where they are many."""
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def has(abi: Abi, name: str) -> bool:
    """Whether an ABI has a call."""
    return table_of(abi).number_of(name) is not None


def told(outcome: Outcome) -> str:
    """How messages call what becomes of a call: `EPERM`, `KILL_THREAD`."""
    action = outcome.action.removeprefix("SCMP_ACT_")
    return errno_text(outcome.errno) if outcome.action is RuleAction.ERRNO and outcome.errno is not None else action


def _may_meet(one: Rule, other: Rule) -> bool:
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
