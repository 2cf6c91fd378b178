"""Whose calls a profile looks at: on each host the host's own ABI, and others that it names."""

from __future__ import annotations

from collections.abc import Sequence

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.abi import Abi, abi_named, oci_abis
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import ArchMapping, Extra, Profile


class Covered(NamedTuple):
    """An ABI whose calls some of several profiles look at."""

    host: Abi | None
    """The host that this is about; None where it is so on each."""
    abi: Abi
    profiles: tuple[int, ...]
    """The positions of the profiles that do; the others kill its calls."""


def by_host(profile: Profile) -> bool:
    """Whether the ABIs depend on the host."""
    return bool(profile.arch_map) or not profile.architectures


def listed(profile: Profile) -> frozenset[Abi] | None:
    """The ABIs that a profile looks at, on one of the hosts of its archMap or another; None where it lists none."""
    names = {*profile.architectures, *(name for names in _mapped(profile).values() for name in names)}
    return frozenset(abi for name in names if (abi := abi_named(name)) is not None) or None


def on_host(profile: Profile, host: Abi) -> Profile:
    """The profile with the architectures that it has on a host."""
    if not by_host(profile):
        return profile
    return profile._replace(
        architectures=_mapped(profile).get(host.scmp_name or "", (host.scmp_name or "",)), arch_map=()
    )


def coverage(profiles: Sequence[Profile]) -> list[Covered]:
    """Each ABI that a profile looks at, with the profiles that do: once, or for each host where the ABIs depend on it.
    Profiles must all be of one kind; see `by_host`."""
    if not by_host(profiles[0]):
        return [_covered(None, name, [profile.architectures for profile in profiles]) for name in _all_names(profiles)]
    found = []
    for abi in oci_abis():
        host = abi.scmp_name or ""
        lists = [_mapped(profile).get(host, (host,)) for profile in profiles]
        found += [_covered(abi, name, lists) for name in dict.fromkeys(name for names in lists for name in names)]
    return found


def united(profiles: Sequence[Profile]) -> tuple[tuple[str, ...], tuple[ArchMapping, ...]]:
    """The architectures, or the archMap, with all that any of the profiles looks at."""
    _refuse_two_kinds(profiles)
    if not by_host(profiles[0]):
        return _all_names(profiles), ()
    hosts = dict.fromkeys(mapping.architecture for profile in profiles for mapping in profile.arch_map)
    entries = []
    for host in hosts:
        subs = dict.fromkeys(
            name for profile in profiles for name in _mapped(profile).get(host, (host,)) if name != host
        )
        entries.append(ArchMapping(host, tuple(subs), _extra(profiles, host)))
    return (), tuple(entries)


def shared(profiles: Sequence[Profile]) -> tuple[tuple[str, ...], tuple[ArchMapping, ...]]:
    """The architectures, or the archMap, with all that each of the profiles looks at. Raises AlgebraError where there
    is nothing: a profile without architectures would mean the host's own."""
    _refuse_two_kinds(profiles)
    if not by_host(profiles[0]):
        names = tuple(name for name in profiles[0].architectures if all(name in one.architectures for one in profiles))
        if not names:
            raise AlgebraError("no architecture is in all of the profiles, so nothing is left of them")
        return names, ()
    entries = []
    for mapping in profiles[0].arch_map:
        host = mapping.architecture
        lists = [_mapped(profile).get(host, (host,)) for profile in profiles]
        subs = tuple(name for name in mapping.sub_architectures if all(name in names for names in lists))
        entries.append(ArchMapping(host, subs, _extra(profiles, host)))
    return (), tuple(entries)


def _extra(profiles: Sequence[Profile], host: str) -> Extra:
    """The unknown keys of a host's entry, of the first profile that has one."""
    entries = (entry for profile in profiles for entry in profile.arch_map if entry.architecture == host)
    return next(entries, ArchMapping(host, ())).extra


def _refuse_two_kinds(profiles: Sequence[Profile]) -> None:
    if len({by_host(profile) for profile in profiles}) > 1:
        raise AlgebraError(
            "some profiles name their architectures, and those of others depend on the host (archMap, or none named): "
            "--host-arch ARCH takes those of such a host"
        )


def _mapped(profile: Profile) -> dict[str, tuple[str, ...]]:
    """The architectures on each host of the archMap; Docker takes the first entry of a host."""
    mapped: dict[str, tuple[str, ...]] = {}
    for mapping in profile.arch_map:
        mapped.setdefault(mapping.architecture, (mapping.architecture, *mapping.sub_architectures))
    return mapped


def _all_names(profiles: Sequence[Profile]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for profile in profiles for name in profile.architectures))


def _covered(host: Abi | None, name: str, lists: Sequence[tuple[str, ...]]) -> Covered:
    abi = abi_named(name)
    assert abi is not None  # the reader takes no other names
    return Covered(host, abi, tuple(index for index, names in enumerate(lists) if name in names))
