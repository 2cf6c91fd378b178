"""What a profile is on one host: as Docker tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError
from audit2seccomp.formats import read_profile, write_profile
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.profile.model import ArchMapping, Clause, Profile, Rule, RuleAction
from audit2seccomp.profile.resolve import Host, Unanswered, Version, dockers_name, resolve, unanswered
from tests.profile.profiles import profiles

ARCHES = ("x86_64", "aarch64", "s390x", "x86", "loongarch64")
hosts = st.builds(
    Host,
    st.sampled_from(ARCHES).map(abi_named),
    st.sampled_from([(3, 10), (4, 8), (5, 9), (5, 10), (6, 12)]),
    st.frozensets(st.sampled_from(["CAP_SYS_ADMIN", "CAP_BPF", "CAP_SYS_PTRACE", "CAP_KILL"])),
)


def host(arch: str = "x86_64", kernel: Version = (6, 1), *caps: str) -> Host:
    return Host(abi_named(arch), kernel, frozenset(caps))


def profile(*rules: Rule, arch_map: tuple[ArchMapping, ...] = (), architectures: tuple[str, ...] = ()) -> Profile:
    return Profile(RuleAction.ERRNO, None, architectures, rules, arch_map=arch_map)


def rule(includes: Clause = Clause(), excludes: Clause = Clause(), name: str = "bpf") -> Rule:  # noqa: B008
    return Rule((name,), RuleAction.ALLOW, includes=includes, excludes=excludes)


def dockers(rule: Rule, there: Host) -> bool:
    """Whether Docker keeps a rule, in the order of its own loop."""
    assert there.abi is not None
    assert there.caps is not None
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(there.abi.name, there.abi.name)

    def reached(version: str) -> bool:
        assert there.kernel is not None
        kernel, major = (int(number) for number in version.split("."))
        return there.kernel[0] > kernel or (there.kernel[0] == kernel and there.kernel[1] >= major)

    if rule.excludes.arches and arch in rule.excludes.arches:
        return False
    for cap in rule.excludes.caps:
        if cap in there.caps:
            return False
    if rule.excludes.min_kernel is not None and reached(rule.excludes.min_kernel):
        return False
    if rule.includes.arches and arch not in rule.includes.arches:
        return False
    for cap in rule.includes.caps:
        if cap not in there.caps:
            return False
    return rule.includes.min_kernel is None or reached(rule.includes.min_kernel)


@given(profiles(), hosts)
def test_the_rules_are_those_that_docker_keeps(profile: Profile, there: Host) -> None:
    made = resolve(profile, there)
    kept = [one for one in profile.rules if dockers(one, there)]
    assert made.rules == tuple(one._replace(includes=Clause(), excludes=Clause()) for one in kept)
    assert made.arch_map == ()
    assert not any(unanswered(made))


FOUND = sorted(Path("fixtures/resolved").glob("*-amd64.jsonl"))
CASES = [json.loads(line) for path in FOUND for line in path.read_text().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_docker_itself_makes_the_same(case: dict[str, Any]) -> None:
    read = read_profile(json.dumps(case["profile"]).encode()).sound()
    major, minor = case["kernel"]
    made = resolve(read, Host(abi_named("amd64"), (major, minor), frozenset(case["caps"])))
    assert {"syscalls": [], **json.loads(write_profile(made).content)} == case["made"]


def test_there_are_such_cases() -> None:
    assert len(CASES) >= 50


@given(profiles(), hosts, st.sets(st.sampled_from(Host._fields)))
def test_what_is_not_asked_decides_nothing(profile: Profile, there: Host, hidden: set[str]) -> None:
    partly = Host(
        None if "abi" in hidden else there.abi,
        None if "kernel" in hidden else there.kernel,
        None if "caps" in hidden else there.caps,
    )
    if not any(unanswered(profile, partly)):
        assert resolve(profile, partly) == resolve(profile, there)


def test_the_architectures_are_those_of_the_first_entry_for_the_host() -> None:
    mappings = (
        ArchMapping("SCMP_ARCH_AARCH64", ("SCMP_ARCH_ARM",)),
        ArchMapping("SCMP_ARCH_X86_64", ("SCMP_ARCH_X86", "SCMP_ARCH_X32")),
        ArchMapping("SCMP_ARCH_X86_64", ()),
    )
    made = resolve(profile(arch_map=mappings), host())
    assert made.architectures == ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")
    assert resolve(profile(arch_map=mappings), host("riscv64")).architectures == ()
    assert resolve(profile(architectures=("SCMP_ARCH_X86",)), host()).architectures == ("SCMP_ARCH_X86",)


def test_only_what_is_open_is_asked() -> None:
    both = Clause(caps=("CAP_BPF",), min_kernel="5.8")
    only_s390 = Clause(arches=("s390x",), caps=("CAP_KILL",), min_kernel="4.8")
    asking = profile(rule(only_s390, name="s390_pci_mmio_read"), rule(both))
    assert unanswered(asking) == Unanswered(
        "includes.arches of rule 0 (s390_pci_mmio_read)",
        "includes.minKernel of rule 0 (s390_pci_mmio_read)",
        "includes.caps of rule 0 (s390_pci_mmio_read)",
    )
    assert unanswered(asking, Host(abi_named("amd64"))) == Unanswered(
        None, "includes.minKernel of rule 1 (bpf)", "includes.caps of rule 1 (bpf)"
    )
    assert unanswered(asking, Host(abi_named("amd64"), (5, 4))) == Unanswered()
    assert unanswered(profile(rule())) == Unanswered()


@pytest.mark.parametrize("text", ["4", "4.8.1", "4.", "x", "256.1", "0.0", "-1.2", "9" * 5000])
def test_a_kernel_that_docker_refuses(text: str) -> None:
    with pytest.raises(FormatError, match=r"rule 0 \(bpf\): includes.minKernel is .*: two numbers such as 4.8"):
        unanswered(profile(rule(Clause(min_kernel=text))))


def test_an_empty_kernel_is_any() -> None:
    asking = profile(rule(Clause(min_kernel="")), rule(excludes=Clause(min_kernel="")))
    assert len(resolve(asking, host()).rules) == 1


@pytest.mark.parametrize(
    ("arch", "name"), [("386", "x86"), ("amd64", "amd64"), ("arm64", "arm64"), ("mips64le", "mipsel64")]
)
def test_dockers_names_of_architectures_are_not_all_gos(arch: str, name: str) -> None:
    abi = abi_named(arch)
    assert abi is not None
    assert dockers_name(abi) == name
