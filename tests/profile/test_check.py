"""Recorded calls against profiles: denied, allowed, or depending on what a log does not tell."""

from __future__ import annotations

import pytest

from audit2seccomp.evidence.calls import Call, calls_of
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.reading import read
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT
from audit2seccomp.profile.check import Checked, check
from audit2seccomp.profile.effects import BAD_ARCH
from audit2seccomp.profile.model import ArchMapping, ArgCondition, Clause, Operator, Outcome, Profile, Rule, RuleAction
from tests.cli.command import AARCH64, ALPHA, I386, X86_64, line

ALLOW, DENY = RuleAction.ALLOW, RuleAction.ERRNO
ONE = ArgCondition(0, Operator.EQ, 1)


def profile(*rules: Rule, arches: tuple[str, ...] = ("SCMP_ARCH_X86_64",)) -> Profile:
    return Profile(DENY, 38, arches, rules)


def calls(*numbers: int, arch: str = X86_64) -> list[Call]:
    return calls_of(read([line(nr, arch=arch) for nr in numbers]))


def verdict(one: Checked) -> str:
    return "allowed" if one.allowed else "denied" if one.denied else "depends"


@pytest.mark.parametrize(
    ("rules", "expected", "depends"),
    [
        ((), "denied", ()),
        ((Rule(("read",), ALLOW),), "allowed", ()),
        ((Rule(("read",), RuleAction.LOG),), "allowed", ()),
        ((Rule(("read",), RuleAction.TRACE),), "denied", ()),
        ((Rule(("write",), ALLOW),), "denied", ()),
        ((Rule(("read",), ALLOW, (ONE,)),), "depends", ("arguments",)),
        ((Rule(("read",), ALLOW, (ONE,)), Rule(("read",), ALLOW)), "allowed", ()),
        ((Rule(("read",), ALLOW), Rule(("read",), RuleAction.KILL)), "allowed", ()),
        ((Rule(("read",), RuleAction.KILL), Rule(("read",), ALLOW)), "denied", ()),
        # It says what the default says, and the runtimes skip it.
        ((Rule(("read",), DENY, errno=38), Rule(("read",), ALLOW)), "allowed", ()),
        ((Rule(("read",), RuleAction.KILL, (ONE,)),), "denied", ("arguments",)),
        ((Rule(("read",), ALLOW, includes=Clause(caps=("CAP_BPF",))),), "depends", ("CAP_BPF",)),
        ((Rule(("read",), ALLOW, excludes=Clause(min_kernel="5.1")),), "depends", ("kernel 5.1",)),
        ((Rule(("read",), ALLOW, includes=Clause(arches=("amd64",))),), "allowed", ()),
        ((Rule(("read",), ALLOW, includes=Clause(arches=("arm64",))),), "denied", ()),
        ((Rule(("read",), ALLOW, excludes=Clause(arches=("amd64",))),), "denied", ()),
        (
            (Rule(("read",), RuleAction.KILL, includes=Clause(caps=("CAP_BPF",))), Rule(("read",), ALLOW)),
            "depends",
            ("CAP_BPF",),
        ),
    ],
)
def test_what_becomes_of_a_call(rules: tuple[Rule, ...], expected: str, depends: tuple[str, ...]) -> None:
    (one,) = check(profile(*rules), calls(0))
    assert (verdict(one), one.depends) == (expected, depends)


def test_a_call_of_an_architecture_that_is_not_listed_is_denied() -> None:
    for call in (*calls(0, arch=I386), *calls(X32_SYSCALL_BIT), *calls(0, arch=ALPHA)):
        (one,) = check(profile(Rule(("restart_syscall", "read"), ALLOW)), [call])
        assert one == Checked(call, (BAD_ARCH,), covered=False)


@pytest.mark.parametrize("arches", [(), ("SCMP_ARCH_X86_64",)])
def test_the_host_s_own_architecture_is_covered_in_any_case(arches: tuple[str, ...]) -> None:
    """Programs of aarch64 run nowhere else."""
    for name, expected in (("io_setup", "allowed"), ("read", "denied")):
        (one,) = check(profile(Rule((name,), ALLOW), arches=arches), calls(0, arch=AARCH64))
        assert (verdict(one), one.covered) == (expected, True)


def test_without_architectures_a_32_bit_call_depends_on_the_host() -> None:
    made = profile(Rule(("restart_syscall", "read"), ALLOW), arches=())
    (one,) = check(made, calls(0, arch=I386))
    assert (one.possible, one.depends, one.covered) == ((Outcome(ALLOW), BAD_ARCH), ("host architecture",), True)
    # 64-bit calls were seen, too, so it is x86_64.
    found = check(made, [*calls(0), *calls(0, arch=I386)])
    assert [verdict(one) for one in found] == ["allowed", "denied"]


def test_without_architectures_calls_of_x32_are_denied() -> None:
    """No host is x32."""
    (one,) = check(profile(Rule(("read",), ALLOW), arches=()), calls(X32_SYSCALL_BIT))
    assert (one.possible, one.covered) == ((BAD_ARCH,), False)


def test_docker_s_map_of_architectures_tells_which_hosts_have_a_rule() -> None:
    mapped = profile(Rule(("restart_syscall",), ALLOW, includes=Clause(arches=("amd64",))), arches=())._replace(
        arch_map=(ArchMapping("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86",)), ArchMapping("SCMP_ARCH_AARCH64", ()))
    )
    assert [verdict(one) for one in check(mapped, calls(0, arch=I386))] == ["allowed"]
    assert [verdict(one) for one in check(mapped, calls(0, arch=AARCH64))] == ["denied"]
    (one,) = check(mapped, calls(X32_SYSCALL_BIT))
    assert not one.covered


def test_a_record_of_socketcall_does_not_say_which_call_it_was() -> None:
    """Number 102 of x86: libseccomp turns a rule for `socket` into one for `socketcall`, too."""
    x86 = ("SCMP_ARCH_X86",)
    (one,) = check(profile(Rule(("socket",), ALLOW), arches=x86), calls(102, arch=I386))
    assert (verdict(one), one.depends) == ("depends", ("the call inside",))
    (one,) = check(profile(Rule(("socket", "socketcall"), ALLOW), arches=x86), calls(102, arch=I386))
    assert verdict(one) == "allowed"
    (one,) = check(profile(Rule(("semop",), ALLOW), arches=x86), calls(102, arch=I386))
    assert verdict(one) == "denied"


def test_a_number_without_a_name_has_the_default_outcome() -> None:
    (one,) = check(profile(Rule(("read",), ALLOW)), calls(100_000))
    assert one.denied
    assert check(profile(), calls_of(Evidence())) == []
