"""What lint believes of libseccomp and of the targets, held against libseccomp, runc and crun."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyseccomp
import pytest

from audit2seccomp.errors import UsageError
from audit2seccomp.formats import read_profile
from audit2seccomp.kernel.abi import Abi, abi_named, oci_abis
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.syscalls import all_names
from audit2seccomp.profile.effects import compared_bits
from audit2seccomp.profile.libseccomp import token_of
from audit2seccomp.profile.lint import Level, lint
from audit2seccomp.profile.lint.libseccomp_tables import (
    ARCHITECTURES,
    DISTRIBUTED,
    RELEASES,
    knows,
    parse_version,
    release_of,
    version_text,
)
from audit2seccomp.profile.lint.required import border
from audit2seccomp.profile.lint.subject import Subject, has
from audit2seccomp.profile.lint.targets import PLATFORMS, parse_target
from tests.programs import Make, program

ALLOW, ERRNO = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
DEBIAN = "2.5.4-1+deb12u1"


def installed_libseccomp() -> str:
    """Debian's version of the library that is loaded."""
    query = ["dpkg-query", "-W", "-f", "${Version}", "libseccomp2"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout if shutil.which(query[0]) else ""


def test_the_row_of_debian_12_is_what_its_library_knows() -> None:
    if installed_libseccomp() != DEBIAN:
        pytest.skip(f"the library is not {DEBIAN}")
    release = release_of(DEBIAN)
    assert release is DISTRIBUTED[0]
    wrong = {
        name
        for name in all_names()
        if knows(release, name) != (pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, name) != -1)
    }
    assert wrong == set()


def test_a_release_knows_all_that_the_one_before_knew() -> None:
    for older, newer in pairwise(RELEASES):
        assert older.version < newer.version
        assert {name for name in all_names() if knows(older, name)} <= {
            name for name in all_names() if knows(newer, name)
        }
    assert knows(RELEASES[-1], "openat2")
    assert not knows(RELEASES[0], "openat2")
    assert not knows(RELEASES[-1], "osf_shmat"), "a call of Alpha, which libseccomp does not have"


def test_architectures_that_the_library_lacks() -> None:
    version = parse_version(installed_libseccomp())
    if version is None:
        pytest.skip("no dpkg to ask for libseccomp's version")
    for abi in oci_abis():
        knows_it = pyseccomp.resolve_syscall(token_of(abi), "read") != -1
        assert knows_it == (ARCHITECTURES.get(abi.scmp_name or "", ()) <= version), abi.name


def built_abis() -> list[Abi]:
    """The ABIs for which the installed libseccomp can make filters."""
    return [abi for abi in oci_abis() if pyseccomp.resolve_syscall(token_of(abi), "read") != -1]


def pseudo_code(abi: Abi, *rules: tuple[int, str, tuple[Any, ...]]) -> str:
    """libseccomp's filter for one ABI, as pseudo code."""
    made = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    made.remove_arch(pyseccomp.Arch.X86_64)
    made.add_arch(token_of(abi))
    for action, name, args in rules:
        made.add_rule(action, name, *args)
    with tempfile.TemporaryFile() as file:
        made.export_pfc(file)
        file.seek(0)
        return file.read().decode()


@pytest.mark.parametrize("abi", built_abis(), ids=lambda abi: abi.name)
def test_where_only_32_bits_are_compared(abi: Abi) -> None:
    wide, low = (
        pseudo_code(abi, (pyseccomp.ALLOW, "close", (pyseccomp.Arg(0, pyseccomp.EQ, value),)))
        for value in (5 + (1 << 32), 5)
    )
    assert (wide == low) == (compared_bits(abi) == 32)


def test_bits_outside_of_the_mask_are_left_out() -> None:
    x86_64 = built_abis()[0]
    with_them, without = (
        pseudo_code(x86_64, (pyseccomp.ALLOW, "close", (pyseccomp.Arg(0, pyseccomp.MASKED_EQ, 0x100, two),)))
        for two in (0x101, 0x100)
    )
    assert with_them == without


@pytest.mark.parametrize("abi", built_abis(), ids=lambda abi: abi.name)
def test_conditions_are_lost_through_a_multiplexer(abi: Abi) -> None:
    """On argument 0 they are left out, where the number of the inner call stands; on another they are about the
    multiplexer's own argument, which is an address or something else."""
    for name in ("socket", "semop"):
        for argument, is_kept in ((0, False), (1, True)):
            code = pseudo_code(abi, (pyseccomp.ALLOW, name, (pyseccomp.Arg(argument, pyseccomp.EQ, 4711),)))
            parts = [
                one for one in code.split("# filter for syscall ") if one.startswith(f'"{MULTIPLEXED[name].through}"')
            ]
            assert bool(parts) == has(abi, MULTIPLEXED[name].through)
            assert all(("4711" in part) == is_kept and "ALLOW" in part for part in parts)


def test_of_two_rules_without_conditions_the_first_counts() -> None:
    x86_64 = built_abis()[0]
    close = pseudo_code(x86_64, (pyseccomp.ALLOW, "close", ()))
    kill = (pyseccomp.KILL_PROCESS, "close", ())
    some = (pyseccomp.KILL_PROCESS, "close", (pyseccomp.Arg(0, pyseccomp.EQ, 1),))
    assert pseudo_code(x86_64, (pyseccomp.ALLOW, "close", ()), kill) == close
    assert pseudo_code(x86_64, (pyseccomp.ALLOW, "close", ()), some) == close
    assert pseudo_code(x86_64, some, (pyseccomp.ALLOW, "close", ())) == close


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("runc", "runc"),
        ("runc:1.1", "runc 1.1"),
        ("RUNC:v1.1.5+ds1", "runc 1.1.5"),
        (" containerd:1.7.2", "containerd 1.7.2"),
        ("libseccomp:2.5.4-1+deb12u1", "libseccomp 2.5.4-1+deb12u1"),
        ("libseccomp", f"libseccomp {RELEASES[-1].text}"),
        ("spo", "spo"),
    ],
)
def test_targets(text: str, label: str) -> None:
    assert parse_target(text).label == label


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("runk", "--target: no target 'runk': did you mean runc"),
        ("zzz", f"--target: no target 'zzz': one of {', '.join(PLATFORMS)}"),
        ("", "--target: no target ''"),
        ("runc:", "--target: 'runc:': a version such as runc:1.2 is expected"),
        ("runc:one", "--target: 'runc:one': a version"),
        ("spo:1", "--target: 'spo:1': spo has no versions: write spo"),
        ("libseccomp:2.1", "--target: 'libseccomp:2.1': a release of libseccomp from 2.2.0 on"),
        ("runc:" + "9" * 5000, "--target: 'runc:999"),
    ],
)
def test_what_is_no_target(text: str, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_target(text)
    assert str(raised.value).startswith(error)


def test_a_version_that_is_cut_short_is_the_newest_of_its_line() -> None:
    short, full, next_line = (parse_version(text) for text in ("1.1", "1.1.99", "1.2.0"))
    assert short is not None
    assert full is not None
    assert next_line is not None
    assert full < short < next_line
    assert version_text(short) == "1.1"


# The runtimes themselves

PROGRAM = program([Make(231)], 64)
"""exit_group(0)."""


def refused(runtime: str, seccomp: dict[str, Any], folder: Path, *options: str) -> tuple[bool, str]:
    """Whether a runtime starts no container with a profile, and what it says."""
    bundle = folder / "bundle"
    if not bundle.exists():
        (bundle / "rootfs").mkdir(parents=True)
        (bundle / "rootfs" / "end").write_bytes(PROGRAM)
        (bundle / "rootfs" / "end").chmod(0o755)
        subprocess.run(["runc", "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["/end"])
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
    config["linux"].pop("resources", None)
    config["linux"]["seccomp"] = seccomp
    (bundle / "config.json").write_text(json.dumps(config))
    name = f"a2s-lint-{os.getpid()}-{os.urandom(4).hex()}"
    run = [runtime, *options, "--root", str(folder / "state"), "run", "--bundle", str(bundle), name]
    if runtime == "crun":  # 1.8 knows no hosts that have both kinds of cgroups
        run.insert(1, "--cgroup-manager=disabled")
        run = ["unshare", "-m", "sh", "-c", 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh", *run]
    done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode != 0, done.stderr


def one(action: str, name: str = "mount", **more: Any) -> dict[str, Any]:
    return {"names": [name], "action": action, **more}


EQUAL = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
PROFILES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a flag": {"flags": ["SECCOMP_FILTER_FLAG_LOG"]},
    "RISCV64": {"architectures": ["SCMP_ARCH_RISCV64"]},
    "LOONGARCH64": {"architectures": ["SCMP_ARCH_LOONGARCH64"]},
    "M68K": {"architectures": ["SCMP_ARCH_M68K"]},
    "NOTIFY for write": {"syscalls": [one("SCMP_ACT_NOTIFY", "write")]},
    "NOTIFY without a listener": {"syscalls": [one("SCMP_ACT_NOTIFY")]},
    "an errno by default": {"defaultErrnoRet": 1},
    "an errno in a rule": {"syscalls": [one("SCMP_ACT_KILL", errnoRet=1)]},
    "an errno of 5000": {"syscalls": [one(ERRNO, errnoRet=5000)]},
    "an errno of 4095": {"syscalls": [one(ERRNO, errnoRet=4095)]},
    "an errno of 4094": {"syscalls": [one(ERRNO, errnoRet=4094)]},
    "an errno of 65537": {"syscalls": [one(ERRNO, errnoRet=65537)]},
    "an errno of 70536": {"syscalls": [one(ERRNO, errnoRet=65536 + 5000)]},
    "an errno of 0": {"syscalls": [one(ERRNO, errnoRet=0)]},
    "a contradiction": {"syscalls": [one(ERRNO, args=EQUAL), one("SCMP_ACT_KILL", args=EQUAL)]},
    "no contradiction": {"syscalls": [one(ERRNO), one("SCMP_ACT_KILL", args=EQUAL)]},
    "socket with and without 40": {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            one(ERRNO, "socket", errnoRet=97, args=[{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]),
            one("SCMP_ACT_KILL", "socket", args=[{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]),
        ],
    },
    "connect twice": {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [one(ERRNO, "connect"), one("SCMP_ACT_KILL", "connect")],
    },
    "mount twice": {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [one(ERRNO), one("SCMP_ACT_KILL")],
    },
    "equal in 32 bits": {
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [
            one(ERRNO, args=EQUAL),
            one("SCMP_ACT_KILL", args=[{"index": 0, "value": 2**32 + 1, "op": "SCMP_CMP_EQ"}]),
        ],
    },
    "both byte orders": {"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_S390X"]},
    "KILL_PROCESS": {"syscalls": [one("SCMP_ACT_KILL_PROCESS")]},
    "KILL_THREAD": {"syscalls": [one("SCMP_ACT_KILL_THREAD")]},
    "an unknown name": {"syscalls": [one(ERRNO, "opennat")]},
}
REFUSALS = {
    "target-refuses",
    "needless-errno",
    "errno-too-large",
    "notify-write",
    "notify-without-listener",
    "contradiction",
    "mixed-byte-order",
}


@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize("case", PROFILES)
def test_runtimes_refuse_what_lint_says_they_do(runtime: str, case: str, tmp_path: Path) -> None:
    need_runtimes()
    text = subprocess.run([runtime, "--version"], capture_output=True, text=True, check=True).stdout
    version = text.split()[2]
    profile = {"defaultAction": ALLOW, **PROFILES[case]}
    targets = (parse_target(f"{runtime}:{version}"), parse_target(f"libseccomp:{installed_libseccomp()}"))
    # crun takes whatever architecture its libseccomp knows; runc has a list of its own.
    found = lint(read_profile(json.dumps(profile).encode()).sound(), targets)
    errors = [finding.text for finding in found if finding.level is Level.ERROR and finding.rule in REFUSALS]
    is_refused, said = refused(runtime, profile, tmp_path)
    assert is_refused == bool(errors), (errors, said)


def test_the_border_is_where_runc_puts_it(tmp_path: Path) -> None:
    need_runtimes()
    names = "read write openat openat2 close execve exit_group mmap brk set_robust_list futex chown32 recvmsg"
    names += " epoll_ctl getdents64 getpid fstatfs rt_sigreturn prctl capget capset chdir fcntl fstat newfstatat getcwd"
    names += " getppid setgid setgroups setuid faccessat2 epoll_pwait nanosleep tgkill rt_sigprocmask rt_sigaction"
    names += " sigaltstack munmap mprotect madvise sched_yield clone gettid"
    architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    allowed = {"names": names.split(), "action": ALLOW}
    profile = {"defaultAction": ERRNO, "architectures": architectures, "syscalls": [allowed]}
    is_refused, said = refused("runc", profile, tmp_path, "--debug")
    assert not is_refused, said
    subject = Subject(read_profile(json.dumps(profile).encode()).sound())
    for name in architectures:
        abi = abi_named(name)
        assert abi is not None
        assert f"jgt #{border(subject, abi)}," in said, name
    del profile["architectures"]
    is_refused, said = refused("runc", profile, tmp_path, "--debug")
    assert "jgt #" not in said, "no list of architectures, no border"


def need_runtimes() -> None:
    """Skip where they cannot run."""
    if os.geteuid() != 0 or platform.machine() != "x86_64" or not (shutil.which("runc") and shutil.which("crun")):
        pytest.skip("needs root on x86_64, and runc and crun: apt-get install runc crun")
