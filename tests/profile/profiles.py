"""Random profiles for property tests: all that the model can say."""

from __future__ import annotations

from hypothesis import strategies as st

from audit2seccomp.kernel.abi import scmp_names
from audit2seccomp.profile.model import (
    FILTER_FLAGS,
    MAX_U32,
    MAX_U64,
    ArchMapping,
    ArgCondition,
    Clause,
    Extra,
    Operator,
    Profile,
    Rule,
    RuleAction,
)

CALLS = ("read", "write", "openat", "clone", "personality", "socket", "ioctl", "clone3", "no_such_call")
NEW = ("file_getattr", "listxattrat", "open_tree_attr", "statmount", "listmount")
"""Calls that are newer than many a libseccomp."""
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.sampled_from([0, 1, 2, 38, 4095, 2**31, MAX_U32])
values = st.one_of(
    st.integers(0, 8), st.sampled_from([2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63, MAX_U64]), st.integers(0, MAX_U64)
)


def maybe(strategy: st.SearchStrategy[int] | st.SearchStrategy[str]) -> st.SearchStrategy[int | str | None]:
    """Now and then nothing."""
    return st.none() | strategy


def extras(*taken: str) -> st.SearchStrategy[Extra]:
    """Keys that no format defines, with JSON values as Python writes them."""
    keys = st.text("xyz", min_size=1, max_size=2).filter(lambda key: key not in taken)
    return st.dictionaries(keys, st.sampled_from(["1", '"a"', "[true, null]", '{"b": 1.5}']), max_size=2).map(
        lambda members: tuple(members.items())
    )


conditions = st.builds(ArgCondition, st.integers(0, 5), st.sampled_from(Operator), values, st.none() | values, extras())
clauses = st.builds(
    Clause,
    st.lists(st.sampled_from(["CAP_SYS_ADMIN", "CAP_BPF", "CAP_SYS_PTRACE"]), max_size=2, unique=True).map(tuple),
    st.lists(st.sampled_from(["amd64", "arm64", "s390x"]), max_size=2, unique=True).map(tuple),
    st.none() | st.sampled_from(["4.8", "5.10"]),
    extras(),
)


@st.composite
def rules(draw: st.DrawFn, *, dockers: bool = True) -> Rule:
    """A rule, with what only Docker's form has or without."""
    names = tuple(draw(st.lists(st.sampled_from(CALLS), min_size=1, max_size=4)))
    rule = Rule(
        names,
        draw(st.sampled_from(RuleAction)),
        tuple(draw(st.lists(conditions, max_size=3))),
        draw(st.none() | numbers),
        extra=draw(extras()),
    )
    if not dockers:
        return rule
    return rule._replace(
        errno_name=draw(st.sampled_from([None, "EPERM", "ENOSYS"])),
        comment=draw(st.none() | texts),
        includes=draw(clauses),
        excludes=draw(clauses),
        single=len(names) == 1 and draw(st.booleans()),
    )


arch_lists = st.lists(st.sampled_from(scmp_names()), max_size=3, unique=True).map(tuple)


@st.composite
def profiles(draw: st.DrawFn, *, dockers: bool = True) -> Profile:
    """A profile in Docker's form or the OCI form."""
    mappings = st.builds(ArchMapping, st.sampled_from(scmp_names()), arch_lists, extras())
    arch_map = tuple(draw(st.lists(mappings, max_size=2))) if dockers else ()
    return Profile(
        draw(st.sampled_from(RuleAction)),
        draw(st.none() | numbers),
        () if arch_map else draw(arch_lists),
        tuple(draw(st.lists(rules(dockers=dockers), max_size=4))),
        draw(st.sampled_from([None, "EPERM"])) if dockers else None,
        arch_map,
        tuple(draw(st.lists(st.sampled_from(FILTER_FLAGS), max_size=2, unique=True))),
        draw(st.none() | texts),
        draw(st.none() | texts),
        draw(extras()),
    )


FILTERED = ("read", "openat", "socket", "bind", "accept", "semop", "shmat", "socketcall", "ipc", "no_such_call")
"""Calls that some ABIs have and others lack, and those that are made through another."""
_VALUE_POOLS = ([0, 1, 2, 3], [1, 2**32, 2**32 + 1], [9, 16, 2**32 + 9], [0, 8, 2**31, 2**32 - 1, MAX_U64])


@st.composite
def filtered_profiles(draw: st.DrawFn, architectures: tuple[str, ...]) -> Profile:
    """A profile whose rules often speak of the same calls and arguments, with values that are near each other."""
    pool = st.sampled_from(draw(st.sampled_from(_VALUE_POOLS)))
    operators = draw(st.sampled_from([list(Operator), [Operator.EQ], [Operator.EQ, Operator.MASKED_EQ, Operator.NE]]))
    condition = st.tuples(st.integers(0, 2), st.sampled_from(operators), pool, pool)
    names = st.sampled_from(draw(st.sampled_from([FILTERED, ("read", "socket", "semop")])))
    rule = st.tuples(
        st.lists(names, min_size=1, max_size=3),
        st.sampled_from([RuleAction.ALLOW, RuleAction.LOG, RuleAction.ERRNO, RuleAction.KILL]),
        st.lists(condition, max_size=draw(st.sampled_from([0, 1, 1, 1, 2, 3]))),
        st.sampled_from([None, 1, 38]),
    )
    return Profile(
        draw(st.sampled_from([RuleAction.ERRNO, RuleAction.KILL_PROCESS, RuleAction.ALLOW])),
        draw(st.sampled_from([None, 38])),
        architectures,
        tuple(
            Rule(tuple(names), action, tuple(ArgCondition(*condition) for condition in conditions), errno)
            for names, action, conditions, errno in draw(st.lists(rule, max_size=5))
        ),
    )
