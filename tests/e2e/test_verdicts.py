"""Filters do what their profiles say: for all numbers on every ABI that libseccomp builds, by an independent reading of
the profile's JSON; and on this machine a sample of calls is made under the loaded filter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from audit2seccomp.formats import read_profile
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.libseccomp import LeftOut, build, buildable_abis
from audit2seccomp.profile.model import Profile
from audit2seccomp.profile.resolve import Host, resolve
from audit2seccomp.profile.simulate import Program
from tests.e2e.reading import KILL_THREAD, Args, Reading

PUBLISHED = {
    "docker-like": Path("fixtures/profiles/docker-like.json"),
    "containers/common": Path("/usr/share/containers/seccomp.json"),
}
KERNEL = (6, 12)
ABIS = buildable_abis()
NO_ARGS: Args = (0,) * 6
BEYOND = 50
"""So many numbers above the largest are looked at."""
SAMPLES = 60
"""So often a call is tried whose arguments matter."""


def abi(name: str) -> Abi:
    """An ABI by its name."""
    found = abi_named(name)
    assert found is not None
    return found


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


def made_by_chance(seed: int) -> dict[str, Any]:
    """A profile with a rule for each of some calls, most of them with conditions. One rule for a call is always built
    as it stands."""
    chance = Random(seed)
    names = sorted({name for on in ABIS for _, name in table_of(on)} - {"socketcall", "ipc"})
    values = [0, 1, 2, 9, 2**31, 2**32 - 1, 2**32, 2**32 + 9, 2**63, 2**64 - 1]
    operators = ("EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ")
    rules = []
    for name in chance.sample(names, 60):
        places = chance.sample(range(6), chance.choice((0, 1, 1, 2, 3)))
        args = conditions(
            *((place, chance.choice(operators), chance.choice(values), chance.choice(values)) for place in places)
        )
        rules.append(rule(chance.choice(("ALLOW", "LOG", "ERRNO", "TRAP", "KILL")), name, args=args, errno=11))
    return {"defaultAction": f"SCMP_ACT_{chance.choice(('ERRNO', 'ALLOW', 'KILL_PROCESS'))}", "syscalls": rules}


def families(document: dict[str, Any]) -> Iterator[tuple[Abi, list[Abi]]]:
    """Each host, with the ABIs of its filter, so that each ABI is in one; where a profile lists no hosts, alone."""
    left = list(ABIS)
    for entry in document.get("archMap") or []:
        names = [entry["architecture"], *(entry["subArchitectures"] or [])]
        family = [abi(name) for name in names]
        if all(one in left for one in family):
            yield family[0], family
            left = [one for one in left if one not in family]
    yield from ((one, [one]) for one in left)


def numbers(on: Abi) -> Iterator[int]:
    """All from 0 to above the largest; but of arm, whose private calls begin at 0x0f0000, the million before them only
    in part."""
    known = sorted(number & ~X32_SYSCALL_BIT for number, _ in table_of(on))
    ordinary = [number for number in known if number < 0x0F0000]
    yield from range(ordinary[-1] + 1 + BEYOND)
    if ordinary != known:
        yield from range(ordinary[-1] + 1 + BEYOND, 0x0F0000 - BEYOND, 997)
        yield from range(0x0F0000 - BEYOND, known[-1] + 1 + BEYOND)


STRANGE = (-1, -2, -3, -21, -100, -101, -4096, -10_001, -(2**30), -(2**30) - 1, -(2**31), -(2**31) + 1, 2**31 - 1)
"""Numbers that no table has; libseccomp uses some below 0 for calls that an ABI lacks."""


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


def check_all_numbers(document: dict[str, Any], made: Profile, host: Abi, family: list[Abi]) -> int:
    """How many verdicts of a filter are those of the profile; all must be."""
    filtered = build(made, family)
    program = Program(filtered.bpf(), big_endian=host.big_endian)
    expected = Expected(document, host, family, filtered.left_out)
    count = 0

    def check(on: Abi, number: int, args: Args) -> None:
        found, said = program.verdict(on.audit_arch, number, args), expected.verdict(on.audit_arch, number, args)
        assert found == said, f"{on.name} {number} {args}: {found:#x}, not {said:#x}"

    for on in family:
        for number in numbers(on):
            for args in expected.samples(on, number):
                check(on, number, args)
                count += 1
            check(on, number | X32_SYSCALL_BIT, NO_ARGS)
            for args in expected.samples(on, number | X32_SYSCALL_BIT) if on.name == "x32" else ():
                check(on, number | X32_SYSCALL_BIT, args)
            count += 1
        for number in STRANGE:
            check(on, number, NO_ARGS)
    for other in ABIS:
        if all(other.audit_arch != one.audit_arch for one in family):
            for number in (*range(5), *STRANGE):
                check(other, number, NO_ARGS)
    return count


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_profiles_do_what_they_say_on_every_abi(name: str) -> None:
    if not PUBLISHED[name].exists():
        pytest.skip("needs golang-github-containers-common")
    data = PUBLISHED[name].read_bytes()
    document, made = json.loads(data), read_profile(data).sound()
    checked = [
        check_all_numbers(document, resolve(made, Host(host, KERNEL, frozenset())), host, family)
        for host, family in families(document)
    ]
    assert sum(checked) > 2 * 40_000


DOCUMENTS = {
    **{name: json.loads(Path(f"fixtures/profiles/{name}.json").read_bytes()) for name in ("web", "worker")},
    "of all kinds": OF_ALL_KINDS,
    **{f"made by chance, {seed}": made_by_chance(seed) for seed in range(4)},
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_profiles_do_what_they_say_on_every_abi(document: dict[str, Any]) -> None:
    made = read_profile(json.dumps(document).encode()).sound()
    checked = [check_all_numbers(document, made, one, [one]) for one in ABIS]
    checked.append(check_all_numbers(document, made, abi("x86_64"), [abi("x86_64"), abi("x32"), abi("x86")]))
    assert sum(checked) > 2 * 40_000
