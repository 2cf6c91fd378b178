"""What is wrapped of libseccomp: versions, errors, and that filters are those that a runtime would make."""

from __future__ import annotations

import re
import sys

import pyseccomp
import pytest

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.abi import Abi, abi_named, oci_abis
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile import libseccomp
from audit2seccomp.profile.libseccomp import LeftOut, build, buildable_abis, library_version, native_abi, token_of
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, RuleAction
from audit2seccomp.profile.simulate import BPF_MAXINSNS, Program

X86_64, X86, ARM64, S390X = (abi for name in ("x86_64", "x86", "aarch64", "s390x") if (abi := abi_named(name)))


def test_the_library_says_its_version() -> None:
    assert re.fullmatch(r"2\.\d+\.\d+", library_version())


def test_which_filters_can_be_made() -> None:
    for abi in oci_abis():
        context = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
        context.remove_arch(pyseccomp.system_arch())
        try:
            context.add_arch(token_of(abi))
        except OSError:
            assert abi not in buildable_abis()
        else:
            assert abi in buildable_abis()
    assert native_abi() in buildable_abis()


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyseccomp")
    monkeypatch.setattr(libseccomp, "_LIBRARY", "libnone.so.2")
    libseccomp._pyseccomp.cache_clear()
    says = r"^libnone.so.2, .* cannot be loaded: no such file or directory: apt-get install libseccomp2, or dnf install"
    with pytest.raises(FilterError, match=says):
        library_version()


def test_an_abi_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libseccomp, "buildable_abis", lambda: (X86_64,))
    with pytest.raises(FilterError, match=r"^libseccomp 2[.0-9]+: cannot make filters for aarch64$"):
        build(Profile(RuleAction.ERRNO, None, (), ()), [X86_64, ARM64])
    with pytest.raises(FilterError, match="needs an architecture"):
        build(Profile(RuleAction.ERRNO, None, (), ()), [])


@pytest.mark.parametrize("errno", [4095, 5000, 0xFFFF])
def test_an_errno_that_libseccomp_refuses(errno: int) -> None:
    says = "libseccomp refuses it, as it would in runc and crun: errno {} is more than 4094$"
    with pytest.raises(FilterError, match=f"^the default action: {says.format(errno)}"):
        build(Profile(RuleAction.ERRNO, errno, (), ()), [X86_64])
    rule = Rule(("read",), RuleAction.ERRNO, errno=errno)
    with pytest.raises(FilterError, match=rf"^rule 0 \(read\): {says.format(errno)}"):
        build(Profile(RuleAction.ALLOW, None, (), (rule,)), [X86_64])
    build(Profile(RuleAction.ERRNO, 4094, (), (rule._replace(action=RuleAction.TRACE),)), [X86_64])


def test_a_default_action_that_libseccomp_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(action: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(pyseccomp, "SyscallFilter", fails)
    with pytest.raises(FilterError, match=r"^the default action: libseccomp refuses it, .*: invalid argument$"):
        build(Profile(RuleAction.NOTIFY, None, (), ()), [X86_64])


@pytest.mark.parametrize("count", [0, 1, 30, 33, 340])
def test_filters_are_those_of_a_runtime(count: int) -> None:
    """One context for all architectures, as runc does it, gives the same answers."""
    names = [name for _, name in table_of(X86_64) if pyseccomp.resolve_syscall(0, name) != -1][:count]
    profile = Profile(RuleAction.ERRNO, 38, (), tuple(Rule((name,), RuleAction.ALLOW) for name in names))
    context = pyseccomp.SyscallFilter(pyseccomp.ERRNO(38))
    for token in (X86.audit_arch, ARM64.audit_arch):
        context.add_arch(token)
    if count > 32:
        context.set_attr(pyseccomp.Attr.CTL_OPTIMIZE, 2)
    for name in names:
        context.add_rule(pyseccomp.ALLOW, name)
    ours = Program(build(profile, [ARM64, X86_64, X86]).bpf())
    theirs = Program(libseccomp.Filter(context, ()).bpf())
    for abi in (X86_64, X86, ARM64):
        for number in range(-1, 600):
            args = [number % 21] * 6
            assert ours.verdict(abi.audit_arch, number, args) == theirs.verdict(abi.audit_arch, number, args)


@pytest.mark.parametrize("names", [("open", "read"), ("accept",), ("semop", "shmat")])
@pytest.mark.parametrize("on", buildable_abis(), ids=lambda abi: abi.name)
def test_names_that_an_abi_lacks_do_no_harm(on: Abi, names: tuple[str, ...]) -> None:
    """In one context with 2.5.4 the filter would compare the architecture's number with the call's."""
    conditions = (ArgCondition(1, Operator.NE, 0),)
    rules = (Rule(names[:1], RuleAction.ALLOW), Rule(names[1:] or names, RuleAction.ALLOW, conditions))
    filtered = Program(build(Profile(RuleAction.ERRNO, 38, (), rules), [on]).bpf(), big_endian=on.big_endian)
    for name in names:
        number, through = table_of(on).number_of(name), multiplexed(on, name)
        if number is not None:
            assert filtered.outcome(on.audit_arch, number, [1] * 6) == Outcome(RuleAction.ALLOW)
        if through is not None:
            outer = table_of(on).number_of(through.through)
            assert outer is not None
            assert filtered.outcome(on.audit_arch, outer, [through.number, *[1] * 5]) == Outcome(RuleAction.ALLOW)


def test_what_is_left_out() -> None:
    rules = (
        Rule(("open", "read", "no_such_call"), RuleAction.ALLOW),
        Rule(("no_such_call", "read"), RuleAction.ALLOW),
        Rule(("no_such_call",), RuleAction.LOG),
    )
    made = build(Profile(RuleAction.ERRNO, None, (), rules), [X86_64, ARM64])
    # open is no call of aarch64, so nothing is lost.
    assert made.left_out == (
        LeftOut("no_such_call", Outcome(RuleAction.ALLOW), (X86_64, ARM64)),
        LeftOut("no_such_call", Outcome(RuleAction.LOG), (X86_64, ARM64)),
    )


def test_more_conditions_than_a_program_can_hold_are_refused_before_they_are_built() -> None:
    """Building them would take minutes."""
    rules = [
        Rule(("clone",), RuleAction.ERRNO, (ArgCondition(0, Operator.EQ, number),))
        for number in range(BPF_MAXINSNS + 1)
    ]
    with pytest.raises(FilterError, match=r"clone \(x86_64\): 4,097 rules with conditions"):
        build(Profile(RuleAction.ALLOW, None, (), tuple(rules)), (X86_64,))
