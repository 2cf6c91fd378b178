"""System calls that stand for one another."""

from __future__ import annotations

import pytest

from audit2seccomp.kernel.siblings import GROUPS, RESTARTED, Group, Tier, siblings_of
from audit2seccomp.kernel.syscalls import all_names

ALL = [group for tier in Tier for group in GROUPS[tier]]


def siblings(name: str, *tiers: Tier) -> set[str]:
    """Their names."""
    return {sibling for sibling, _ in siblings_of(name, tiers or (Tier.A,))}


@pytest.mark.parametrize("group", ALL, ids=lambda group: "-".join(sorted(group.names))[:40])
def test_a_group_holds_calls_that_the_tables_have(group: Group) -> None:
    assert group.names | group.seen <= all_names()
    assert len(group.names) > 1
    assert group.seen


def test_what_has_another_meaning_is_no_sibling() -> None:
    names = frozenset.union(*(group.names for group in ALL))
    assert names.isdisjoint({"socketcall", "ipc", "ioctl", "seccomp", "socket", "ptrace", "bpf"})
    assert siblings("getrandom", *Tier) == set()
    assert "setresuid" not in siblings("setuid", *Tier)


def test_forms_of_one_call_find_each_other() -> None:
    assert siblings("open") == {"openat", "creat"}
    assert siblings("openat") == {"open", "creat"}
    assert siblings("openat", Tier.A, Tier.B) == {"open", "creat", "openat2"}
    assert siblings("getuid32") == {"getuid"}
    assert "poll" in siblings("ppoll")
    assert {"newfstatat", "stat64", "statx"} <= siblings("stat")


def test_where_one_is_no_other_form_of_the_rest_the_group_is_found_by_some() -> None:
    assert siblings("mprotect") == {"madvise"}
    assert siblings("madvise") == set()
    assert siblings("pause") == {"ppoll", "rt_sigsuspend"}
    assert siblings("ppoll").isdisjoint({"pause", "rt_sigsuspend"})
    assert {"brk", "rseq", "exit_group"} <= siblings("execve")
    for later in ("brk", "mmap", "getrandom", "prlimit64"):
        assert siblings(later).isdisjoint({"rseq", "exit_group", "set_tid_address"})
    assert {"gettid", "set_robust_list"} <= siblings("fork")
    assert "clone" not in siblings("rt_sigprocmask")
    assert all("restart_syscall" in siblings(name) for name in RESTARTED)
    assert siblings("restart_syscall") == set()
    assert "mount" in siblings("fsopen", Tier.B)
    assert siblings("open_tree", *Tier) == set()


def test_one_step_only() -> None:
    assert "unlinkat" in siblings("rmdir")
    assert "unlink" not in siblings("rmdir"), "that is a sibling of unlinkat"


def test_nobody_is_its_own_sibling() -> None:
    assert [name for name in all_names() if name in siblings(name, *Tier)] == []
