"""Rules about rules that say different things of one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, islice

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.multiplexed import MULTIPLEXED, multiplexed
from audit2seccomp.profile.effects import compared_bits, conjunctions, made_through, seen
from audit2seccomp.profile.exactness import disjoint
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject, has, listed, told
from audit2seccomp.profile.model import Clause, Outcome
from audit2seccomp.profile.refusals import Stated, refusals

_MAX_COMPARED = 30
"""So many rules of one name are compared with each other: their pairs grow with the square of that."""

_Named = tuple[int, str, Path]
"""A rule by its index, a name of it, and the path of the name."""


@lint_rule(
    "contradiction", Level.WARNING, "two rules say different things of one call, and one of them is without effect"
)
def contradiction(subject: Subject) -> Iterator[Hit]:
    """As libseccomp decides (_db_rule_add in src/db.c; measured): a rule without conditions goes before all that have
    some, and of several without conditions the first one counts; of the same conditions the second rule is refused, and
    runc and crun with it (profile/refusals.py); of conditions that hold at once, one or the other."""
    refused: set[Path] = set()
    for hit in _refused(subject):
        refused.add(hit.path)
        yield hit
    for hit in _without_refusal(subject):
        if hit.path not in refused:
            yield hit


def _refused(subject: Subject) -> Iterator[Hit]:
    """What libseccomp refuses, on any of the ABIs."""
    found: dict[tuple[int, str, Path, str], list[str]] = {}
    named = _of_interest(subject)
    for abi in subject.abis or (None,):
        calls: dict[str, list[tuple[Stated, _Named]]] = {}
        for one in named:
            for call, stated in _stated(subject, abi, one):
                calls.setdefault(call, []).append((stated, one))
        for call, states in calls.items():
            pairs = refusals([stated for stated, _ in states], _bits(abi), subject.may_meet)
            by_state = {id(stated): one for stated, one in states}
            for old, new in islice(pairs, _MAX_COMPARED):
                _, name, path = by_state[id(new)]
                found.setdefault((old.rule, name, path, call), []).append("" if abi is None else abi.name)
    for (rule, name, path, call), abis in found.items():
        where = "" if abis == [one.name for one in subject.abis] or not abis[0] else f"on {listed(abis)} "
        what = f'{where}rule {rule} has another action for "{name[:80]}" under the same conditions'
        if call != name:
            what += f" when it is made through {call}, where those on its first argument are lost"
        yield Hit(path, f"{what}, and runc and crun refuse such a profile: remove one", Level.ERROR)


def _of_interest(subject: Subject) -> list[_Named]:
    """The names that more than one rule speaks of, or that are made through such a call."""
    named = [one for one in subject.names() if subject.outcomes[one[0]] != subject.default]
    outer = {name: made.through for name, made in MULTIPLEXED.items()}
    counts = Counter(name for _, name, _ in named)
    counts.update(outer[name] for _, name, _ in named if name in outer)
    return [one for one in named if counts[one[1]] > 1 or counts[outer.get(one[1], "")] > 1]


def _stated(subject: Subject, abi: Abi | None, named: _Named) -> Iterator[tuple[str, Stated]]:
    """What a rule says of a name on an ABI, each with the call of which it is said; without an ABI, on one of 64 bits
    that has the call."""
    index, name, _ = named
    rule, outcome = subject.profile.rules[index], subject.outcomes[index]
    hosts = (rule.includes, rule.excludes)
    cases = conjunctions(rule)
    through = multiplexed(abi, name) if abi is not None else None
    if abi is not None and abi not in subject.abis_of(rule):
        return
    calls = [(through.through, made_through(through, cases))] if through is not None else []
    if abi is None or has(abi, name):
        calls.append((name, cases))
    for call, whens in calls:
        for when in whens:
            kept = seen(when, _bits(abi))
            yield call, Stated(kept, outcome, index, None if hosts == (Clause(), Clause()) else hosts)


def _bits(abi: Abi | None) -> int:
    return 64 if abi is None else compared_bits(abi)


def _without_refusal(subject: Subject) -> Iterator[Hit]:
    """What acts otherwise than it reads."""
    of_name: dict[str, list[tuple[int, Path]]] = {}
    for index, name, path in subject.names():
        if subject.outcomes[index] != subject.default:
            alike = of_name.setdefault(name, [])
            if len(alike) < _MAX_COMPARED and (not alike or alike[-1][0] != index):
                alike.append((index, path))
    for name, alike in of_name.items():
        done: set[Path] = set()
        for one, other in combinations(alike, 2):
            hit = _contradict(subject, name, one, other)
            if hit is not None and hit.path not in done:
                done.add(hit.path)
                yield hit


def _contradict(subject: Subject, name: str, one: tuple[int, Path], other: tuple[int, Path]) -> Hit | None:
    """What is wrong with two rules about one call, each given by its index and the path of the name."""
    (first, first_path), (second, second_path) = one, other
    a, b = subject.profile.rules[first], subject.profile.rules[second]
    if subject.outcomes[first] == subject.outcomes[second] or not subject.may_meet(first, second):
        return None
    if a.args and not b.args:
        return _without_effect(name, first_path, second, subject.outcomes[second])
    if not a.args:
        return _without_effect(name, second_path, first, subject.outcomes[first])
    what = f'rule {first} has another action for "{name[:80]}"'
    if not all(disjoint(x, y, 64) for x in conjunctions(a) for y in conjunctions(b)):
        what += ", and the conditions of both may hold at once"
        return Hit(second_path, f"{what}: which one acts is left to libseccomp: make them exclude each other")
    return None


def _without_effect(name: str, path: Path, other: int, outcome: Outcome) -> Hit:
    what = f'this has no effect on "{name}": rule {other} makes it {told(outcome)} without conditions'
    return Hit(path, f"{what}: remove one of them")
