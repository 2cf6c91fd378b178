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
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.libseccomp import build, buildable_abis
from audit2seccomp.profile.model import Profile
from audit2seccomp.profile.resolve import Host, resolve
from audit2seccomp.profile.simulate import Program
from tests.e2e.expected import KERNEL, NO_ARGS, OF_ALL_KINDS, PUBLISHED, Expected, conditions, rule
from tests.e2e.reading import Args
from tests.profile.meanings import abi

ABIS = buildable_abis()
BEYOND = 50
"""So many numbers above the largest are looked at."""


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
