"""What a profile says of any call, by the independent reading of its JSON, and profiles to ask that of."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi
from audit2seccomp.profile.libseccomp import LeftOut
from tests.e2e.reading import KILL_THREAD, Args, Reading

PUBLISHED = {
    "docker-like": Path("fixtures/profiles/docker-like.json"),
    "containers/common": Path("/usr/share/containers/seccomp.json"),
}
KERNEL = (6, 12)
NO_ARGS: Args = (0,) * 6
SAMPLES = 60
"""So often a call is tried whose arguments matter."""


def conditions(*args: tuple[int, str, int] | tuple[int, str, int, int]) -> list[dict[str, Any]]:
    """A rule's `args`: index, end of the operator, value, valueTwo."""
    keys = ("index", "op", "value", "valueTwo")
    return [dict(zip(keys, (index, f"SCMP_CMP_{op}", *values), strict=False)) for index, op, *values in args]


def rule(
    action: str, *names: str, args: list[dict[str, Any]] | None = None, errno: int | None = None
) -> dict[str, Any]:
    """A rule as a profile writes it."""
    number = {} if errno is None else {"errnoRet": errno}
    return {"names": list(names), "action": f"SCMP_ACT_{action}", **number, "args": args or []}


OF_ALL_KINDS: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 77,
    "syscalls": [
        rule("ALLOW", "getuid", "getuid32", "geteuid", "gettid", "close", "dup", "fsync", "fcntl", "pread64", "ipc"),
        rule("LOG", "getppid", "fdatasync", "getpgid", "getxattr", "inotify_add_watch"),
        rule("ERRNO", "getgid", "fstat", "chdir", "readlinkat", errno=11),
        rule("ERRNO", "uname", "statfs", "sched_yield"),
        rule("TRAP", "getsid", "flock", "fchdir", "getegid"),
        rule("KILL", "times", "fstatfs", "umask"),
        rule("KILL_PROCESS", "sysinfo", "readv", "getcwd"),
        rule("TRACE", "writev", "lgetxattr", "getresuid", errno=5),
        # Says what the default says, and counts for nothing.
        rule("ERRNO", "dup", "mincore", errno=77),
        rule("ALLOW", "personality", args=conditions((0, "EQ", 2**32 - 1))),
        rule("LOG", "personality", args=conditions((0, "EQ", 8))),
        rule("ALLOW", "lseek", args=conditions((1, "LT", 10), (2, "GE", 2))),
        rule("TRAP", "getsockopt", args=conditions((1, "GT", 2**32 + 1))),
        rule("ALLOW", "setsockopt", args=conditions((1, "NE", 2**32 + 1))),
        rule("ALLOW", "madvise", args=conditions((2, "MASKED_EQ", 0xF0, 0xF40))),
        rule("KILL", "fallocate", args=conditions((3, "LE", 3))),
        # Two conditions on one argument: each is enough.
        rule("ALLOW", "getpriority", args=conditions((0, "EQ", 0), (0, "EQ", 2), (1, "EQ", 2**31))),
        rule("ALLOW", "socket", "semget", args=conditions((0, "NE", 40), (2, "EQ", 6))),
        rule("ERRNO", "connect", errno=11),
        # Of two without conditions the first counts.
        rule("LOG", "uname", "chdir"),
    ],
}
"""Every action and operator, calls that are made through others, and rules that replace others."""


class Expected:
    """What a profile says on a host of any call, also of those of other ABIs."""

    def __init__(
        self, document: dict[str, Any], host: Abi, family: list[Abi], left_out: tuple[LeftOut, ...] = ()
    ) -> None:
        """`left_out`: what was told to have no effect, as this libseccomp lacks the name."""
        self._readings = {
            on: Reading(document, on, host, KERNEL, frozenset(one.name for one in left_out if on in one.abis))
            for on in family
        }
        self.default = self._readings[host].default

    def verdict(self, arch: int, number: int, args: Args) -> int:
        """The kernel tells x32 from x86_64 by bit 30; a number that is not 0 or more has it, too, except that -1 is
        a call that a tracer skips, of whichever."""
        sharing = [one for one in self._readings if one.audit_arch == arch]
        for one in sharing:
            is_x32 = number != -1 and bool(number & X32_SYSCALL_BIT or number < 0)
            if number == -1 or arch != 0xC000003E or is_x32 == (one.name == "x32"):
                return self._readings[one].verdict(number, args)
        return KILL_THREAD

    def samples(self, on: Abi, number: int) -> list[Args]:
        """Arguments with which to try a call: on the edges of its conditions, where it has some."""
        values = self._readings[on].conditional.get(number)
        if values is None:
            return [NO_ARGS, (5, 2**32 + 1, 40, 1, 6, 2**64 - 1)]
        edges = sorted({(value + step) % 2**64 for value in values for step in (-1, 0, 1, 2**32)} | {0})
        chance = Random(number)
        return [tuple(chance.choices(edges, k=6)) for _ in range(SAMPLES)]
