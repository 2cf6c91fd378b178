"""minijail's policy files: an interpreter of the documented language does with each call what the profile does."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError
from audit2seccomp.formats import write_profile
from audit2seccomp.formats.written import WriteOptions
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import effect_of, outcomes
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, RuleAction
from tests.formats.policy import ALLOWED, KILLED, policy_lines, verdict

LETS_THROUGH = (RuleAction.ALLOW, RuleAction.LOG)
KILLS = (RuleAction.KILL, RuleAction.KILL_THREAD, RuleAction.KILL_PROCESS)
BITS = {"SCMP_ARCH_X86_64": 64, "SCMP_ARCH_X86": 32, "SCMP_ARCH_ARM": 32, "SCMP_ARCH_RISCV64": 64}
CALLS = ("read", "clone", "ioctl", "socket", "mmap2", "fork", "no_such_call")
numbers = st.one_of(st.integers(0, 9), st.sampled_from([2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1]))
conditions = st.builds(
    ArgCondition,
    st.integers(0, 2),
    st.sampled_from(Operator),
    numbers,
    st.none() | numbers,
    st.just(()),
)


@st.composite
def fitting(draw: st.DrawFn) -> Profile:
    """A profile whose calls are allowed under conditions, or denied whatever their arguments are."""
    errnos = st.none() | st.integers(0, 4095)
    allowing = st.builds(
        lambda names, action, args: Rule(tuple(names), action, tuple(args)),
        st.lists(st.sampled_from(CALLS), min_size=1, max_size=3),
        st.sampled_from(LETS_THROUGH),
        st.lists(conditions, max_size=3),
    )
    denying = st.builds(
        lambda names, action, errno: Rule(tuple(names), action, errno=errno),
        st.lists(st.sampled_from(CALLS), min_size=1, max_size=3),
        st.sampled_from([RuleAction.ERRNO, *KILLS]),
        errnos,
    )
    return Profile(
        draw(st.sampled_from([RuleAction.ERRNO, *KILLS])),
        draw(errnos),
        (draw(st.sampled_from(list(BITS))),),
        tuple(draw(st.lists(allowing | denying, max_size=5))),
    )


def denies_socketcall(profile: Profile) -> bool:
    """Whether `socketcall` is denied under a condition: where `socket` is denied on the ABI that makes it so."""
    denied = any("socket" in rule.names and rule.action not in LETS_THROUGH for rule in profile.rules)
    return denied and profile.architectures == ("SCMP_ARCH_X86",)


@settings(max_examples=300)
@given(profile=fitting(), data=st.data())
def test_a_policy_does_what_the_profile_does(profile: Profile, data: st.DataObject) -> None:
    assume(not denies_socketcall(profile))
    written = write_profile(profile, "minijail")
    assert isinstance(written.content, str)
    abi = abi_named(profile.architectures[0])
    assert abi is not None
    bits = BITS[profile.architectures[0]]
    edges = {one.value for rule in profile.rules for one in rule.args} | {
        one.value_two or 0 for rule in profile.rules for one in rule.args
    }
    values = st.sampled_from(
        [near for edge in edges for near in (edge - 1, edge, edge + 1) if 0 <= near < 2**64] or [0]
    )
    args = tuple(data.draw(values | numbers) for _ in range(6))
    named = {name for rule in profile.rules for name in rule.names}
    for call in (*CALLS, "write", "socketcall"):
        wanted = outcomes(effect_of(profile, abi, call)._replace(exact=True), args, bits)
        actions = {outcome.action for outcome in wanted}
        got = verdict(written.content, call, args, bits)
        if actions & set(LETS_THROUGH):
            assert got == ALLOWED
        else:
            (outcome,) = wanted
            has_line = f"\n{call}: " in written.content
            assert has_line or call not in named or table_of(abi).number_of(call) is None or outcome.errno is None
            assert got == (KILLED if outcome.errno is None or not has_line else outcome.errno)
    if profile.default_action is RuleAction.ERRNO:
        assert any("are killed, instead of failing with" in loss for loss in written.losses)


@settings(max_examples=300)
@given(
    mask=st.integers(0, 2**64 - 1) | numbers,
    wanted=st.integers(0, 2**64 - 1) | numbers,
    argument=st.integers(0, 2**64 - 1) | numbers,
    subset=st.booleans(),
)
def test_masks_are_said_exactly(mask: int, wanted: int, argument: int, subset: bool) -> None:
    wanted = wanted & mask if subset else wanted
    rule = Rule(("read",), RuleAction.ALLOW, (ArgCondition(1, Operator.MASKED_EQ, mask, wanted),))
    written = write_profile(Profile(RuleAction.ERRNO, 38, ("SCMP_ARCH_X86_64",), (rule,)), "minijail")
    assert isinstance(written.content, str)
    for value in (argument, wanted, (argument & ~mask) | wanted, argument | mask):
        got = verdict(written.content, "read", (0, value % 2**64, 0, 0, 0, 0), 64)
        assert got == (ALLOWED if value & mask == wanted & mask else 38)


def test_each_condition_has_its_words() -> None:
    rules = (
        Rule(("mmap",), RuleAction.ALLOW, (ArgCondition(2, Operator.MASKED_EQ, 4, 0), ArgCondition(0, Operator.NE, 1))),
        Rule(("clone",), RuleAction.ALLOW, (ArgCondition(0, Operator.MASKED_EQ, 0x7E020000, 0x2020000),)),
        Rule(("personality",), RuleAction.ALLOW, (ArgCondition(0, Operator.EQ, 8), ArgCondition(0, Operator.EQ, 0))),
        Rule(("ptrace",), RuleAction.ERRNO, errno=1),
        Rule(("read", "open"), RuleAction.ALLOW),
        Rule(("bpf",), RuleAction.KILL_PROCESS),
    )
    written = write_profile(Profile(RuleAction.ERRNO, 38, ("SCMP_ARCH_AARCH64",), rules), "minijail")
    assert written.content == (
        "# aarch64\n"
        "clone: arg0 & 0x20000 && arg0 & 0x2000000 && arg0 in ~0x7c000000; return 38\n"
        "mmap: arg0 != 0x1 && arg2 in ~0x4; return 38\n"
        "personality: arg0 == 0x8 || arg0 == 0x0; return 38\n"
        "ptrace: return 1\n"
        "read: 1\n"
    )
    assert written.losses == (
        "minijail: calls that the profile does not name are killed, instead of failing with ENOSYS",
        "minijail: only the thread is killed, unless minijail0 synchronizes threads",
        "minijail: left out, since aarch64 has no such call: open",
    )


def test_one_architecture_of_several_is_chosen() -> None:
    profile = Profile(
        RuleAction.KILL_THREAD,
        None,
        ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
        (Rule(("socket", "mmap2"), RuleAction.LOG),),
    )
    with pytest.raises(
        FormatError, match="the profile has SCMP_ARCH_X86_64, SCMP_ARCH_X86: convert --arch says which one"
    ):
        write_profile(profile, "minijail")
    written = write_profile(profile, "minijail", WriteOptions(architectures=("SCMP_ARCH_X86",)))
    assert written.content == "# x86\nmmap2: 1\nsocket: 1\nsocketcall: arg0 == 0x1\n"
    assert written.losses == (
        "minijail: allowed without being logged: mmap2, socket, socketcall",
        "minijail: calls of other architectures are killed: SCMP_ARCH_X86_64",
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"default_action": RuleAction.ALLOW}, "lets through what it does not name"),
        ({"default_action": RuleAction.LOG}, "lets through what it does not name"),
        ({"default_action": RuleAction.TRAP}, "the default action: a policy cannot say SCMP_ACT_TRAP"),
        ({"default_errno": 4096}, "the default action: no errno 4096"),
        ({"rules": (Rule(("read",), RuleAction.TRACE),)}, "read: a policy cannot say SCMP_ACT_TRACE"),
        (
            {"rules": (Rule(("read",), RuleAction.ERRNO, (ArgCondition(0, Operator.EQ, 1),), errno=1),)},
            "read: a line says when a call is allowed, not when it is denied",
        ),
        ({"rules": (Rule(("read: 1\nwrite",), RuleAction.ALLOW),)}, "no name of a call"),
        ({"architectures": ()}, "the profile names none: convert --arch says which one"),
        ({"architectures": ("SCMP_ARCH_X32",)}, "there is none for SCMP_ARCH_X32"),
        (
            {
                "rules": tuple(
                    Rule(("ioctl",), RuleAction.ALLOW, (ArgCondition(1, Operator.EQ, number),)) for number in range(600)
                )
            },
            "more than 512 alternatives",
        ),
    ],
)
def test_what_a_policy_cannot_say_is_an_error(change: dict[str, object], says: str) -> None:
    profile = Profile(RuleAction.ERRNO, 38, ("SCMP_ARCH_X86_64",), (Rule(("read",), RuleAction.ALLOW),))
    with pytest.raises(FormatError, match=says) as error:
        write_profile(Profile(**{**profile._asdict(), **change}), "minijail")
    assert str(error.value).startswith("minijail: ")


@settings(max_examples=200)
@given(profile=fitting(), args=st.tuples(*[numbers] * 6))
def test_a_policy_never_allows_what_the_profile_denies(profile: Profile, args: tuple[int, ...]) -> None:
    denying = Rule(("clone",), RuleAction.ERRNO, errno=5)
    profile = profile._replace(rules=(denying, *profile.rules))
    assume(profile.default_errno != 5 and not denies_socketcall(profile))
    written = write_profile(profile, "minijail")
    assert isinstance(written.content, str)
    assert policy_lines(written.content)["clone"] == "return 5"
    assert verdict(written.content, "clone", args, 64) == 5
    abi = abi_named(profile.architectures[0])
    assert abi is not None
    assert effect_of(profile, abi, "clone").always == Outcome(RuleAction.ERRNO, 5)
