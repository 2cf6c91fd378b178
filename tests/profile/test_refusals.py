"""What is said of contradictions against libseccomp, which refuses some profiles, on all ABIs that it builds."""

from __future__ import annotations

from itertools import permutations

from hypothesis import assume, event, given
from hypothesis import strategies as st

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.profile.effects import Effect, compared_bits, effects
from audit2seccomp.profile.exactness import narrowed
from audit2seccomp.profile.libseccomp import build, buildable_abis
from audit2seccomp.profile.lint import Level, lint
from audit2seccomp.profile.model import ArgCondition, Operator, Profile, Rule, RuleAction
from tests.profile.profiles import filtered_profiles

ABIS = buildable_abis()
UPWARDS, DOWNWARDS = (Operator.GT, Operator.GE), (Operator.LT, Operator.LE)


def is_overlooked(effect: Effect, bits: int) -> bool:
    """Whether libseccomp may overlook a rule; see profile/refusals.py."""
    whens = [[narrowed(one, bits) for one in branch.when] for branch in effect.branches]
    both_ways = any(
        one.argument == two.argument and one.operator in UPWARDS and two.operator in DOWNWARDS
        for one, two in permutations((one for when in whens for one in when), 2)
    )
    return both_ways or any(set(one) < set(two) and two[: len(one)] != one for one, two in permutations(whens, 2))


def is_known(profile: Profile, abi: Abi) -> bool:
    """Whether libseccomp may be asked, and overlooks nothing: also what a rule without conditions replaces is built."""
    bits = compared_bits(abi)
    of_conditions = profile._replace(rules=tuple(rule for rule in profile.rules if rule.args))
    found = [effect for part in (profile, of_conditions) for effect in effects(part, abi).values()]
    return all(effect.exact and not is_overlooked(effect, bits) for effect in found)


def is_refused(profile: Profile, abis: list[Abi]) -> bool:
    """Whether libseccomp refuses a profile."""
    try:
        build(profile, abis)
    except FilterError as error:
        if "contradicts an earlier rule" not in str(error):
            raise
        return True
    return False


def check(profile: Profile, abis: list[Abi]) -> None:
    assume(all(is_known(profile, abi) for abi in abis))
    expected = is_refused(profile, abis)
    event(f"refused: {expected}")
    profile = profile._replace(architectures=tuple(abi.scmp_name or "" for abi in abis))
    errors = [one for one in lint(profile) if one.rule == "contradiction" and one.level is Level.ERROR]
    assert bool(errors) == expected


of_one_order = st.sampled_from([False, True]).flatmap(
    lambda big: st.lists(
        st.sampled_from([abi for abi in ABIS if abi.big_endian is big]), min_size=1, max_size=3, unique=True
    )
)


@given(filtered_profiles(()), of_one_order)
def test_lint_finds_what_libseccomp_refuses(profile: Profile, abis: list[Abi]) -> None:
    check(profile, abis)


CALLS = ("socket", "socket", "connect", "socketcall")
conditions = st.tuples(
    st.integers(0, 1),
    st.sampled_from([Operator.EQ, Operator.EQ, Operator.NE, Operator.MASKED_EQ, Operator.GE, Operator.LT]),
    st.sampled_from([1, 1, 3, 2**32 + 1]),
    st.sampled_from([1, 3]),
)
rules = st.tuples(
    st.sampled_from(CALLS),
    st.sampled_from([RuleAction.ALLOW, RuleAction.KILL]),
    st.lists(conditions, max_size=2),
).map(lambda parts: Rule((parts[0],), parts[1], tuple(ArgCondition(*one) for one in parts[2])))
few = st.lists(rules, min_size=2, max_size=4).map(lambda some: Profile(RuleAction.ERRNO, None, (), tuple(some)))


@given(few, of_one_order)
def test_lint_finds_contradictions_of_calls_that_are_made_through_others(profile: Profile, abis: list[Abi]) -> None:
    check(profile, abis)
