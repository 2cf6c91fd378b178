"""Profiles by hand, the filters that libseccomp makes of them, and calls to try those with."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.profile.libseccomp import Filter, buildable_abis
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, RuleAction
from audit2seccomp.profile.simulate import Program
from tests.profile.meanings import abi

ABIS = buildable_abis()
BY_ORDER = [[abi for abi in ABIS if abi.big_endian is big] for big in (False, True)]
ALLOW, LOG, KILL = Outcome(RuleAction.ALLOW), Outcome(RuleAction.LOG), Outcome(RuleAction.KILL_THREAD)
Args = tuple[int, int, int, int, int, int]
X86_64, X32, X86 = abi("x86_64"), abi("x32"), abi("x86")


def condition(argument: int, operator: str, value: int, two: int | None = None) -> ArgCondition:
    """A condition by the end of its operator's name."""
    return ArgCondition(argument, Operator(f"SCMP_CMP_{operator}"), value, two)


def rule(name: str, action: str, *conditions: ArgCondition, errno: int | None = None) -> Rule:
    """A rule for one call."""
    return Rule((name,), RuleAction(f"SCMP_ACT_{action}"), conditions, errno)


def profile(*rules: Rule, architectures: tuple[str, ...] = (), default: str = "ERRNO") -> Profile:
    """A profile with these rules."""
    return Profile(RuleAction(f"SCMP_ACT_{default}"), None, architectures, rules)


def program(made: Filter, of: Abi) -> Program:
    """The filter, as the kernel of that ABI runs it."""
    return Program(made.bpf(), big_endian=of.big_endian)


def call(*args: int) -> Args:
    """Six arguments."""
    first, second, third, fourth, fifth, sixth = (*args, *[0] * (6 - len(args)))
    return first, second, third, fourth, fifth, sixth


def samples(of: Profile, draw: st.DataObject) -> list[Args]:
    """Arguments on the edges of the conditions, with other upper halves, too."""
    values = {value for one in of.rules for part in one.args for value in (part.value, part.value_two or 0)}
    edges = {(value + step) % 2**64 for value in values or {0} for step in (-1, 0, 1, 2**32)}
    subcalls = {entry.number for entry in MULTIPLEXED.values()}
    datum = st.sampled_from(sorted(edges | {0, 2**33}))
    args = st.tuples(datum | st.sampled_from(sorted(subcalls)), datum, datum, *[st.just(0)] * 3)
    return draw.draw(st.lists(args, min_size=12, max_size=12))


def named_calls(of: Profile) -> Iterator[str]:
    """All names of the rules."""
    yield from (name for one in of.rules for name in one.names)
