"""Union and intersection, against what each profile does with each call on each host."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.profile.algebra.difference import difference
from audit2seccomp.profile.algebra.partitions import Mode
from audit2seccomp.profile.audit_profile import audit_profile
from audit2seccomp.profile.model import Outcome, Profile, RuleAction
from tests.profile.meanings import HOSTS, KILLED, Host, Meaning, default_actions, least, merged, most, points, profiles

ALLOW = Outcome(RuleAction.ALLOW)


def holds_everywhere(
    result: Profile,
    parts: Sequence[Profile],
    expected: Callable[[list[Outcome]], Outcome],
    hosts: Sequence[Host],
    told: Set[tuple[Abi, str]] = frozenset(),
) -> None:
    """Each call has the outcome that is expected of those that it has in the parts, or is told not to."""
    there = {host: [Meaning(profile, host) for profile in (result, *parts)] for host in hosts}
    for host, of, bits, name, args in points(hosts):
        if (of, name) in told:
            continue
        (got,), *each = [meaning.verdicts(of, name, args, bits) for meaning in there[host]]
        if expected is least and {KILLED} in each:  # then it is the same what else a profile says, also if it is unsure
            each = [frozenset({KILLED})]
        assert all(len(one) == 1 for one in each)
        wanted = expected([next(iter(one)) for one in each])
        assert got == wanted or {got, wanted} <= _KILLS, (host, of.name, name, args)


_KILLS = {KILLED, Outcome(RuleAction.KILL_PROCESS)}


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(profiles(), min_size=1, max_size=3), st.sampled_from(Mode))
def test_a_call_gets_the_outcome_that_it_should(parts: list[Profile], mode: Mode) -> None:
    try:
        result = merged(parts, mode).profile
    except AlgebraError:
        assume(False)
    holds_everywhere(result, parts, most if mode is Mode.UNION else least, HOSTS[:1])


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(profiles(allow_list=True) | profiles(), min_size=2, max_size=3))
def test_a_union_is_exact_on_each_architecture_but_for_the_calls_that_are_told(parts: list[Profile]) -> None:
    try:
        result = merged(parts, Mode.UNION, widen=True)
    except AlgebraError:
        assume(False)
    told = {(one.abi, name) for one in result.widened for name in one.names}
    holds_everywhere(result.profile, parts, most, HOSTS[:1], told)
    if told:
        with pytest.raises(AlgebraError, match="--widen"):
            merged(parts, Mode.UNION)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(profiles(dockers=True), min_size=1, max_size=2), st.sampled_from(Mode))
def test_on_every_host(parts: list[Profile], mode: Mode) -> None:
    try:
        result = merged(parts, mode).profile
    except AlgebraError:
        assume(False)
    holds_everywhere(result, parts, most if mode is Mode.UNION else least, HOSTS)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(profiles(default=default_actions, same_architectures=True), min_size=2, max_size=2), st.sampled_from(Mode)
)
def test_different_defaults_need_a_choice(parts: list[Profile], mode: Mode) -> None:
    pick = most if mode is Mode.UNION else least
    default = pick(
        [Outcome(one.default_action, 1 if one.default_action is RuleAction.ERRNO else None) for one in parts]
    )
    try:
        result = merged(parts, mode, default=default).profile
    except AlgebraError:
        assume(False)
    holds_everywhere(result, parts, pick, HOSTS[:1])
    if len({one.default_action for one in parts}) > 1:
        with pytest.raises(AlgebraError, match="--default-action"):
            merged(parts, mode)


@given(st.lists(profiles(same_architectures=True, allow_list=True), min_size=2, max_size=3), st.sampled_from(Mode))
def test_allow_lists_of_64_bit_architectures_have_an_exact_result_if_rules_can_say_it(
    parts: list[Profile], mode: Mode
) -> None:
    problem = None
    try:
        merged(parts, mode)
    except AlgebraError as error:
        problem = str(error)
    # Their filters could not do it; or it takes a rule for each bit, as a mask and NE of one argument do.
    assert problem is None or "libseccomp" in problem or "too many rules" in problem


@given(profiles(dockers=True) | profiles())
def test_a_profile_with_itself_is_itself(one: Profile) -> None:
    try:
        alone = merged([one], Mode.UNION).profile
    except AlgebraError:
        assume(False)
    for mode in Mode:
        assert not difference(merged([one, one], mode).profile, alone).changes
    assert not difference(merged([alone, alone], Mode.UNION).profile, alone).changes


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(profiles(default=default_actions))
def test_the_audit_profile_allows_what_the_profile_allows_and_logs_the_rest(one: Profile) -> None:
    try:
        audit = audit_profile(one)
    except AlgebraError:
        assume(False)
    meanings = [Meaning(profile, HOSTS[0]) for profile in (one, audit)]
    for _, of, bits, name, args in points(HOSTS[:1]):
        before, after = (meaning.verdicts(of, name, args, bits) for meaning in meanings)
        if meanings[0].covers(of) and len(before) == 1:
            assert after == (before if ALLOW in before else {Outcome(RuleAction.LOG)})
