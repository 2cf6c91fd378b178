"""What two profiles do differently, against what each does with each call on each host."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.algebra.combining import Operand
from audit2seccomp.profile.algebra.difference import Difference, difference
from audit2seccomp.profile.algebra.merging import merge
from audit2seccomp.profile.algebra.partitions import Mode
from audit2seccomp.profile.model import Outcome, Profile, RuleAction
from tests.profile.meanings import HOSTS, Host, Meaning, default_actions, points, profiles, says, spoken_of


def compare(old: Profile, new: Profile, hosts: list[Host]) -> Difference:
    """The difference, after each call was looked at."""
    found = difference(old, new)
    named = spoken_of(old, new)
    untold = {name for name, reason in found.untold if "libseccomp" not in reason}
    arch_changes = {(one.host, one.abi) for one in (*found.added, *found.removed)}
    meanings = {host: (Meaning(old, host), Meaning(new, host)) for host in hosts}
    for host, of, bits, name, args in points(hosts):
        before, after = meanings[host]
        covered = before.covers(of), after.covers(of)
        if len(set(covered)) == 2:
            assert {(None, of), (host.abi, of)} & arch_changes
        if not all(covered) or name in untold:
            continue
        verdicts = before.verdicts(of, name, args, bits), after.verdicts(of, name, args, bits)
        if len(set(verdicts)) == 1 and len(verdicts[0]) > 1:  # nobody knows, and nobody knew
            continue
        (was,), (now,) = verdicts
        told = {(one.old, one.new) for one in found.changes if one.name == name and says(one, host, of, bits, args)}
        if name in named and table_of(of).number_of(name) is not None:
            assert told == ({(was, now)} if was != now else set()), (host, of.name, name, args)
        else:
            assert not told
            assert (was, now) == (found.default or (was, was))
    return found


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(profiles(default=default_actions), profiles(default=default_actions))
def test_exactly_the_calls_that_differ_are_told(old: Profile, new: Profile) -> None:
    compare(old, new, HOSTS[:1])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(profiles(dockers=True), profiles(dockers=True))
def test_on_every_host(old: Profile, new: Profile) -> None:
    compare(old, new, HOSTS)


@given(profiles(dockers=True) | profiles(default=default_actions), st.randoms(use_true_random=False))
def test_how_a_profile_is_written_makes_no_difference(one: Profile, order: random.Random) -> None:
    rules = [
        rule._replace(
            names=tuple(order.sample(rule.names, len(rule.names))),
            action=RuleAction.KILL_THREAD if rule.action is RuleAction.KILL else rule.action,
            comment="another one",
            errno=1 if rule.errno is None else rule.errno,
        )
        for rule in one.rules
    ]
    apart = [rule._replace(names=(name,), single=True) for rule in rules for name in rule.names]
    assert difference(one, one).is_none
    assert not difference(one, one._replace(rules=tuple(apart))).changes
    shuffled = one._replace(rules=tuple(order.sample(apart, len(apart))))
    plain = [rule for rule in one.rules if not rule.args]
    if len({(rule.action, rule.errno) for rule in plain}) < 2:  # of those the first goes before the others
        assert not difference(one, shuffled).changes


@given(profiles(default=default_actions), profiles(default=default_actions), st.sampled_from(Mode))
def test_the_order_of_profiles_that_are_merged_makes_no_difference(one: Profile, other: Profile, mode: Mode) -> None:
    default = Outcome(RuleAction.LOG)
    operands = [Operand("one", one), Operand("other", other)]
    try:
        there = merge(operands, mode, default=default).profile
        back = merge(operands[::-1], mode, default=default).profile
        assume(not difference(one, one).untold)
    except AlgebraError:
        assume(False)
    assert not difference(there, back).changes
