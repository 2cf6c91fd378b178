"""What a profile in Docker's form is on one host: the entry of `archMap`, and the rules whose `includes` and `excludes`
hold there.

As Docker does it: setupSeccomp() in seccomp/seccomp_linux.go and kernelGreaterEqualThan() in seccomp/kernel_linux.go
of github.com/moby/profiles. containers/common (pkg/seccomp/seccomp_linux.go) does the same, but for minKernel, which it
does not look at.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from audit2seccomp.errors import FormatError, shown
from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import ArchMapping, Clause, Profile, Rule

Version = tuple[int, int]
"""A kernel's: (6, 12). What stands behind does not count."""

_MIN_KERNEL = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_DOCKERS_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Host(NamedTuple):
    """What is known of a host and a container on it; None for what is not."""

    abi: Abi | None = None
    """The architecture of its kernel."""
    kernel: Version | None = None
    caps: frozenset[str] | None = None
    """The container's bounding set, CAP_* names."""


NOTHING_KNOWN = Host()


class Unanswered(NamedTuple):
    """What a profile asks and is not known of a host, each with the first place that asks; None where nothing does."""

    arch: str | None = None
    kernel: str | None = None
    caps: str | None = None


class _Condition(NamedTuple):
    """A part of a clause."""

    asks: str
    """A field of Unanswered."""
    name: str
    holds: bool | None
    """None if that is not known."""


def unanswered(profile: Profile, host: Host = NOTHING_KNOWN, names: Container[str] | None = None) -> Unanswered:
    """What must be known besides, with `names` for the rules about these alone. Nothing is asked for a rule that is
    left out anyway. Raises FormatError for a minKernel that Docker refuses."""
    asked: dict[str, str] = {}
    if profile.arch_map and host.abi is None:
        asked["arch"] = "archMap"
    for index, rule in enumerate(profile.rules):
        if names is not None and not any(name in names for name in rule.names):
            continue
        conditions = list(_conditions(rule, index, host))
        if any(condition.holds is False for condition in conditions):
            continue
        for condition in conditions:
            if condition.holds is None:
                asked.setdefault(condition.asks, f"{condition.name} of rule {index} ({_start(rule)})")
    return Unanswered(**asked)


def resolve(profile: Profile, host: Host) -> Profile:
    """The profile on a host that answers all that it asks (see `unanswered`), without anything that depends on one.

    Without an entry for the host's architecture the filter is for that architecture alone, as in Docker."""
    assert not any(unanswered(profile, host)), "what a profile asks is answered before it is resolved"
    kept = (
        rule._replace(includes=Clause(), excludes=Clause())
        for index, rule in enumerate(profile.rules)
        if is_there(rule, index, host)
    )
    return profile._replace(architectures=architectures_on(profile, host), arch_map=(), rules=tuple(kept))


def refuse_unknown(profile: Profile, names: Container[str] | None = None) -> None:
    """Raise FormatError for a clause with a key that no format defines; with `names`, in rules about these alone."""
    for index, rule in enumerate(profile.rules):
        for key, _ in (*rule.includes.extra, *rule.excludes.extra):
            if names is None or any(name in names for name in rule.names):
                raise FormatError(f"rule {index}: nobody knows on which hosts {shown(key)} holds: take it out")


def architectures_on(profile: Profile, host: Host) -> tuple[str, ...]:
    """The architectures of the filter on a host, as a profile without `archMap` lists them."""
    mapping = next((entry for entry in profile.arch_map if _is_of(entry, host.abi)), None)
    return profile.architectures if mapping is None else (mapping.architecture, *mapping.sub_architectures)


def is_there(rule: Rule, index: int, host: Host) -> bool | None:
    """Whether a rule, at its index, is there on a host; None if that is not known. Raises FormatError for a minKernel
    that Docker refuses."""
    found = [condition.holds for condition in _conditions(rule, index, host)]
    return False if False in found else None if None in found else True


def dockers_name(abi: Abi) -> str:
    """What `arches` calls a host: libseccomp's name with Go's for two of them (goToNative in seccomp_linux.go)."""
    return _DOCKERS_NAMES.get(abi.name, abi.name)


def hosts_of(profile: Profile) -> dict[Abi, set[str]]:
    """The ABIs that a profile covers, each with the hosts (`dockers_name`) on which it does; none: any host's own."""
    hosts: dict[Abi, set[str]] = {}
    pairs = [(name, name) for name in profile.architectures] + [
        (name, mapping.architecture)
        for mapping in profile.arch_map
        for name in (mapping.architecture, *mapping.sub_architectures)
    ]
    for name, of_host in pairs:
        abi, host = abi_named(name), abi_named(of_host)
        if abi is not None and host is not None:
            hosts.setdefault(abi, set()).add(dockers_name(host))
    if not profile.arch_map:
        # Which of the architectures is the host's is not told.
        everywhere = {name for names in hosts.values() for name in names}
        hosts = dict.fromkeys(hosts, everywhere)
    return hosts


def may_be_there(rule: Rule, hosts: set[str]) -> bool:
    """Whether a rule is there on at least one of the hosts."""
    return bool(hosts - set(rule.excludes.arches)) and (
        not rule.includes.arches or not hosts.isdisjoint(rule.includes.arches)
    )


def needs(rule: Rule, hosts: set[str]) -> Iterator[str]:
    """What it depends on whether a rule acts that is there on at least one of the hosts: `arguments`, `CAP_BPF`, …"""
    if rule.args:
        yield "arguments"
    yield from (*rule.includes.caps, *rule.excludes.caps)
    for kernel in (rule.includes.min_kernel, rule.excludes.min_kernel):
        if kernel is not None:
            yield f"kernel {kernel}"
    if (rule.includes.arches and not hosts <= set(rule.includes.arches)) or hosts & set(rule.excludes.arches):
        yield "host architecture"


def _is_of(mapping: ArchMapping, abi: Abi | None) -> bool:
    return abi is not None and mapping.architecture == abi.scmp_name


def _conditions(rule: Rule, index: int, host: Host) -> Iterator[_Condition]:
    """All that must hold for a rule to be there."""
    for name, clause, wanted in (("includes", rule.includes, True), ("excludes", rule.excludes, False)):
        if clause.arches:
            among = None if host.abi is None else dockers_name(host.abi) in clause.arches
            yield _Condition("arch", f"{name}.arches", _equal(among, wanted))
        if clause.caps:
            # All of those that are included are needed; any one that is excluded is too much.
            test = all if wanted else any
            there = None if host.caps is None else test(cap in host.caps for cap in clause.caps)
            yield _Condition("caps", f"{name}.caps", _equal(there, wanted))
        if clause.min_kernel is not None:
            needed = min_kernel(clause.min_kernel, f"rule {index} ({_start(rule)}): {name}.minKernel")
            new_enough = None if host.kernel is None else host.kernel >= needed
            yield _Condition("kernel", f"{name}.minKernel", _equal(new_enough, wanted))


def _equal(verdict: bool | None, wanted: bool) -> bool | None:
    return None if verdict is None else verdict is wanted


def min_kernel(text: str, where: str) -> Version:
    """The kernel that a clause asks for: two numbers of eight bits, not 0.0, and for the empty string any kernel, as
    Docker reads it (UnmarshalJSON of KernelVersion in seccomp/seccomp.go). Raises FormatError, which says `where`, for
    what Docker refuses."""
    if not text:
        return 0, 0
    match = _MIN_KERNEL.fullmatch(text)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    if version == (0, 0) or max(version) > 255:
        raise FormatError(f"{where} is {text[:40]!r}: two numbers such as 4.8 are expected")
    return version


def _start(rule: Rule) -> str:
    return (rule.names[0] if rule.names else "no call") + ("…" if len(rule.names) > 1 else "")
