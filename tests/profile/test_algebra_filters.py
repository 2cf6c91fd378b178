"""Union, intersection and difference, against the filters that libseccomp makes of the profiles."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import AlgebraError, FilterError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.algebra.difference import difference
from audit2seccomp.profile.algebra.partitions import Mode
from audit2seccomp.profile.effects import compared_bits, effects, is_certain
from audit2seccomp.profile.libseccomp import build, buildable_abis
from audit2seccomp.profile.model import Profile
from audit2seccomp.profile.simulate import Program
from tests.profile.meanings import (
    ARGUMENTS,
    CALLS,
    HOSTS,
    OUTER_ARGUMENTS,
    default_actions,
    least,
    merged,
    most,
    profiles,
    says,
    spoken_of,
)

ABIS = buildable_abis()


def certain(profile: Profile, on: Abi) -> set[str]:
    """The calls whose effect on an ABI is beyond doubt, also for what libseccomp makes of it."""
    found = effects(profile, on)
    named = {name for rule in profile.rules for name in rule.names}
    conditional = profile._replace(rules=tuple(one for one in profile.rules if one.args))
    hidden = effects(conditional, on)
    return {
        name
        for name in {*CALLS, *named}
        if all(name not in some or is_certain(some[name], compared_bits(on)) for some in (found, hidden))
    }


def programs(some: Sequence[Profile], on: Abi) -> list[Program]:
    """Their filters; gives the example up where libseccomp makes none."""
    try:
        return [Program(build(one, [on]).bpf(), big_endian=on.big_endian) for one in some]
    except FilterError:
        event("libseccomp makes no filter")
        assume(False)
        raise


on_one = st.sampled_from(ABIS)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(profiles(), min_size=2, max_size=3), st.sampled_from(Mode), on_one)
def test_the_filter_gives_each_call_the_outcome_that_it_should(parts: list[Profile], mode: Mode, on: Abi) -> None:
    parts = [part._replace(architectures=(on.scmp_name or "",)) for part in parts]
    try:
        result = merged(parts, mode).profile
    except AlgebraError:
        assume(False)
    filtered, *each = programs([result, *parts], on)
    pick = most if mode is Mode.UNION else least
    for name in set.intersection(*(certain(part, on) for part in parts)):
        number = table_of(on).number_of(name)
        for args in [*ARGUMENTS, *OUTER_ARGUMENTS] if number is not None else ():
            wanted = pick([one.outcome(on.audit_arch, number or 0, args) for one in each])
            assert filtered.outcome(on.audit_arch, number or 0, args) == wanted, (name, args)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(profiles(default=default_actions), profiles(default=default_actions), on_one)
def test_exactly_the_verdicts_that_differ_are_told(old: Profile, new: Profile, on: Abi) -> None:
    old, new = (one._replace(architectures=(on.scmp_name or "",)) for one in (old, new))
    found = difference(old, new)
    before, after = programs([old, new], on)
    named = spoken_of(old, new)
    for name in certain(old, on) & certain(new, on):
        number = table_of(on).number_of(name)
        for args in [*ARGUMENTS, *OUTER_ARGUMENTS] if number is not None else ():
            was, now = (one.outcome(on.audit_arch, number or 0, args) for one in (before, after))
            told = {
                (one.old, one.new)
                for one in found.changes
                if one.name == name and says(one, HOSTS[0], on, compared_bits(on), args)
            }
            if name in named:
                assert told == ({(was, now)} if was != now else set()), (name, args)
            else:
                assert (was, now) == (found.default or (was, was))
