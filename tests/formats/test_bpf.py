"""Filters as bytes and as text; bubblewrap runs programs under the bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from audit2seccomp.errors import FilterError, FormatError, UsageError
from audit2seccomp.formats import write_profile
from audit2seccomp.formats.written import WriteOptions, Written
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile import libseccomp
from audit2seccomp.profile.libseccomp import library_version, native_abi
from audit2seccomp.profile.model import ArchMapping, Outcome, Profile, Rule, RuleAction
from audit2seccomp.profile.simulate import Program

ALLOW, ERRNO, LOG = RuleAction.ALLOW, RuleAction.ERRNO, RuleAction.LOG
READ = Profile(ERRNO, 38, ("SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"), (Rule(("read", "socket"), ALLOW),))


def bpf(profile: Profile, *architectures: str) -> Written:
    """The bytes."""
    return write_profile(profile, "bpf", WriteOptions(architectures=architectures))


def program(profile: Profile, *architectures: str) -> Program:
    """The filter."""
    content = bpf(profile, *architectures).content
    assert isinstance(content, bytes)
    return Program(content)


def answer(filtered: Program, abi_name: str, name: str) -> Outcome:
    """What a filter does with a call."""
    abi = abi_named(abi_name)
    assert abi is not None
    return filtered.outcome(abi.audit_arch, table_of(abi).number_of(name) or 0, [0] * 6)


def test_all_architectures_of_the_profile_or_those_that_are_chosen() -> None:
    both, one = program(READ), program(READ, "SCMP_ARCH_AARCH64")
    for filtered in (both, one):
        assert answer(filtered, "aarch64", "read") == Outcome(ALLOW)
        assert answer(filtered, "aarch64", "write") == Outcome(ERRNO, 38)
    assert answer(both, "x86_64", "read") == Outcome(ALLOW)
    assert answer(one, "x86_64", "read") == Outcome(RuleAction.KILL_THREAD)


def test_a_profile_without_architectures_is_for_the_host() -> None:
    assert answer(program(READ._replace(architectures=())), native_abi().name, "read") == Outcome(ALLOW)


@pytest.mark.parametrize("name", ["SCMP_ARCH_AARCH64", "SCMP_ARCH_S390X"])
def test_a_profile_without_architectures_is_for_those_that_are_chosen(name: str) -> None:
    chosen = READ._replace(architectures=())
    assert bpf(chosen, name) == bpf(READ._replace(architectures=(name,)))
    assert bpf(chosen, "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64") == bpf(READ)


def test_only_the_profile_s_architectures_can_be_chosen() -> None:
    with pytest.raises(UsageError, match=r"^--arch: SCMP_ARCH_X86: bpf makes a filter for the profile's: x86_64, aarc"):
        bpf(READ, "SCMP_ARCH_X86")


def test_one_filter_has_one_byte_order() -> None:
    mixed = READ._replace(architectures=("SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"))
    with pytest.raises(
        FilterError, match=r"^one filter has one byte order, x86_64 and s390x differ: convert --arch names"
    ):
        bpf(mixed)
    content = bpf(mixed, "SCMP_ARCH_S390X").content
    assert isinstance(content, bytes)
    assert answer(Program(content, big_endian=True), "s390x", "read") == Outcome(ALLOW)


def test_what_depends_on_the_host_is_no_filter() -> None:
    mapped = READ._replace(architectures=(), arch_map=(ArchMapping("SCMP_ARCH_X86_64", ()),))
    with pytest.raises(FormatError, match="depends on the host"):
        bpf(mapped)


def test_a_name_that_libseccomp_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Profile(ERRNO, 38, ("SCMP_ARCH_AARCH64",), (Rule(("read", "no_such_call"), ALLOW),))
    told = f"bpf: libseccomp {library_version()} lacks no_such_call on aarch64"
    assert bpf(lacking).losses == (f"{told}: the call gets the default action, SCMP_ACT_ERRNO",)
    # The filter would be weaker.
    with pytest.raises(FormatError, match=f"^{told}: the filter would not deny it"):
        bpf(lacking._replace(default_action=ALLOW, rules=(Rule(("no_such_call",), ERRNO),)))
    # That is not: the call still runs, and is not logged.
    assert bpf(lacking._replace(default_action=ALLOW, rules=(Rule(("no_such_call",), LOG),))).losses
    # By number, on the host's own architecture.
    own = native_abi().name
    profile = Profile(ERRNO, 38, (native_abi().scmp_name or "", "SCMP_ARCH_RISCV64"), (Rule(("read", "ioctl"), ALLOW),))
    resolved = libseccomp._resolved
    monkeypatch.setattr(libseccomp, "_resolved", lambda abi, name: -1 if name == "ioctl" else resolved(abi, name))
    monkeypatch.setattr(libseccomp, "_name_of", lambda abi, number: None)
    written = bpf(profile)
    assert isinstance(written.content, bytes)
    assert answer(Program(written.content), own, "ioctl") == Outcome(ALLOW)
    assert answer(Program(written.content), "riscv64", "ioctl") == Outcome(ERRNO, 38)
    assert answer(Program(written.content), "riscv64", "read") == Outcome(ALLOW)
    assert [loss.split(": the")[0] for loss in written.losses] == [
        f"bpf: libseccomp {library_version()} lacks ioctl on riscv64"
    ]


def test_what_is_said_beside_a_program() -> None:
    beside = READ._replace(flags=("SECCOMP_FILTER_FLAG_LOG",), listener_path="/run/x")
    assert bpf(beside).losses == (
        "bpf: flags are left out: SECCOMP_FILTER_FLAG_LOG",
        "bpf: listenerPath and listenerMetadata are left out",
    )


def test_pfc_is_text_with_each_call() -> None:
    written = write_profile(READ, "pfc")
    assert isinstance(written.content, str)
    for name in ("read", "socket"):
        assert written.content.count(f'# filter for syscall "{name}"') == 2
    assert "action ERRNO(38);" in written.content


@pytest.mark.skipif(not (shutil.which("bwrap") and shutil.which("busybox")), reason="bubblewrap or busybox is missing")
def test_bubblewrap_runs_a_program_under_the_filter(tmp_path: Path) -> None:
    allowed = [
        *("execve", "arch_prctl", "brk", "mprotect", "mmap", "prlimit64", "readlink", "readlinkat", "getrandom"),
        *("getuid", "geteuid", "prctl", "wait4", "close", "fcntl", "read", "write", "exit_group", "clone", "umask"),
        *("rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "set_tid_address", "set_robust_list", "rseq", "openat"),
        *("fstat", "newfstatat", "poll", "getpid", "getppid", "setuid", "setgid", "getgid", "getegid", "stat"),
    ]
    profile = Profile(ERRNO, 28, (), (Rule(tuple(allowed), ALLOW),))
    content = bpf(profile).content
    assert isinstance(content, bytes)

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            descriptor = os.dup(file.fileno())
            return subprocess.run(
                ["bwrap", "--bind", "/", "/", "--seccomp", str(descriptor), "busybox", *command],
                pass_fds=[descriptor],
                capture_output=True,
                text=True,
                check=False,
            )

    assert run("echo", "it runs").stdout == "it runs\n"
    denied = run("mkdir", str(tmp_path / "denied"))
    assert denied.returncode == 1
    assert denied.stderr == f"mkdir: can't create directory '{tmp_path}/denied': No space left on device\n"
