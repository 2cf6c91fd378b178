"""Profiles that another one is built on: what they say of a call, and several as one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import IntEnum

from audit2seccomp.errors import UsageError
from audit2seccomp.kernel.abi import abi_named, kernels_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.reasons import Reason, Reasons, Source
from audit2seccomp.profile.model import (
    LETS_THROUGH,
    ArchMapping,
    Clause,
    Profile,
    Rule,
    RuleAction,
    default_outcome,
    outcome_text,
)

_DENIES = frozenset(
    {RuleAction.ERRNO, RuleAction.KILL, RuleAction.KILL_PROCESS, RuleAction.KILL_THREAD, RuleAction.TRAP}
)


class Base(NamedTuple):
    """A profile that another one is built on."""

    label: str
    """What messages and reasons call it, such as `base docker.json`."""
    profile: Profile
    in_place: bool = False
    """Whether it is a file that is extended: a call that it allows under conditions stays as it is."""
    known: bool = False
    """Whether calls that it lets through were not looked at when the others were recorded."""


class Standing(IntEnum):
    """What a profile's rules say of a call. Where they say several things, the highest one counts."""

    UNMENTIONED = 0
    CONDITIONAL = 1
    """Let through under conditions only: of its arguments, or of the host."""
    HANDED_ON = 2
    """To a tracer or listener."""
    PARTLY_DENIED = 3
    """Under conditions."""
    MIXED = 4
    """Let through under some conditions, and denied under others."""
    ALLOWED = 5
    DENIED = 6


def is_bare(rule: Rule) -> bool:
    """Whether a rule holds without conditions."""
    return not rule.args and rule.includes == Clause() == rule.excludes


def standing_of(rule: Rule, *, bare: bool) -> Standing:
    """What a rule says of its calls, `bare` or under conditions."""
    if rule.action in _DENIES:
        return Standing.DENIED if bare else Standing.PARTLY_DENIED
    if rule.action not in LETS_THROUGH:
        return Standing.HANDED_ON
    return Standing.ALLOWED if bare else Standing.CONDITIONAL


def combined(one: Standing, other: Standing) -> Standing:
    """What two rules say of a call."""
    mixed = {one, other} == {Standing.CONDITIONAL, Standing.PARTLY_DENIED}
    return Standing.MIXED if mixed else max(one, other)


def standings(profile: Profile) -> dict[str, Standing]:
    """What a profile says of each call that its rules name, whatever the host."""
    found: dict[str, Standing] = {}
    for rule in profile.rules:
        standing = standing_of(rule, bare=is_bare(rule))
        for name in rule.names:
            found[name] = combined(found.get(name, standing), standing)
    return found


def base_reasons(bases: Sequence[Base]) -> Reasons:
    """For each name in the bases, which ones name it, and how."""
    reasons: dict[str, dict[Reason, None]] = {}
    for base in bases:
        for rule in base.profile.rules:
            conditions = "" if is_bare(rule) else ", under conditions"
            action = "" if rule.action in LETS_THROUGH else f": {rule.action}"
            reason = Reason(Source.BASE, f"{base.label}{conditions}{action}")
            for name in rule.names:
                reasons.setdefault(name, {})[reason] = None
    return {name: tuple(found) for name, found in reasons.items()}


def names_let_through(profile: Profile) -> set[str]:
    """All names in its rules but those that deny."""
    return {name for rule in profile.rules if rule.action not in _DENIES for name in rule.names}


def without(profile: Profile, names: Collection[str]) -> Profile:
    """The profile with some names taken out of all rules but those that deny."""
    rules = []
    for rule in profile.rules:
        left = rule.names if rule.action in _DENIES else tuple(name for name in rule.names if name not in names)
        if left:
            rules.append(rule if left == rule.names else rule._replace(names=left))
    return profile._replace(rules=tuple(rules))


def with_architectures(profile: Profile, names: Collection[str]) -> Profile:
    """The profile for some SCMP_ARCH_* more; in an archMap they stand under the host that runs them."""
    if not profile.arch_map:
        new = sorted(set(names) - set(profile.architectures))
        return profile._replace(architectures=(*profile.architectures, *new))
    mappings = list(profile.arch_map)
    covered = {name for mapping in mappings for name in (mapping.architecture, *mapping.sub_architectures)}
    for name in sorted(set(names) - covered, key=lambda name: (_head(name) is not None, name)):
        hosts = (index for index, mapping in enumerate(mappings) if mapping.architecture == _head(name))
        index = next(hosts, None)
        if index is None:
            mappings.append(ArchMapping(name, ()))
        else:
            found = mappings[index]
            mappings[index] = found._replace(sub_architectures=(*found.sub_architectures, name))
    return profile._replace(arch_map=tuple(mappings))


def _head(name: str) -> str | None:
    """The larger architecture whose kernels run programs of one, too; both are SCMP_ARCH_*."""
    abi = abi_named(name)
    return None if abi is None else next((head.scmp_name for head in kernels_of(abi) if head is not abi), None)


def architectures_of(profile: Profile) -> set[str]:
    """All SCMP_ARCH_* that it names."""
    mapped = {name for mapping in profile.arch_map for name in (mapping.architecture, *mapping.sub_architectures)}
    return mapped.union(profile.architectures)


def united(bases: Sequence[Base]) -> Profile:
    """Several profiles as one, with all rules of all. Raises UsageError where they contradict each other."""
    first, *others = bases
    profile, standing = first.profile, standings(first.profile)
    for other in others:
        if default_outcome(other.profile) != default_outcome(profile):
            raise UsageError(
                f"{other.label}: its default is {outcome_text(default_outcome(other.profile))}, that of {first.label} "
                f"{outcome_text(default_outcome(profile))}: make them the same"
            )
        its = standings(other.profile)
        for name in _denied(standing, its):
            raise UsageError(f"{other.label}: allows {name}, which another base denies: take it out of one of them")
        for name in _denied(its, standing):
            raise UsageError(f"{other.label}: denies {name}, which another base allows: take it out of one of them")
        profile = _joined(profile, other)
        standing = standings(profile)
    return profile


def _denied(one: dict[str, Standing], other: dict[str, Standing]) -> Iterator[str]:
    """What one denies altogether and the other does not."""
    for name, standing in one.items():
        if standing is Standing.DENIED and other.get(name, standing) is not Standing.DENIED:
            yield name


def _joined(profile: Profile, base: Base) -> Profile:
    other = base.profile
    listeners = {
        "listenerPath": (profile.listener_path, other.listener_path),
        "listenerMetadata": (profile.listener_metadata, other.listener_metadata),
    }
    for key, (mine, its) in listeners.items():
        if mine is not None and its is not None and mine != its:
            raise UsageError(f"{base.label}: its {key} is not that of another base: make them the same")
    extra = dict(profile.extra)
    for key, value in other.extra:
        if extra.setdefault(key, value) != value:
            raise UsageError(f"{base.label}: its key '{key}' has another value than in another base")
    if other.arch_map and not profile.arch_map:
        named = profile.architectures
        profile = with_architectures(profile._replace(arch_map=other.arch_map, architectures=()), named)
    return with_architectures(profile, architectures_of(other))._replace(
        rules=(*profile.rules, *(rule for rule in other.rules if rule not in profile.rules)),
        flags=tuple(dict.fromkeys((*profile.flags, *other.flags))),
        listener_path=profile.listener_path or other.listener_path,
        listener_metadata=profile.listener_metadata or other.listener_metadata,
        extra=tuple(extra.items()),
    )
