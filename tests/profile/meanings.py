"""Random profiles that overlap a lot, hosts, and what a profile does on a host: told a second time, by resolving it for
the host first. And what results of two or more should do, and what is told of their differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.algebra.combining import Operand
from audit2seccomp.profile.algebra.difference import Change
from audit2seccomp.profile.algebra.merging import Merged, merge
from audit2seccomp.profile.algebra.partitions import Mode, permissiveness
from audit2seccomp.profile.algebra.rules_by_call import THROUGH
from audit2seccomp.profile.effects import Effect, effect_of, holds, outcomes
from audit2seccomp.profile.model import (
    ArchMapping,
    ArgCondition,
    Clause,
    Operator,
    Outcome,
    Profile,
    Rule,
    RuleAction,
    default_outcome,
)

DIRECT = ("read", "open", "clone3", "socket", "socketcall")
"""`open` has no number on aarch64. On x86 and s390x, what is said of `socket` is said of `socketcall`, too."""
MADE_THROUGH = ("accept", "semop", "ipc", "socketcall", "read")
"""`accept` and `semop` have no number on x86 and s390x, where rules for them are about `socketcall` and `ipc` alone."""
CALLS = tuple(dict.fromkeys((*DIRECT, *MADE_THROUGH)))
VALUES = (0, 1, 2, 3, 6, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**64 - 1)
CAPS = ("CAP_A", "CAP_B")
KERNELS = ("4.8", "5.10")
KILLED = Outcome(RuleAction.KILL_THREAD)
"""What becomes of a call of an ABI that a profile does not look at."""

ARGUMENTS = [(first, second, 0, 0, 0, 0) for first in (*VALUES, 4, 5, 7, 8) for second in (0, 2, 3, 2**32 + 2)]
OUTER_ARGUMENTS = [(number, *args[1:]) for number in (1, 2, 5) for args in ARGUMENTS[:4]]
"""For `socketcall` and `ipc`: those of `socket` or `semop`, of `bind` or `semget`, and of `accept`."""


class Host(NamedTuple):
    """Where a container starts."""

    abi: Abi
    kernel: tuple[int, int]
    caps: frozenset[str]


def abi(name: str) -> Abi:
    """An ABI that is there."""
    found = abi_named(name)
    assert found is not None
    return found


HOSTS = [
    Host(abi(name), kernel, frozenset(caps))
    for name in ("x86_64", "aarch64")
    for kernel in ((4, 7), (5, 4), (5, 10))
    for caps in ((), ("CAP_A",), ("CAP_A", "CAP_B"))
]
ABIS = [(abi("x86_64"), 64), (abi("x86"), 32), (abi("aarch64"), 64), (abi("s390x"), 64)]
"""Of the calls, with the bits of their arguments that are compared."""


numbers = st.sampled_from(VALUES)
conditions = st.builds(
    ArgCondition, st.integers(0, 1), st.sampled_from(Operator), numbers, st.none() | numbers, st.just(())
)
clauses = st.builds(
    Clause,
    st.lists(st.sampled_from(CAPS), max_size=1).map(tuple),
    st.lists(st.sampled_from(("amd64", "arm64", "s390x")), max_size=2, unique=True).map(tuple),
    st.none() | st.sampled_from(KERNELS),
    st.just(()),
)
actions = st.sampled_from([RuleAction.ALLOW] * 4 + [RuleAction.ERRNO, RuleAction.LOG, RuleAction.KILL])


@st.composite
def rules(draw: st.DrawFn, *, dockers: bool, allow_list: bool) -> Rule:
    """A rule about few calls; in an allow list it allows."""
    with_clauses = dockers and draw(st.booleans())
    names = st.sampled_from(draw(st.sampled_from((DIRECT, MADE_THROUGH))))
    return Rule(
        tuple(draw(st.lists(names, min_size=1, max_size=3, unique=True))),
        RuleAction.ALLOW if allow_list else draw(actions),
        tuple(draw(st.lists(conditions, max_size=2))),
        draw(st.sampled_from([None, 1, 38])),
        comment=draw(st.none() | st.just("why")),
        includes=draw(clauses) if with_clauses else Clause(),
        excludes=draw(clauses) if with_clauses else Clause(),
    )


ERRNO = st.just(RuleAction.ERRNO)
default_actions = st.sampled_from([RuleAction.ERRNO, RuleAction.LOG, RuleAction.ALLOW])
arch_names = st.sampled_from(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X"])


@st.composite
def profiles(
    draw: st.DrawFn,
    *,
    dockers: bool = False,
    default: st.SearchStrategy[RuleAction] = ERRNO,
    same_architectures: bool = False,
    allow_list: bool = False,
) -> Profile:
    """A profile; all with Docker's clauses have an archMap."""
    entries = st.lists(
        st.builds(ArchMapping, st.just("SCMP_ARCH_X86_64"), st.sampled_from([(), ("SCMP_ARCH_X86",)]), st.just(())),
        max_size=1,
    )
    names = st.lists(arch_names, min_size=1, max_size=3, unique=True).map(tuple)
    listed = ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64" if allow_list else "SCMP_ARCH_X86")
    return Profile(
        draw(default),
        1,
        () if dockers else listed if same_architectures else draw(names),
        tuple(draw(st.lists(rules(dockers=dockers, allow_list=allow_list), max_size=4))),
        arch_map=tuple(draw(entries)) if dockers and not same_architectures else (),
    )


def resolved(profile: Profile, host: Host) -> Profile:
    """The plain profile that Docker makes of one on a host."""
    mapped = [entry for entry in profile.arch_map if entry.architecture == host.abi.scmp_name]
    own = host.abi.scmp_name or ""
    architectures = (own, *mapped[0].sub_architectures) if mapped else profile.architectures or (own,)
    return profile._replace(
        architectures=architectures,
        arch_map=(),
        rules=tuple(rule for rule in profile.rules if applies(rule, host)),
    )


def applies(rule: Rule, host: Host) -> bool:
    """Whether a rule is there on a host."""
    includes, excludes = rule.includes, rule.excludes
    name = host.abi.go_name
    return (
        set(includes.caps) <= host.caps
        and not set(excludes.caps) & host.caps
        and (not includes.arches or name in includes.arches)
        and name not in excludes.arches
        and (includes.min_kernel is None or host.kernel >= _version(includes.min_kernel))
        and not (excludes.min_kernel is not None and host.kernel >= _version(excludes.min_kernel))
    )


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


class Meaning:
    """What a profile does with calls on a host."""

    def __init__(self, profile: Profile, host: Host) -> None:
        """Take a profile in any form."""
        self._profile = resolved(profile, host)
        self._effects: dict[tuple[str, str], Effect] = {}

    def covers(self, of: Abi) -> bool:
        """Whether the profile looks at an ABI."""
        return of.scmp_name in self._profile.architectures

    def verdicts(self, of: Abi, name: str, args: tuple[int, ...], bits: int) -> frozenset[Outcome]:
        """What may become of a call; several outcomes where the profile contradicts itself."""
        if not self.covers(of):
            return frozenset({KILLED})
        if table_of(of).number_of(name) is None:
            return frozenset({default_outcome(self._profile)})
        if (of.name, name) not in self._effects:
            # What libseccomp makes of it is another question, which is asked of its filters.
            self._effects[of.name, name] = effect_of(self._profile, of, name)._replace(exact=True)
        return outcomes(self._effects[of.name, name], args, bits)


def merged(profiles: Sequence[Profile], mode: Mode, **options: object) -> Merged:
    """The profiles with names of their own."""
    operands = [Operand(f"{index}.json", profile) for index, profile in enumerate(profiles)]
    return merge(operands, mode, **options)  # type: ignore[arg-type]


def points(hosts: Sequence[Host] = HOSTS) -> Iterator[tuple[Host, Abi, int, str, tuple[int, ...]]]:
    """Calls, and where they are made."""
    for host in hosts:
        for of, bits in ABIS:
            for name in CALLS:
                outer = OUTER_ARGUMENTS if name in THROUGH else ()
                for args in (*ARGUMENTS[:: 7 if len(hosts) > 1 else 1], *outer):
                    yield host, of, bits, name, args


def most(outcomes: list[Outcome]) -> Outcome:
    """The most permissive one."""
    return max(outcomes, key=permissiveness)


def least(outcomes: list[Outcome]) -> Outcome:
    """The least permissive one."""
    return min(outcomes, key=permissiveness)


def says(change: Change, host: Host, of: Abi, bits: int, args: tuple[int, ...]) -> bool:
    """Whether a change is about a call on a host."""
    return of in change.abis and any(
        all(holds(one, args, bits) for one in case.args)
        and applies(Rule((), RuleAction.ALLOW, includes=case.includes, excludes=case.excludes), host)
        for case in change.cases
    )


def spoken_of(*profiles: Profile) -> set[str]:
    """The calls that a rule speaks of, on one ABI or another."""
    named = {name for profile in profiles for rule in profile.rules for name in rule.names}
    return named | {inner.through for name, inner in MULTIPLEXED.items() if name in named}
