"""Evidence against a profile: which of the calls that were recorded it would deny.

A log tells no arguments, and neither the host's capabilities nor its kernel. So where a profile asks for them, all that
may become of a call is told, with what it depends on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from audit2seccomp.evidence.calls import Call
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.profile.effects import BAD_ARCH
from audit2seccomp.profile.model import LETS_THROUGH, Outcome, Profile, Rule, default_outcome, outcome_of
from audit2seccomp.profile.resolve import dockers_name, hosts_of, may_be_there, needs


class Checked(NamedTuple):
    """What a profile would do with a call that was recorded."""

    call: Call
    possible: tuple[Outcome, ...]
    """All that may become of it: one, unless it depends on something."""
    depends: tuple[str, ...] = ()
    """On what, such as `arguments` and `CAP_SYS_ADMIN`."""
    covered: bool = True
    """Whether the profile covers the call's architecture."""

    @property
    def allowed(self) -> bool:
        """Whether the call is let through whatever it depends on."""
        return all(outcome.action in LETS_THROUGH for outcome in self.possible)

    @property
    def denied(self) -> bool:
        """Whether the call is never let through."""
        return not any(outcome.action in LETS_THROUGH for outcome in self.possible)


def check(profile: Profile, calls: Iterable[Call]) -> list[Checked]:
    """What a profile would do with calls, in their order. Where it lists no architectures, it covers the host's own,
    which is taken to be that of the call."""
    hosts = hosts_of(profile)
    rules: dict[str, list[Rule]] = {}
    for rule in profile.rules:
        for name in rule.names:
            rules.setdefault(name, []).append(rule)
    return [_check(profile, call, rules, hosts) for call in calls]


def _check(profile: Profile, call: Call, by_name: dict[str, list[Rule]], hosts: dict[Abi, set[str]]) -> Checked:
    if hosts and call.abi not in hosts:
        return Checked(call, (BAD_ARCH,), covered=False)
    on = hosts.get(call.abi, {dockers_name(call.abi)})
    default = default_outcome(profile)
    own = [(rule, False) for rule in by_name.get(call.name or "", [])]
    inside = [
        (rule, True)
        for name, made in MULTIPLEXED.items()
        if made.through == call.name
        for rule in by_name.get(name, [])
    ]
    there = [one for one in (*own, *inside) if may_be_there(one[0], on) and outcome_of(one[0]) != default]
    possible: dict[Outcome, None] = {}
    depends: dict[str, None] = {}
    # A rule without conditions goes before all that have some, and of several the first counts.
    for rule, is_inside in sorted(there, key=lambda one: bool(one[0].args)):
        possible[outcome_of(rule)] = None
        asked = [*(["the call inside"] if is_inside else []), *needs(rule, on)]
        depends |= dict.fromkeys(asked)
        if not asked:
            break
    else:
        possible[default] = None
    return Checked(call, tuple(possible), tuple(depends))
