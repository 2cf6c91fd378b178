"""The filter that `run` loads says what the profile says, or there is none."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import AlgebraError, FilterError
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.live.enforce import enforced, unknown_to
from audit2seccomp.live.host import this_host
from audit2seccomp.profile.effects import outcomes_of
from audit2seccomp.profile.model import LETS_THROUGH, Outcome, Profile, Rule, RuleAction
from audit2seccomp.profile.resolve import resolve
from audit2seccomp.profile.simulate import Program
from tests.profile.meanings import abi
from tests.profile.profiles import FILTERED, NEW, filtered_profiles

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="about a kernel of x86_64")

ABIS = ("x86_64", "x86", "x32")
LISTED = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")
ARGS = [(first, second, third, 0, 0, 0) for first in (0, 1, 2, 2**32 + 1) for second in (0, 9) for third in (0, 3)]
STARTS = Rule(("execve",), RuleAction.ALLOW)
architectures = st.lists(st.sampled_from(LISTED), max_size=3, unique=True).map(tuple)
actions = st.sampled_from([RuleAction.ALLOW, RuleAction.LOG, RuleAction.ERRNO, RuleAction.KILL_THREAD])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """A profile under which a command starts, and that says something of calls that libseccomp may lack."""
    made = draw(filtered_profiles(draw(architectures)))
    names = st.lists(st.sampled_from(NEW), min_size=1, max_size=2).map(tuple)
    rule = st.tuples(names, actions).map(lambda one: Rule(*one))
    return made._replace(
        rules=(
            *(one for one in made.rules if "no_such_call" not in one.names),
            *draw(st.lists(rule, max_size=2)),
            STARTS,
        )
    )


def _calls(profile: Profile) -> list[tuple[str, int, tuple[int, ...]]]:
    names = {*FILTERED, *NEW, "getpid", "execve", *(name for rule in profile.rules for name in rule.names)}
    found = [(one, table_of(abi(one)).number_of(name)) for one in ABIS for name in sorted(names)]
    numbered = [(one, nr) for one, nr in found if nr is not None] + [(one, 5000) for one in ABIS]
    return [(one, nr, args) for one, nr in numbered for args in ARGS]


@settings(max_examples=40)
@given(profiles())
def test_what_is_loaded_says_what_the_profile_says(profile: Profile) -> None:
    here = resolve(profile, this_host())
    try:
        program = Program(enforced(profile).program)
    except FilterError:
        return
    # This process's own architecture is always covered.
    covered = here if here.architectures else here._replace(architectures=("SCMP_ARCH_X86_64",))
    if "SCMP_ARCH_X86_64" not in covered.architectures:
        covered = covered._replace(architectures=("SCMP_ARCH_X86_64", *covered.architectures))
    for name, nr, args in _calls(profile):
        found = program.outcome(abi(name).audit_arch, nr, args)
        assert found in outcomes_of(covered, abi(name), nr, args), (name, nr, args)


@settings(max_examples=40)
@given(profiles(), st.sampled_from([RuleAction.LOG, RuleAction.NOTIFY]))
def test_what_is_not_known_is_seen_and_nothing_is_denied(profile: Profile, action: RuleAction) -> None:
    here = resolve(profile, this_host())
    try:
        program = Program(unknown_to(profile, action))
    except (FilterError, AlgebraError):
        return
    covered = here._replace(architectures=tuple({"SCMP_ARCH_X86_64": 0, **dict.fromkeys(here.architectures)}))
    for name, nr, args in _calls(profile):
        found = program.outcome(abi(name).audit_arch, nr, args)
        assert found in (Outcome(RuleAction.ALLOW), Outcome(action)), (name, nr, args)
        if not any(one.action in LETS_THROUGH for one in outcomes_of(covered, abi(name), nr, args)):
            assert found == Outcome(action), (name, nr, args)


def test_some_profiles_are_enforced() -> None:
    made = Profile(RuleAction.ERRNO, 38, LISTED, (STARTS, Rule(NEW, RuleAction.LOG)))
    program = Program(enforced(made).program)
    for name in NEW:
        nr = table_of(abi("x86_64")).number_of(name)
        assert nr is not None
        assert program.outcome(abi("x86_64").audit_arch, nr, (0,) * 6) == Outcome(RuleAction.LOG)


def test_a_new_call_that_a_list_of_denied_calls_names_is_seen() -> None:
    known = Profile(RuleAction.ALLOW, None, LISTED, (Rule(NEW, RuleAction.ERRNO),))
    program = Program(unknown_to(known, RuleAction.NOTIFY))
    for of in map(abi, ABIS):
        for nr in map(table_of(of).number_of, NEW):
            assert nr is not None
            assert program.outcome(of.audit_arch, nr, (0,) * 6) == Outcome(RuleAction.NOTIFY)
