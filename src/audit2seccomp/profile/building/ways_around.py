"""How programs can make a call that no rule of a profile names: through `socketcall` and `ipc`, on older ABIs."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import Multiplexed, multiplexed
from audit2seccomp.profile.effects import conjunctions, holds
from audit2seccomp.profile.model import LETS_THROUGH, MAX_ARGS, Profile, Rule

_BITS = 32
"""Of an argument on the ABIs that have these calls; s390x and others with 64 look at the lower half of this one
(net/socket.c, ipc/syscall.c: an int)."""


def ways_around(never: Collection[str], profile: Profile, abis: Collection[Abi]) -> Iterator[str]:
    """What to say of calls that should not be made, and can be on some ABIs."""
    found: dict[tuple[str, ...], dict[str, None]] = {}
    for name in sorted(never):
        through = {abi.name: way for abi in abis if (way := multiplexed(abi, name)) is not None}
        for way in set(through.values()):
            if any(_lets_through(rule, way) for rule in profile.rules):
                found.setdefault((way.through, *sorted(through)), {})[name] = None
    for (outer, *on), names in found.items():
        yield (
            f"--never: programs of {', '.join(on)} can make {', '.join(names)} through {outer}, which is allowed: "
            f"--never {outer} too"
        )


def _lets_through(rule: Rule, way: Multiplexed) -> bool:
    if rule.action not in LETS_THROUGH or way.through not in rule.names:
        return False
    args = (way.number, *(0 for _ in range(MAX_ARGS - 1)))
    return any(
        all(holds(condition, args, _BITS) for condition in case if condition.argument == 0)
        for case in conjunctions(rule)
    )
