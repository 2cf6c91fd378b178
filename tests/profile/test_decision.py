"""What is said of one call is what the filter of the whole profile does, and the rule that is named is the one that
decides."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, kernels_of
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.decision import Asked, Decision, asked, decide
from audit2seccomp.profile.effects import BAD_ARCH
from audit2seccomp.profile.libseccomp import build
from audit2seccomp.profile.model import ArgCondition, Outcome, Profile, default_outcome
from audit2seccomp.profile.resolve import NOTHING_KNOWN, Host
from tests.profile.filters import (
    ABIS,
    ALLOW,
    BY_ORDER,
    LOG,
    X32,
    X86,
    X86_64,
    Args,
    call,
    condition,
    named_calls,
    profile,
    program,
    rule,
    samples,
)
from tests.profile.meanings import abi
from tests.profile.profiles import filtered_profiles

EPERM = Outcome(default_outcome(profile()).action, 1)
EDGES = (0, 1, 2, 3, 8, 9, 16, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1)


def decided(of: Profile, on: Abi, name: str, *args: int, host: Host = NOTHING_KNOWN) -> Decision:
    """What is said of a call by its name."""
    number = table_of(on).number_of(name)
    assert number is not None
    return decide(of, Asked(on, number, args), host)


def without(of: Profile, index: int) -> Profile:
    """The profile without what one of its rules says."""
    rules = list(of.rules)
    rules[index] = rules[index]._replace(names=())
    return of._replace(rules=tuple(rules))


@st.composite
def calls(draw: st.DrawFn, of: Profile, abis: list[Abi], args: list[Args]) -> Asked:
    """A call of one of the ABIs, most often one that the rules speak of, with some of its arguments."""
    on = draw(st.sampled_from(abis))
    named = [name for name in named_calls(of) if table_of(on).number_of(name) is not None]
    number = table_of(on).number_of(draw(st.sampled_from([*named * 3, "read", "openat"])))
    strange = st.sampled_from([-1, -2, -70_000, 399, 599, 70_000, X32_SYSCALL_BIT, X32_SYSCALL_BIT + 700])
    some = draw(st.sampled_from(args))
    is_strange = number is None or draw(st.integers(0, 5)) == 0
    return asked(on, draw(strange) if is_strange else number or 0, some[: draw(st.integers(0, 3))])


@settings(max_examples=150)
@given(st.data())
def test_a_decision_is_the_verdict_of_the_whole_filter(data: st.DataObject) -> None:
    abis = data.draw(st.sampled_from(BY_ORDER))
    made = data.draw(filtered_profiles(tuple(one.scmp_name or "" for one in abis)))
    wanted = data.draw(calls(made, abis, samples(made, data)))
    try:
        whole = program(build(made, {*abis, kernels_of(wanted.abi)[0]}), abis[0])
    except FilterError:
        event("no filter of the whole profile")
        return
    verdict = whole.outcome(wanted.abi.audit_arch, wanted.nr, wanted.all_args)
    found = decide(made, wanted, NOTHING_KNOWN)
    assert (found.outcomes, found.not_built) == ((verdict,), None)
    assert found.covered or verdict == BAD_ARCH
    assert bool(found.rules) is (found.covered and verdict != default_outcome(made))
    assert all(one.outcome == verdict for one in found.rules)
    event("by a rule" if found.rules else "by default" if found.covered else "not covered")
    # What else is possible with the arguments that were not given.
    for rest in product(*[EDGES] * max(0, 3 - len(wanted.args))):
        args = call(*wanted.args, *rest)
        other = whole.outcome(wanted.abi.audit_arch, wanted.nr, args)
        assert other in (verdict, *found.otherwise), args
        assert other == verdict or found.open_args


@settings(max_examples=300)
@given(st.data())
def test_without_the_rule_that_is_named_the_verdict_is_another_or_another_rule_s(data: st.DataObject) -> None:
    on = data.draw(st.sampled_from(ABIS))
    made = data.draw(filtered_profiles((on.scmp_name or "",)))
    wanted = data.draw(calls(made, [on], samples(made, data)))
    try:
        found = decide(made, wanted, NOTHING_KNOWN)
        if not found.rules or found.not_built is not None:
            return
        after = decide(without(made, found.rules[0].rule), wanted, NOTHING_KNOWN)
    except FilterError:
        event("refused")
        return
    event("a rule decides")
    if after.outcomes == found.outcomes:
        assert after.rules == found.rules[1:] != ()
    elif not after.not_built:
        assert found.rules[0].outcome not in after.outcomes
    for one in found.overruled:  # is not what decides
        assert without_changes_nothing(made, wanted, one.rule, found)


def without_changes_nothing(of: Profile, wanted: Asked, index: int, found: Decision) -> bool:
    """Whether the outcome stays without a rule; where that cannot be built, nobody knows."""
    try:
        after = decide(without(of, index), wanted, NOTHING_KNOWN)
    except FilterError:
        return True
    return after.not_built is not None or after.outcomes == found.outcomes


def test_a_rule_without_conditions_decides_before_those_that_have_some() -> None:
    made = profile(rule("read", "LOG", condition(0, "EQ", 1)), rule("read", "ALLOW"), rule("read", "LOG"))
    found = decided(made, X86_64, "read", 1)
    assert (found.outcomes, [one.rule for one in found.rules]) == ((ALLOW,), [1])
    assert [one.rule for one in found.overruled] == [2, 0]


@pytest.mark.parametrize(
    ("conditions", "args", "open_args", "otherwise"),
    [
        ([("EQ", 0, 0)], (), (0,), (EPERM,)),
        ([("EQ", 0, 0)], (0,), (), ()),
        ([("EQ", 1, 0)], (7,), (1,), (EPERM,)),
        ([("LT", 0, 0)], (), (), ()),
        ([("GE", 0, 0)], (), (), ()),
        ([("NE", 0, 5)], (), (0,), (EPERM,)),
        ([("GT", 2, 0)], (1, 2), (2,), (ALLOW,)),
    ],
)
def test_arguments_that_were_not_given_count_where_a_condition_asks_for_them(
    conditions: list[tuple[str, int, int]],
    args: tuple[int, ...],
    open_args: tuple[int, ...],
    otherwise: tuple[Outcome, ...],
) -> None:
    made = profile(rule("read", "ALLOW", *(condition(number, op, value) for op, number, value in conditions)))
    found = decided(made, X86_64, "read", *args)
    assert (found.open_args, found.otherwise) == (open_args, otherwise)


def test_conditions_that_leave_nothing_out_do_not_make_a_call_depend_on_its_arguments() -> None:
    made = profile(rule("read", "ALLOW", condition(0, "LT", 5)), rule("read", "ALLOW", condition(0, "GE", 5)))
    assert decided(made, X86_64, "read").otherwise == ()


def test_more_boxes_than_the_algebra_has_make_the_default_possible() -> None:
    many = profile(*(rule("read", "ALLOW", condition(0, "EQ", number * 2)) for number in range(300)))
    assert decided(many, X86_64, "read").otherwise == (EPERM,)


def test_an_abi_that_libseccomp_cannot_build_is_told_by_the_effects() -> None:
    on = abi("m68k")
    made = profile(rule("read", "ALLOW", condition(0, "EQ", 1)), architectures=("SCMP_ARCH_M68K",))
    found = decided(made, on, "read", 1)
    assert found.outcomes == (ALLOW,)
    assert found.not_built is not None
    assert found.not_built.endswith("cannot make filters for m68k")
    assert [one.rule for one in found.rules] == [0]


def test_conditions_that_libseccomp_may_build_into_something_else_leave_all_outcomes_open() -> None:
    odd = profile(rule("read", "ALLOW", condition(1, "LT", 1)), rule("read", "LOG", condition(1, "GT", 2**32 + 1)))
    found = decided(odd, X86_64, "read", 0, 2)
    assert set(found.outcomes) == {ALLOW, LOG, EPERM}
    assert not found.lets_through
    assert "something else" in (found.not_built or "")
    assert decided(odd, X86_64, "write").outcomes == (EPERM,)


def test_conditions_that_are_wrong_on_x32_alone_leave_no_filter_where_both_are_covered() -> None:
    """They share one `arch`, and thereby one filter."""
    conditions = (condition(0, "NE", 2**32 + 3), condition(1, "EQ", 3))
    made = profile(
        rule("read", "ALLOW", condition(0, "NE", 3)),
        rule("read", "ALLOW", condition(0, "EQ", 2**32 + 3), conditions[1]),
        architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X32"),
    )
    assert decided(made._replace(architectures=("SCMP_ARCH_X86_64",)), X86_64, "read", 1).not_built is None
    found = decided(made, X86_64, "read", 1)
    assert (found.outcomes, found.not_built is not None) == ((ALLOW,), True)


def test_rules_that_libseccomp_refuses_are_an_error() -> None:
    same = profile(rule("read", "ALLOW", condition(0, "EQ", 1)), rule("read", "LOG", condition(0, "EQ", 1)))
    with pytest.raises(FilterError, match=r"^rule 1 \(read\): libseccomp refuses it"):
        decided(same, X86_64, "read")
    assert decided(same, X86_64, "write").outcomes == (EPERM,)


def test_which_architectures_are_covered() -> None:
    """A runtime's filter always covers the host's own. Programs of aarch64 run on such hosts alone, those of x86 also
    on x86_64, and those of x32 only there."""
    one, none = (profile(rule("read", "ALLOW"), architectures=names) for names in (("SCMP_ARCH_X86_64",), ()))
    arm, unlisted = abi("aarch64"), Decision((BAD_ARCH,), covered=False, listed=False)
    for host in (NOTHING_KNOWN, Host(arm)):
        found = decided(one, arm, "read", host=host)
        assert (found.outcomes, found.listed) == ((ALLOW,), False)
        assert decided(none, arm, "read", host=host).outcomes == (ALLOW,)
    assert decided(one, X86_64, "read", host=Host(arm)).outcomes == (ALLOW,)
    assert decided(one, X86, "read", host=Host(arm)) == unlisted
    assert decided(one, X86, "read") == unlisted._replace(own_host=True)
    assert decided(one, X32, "read") == unlisted
    killed = Decision((BAD_ARCH,), covered=False)
    assert decided(none, arm, "read", host=Host(X86_64)) == killed
    assert decided(none, X86, "read", host=Host(X86_64)) == killed
    assert decided(none, X86, "read") == killed._replace(own_host=True)
    assert decided(none, X86, "read", host=Host(X86)).outcomes == (ALLOW,)
    assert decided(none, X32, "read") == killed


def test_a_number_below_minus_1_is_counted_to_x32() -> None:
    both = profile(rule("read", "ALLOW"), architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_X32"))
    for made, covered in ((both, True), (profile(rule("read", "ALLOW")), False)):
        assert decide(made, asked(X86_64, -2, ()), NOTHING_KNOWN).covered is covered
        assert decide(made, asked(X86_64, -1, ()), NOTHING_KNOWN).covered


def test_a_call_that_is_made_through_another_is_decided_by_the_rules_for_both() -> None:
    made = profile(rule("bind", "ALLOW", condition(0, "EQ", 9)), architectures=("SCMP_ARCH_X86",))
    found = decided(made, X86, "socketcall", 2)
    assert found.outcomes == (ALLOW,)
    assert found.rules[0].when == (ArgCondition(0, condition(0, "EQ", 2).operator, 2),)
    assert decided(made, X86, "socketcall", 3).outcomes == (EPERM,)
    assert decided(made, X86, "socketcall").otherwise == (ALLOW,)


def test_above_runc_s_border_its_stub_answers_first() -> None:
    made = profile(rule("read", "ALLOW"), rule("accept4", "ALLOW"), architectures=("SCMP_ARCH_X86_64",))
    assert decided(made, X86_64, "mseal").enosys_above == 288
    assert decided(made, X86_64, "mount").enosys_above is None
    assert decided(made, X86_64, "accept4").enosys_above is None


def test_rules_for_the_outer_call_count_for_what_libseccomp_refuses_of_an_inner_one() -> None:
    """`ipc` without conditions leaves no room for a contradiction of `shmat` that is made through it."""
    made = profile(
        *(rule("ipc", "ALLOW"), rule("shmat", "ALLOW"), rule("shmat", "LOG")), architectures=("SCMP_ARCH_PPC64LE",)
    )
    on = abi("ppc64le")
    build(made, [on])
    found = decided(made, on, "shmat")
    assert (found.outcomes, [one.rule for one in found.rules]) == ((ALLOW,), [1])
    with pytest.raises(FilterError):
        decided(without(made, 0), on, "shmat")
