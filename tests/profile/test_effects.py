"""What is said of a profile's effects against the filters that libseccomp makes of it, on all ABIs that it builds."""

from __future__ import annotations

import os
import signal
from itertools import product
from pathlib import Path

import pyseccomp
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FilterError
from audit2seccomp.formats import read_profile
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, oci_abis
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import (
    BAD_ARCH,
    Effect,
    compared_bits,
    conjunctions,
    effect_of,
    effects,
    is_certain,
    outcomes,
    outcomes_of,
)
from audit2seccomp.profile.exactness import disjoint
from audit2seccomp.profile.libseccomp import Filter, build, token_of
from audit2seccomp.profile.model import (
    ArgCondition,
    Clause,
    Operator,
    Outcome,
    Profile,
    RuleAction,
    default_outcome,
)
from audit2seccomp.profile.simulate import Program
from tests.profile.filters import (
    ABIS,
    ALLOW,
    BY_ORDER,
    KILL,
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


def answer(of: Profile, on: Abi, name: str, *args: int) -> Outcome:
    """What libseccomp's filter does with a call, which must be among the outcomes that we know of."""
    number = table_of(on).number_of(name)
    assert number is not None
    found = program(build(of, [on]), on).outcome(on.audit_arch, number, call(*args))
    assert found in outcomes_of(of._replace(architectures=(on.name,)), on, number, call(*args))
    return found


# Random profiles, all ABIs


def contradicts(of: Profile, abis: list[Abi]) -> bool:
    """Whether branches of some effect contradict each other, or would without the rules that replace them."""
    # A call that is made through another is a condition on that one.
    kept = (
        one if one.args else one._replace(names=tuple(name for name in one.names if name in MULTIPLEXED))
        for one in of.rules
    )
    conditional = of._replace(rules=tuple(one for one in kept if one.names))
    return any(
        not is_certain(effect, compared_bits(one))
        for one in abis
        for part in (of, conditional)
        for effect in effects(part, one).values()
    )


def check(of: Profile, on: Abi, filtered: Program, args: list[Args]) -> None:
    """The filter against the effects: each number of the table, and the calls of the rules with all the arguments."""
    bits, known, default = compared_bits(on), effects(of, on), Effect((), default_outcome(of))
    for number, name in table_of(on):
        effect = known.get(name, default)
        for some in args if name in known else args[:1]:
            expected = outcomes(effect, some, bits)
            assert filtered.outcome(on.audit_arch, number, some) in expected, (on.name, name, some)
            assert len(expected) == 1 or not is_certain(effect, bits)
            assert effect.always is None or expected == {effect.always}
    other = args[0]
    for number in (-1, 399, 599, 70_000, X32_SYSCALL_BIT - 1, X32_SYSCALL_BIT + 700, -2, -70_000):
        assert {filtered.outcome(on.audit_arch, number, other)} == outcomes_of(of, on, number, other), (on.name, number)


@settings(max_examples=60)
@given(st.data())
def test_filters_do_what_effects_say(data: st.DataObject) -> None:
    abis = data.draw(st.sampled_from(BY_ORDER))
    architectures = tuple(one.scmp_name or "" for one in abis)
    made = data.draw(filtered_profiles(architectures))
    if any(not effect.exact for one in abis for effect in effects(made, one).values()):
        with pytest.raises(FilterError, match="libseccomp may build"):
            build(made, abis)
        return
    try:
        filtered = program(build(made, abis), abis[0])
    except FilterError:
        event("refused")
        assert contradicts(made, abis)
        return
    event("built")
    args = samples(made, data)
    for one in abis:
        check(made, one, filtered, args)
    for one in ABIS:
        if one not in abis:
            assert filtered.outcome(one.audit_arch, 3, args[0]) == BAD_ARCH


@settings(max_examples=300)
@given(st.data())
def test_one_abi_alone(data: st.DataObject) -> None:
    on = data.draw(st.sampled_from(ABIS))
    made = data.draw(filtered_profiles((on.scmp_name or "",)))
    try:
        filtered = program(build(made, [on]), on)
    except FilterError:
        return
    check(made, on, filtered, samples(made, data))


values = st.sampled_from([0, 1, 2, 2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1])
conditions = st.builds(ArgCondition, st.just(0), st.sampled_from(Operator), values, values)


@given(conditions, conditions, st.sampled_from([32, 64]))
def test_disjoint_conditions_never_hold_at_once(one: ArgCondition, two: ArgCondition, bits: int) -> None:
    branches = profile(rule("read", "ALLOW", one), rule("read", "LOG", two))
    effect = effect_of(branches, X86_64 if bits == 64 else X86, "read")
    if disjoint((one,), (two,), bits) and effect.exact:
        for near, step in product((one.value, two.value, one.value_two or 0, two.value_two or 0), (-1, 0, 1)):
            assert len(outcomes(effect, call((near + step) % 2**64), bits)) == 1


COMMON = Path("/usr/share/containers/seccomp.json")


@pytest.mark.skipif(not COMMON.exists(), reason="golang-github-containers-common is not installed")
@pytest.mark.parametrize("on", ABIS, ids=lambda one: one.name)
def test_a_published_profile(on: Abi) -> None:
    """containers/common's on a host that gives a container no capability."""
    published = read_profile(COMMON.read_bytes()).sound()
    made = published._replace(
        arch_map=(),
        architectures=(on.name,),
        rules=tuple(one._replace(excludes=Clause()) for one in published.rules if one.includes == Clause()),
    )
    assert all(effect.exact for effect in effects(made, on).values())
    args = [call(*some) for some in product((0, 1, 2, 8, 16, 17, 2**32 + 1), (0, 1, 16), (8, 9, 10))]
    check(made, on, program(build(made, [on]), on), args)


# What docs/verdicts.md says, one by one


def test_conditions_of_a_rule_must_all_hold_and_one_rule_is_enough() -> None:
    both = profile(
        rule("read", "ALLOW", condition(0, "EQ", 1), condition(2, "EQ", 3)),
        rule("read", "ALLOW", condition(0, "EQ", 7)),
    )
    default = default_outcome(both)
    assert [answer(both, X86_64, "read", *args) for args in ((1, 0, 3), (1, 0, 4), (2, 0, 3), (7,))] == [
        *(ALLOW, default, default),
        ALLOW,
    ]


def test_a_repeated_index_makes_each_condition_a_rule() -> None:
    repeated = profile(rule("read", "ALLOW", condition(0, "EQ", 1), condition(0, "EQ", 2), condition(1, "EQ", 5)))
    assert len(conjunctions(repeated.rules[0])) == 3
    for args in ((1,), (2,), (3, 5)):
        assert answer(repeated, X86_64, "read", *args) == ALLOW
    assert answer(repeated, X86_64, "read", 3, 4) == default_outcome(repeated)


@pytest.mark.parametrize("order", [1, -1])
def test_a_rule_without_conditions_goes_before_those_that_have_some(order: int) -> None:
    rules = [rule("read", "LOG"), rule("read", "ALLOW", condition(0, "EQ", 1))][::order]
    assert answer(profile(*rules), X86_64, "read", 1) == LOG


def test_of_two_rules_without_conditions_the_first_counts() -> None:
    assert answer(profile(rule("read", "LOG"), rule("read", "ALLOW")), X86_64, "read") == LOG
    assert answer(profile(rule("read", "ALLOW"), rule("read", "LOG")), X86_64, "read") == ALLOW


def test_a_rule_that_says_the_default_is_skipped() -> None:
    skipped = profile(rule("read", "ERRNO", errno=1), rule("read", "ALLOW"), rule("write", "ERRNO", errno=2))
    assert answer(skipped, X86_64, "read") == ALLOW
    assert answer(skipped, X86_64, "write") == Outcome(RuleAction.ERRNO, 2)
    # libseccomp itself would refuse it.
    with pytest.raises(OSError, match="denied"):
        pyseccomp.SyscallFilter(pyseccomp.ERRNO(1)).add_rule(pyseccomp.ERRNO(1), "read")


def test_kill_is_kill_thread_and_not_kill_process() -> None:
    assert answer(profile(rule("read", "KILL")), X86_64, "read") == KILL
    killed = profile(rule("read", "KILL_THREAD"), rule("write", "KILL"), default="KILL_PROCESS")
    assert answer(killed, X86_64, "write") == KILL
    assert answer(killed, X86_64, "openat") == Outcome(RuleAction.KILL_PROCESS)


def test_an_errno_has_16_bits() -> None:
    assert answer(profile(rule("read", "ERRNO", errno=0x10026)), X86_64, "read") == Outcome(RuleAction.ERRNO, 0x26)


@pytest.mark.parametrize("on", ABIS, ids=lambda one: one.name)
def test_how_many_bits_are_compared(on: Abi) -> None:
    found = answer(profile(rule("read", "ALLOW", condition(0, "EQ", 1))), on, "read", 2**32 + 1)
    assert (found == ALLOW) is (compared_bits(on) == 32)


def test_n32_and_x32_compare_the_lower_half_although_their_registers_are_whole() -> None:
    assert {one.name for one in oci_abis() if compared_bits(one) == 64} == {
        *("x86_64", "aarch64", "loongarch64", "mips64", "mipsel64", "parisc64", "ppc64", "ppc64le", "riscv64", "s390x"),
    }


def test_a_mask_of_0_is_no_condition() -> None:
    always = profile(rule("read", "LOG", condition(0, "MASKED_EQ", 0, 5)), rule("read", "ALLOW"))
    assert answer(always, X86_64, "read", 3) == LOG
    upper = profile(rule("read", "LOG", condition(0, "MASKED_EQ", 2**32, 2**32)), rule("read", "ALLOW"))
    assert answer(upper, X86_64, "read", 2**32) == ALLOW
    assert answer(upper, X86, "read", 2**32) == LOG


def test_bits_outside_of_a_mask_do_not_count() -> None:
    masked = profile(rule("read", "ALLOW", condition(0, "MASKED_EQ", 4, 7)))
    assert answer(masked, X86_64, "read", 4) == ALLOW
    assert answer(masked, X86_64, "read", 3) == default_outcome(masked)


@pytest.mark.parametrize(
    ("names", "number", "looked_at"),
    [
        (("x86_64",), 0, True),
        (("x86_64",), X32_SYSCALL_BIT, False),
        (("x86_64",), -1, True),
        (("x86_64",), -2, False),
        (("x32",), 0, False),
        (("x32",), X32_SYSCALL_BIT, True),
        (("x32",), -1, True),
        (("x32",), -2, True),
        (("x86_64", "x32"), X32_SYSCALL_BIT, True),
        (("x86_64", "x32"), -2, True),
    ],
)
def test_x32_calls_are_calls_of_another_architecture(names: tuple[str, ...], number: int, looked_at: bool) -> None:
    allowed = profile(rule("read", "ALLOW"), architectures=names, default="KILL_PROCESS")
    filtered = program(build(allowed, [abi(name) for name in names]), X86_64)
    found = filtered.outcome(X86_64.audit_arch, number, call())
    assert (found != BAD_ARCH) is looked_at
    for on in (X86_64, X32):
        assert outcomes_of(allowed, on, number, call()) in ({found}, {default_outcome(allowed)})
    assert filtered.outcome(X86.audit_arch, 3, call()) == BAD_ARCH


def test_rules_that_contradict_each_other_are_refused() -> None:
    same = profile(rule("read", "ALLOW", condition(0, "EQ", 1)), rule("read", "LOG", condition(0, "EQ", 1)))
    with pytest.raises(FilterError, match=r"^rule 1 \(read\): libseccomp refuses it.*contradicts an earlier rule$"):
        build(same, [X86_64])
    assert not is_certain(effect_of(same, X86_64, "read"))
    # The lower halves are the same.
    halves = profile(rule("read", "ALLOW", condition(0, "EQ", 1)), rule("read", "LOG", condition(0, "EQ", 2**32 + 1)))
    assert is_certain(effect_of(halves, X86_64, "read"))
    assert not is_certain(effect_of(halves, X86, "read"), 32)
    build(halves, [X86_64])
    with pytest.raises(FilterError, match="contradicts"):
        build(halves, [X86])


def test_conditions_that_overlap_may_be_built_all_the_same() -> None:
    overlap = profile(rule("read", "ALLOW", condition(0, "EQ", 1)), rule("read", "LOG", condition(0, "NE", 3)))
    assert not is_certain(effect_of(overlap, X86_64, "read"))
    assert answer(overlap, X86_64, "read", 1) in (ALLOW, LOG)


# Calls that are made through another


@pytest.mark.parametrize("on", ABIS, ids=lambda one: one.name)
@pytest.mark.parametrize("name", MULTIPLEXED)
def test_a_rule_for_an_inner_call_speaks_of_the_outer_one(on: Abi, name: str) -> None:
    inner = MULTIPLEXED[name]
    table = table_of(on)
    allowed = profile(rule(name, "ALLOW", condition(0, "EQ", 99), condition(1, "EQ", 5)))
    assert list(effects(allowed, on)) == [one for one in (inner.through, name) if table.number_of(one) is not None]
    if table.number_of(inner.through) is not None:
        # The condition on the first argument is gone, the one on the second looks at what stands second here.
        assert answer(allowed, on, inner.through, inner.number, 5) == ALLOW
        assert answer(allowed, on, inner.through, inner.number, 6) == default_outcome(allowed)
        assert answer(allowed, on, inner.through, 99, 5) == default_outcome(allowed)
    if table.number_of(name) is not None:
        assert answer(allowed, on, name, 99, 5) == ALLOW
        assert answer(allowed, on, name, inner.number, 5) == default_outcome(allowed)


def test_a_rule_for_the_outer_call_allows_all_inner_ones_that_are_made_through_it() -> None:
    outer = profile(rule("socketcall", "ALLOW"), rule("bind", "LOG"))
    assert answer(outer, X86, "socketcall", 2) == ALLOW
    assert answer(outer, X86, "bind") == LOG


# Where libseccomp is not exact


INEXACT = [
    # Too little: an LT of one rule hides another's.
    (X86_64, [[condition(0, "LT", 2**32 + 1)], [condition(0, "LT", 0)]], (1,), False),
    # Too much: 2 is neither less than 1 nor greater than 2**32 + 1.
    (X86_64, [[condition(1, "LT", 1)], [condition(1, "GT", 2**32 + 1)]], (0, 2), True),
    (X86, [[condition(1, "NE", 3)], [condition(0, "EQ", 2), condition(1, "EQ", 3)]], (2, 3), False),
    (X86_64, [[condition(0, "EQ", 16), condition(2, "EQ", 9)], [condition(2, "NE", 9)]], (16, 0, 9), False),
]


@pytest.mark.parametrize(("on", "rules", "args", "allowed"), INEXACT)
def test_what_libseccomp_builds_into_something_else(
    on: Abi, rules: list[list[ArgCondition]], args: tuple[int, ...], allowed: bool
) -> None:
    wrong = profile(*(rule("read", "ALLOW", *conditions) for conditions in rules))
    effect = effect_of(wrong, on, "read")
    assert not effect.exact
    assert not is_certain(effect)
    assert outcomes(effect, call(*args)) == {ALLOW, default_outcome(wrong)}
    assert (outcomes(effect._replace(exact=True), call(*args)) == {ALLOW}) is not allowed
    with pytest.raises(FilterError, match="libseccomp may build its conditions into something else"):
        build(wrong, [on])
    number = table_of(on).number_of("read")
    assert number is not None
    found = program(Filter(add_all(rules, on), ()), on).outcome(on.audit_arch, number, call(*args))
    assert (found == ALLOW) is allowed


def test_what_libseccomp_does_not_come_to_an_end_with() -> None:
    conditions = [
        [condition(2, "NE", 0)],
        [condition(1, "NE", 2**32 + 1), condition(2, "EQ", 2**32 - 1)],
        [condition(0, "NE", 2**32 - 1), condition(1, "NE", 0)],
        [condition(0, "NE", 2**32 - 1), condition(2, "EQ", 2**32)],
    ]
    endless = profile(*(rule("read", "ALLOW", *some) for some in conditions))
    with pytest.raises(FilterError, match="or not come to an end"):
        build(endless, [X86_64])
    child = os.fork()
    if not child:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        add_all(conditions, X86_64)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGALRM


def add_all(rules: list[list[ArgCondition]], on: Abi) -> pyseccomp.SyscallFilter:
    """Rules that allow read(2), through pyseccomp alone."""
    context = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    context.remove_arch(pyseccomp.system_arch())
    context.add_arch(token_of(on))
    for conditions in rules:
        args = [pyseccomp.Arg(one.argument, getattr(pyseccomp, one.operator.name), one.value) for one in conditions]
        context.add_rule(pyseccomp.ALLOW, "read", *args)
    return context


@pytest.mark.parametrize("on", ABIS, ids=lambda one: one.name)
def test_effect_of_one_call_is_its_share_of_all_effects(on: Abi) -> None:
    made = profile(
        rule("socket", "ALLOW", condition(0, "NE", 40)),
        rule("bind", "ALLOW"),
        rule("socketcall", "LOG", condition(0, "EQ", 9)),
        rule("read", "ALLOW"),
    )
    known = effects(made, on)
    for name in (*named_calls(made), "write"):
        assert effect_of(made, on, name) == known.get(name, Effect((), default_outcome(made)))
