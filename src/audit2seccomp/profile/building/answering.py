"""What profiles that another one is built on say of a call on the architectures where it is made.

A log tells the architecture of a call, so it answers `arches` in the conditions of Docker's form; it tells neither
arguments nor capabilities nor the kernel's version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import reduce

from audit2seccomp.kernel.abi import Abi, kernels_of
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.bases import Standing, combined, is_bare, standing_of
from audit2seccomp.profile.model import Profile, Rule
from audit2seccomp.profile.resolve import dockers_name, hosts_of, may_be_there, needs


class Answer(NamedTuple):
    """What is said of one call."""

    standing: Standing
    asks: tuple[str, ...] = ()
    """What it depends on besides the architecture, in words."""
    elsewhere: bool = False
    """Whether it is let through on some architectures, but not on all where it is made."""


class Answers:
    """What a profile says of calls."""

    def __init__(self, profile: Profile, names: Collection[str]) -> None:
        """Look for rules for some names."""
        self._rules: dict[str, list[Rule]] = {name: [] for name in names}
        for rule in profile.rules:
            for name in self._rules.keys() & set(rule.names):
                self._rules[name].append(rule)
        self._hosts = {abi: _kernels(abi, hosts) for abi, hosts in hosts_of(profile).items()}

    def of(self, name: str, abis: Collection[Abi]) -> Answer:
        """What it says of one of the names. `abis`: where the call was observed; nowhere: all that have it count."""
        rules = self._rules[name]
        if not rules:
            return Answer(Standing.UNMENTIONED)
        abis = abis or [abi for abi in self._hosts if table_of(abi).number_of(name) is not None]
        whatever = _standing(rules, ())
        if whatever not in (Standing.CONDITIONAL, Standing.MIXED):
            return Answer(whatever)
        there = {abi: self._there(rules, abi) for abi in abis}
        answers = {_standing(there[abi], self._hosts_of(abi)) for abi in abis}
        asks = tuple(
            dict.fromkeys(word for abi in abis for rule in there[abi] for word in _asks(rule, self._hosts_of(abi)))
        )
        if answers == {Standing.ALLOWED}:
            return Answer(Standing.ALLOWED)
        if whatever is Standing.CONDITIONAL and answers and answers <= {Standing.ALLOWED, Standing.UNMENTIONED}:
            return Answer(Standing.UNMENTIONED, elsewhere=True)
        return Answer(whatever, asks or tuple(dict.fromkeys(word for rule in rules for word in _asks(rule, ()))))

    def _hosts_of(self, abi: Abi) -> set[str]:
        return self._hosts.get(abi) or {dockers_name(abi)}

    def _there(self, rules: Sequence[Rule], abi: Abi) -> list[Rule]:
        hosts = self._hosts_of(abi)
        return [rule for rule in rules if may_be_there(rule, hosts)]


def _kernels(abi: Abi, hosts: set[str]) -> set[str]:
    """Those of the hosts that run programs of the ABI."""
    return hosts.intersection(map(dockers_name, kernels_of(abi))) or hosts


def _standing(rules: Iterable[Rule], hosts: Collection[str]) -> Standing:
    """What rules say together on hosts of some architectures; without them, whatever the host."""
    standings = (standing_of(rule, bare=is_bare(rule) or bool(hosts and not any(_asks(rule, hosts)))) for rule in rules)
    return reduce(combined, standings, Standing.UNMENTIONED)


def _asks(rule: Rule, hosts: Collection[str]) -> Iterator[str]:
    """What the rule depends on on these hosts, in words."""
    for need in needs(rule, set(hosts)):
        if need.startswith("CAP_"):
            yield "capabilities"
        elif need.startswith("kernel "):
            yield "the kernel's version"
        else:
            yield "the host's architecture" if need == "host architecture" else need
    if rule.includes.extra or rule.excludes.extra:
        yield "what unknown keys mean"
