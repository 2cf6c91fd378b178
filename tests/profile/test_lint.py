"""The rules of lint: when each finds something, and when it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.formats import read_profile, write_profile
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import all_names, table_of
from audit2seccomp.profile.lint import RULES, Finding, Level, lint
from audit2seccomp.profile.lint.registry import MAX_FINDINGS
from audit2seccomp.profile.lint.required import TRIED_FIRST
from audit2seccomp.profile.lint.second_look_calls import CALLS
from audit2seccomp.profile.lint.targets import PLATFORMS, parse_target
from audit2seccomp.profile.model import Profile
from tests.profile.profiles import profiles

ALLOW, ERRNO, KILL, LOG, NOTIFY, TRACE = (
    f"SCMP_ACT_{name}" for name in ("ALLOW", "ERRNO", "KILL", "LOG", "NOTIFY", "TRACE")
)
X86_64, X86, X32, ARM = "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"
NEEDED = ["execve", "exit_group", "rt_sigreturn"]
Document = dict[str, Any]


def document(*rules: Document, **more: Any) -> Document:
    """A profile that denies with ENOSYS what the rules do not speak of, and allows what every program needs."""
    needed = {"names": NEEDED, "action": ALLOW}
    return {"defaultAction": ERRNO, "defaultErrnoRet": 38, **more, "syscalls": [*rules, needed]}


def rule(*names: str, action: str = ALLOW, **more: Any) -> Document:
    return {"names": list(names), "action": action, **more}


def arg(op: str, value: int, index: int = 0, **more: int) -> Document:
    return {"index": index, "value": value, "op": f"SCMP_CMP_{op}", **more}


def found(of: Document, targets: str = "", *, lenient: bool = False) -> list[Finding]:
    file = read_profile(json.dumps(of).encode(), lenient=lenient)
    chosen = tuple(parse_target(one) for one in targets.split(",") if one)
    return lint(file.profile, chosen, size=len(file.text), flaws=file.problems)


def only(name: str, findings: list[Finding]) -> list[tuple[Level, str]]:
    """What one rule found: level, and path with dots."""
    return [(one.level, ".".join(map(str, one.path))) for one in findings if one.rule == name]


E, W, N = Level.ERROR, Level.WARNING, Level.NOTE
EXEC_ALLOWED = [(W, "syscalls")]

CASES: list[tuple[str, Document, str, list[tuple[Level, str]]]] = [
    ("misspelt-name", document(rule("opennat", "read")), "", [(E, "syscalls.0.names.0")]),
    ("misspelt-name", document({"name": "opennat", "action": ALLOW}), "", [(E, "syscalls.0.name")]),
    ("no-number", document(rule("chown32"), architectures=[X86_64]), "", [(W, "syscalls.0.names.0")]),
    ("no-number", document(rule("chown32"), architectures=[X86_64, X86]), "", []),
    ("no-number", document(rule("chown32")), "", []),
    ("no-number", document(rule("set_tls", includes={"arches": ["arm"]}), architectures=[X86_64]), "", []),
    ("other-architecture", document(rule("chown32"), architectures=[X86_64, X86]), "", [(N, "syscalls.0.names")]),
    ("other-architecture", document(rule("read"), architectures=[X86_64, X86]), "", []),
    ("libseccomp-lacks", document(rule("fchmodat2", "read")), "libseccomp:2.5.4", [(W, "syscalls.0.names.0")]),
    ("libseccomp-lacks", document(rule("fchmodat2")), "libseccomp:2.5.4-1+deb12u1", []),
    ("libseccomp-lacks", document(rule("fchmodat2")), "libseccomp", []),
    ("empty-profile", {"defaultAction": ERRNO}, "", [(W, "")]),
    ("empty-profile", {"defaultAction": TRACE}, "", []),
    ("denies-nothing", {"defaultAction": ALLOW}, "", [(W, "defaultAction")]),
    ("denies-nothing", {"defaultAction": LOG}, "", [(N, "defaultAction")]),
    ("denies-nothing", {"defaultAction": ALLOW, "syscalls": [rule("bpf", action=KILL)]}, "", []),
    ("needless-errno", document(rule("read", errnoRet=1)), "", [(W, "syscalls.0.errnoRet")]),
    ("needless-errno", document(rule("read", errnoRet=1)), "crun", [(E, "syscalls.0.errnoRet")]),
    ("needless-errno", {"defaultAction": ALLOW, "defaultErrnoRet": 1}, "", [(W, "defaultErrnoRet")]),
    ("needless-errno", document(rule("read", action=TRACE, errnoRet=1)), "", []),
    ("errno-too-large", document(rule("read", action=ERRNO, errnoRet=4095)), "", [(E, "syscalls.0.errnoRet")]),
    ("errno-too-large", document(rule("read", action=ERRNO, errnoRet=4094)), "", []),
    ("errno-too-large", document(rule("read", action=ERRNO, errnoRet=65537)), "", [(W, "syscalls.0.errnoRet")]),
    ("errno-too-large", document(rule("read", action=ERRNO, errnoRet=65536 + 5000)), "", [(E, "syscalls.0.errnoRet")]),
    ("errno-zero", document(rule("read", action=ERRNO, errnoRet=0)), "", [(W, "syscalls.0.errnoRet")]),
    ("errno-zero", document(rule("read", action=ERRNO, errnoRet=65536)), "", [(W, "syscalls.0.errnoRet")]),
    ("errno-zero", document(rule("read", action=TRACE, errnoRet=0)), "", []),
    ("errno-zero", document(defaultErrnoRet=0), "", [(W, "defaultErrnoRet")]),
    ("no-such-errno", document(rule("read", action=ERRNO, errno="EPREM")), "", [(E, "syscalls.0.errno")]),
    ("no-such-errno", document(rule("read", action=ERRNO, errno="EPERM")), "", []),
    ("notify-default", {"defaultAction": NOTIFY}, "", [(E, "defaultAction")]),
    ("notify-write", document(rule("write", action=NOTIFY)), "", [(W, "syscalls.0.names.0")]),
    ("notify-write", document(rule("write", action=NOTIFY)), "runc", [(E, "syscalls.0.names.0")]),
    ("notify-without-listener", document(rule("mount", action=NOTIFY)), "runc", [(E, "syscalls.0.action")]),
    ("notify-without-listener", document(rule("mount", action=NOTIFY), listenerPath="/s"), "runc", []),
    ("unused-listener", document(listenerPath="/s"), "", [(N, "listenerPath")]),
    ("metadata-without-listener", document(listenerMetadata="x"), "", [(E, "listenerMetadata")]),
    ("repeated-index", document(rule("read", args=[arg("GE", 1), arg("LE", 2)])), "", [(W, "syscalls.0.args.1.index")]),
    ("repeated-index", document(rule("read", args=[arg("GE", 1), arg("LE", 2, 1)])), "", []),
    (
        "needless-value-two",
        document(rule("read", args=[arg("EQ", 1, valueTwo=2)])),
        "",
        [(W, "syscalls.0.args.0.valueTwo")],
    ),
    ("needless-value-two", document(rule("read", args=[arg("EQ", 1, valueTwo=0)])), "", []),
    (
        "outside-mask",
        document(rule("read", args=[arg("MASKED_EQ", 1, valueTwo=2)])),
        "",
        [(E, "syscalls.0.args.0.valueTwo")],
    ),
    ("outside-mask", document(rule("read", args=[arg("MASKED_EQ", 3, valueTwo=2)])), "", []),
    ("never-true", document(rule("read", args=[arg("LT", 0)])), "", [(E, "syscalls.0.args.0.value")]),
    ("never-true", document(rule("read", args=[arg("GT", 2**64 - 1)])), "", [(E, "syscalls.0.args.0.value")]),
    ("never-true", document(rule("read", args=[arg("LT", 1)])), "", []),
    (
        "never-true",
        document(rule("read", args=[arg("GT", 2**32 - 1)]), architectures=[X86, ARM]),
        "",
        [(E, "syscalls.0.args.0.value")],
    ),
    (
        "never-true",
        document(rule("read", args=[arg("GT", 2**32 - 1)]), architectures=[X86_64, X86]),
        "",
        [(W, "syscalls.0.args.0.value")],
    ),
    ("never-true", document(rule("read", args=[arg("GT", 2**32 - 1)]), architectures=[X86_64]), "", []),
    ("always-true", document(rule("read", args=[arg("GE", 0)])), "", [(N, "syscalls.0.args.0.value")]),
    ("always-true", document(rule("read", args=[arg("MASKED_EQ", 0)])), "", [(N, "syscalls.0.args.0.value")]),
    (
        "value-too-wide",
        document(rule("read", args=[arg("EQ", 2**32)]), architectures=[X86_64, X86]),
        "",
        [(W, "syscalls.0.args.0.value")],
    ),
    ("value-too-wide", document(rule("read", args=[arg("EQ", 2**32)]), architectures=[X86_64]), "", []),
    ("duplicate-name", document(rule("read", "write", "read")), "", [(W, "syscalls.0.names.2")]),
    ("repeats-default", document(rule("read", action=ERRNO, errnoRet=38)), "", [(N, "syscalls.0.action")]),
    ("repeats-default", document(rule("read", action=ERRNO)), "", []),
    ("shadowed-rule", document(rule("read"), rule("read")), "", [(W, "syscalls.1.names.0")]),
    ("shadowed-rule", document(rule("read"), rule("read", args=[arg("EQ", 1)])), "", [(W, "syscalls.1.names.0")]),
    ("shadowed-rule", document(rule("read", args=[arg("EQ", 1)]), rule("read", args=[arg("EQ", 2)])), "", []),
    ("shadowed-rule", document(rule("bpf", includes={"caps": ["CAP_BPF"]}), rule("bpf")), "", []),
    ("contradiction", document(rule("read"), rule("read", action=KILL)), "", [(W, "syscalls.1.names.0")]),
    (
        "contradiction",
        document(rule("read", args=[arg("EQ", 1)]), rule("read", action=KILL)),
        "",
        [(W, "syscalls.0.names.0")],
    ),
    (
        "contradiction",
        document(rule("read", args=[arg("EQ", 1)]), rule("read", action=KILL, args=[arg("EQ", 1)])),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(rule("read", args=[arg("EQ", 1)]), rule("read", action=KILL, args=[arg("EQ", 1, 1)])),
        "",
        [(W, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(rule("read", args=[arg("LT", 5)]), rule("read", action=KILL, args=[arg("GE", 5)])),
        "",
        [],
    ),
    (
        "contradiction",
        document(rule("bpf", includes={"caps": ["CAP_BPF"]}), rule("bpf", action=KILL, excludes={"caps": ["CAP_BPF"]})),
        "",
        [],
    ),
    # Both are socketcall(1, …) on x86.
    (
        "contradiction",
        document(
            rule("socket", args=[arg("NE", 40)]),
            rule("socket", action=ERRNO, errnoRet=97, args=[arg("EQ", 40)]),
            architectures=[X86_64, X86, X32],
        ),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(
            rule("socket", args=[arg("NE", 40)]),
            rule("socket", action=ERRNO, errnoRet=97, args=[arg("EQ", 40)]),
            architectures=[X86_64, X32],
        ),
        "",
        [],
    ),
    (
        "contradiction",
        document(rule("connect"), rule("connect", action=ERRNO, errnoRet=13), architectures=[X86_64, X86]),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(rule("connect"), rule("connect", action=ERRNO, errnoRet=13), architectures=[X86_64]),
        "",
        [(W, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(
            rule("socketcall", action=KILL, args=[arg("EQ", 1)]),
            rule("socket", args=[arg("EQ", 2)]),
            architectures=[X86],
        ),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(rule("socketcall", action=KILL), rule("socket", args=[arg("EQ", 2)]), architectures=[X86]),
        "",
        [],
    ),
    # Equal where 32 bits are compared.
    (
        "contradiction",
        document(
            rule("read", args=[arg("EQ", 1)]),
            rule("read", action=KILL, args=[arg("EQ", 2**32 + 1)]),
            architectures=[X86_64, X86],
        ),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    (
        "contradiction",
        document(
            rule("read", args=[arg("EQ", 1)]),
            rule("read", action=KILL, args=[arg("EQ", 2**32 + 1)]),
            architectures=[X86_64],
        ),
        "",
        [],
    ),
    # The way of the first one goes on behind the end of the second.
    (
        "contradiction",
        document(rule("read", args=[arg("EQ", 1), arg("EQ", 2, 1)]), rule("read", action=KILL, args=[arg("EQ", 1)])),
        "",
        [(E, "syscalls.1.names.0")],
    ),
    ("mixed-byte-order", document(architectures=[X86_64, "SCMP_ARCH_S390X"]), "", [(E, "architectures")]),
    ("mixed-byte-order", document(architectures=["SCMP_ARCH_S390", "SCMP_ARCH_S390X"]), "", []),
    (
        "mixed-byte-order",
        document(archMap=[{"architecture": X86_64, "subArchitectures": ["SCMP_ARCH_MIPS"]}]),
        "",
        [(E, "archMap")],
    ),
    ("missing-call", {"defaultAction": ERRNO, "syscalls": [rule("read", "execve", "exit_group")]}, "", EXEC_ALLOWED),
    ("missing-call", document(rule("read")), "", []),
    ("missing-call", {"defaultAction": ALLOW, "syscalls": [rule("bpf", action=KILL)]}, "", []),
    (
        "missing-call",
        {"defaultAction": ALLOW, "syscalls": [rule("bpf", "exit_group", action=KILL)]},
        "",
        [(W, "syscalls.0.names.1")],
    ),
    ("missing-call", {"defaultAction": ALLOW, "syscalls": [rule("exit_group", action=LOG)]}, "", []),
    (
        "missing-call",
        {
            "defaultAction": ERRNO,
            "syscalls": [rule("execve", "rt_sigreturn"), rule("exit_group", args=[arg("EQ", 0)])],
        },
        "",
        [(W, "syscalls.1.names.0")],
    ),
    ("missing-call", document(rule("exit_group", args=[arg("EQ", 0)])), "", []),
    ("missing-restart", document(rule("futex")), "", [(N, "syscalls")]),
    ("missing-restart", document(rule("futex", "restart_syscall")), "", []),
    ("missing-restart", document(rule("futex", action=KILL)), "", []),
    ("missing-restart", document(rule("ppoll", "select", "epoll_wait")), "", []),
    (
        "missing-restart",
        {"defaultAction": ALLOW, "syscalls": [rule("restart_syscall", action=KILL)]},
        "",
        [(N, "syscalls.0.names.0")],
    ),
    ("enosys-border", document(architectures=[X86_64], defaultErrnoRet=1), "", [(N, "defaultErrnoRet")]),
    ("enosys-border", document(architectures=[X86_64], defaultErrnoRet=1), "crun", []),
    ("enosys-border", document(architectures=[X86_64]), "", []),
    ("enosys-border", document(defaultErrnoRet=1), "", []),
    ("eperm-hides-fallback", document(architectures=[X86_64], defaultErrnoRet=1), "runc", []),
    (
        "eperm-hides-fallback",
        document(rule("openat2"), architectures=[X86_64], defaultErrnoRet=1),
        "runc",
        [(W, "defaultErrnoRet")],
    ),
    (
        "eperm-hides-fallback",
        document(architectures=[X86_64], defaultErrnoRet=1),
        "crun",
        [(W, "defaultErrnoRet")],
    ),
    ("eperm-hides-fallback", document(rule("openat2"), architectures=[X86_64]), "", []),
    ("eperm-hides-fallback", document(defaultErrnoRet=1), "runc", [(W, "defaultErrnoRet")]),
    # A name that the target's libseccomp lacks moves no border, and is not allowed.
    (
        "eperm-hides-fallback",
        document(rule("fchroot"), architectures=[X86_64], defaultErrnoRet=1),
        "runc,libseccomp:2.5.0",
        [],
    ),
    (
        "eperm-hides-fallback",
        document(rule(*TRIED_FIRST), architectures=["SCMP_ARCH_X86_64"], defaultErrnoRet=1),
        "crun,libseccomp:2.5.0",
        [(W, "defaultErrnoRet")],
    ),
    (
        "eperm-hides-fallback",
        document(rule(*TRIED_FIRST), architectures=["SCMP_ARCH_X86_64"], defaultErrnoRet=1),
        "crun,libseccomp",
        [],
    ),
    ("clone3-errno", document(rule("clone3", action=ERRNO, errnoRet=1)), "", [(W, "syscalls.0.names.0")]),
    ("clone3-errno", document(rule("clone3", action=ERRNO)), "", [(W, "syscalls.0.names.0")]),
    ("clone3-errno", document(rule("clone3", action=KILL)), "", [(W, "syscalls.0.names.0")]),
    ("clone3-errno", document(rule("clone3", action=ERRNO, errnoRet=38), defaultErrnoRet=1), "", []),
    (
        "clone3-errno",
        document(rule("statx", "rseq", action=ERRNO, errnoRet=1)),
        "",
        [(W, "syscalls.0.names.0"), (W, "syscalls.0.names.1")],
    ),
    # What repeats the default is skipped: the default is what must change.
    ("clone3-errno", document(rule("clone3", action=ERRNO), defaultErrnoRet=1), "", []),
    ("repeats-default", document(rule("clone3", action=ERRNO), defaultErrnoRet=1), "", [(N, "syscalls.0.action")]),
    (
        "eperm-hides-fallback",
        document(rule(*TRIED_FIRST, action=ERRNO), architectures=[X86_64], defaultErrnoRet=1),
        "crun",
        [(W, "defaultErrnoRet")],
    ),
    (
        "eperm-hides-fallback",
        {"defaultAction": KILL, "architectures": [X86_64], "syscalls": [rule("read")]},
        "crun",
        [(W, "defaultAction")],
    ),
    (
        "eperm-hides-fallback",
        {
            "defaultAction": "SCMP_ACT_TRAP",
            "architectures": [X86_64],
            "syscalls": [rule(*TRIED_FIRST, action=ERRNO, errnoRet=38)],
        },
        "",
        [],
    ),
    ("missing-sub-architecture", document(architectures=[X86_64]), "", [(N, "architectures")]),
    ("missing-sub-architecture", document(architectures=[X86_64, X86, "SCMP_ARCH_X32"]), "", []),
    (
        "missing-sub-architecture",
        document(archMap=[{"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []}]),
        "",
        [(N, "archMap.0")],
    ),
    (
        "multiplexed-condition",
        document(rule("socket", args=[arg("EQ", 1)]), architectures=[X86_64, X86]),
        "",
        [(W, "syscalls.0.names.0")],
    ),
    (
        "multiplexed-condition",
        document(rule("semop", args=[arg("EQ", 1)]), architectures=[X86]),
        "",
        [(W, "syscalls.0.names.0")],
    ),
    ("multiplexed-condition", document(rule("socket", args=[arg("EQ", 1)]), architectures=[X86_64, ARM]), "", []),
    ("multiplexer-allowed", document(rule("socketcall"), architectures=[X86]), "", [(N, "syscalls.0.names.0")]),
    ("multiplexer-allowed", document(rule("socketcall"), architectures=[X86_64]), "", []),
    ("second-look", document(rule("bpf", "read")), "", [(N, "syscalls.0.names.0")]),
    ("second-look", document(rule("clone", args=[arg("MASKED_EQ", 0x7E020000)])), "", []),
    ("second-look", document(rule("bpf", includes={"caps": ["CAP_BPF"]})), "", []),
    ("second-look", document(rule("bpf", action=KILL)), "", []),
    ("second-look", document(rule("bpf", args=[arg("GE", 0)])), "", [(N, "syscalls.0.names.0")]),
    ("structure", document(rule("read", errnoRet=-1)), "", [(E, "syscalls.0.errnoRet")]),
    ("structure", {"syscalls": []}, "", [(E, "")]),
    ("unknown-key", document(zzz=1), "", [(E, "zzz")]),
    ("bad-min-kernel", document(rule("read", includes={"minKernel": "x"})), "", [(E, "syscalls.0.includes.minKernel")]),
    ("bad-min-kernel", document(rule("read", includes={"minKernel": "4"})), "", [(E, "syscalls.0.includes.minKernel")]),
    (
        "bad-min-kernel",
        document(rule("read", includes={"minKernel": "4.8.1"})),
        "",
        [(E, "syscalls.0.includes.minKernel")],
    ),
    ("bad-min-kernel", document(rule("read", excludes={"minKernel": "4.8"})), "", []),
    (
        "unknown-in-clause",
        document(rule("bpf", includes={"caps": ["SYS_ADMIN"]})),
        "",
        [(W, "syscalls.0.includes.caps.0")],
    ),
    (
        "unknown-in-clause",
        document(rule("bpf", excludes={"arches": ["amd46"]})),
        "",
        [(W, "syscalls.0.excludes.arches.0")],
    ),
    ("unknown-in-clause", document(rule("bpf", includes={"caps": ["CAP_BPF"], "arches": ["amd64", "x32"]})), "", []),
    (
        "impossible-clauses",
        document(rule("bpf", includes={"caps": ["CAP_BPF"]}, excludes={"caps": ["CAP_BPF"]})),
        "",
        [(W, "syscalls.0.excludes.caps")],
    ),
    (
        "impossible-clauses",
        document(rule("bpf", includes={"arches": ["amd64"]}, excludes={"arches": ["amd64", "x86"]})),
        "",
        [(W, "syscalls.0.excludes.arches")],
    ),
    (
        "impossible-clauses",
        document(rule("bpf", includes={"minKernel": "5.10"}, excludes={"minKernel": "5.8"})),
        "",
        [(W, "syscalls.0.excludes.minKernel")],
    ),
    (
        "impossible-clauses",
        document(rule("bpf", includes={"minKernel": "4.8"}, excludes={"minKernel": "5.10"})),
        "",
        [],
    ),
    # Targets
    ("target-refuses", document(flags=["SECCOMP_FILTER_FLAG_LOG"]), "runc:1.1", [(E, "flags.0")]),
    ("target-refuses", document(flags=["SECCOMP_FILTER_FLAG_LOG"]), "runc:1.2,runc,crun", []),
    ("target-refuses", document(architectures=["SCMP_ARCH_LOONGARCH64"]), "runc:1.4.0", [(E, "architectures.0")]),
    ("target-refuses", document(architectures=["SCMP_ARCH_LOONGARCH64"]), "runc:1.4.1", []),
    ("target-refuses", document(architectures=["SCMP_ARCH_M68K"]), "libseccomp:2.5.6", [(E, "architectures.0")]),
    ("target-refuses", document(architectures=["SCMP_ARCH_M68K"]), "libseccomp:2.6", []),
    ("target-refuses", document(architectures=["SCMP_ARCH_LOONGARCH64"]), "podman", [(E, "architectures.0")]),
    ("target-refuses", document(architectures=["SCMP_ARCH_SHEB"]), "cri-o", [(E, "architectures.0")]),
    ("target-refuses", document(architectures=["SCMP_ARCH_RISCV64"]), "podman,cri-o", []),
    ("target-refuses", document(), "spo", [(E, "defaultErrnoRet")]),
    ("target-refuses", document(defaultErrnoRet=1), "spo", [(W, "defaultErrnoRet")]),
    ("target-refuses", document(listenerPath="/s"), "kep-6061", [(E, "listenerPath")]),
    ("target-refuses", document(rule("mount", action=NOTIFY)), "kep-6061", [(E, "syscalls.0.action")]),
    ("target-refuses", document(rule("bpf", includes={"caps": ["C"]})), "kep-6061", [(E, "syscalls.0.includes")]),
    ("target-refuses", document(rule("read", comment="why")), "kep-6061", [(N, "syscalls.0.comment")]),
    ("target-refuses", document({"name": "read", "action": ALLOW}), "crun", [(E, "syscalls.0.name")]),
    ("target-ignores", document({"name": "read", "action": ALLOW}), "runc", [(E, "syscalls.0.name")]),
    (
        "target-ignores",
        document(archMap=[{"architecture": X86_64, "subArchitectures": []}]),
        "containerd",
        [(W, "archMap")],
    ),
    ("target-ignores", document(rule("read", excludes={"caps": ["C"]})), "containerd", [(E, "syscalls.0.excludes")]),
    ("target-ignores", document(rule("read", comment="why")), "containerd", [(N, "syscalls.0.comment")]),
    (
        "target-ignores",
        document(rule("read", includes={"minKernel": "4.8"})),
        "podman",
        [(W, "syscalls.0.includes.minKernel")],
    ),
    ("target-ignores", document(rule("read", includes={"minKernel": "4.8"})), "docker", []),
    ("target-ignores", document(rule("read", action=ERRNO, errno="EACCES")), "docker", [(W, "syscalls.0.errno")]),
    ("target-ignores", document(rule("read", action=ERRNO, errno="EACCES", errnoRet=13)), "docker", []),
    ("target-ignores", document(), "docker:20.10", [(W, "defaultErrnoRet")]),
    ("target-ignores", document(), "docker:23", []),
    ("outside-crd", document(rule("read", args=[arg("EQ", 2**63)])), "spo", [(E, "syscalls.0.args.0.value")]),
    ("outside-crd", document(listenerPath="/s"), "spo", [(E, "listenerPath")]),
    ("outside-crd", document(listenerPath="/var/run/security-profiles-operator/s"), "spo", []),
    ("artifact-too-large", document(listenerMetadata="x" * (1 << 20)), "kep-6061", [(E, "")]),
    ("artifact-too-large", document(listenerMetadata="x" * (1 << 20)), "runc", []),
    ("unknown-version", document(), "cri-o:1.30", [(N, "")]),
    ("unknown-version", document(), "runc:9.9", [(N, "")]),
    ("unknown-version", document(), "libseccomp:3.0", [(N, "")]),
    ("unknown-version", document(), "libseccomp:2.6,libseccomp,crun:1.28,runc:1.5", []),
    ("unknown-version", document(), "cri-o,runc:1.1", []),
]


@pytest.mark.parametrize(("name", "of", "targets", "expected"), CASES)
def test_a_rule(name: str, of: Document, targets: str, expected: list[tuple[Level, str]]) -> None:
    assert only(name, found(of, targets)) == expected


def test_each_rule_has_a_case_in_which_it_finds_something() -> None:
    covered = {name for name, _, _, expected in CASES if expected}
    assert RULES.keys() - covered == {"no-seccomp"}, "features: tests/formats/test_runtime_features.py"


def test_unknown_keys_that_are_kept_are_warnings() -> None:
    of = document(rule("read", zzz=1, args=[arg("EQ", 1, zzz=1)]), zzz=1)
    assert only("unknown-key", found(of, lenient=True)) == [
        (W, "zzz"),
        (W, "syscalls.0.zzz"),
        (W, "syscalls.0.args.0.zzz"),
    ]


def test_what_is_broken_changes_no_place_of_what_is_not() -> None:
    of = document({"names": ["read"], "action": "SCMP_ACT_ALOW"}, rule("opennat"))
    findings = found(of)
    assert only("misspelt-name", findings) == [(E, "syscalls.1.names.0")]
    assert only("structure", findings) == [(E, "syscalls.0.action")]


def test_nothing_is_said_to_be_missing_from_what_was_not_understood() -> None:
    of = {"defaultAction": ERRNO, "syscalls": [{"names": NEEDED, "action": "SCMP_ACT_ALOW"}]}
    assert {one.rule for one in found(of)} == {"structure"}


def test_the_border_is_that_of_runc() -> None:
    of = document(rule("openat2"), architectures=[X86_64], defaultErrnoRet=1)
    (text,) = [one.text for one in found(of, "runc") if one.rule == "eperm-hides-fallback"]
    assert text.startswith(
        "on x86_64 these fail with EPERM, and programs fall back only on ENOSYS: clone3, statx, rseq, "
    )
    assert "faccessat2" not in text
    (text,) = [one.text for one in found(of, "crun") if one.rule == "eperm-hides-fallback"]
    assert "faccessat2" in text


def test_so_many_findings_of_a_rule_are_kept() -> None:
    findings = found(document(*(rule(f"no_such_call_{n}") for n in range(MAX_FINDINGS + 5))))
    texts = [one.text for one in findings if one.rule == "misspelt-name"]
    assert len(texts) == MAX_FINDINGS + 1
    assert texts[-1] == "and 5 more findings of this kind from here on"


def test_a_misspelt_name_of_a_list_is_told_once() -> None:
    file = read_profile(b"read\nopennat\nexecve\n", lenient=True)
    findings = lint(file.profile, flaws=file.problems)
    assert len([one for one in findings if "opennat" in one.text]) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("opennat", ": did you mean openat, openat2, open?"),
        ("SYS_write", ": did you mean write?"),
        ("__NR_read", ": did you mean read?"),
        (" close", ": did you mean close?"),
        ("zzz", " of Linux 7.2.13: remove it"),
    ],
)
def test_suggestions(name: str, hint: str) -> None:
    (finding,) = [one for one in found(document(rule(name))) if one.rule == "misspelt-name"]
    assert finding.text == f'"{name}" is no system call{hint}'


@given(profiles(), st.lists(st.sampled_from(sorted(PLATFORMS)), max_size=3))
def test_any_profile_can_be_linted_and_every_place_is_found(profile: Profile, targets: list[str]) -> None:
    text = write_profile(profile, "docker").content
    assert isinstance(text, str)
    file = read_profile(text.encode(), lenient=True)
    findings = lint(file.sound(), tuple(map(parse_target, targets)), size=len(text))
    assert findings == lint(profile, tuple(map(parse_target, targets)), size=len(text))
    for one in findings:
        assert one.rule in RULES
        assert ": " in one.text or one.rule in {"enosys-border", "misspelt-name"}
        value: Any = json.loads(text)
        for part in one.path:
            value = value[part]


def test_calls_that_deserve_a_second_look_are_calls() -> None:
    assert CALLS.keys() <= all_names()
    x86_64 = abi_named("x86_64")
    assert x86_64 is not None
    assert len([name for name in CALLS if table_of(x86_64).number_of(name) is not None]) > 50
