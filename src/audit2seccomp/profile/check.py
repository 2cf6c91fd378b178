"""Evidence against a profile: which of the calls that were recorded it would deny.

A log tells no arguments, and neither the host's capabilities nor its kernel. So where a profile asks for them, all that
may become of a call is told, with what it depends on. Nor does it tell the host's architecture, on which depends what a
filter covers: kernels of several run the same programs."""

from __future__ import annotations

from collections.abc import Container, Iterable

from audit2seccomp.evidence.calls import Call
from audit2seccomp.kernel.abi import Abi, abi_named, kernels_of
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.effects import BAD_ARCH
from audit2seccomp.profile.model import LETS_THROUGH, Outcome, Profile, Rule, default_outcome, outcome_of
from audit2seccomp.profile.resolve import Host, architectures_on, dockers_name, may_be_there, needs


class Checked(NamedTuple):
    """What a profile would do with a call that was recorded."""

    call: Call
    possible: tuple[Outcome, ...]
    """All that may become of it: one, unless it depends on something."""
    depends: tuple[str, ...] = ()
    """On what, such as `arguments` and `CAP_SYS_ADMIN`."""
    covered: bool = True
    """Whether the filter looks at calls of the architecture, on some host at least."""

    @property
    def allowed(self) -> bool:
        """Whether the call is let through whatever it depends on."""
        return all(outcome.action in LETS_THROUGH for outcome in self.possible)

    @property
    def denied(self) -> bool:
        """Whether the call is never let through."""
        return not any(outcome.action in LETS_THROUGH for outcome in self.possible)


def check(profile: Profile, calls: Iterable[Call]) -> list[Checked]:
    """What a profile would do with calls, in their order. A runtime's filter covers the host's own architecture beside
    those that the profile lists."""
    calls = list(calls)
    rules: dict[str, list[Rule]] = {}
    for rule in profile.rules:
        for name in rule.names:
            rules.setdefault(name, []).append(rule)
    abis = {call.abi for call in calls}
    hosts = {abi: _hosts(profile, abi, abis - {abi}) for abi in abis}
    return [_check(profile, call, rules, hosts[call.abi]) for call in calls]


def _hosts(profile: Profile, abi: Abi, others: Container[Abi]) -> dict[Abi, bool]:
    """The kernels under which programs of an ABI may have run, each with whether its filter covers them: one that the
    profile names, or whose own programs were seen, too, is taken to be the one. libseccomp has no filter for one that
    profiles cannot name."""
    names = profile.architectures or [entry.architecture for entry in profile.arch_map]
    listed = {abi_named(name) for name in names}
    kernels = kernels_of(abi)
    likely = [one for one in kernels if one in listed or one in others] or kernels
    name = abi.scmp_name
    return {one: name is not None and (one is abi or name in architectures_on(profile, Host(one))) for one in likely}


def _check(profile: Profile, call: Call, by_name: dict[str, list[Rule]], hosts: dict[Abi, bool]) -> Checked:
    on = {dockers_name(host) for host, covers in hosts.items() if covers}
    if not on:
        return Checked(call, (BAD_ARCH,), covered=False)
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
    if len(on) < len(hosts):
        possible[BAD_ARCH] = None
        depends["host architecture"] = None
    return Checked(call, tuple(possible), tuple(depends))
