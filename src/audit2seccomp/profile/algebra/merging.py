"""The union and the intersection of profiles. Pure.

Everything is exact: the result does with every call what it should, on every host and for all arguments, or there is an
AlgebraError that names the calls. The tests hold that against the filters that libseccomp makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.architectures import Covered, by_host, coverage, on_host, shared, united
from audit2seccomp.profile.algebra.clauses import HOST
from audit2seccomp.profile.algebra.combining import Combined, Combiner, Operand
from audit2seccomp.profile.algebra.conditions import is_plain
from audit2seccomp.profile.algebra.partitions import Mode, partition, permissiveness
from audit2seccomp.profile.algebra.regions import Region, TooManyBoxesError
from audit2seccomp.profile.algebra.rules_by_call import rule_of
from audit2seccomp.profile.algebra.spans import Names
from audit2seccomp.profile.effects import compared_bits
from audit2seccomp.profile.model import Outcome, Profile, Rule, default_outcome, outcome_of, outcome_text
from audit2seccomp.profile.resolve import dockers_name


class Widening(NamedTuple):
    """Calls of an architecture that not all profiles name: there they would get what the others do with them."""

    host: Abi | None
    """The host on which it is so; None for all."""
    abi: Abi
    names: tuple[str, ...]


class Merged(NamedTuple):
    """Profiles, united or intersected."""

    profile: Profile
    widened: tuple[Widening, ...]
    """Where the result is more permissive than all of the profiles, as it was asked for."""
    notes: tuple[str, ...]
    """What besides the calls the profiles differ in, and what became of it."""


def merge(
    operands: Sequence[Operand],
    mode: Mode = Mode.UNION,
    *,
    default: Outcome | None = None,
    host: Abi | None = None,
    widen: bool = False,
) -> Merged:
    """The profile that does with each call the most permissive thing that one of the profiles does with it, or the
    least permissive one. A call of an architecture that a profile does not look at counts as killed by it.

    `default` is what the result does with calls that none of the profiles names; it is needed where they differ in
    that. `host`: profiles whose architectures depend on the host count as they are on this one. `widen` takes a result
    that allows more on architectures that not all profiles name. Raises AlgebraError where nothing exact can be said.
    """
    given = operands
    if host is not None:
        operands = [operand._replace(profile=on_host(operand.profile, host)) for operand in operands]
    profiles = [operand.profile for operand in operands]
    default = _common_default(operands) if default is None else default
    architectures, arch_map = (united if mode is Mode.UNION else shared)(profiles)
    covered = coverage(profiles)
    everywhere = mode is Mode.UNION
    abis = {one.abi for one in covered if everywhere or len(one.profiles) == len(operands)}
    combiner = Combiner(operands, mode, default, None if by_host(profiles[0]) else abis)
    calls = combiner.all_combined()
    first = profiles[0]
    result = first._replace(
        default_action=default.action,
        default_errno=default.errno,
        default_errno_name=None,
        architectures=architectures,
        arch_map=arch_map,
        rules=tuple(_rules(operands, calls, default)),
    )
    widened = _widened(combiner, calls, covered, len(operands), default) if mode is Mode.UNION else ()
    if widened and not widen:
        raise AlgebraError(_refusal(operands, widened))
    return Merged(result, widened, tuple(_notes(given, result)))


def _common_default(operands: Sequence[Operand]) -> Outcome:
    outcomes = {operand.name: default_outcome(operand.profile) for operand in operands}
    if len(set(outcomes.values())) > 1:
        each = ", ".join(f"{name} {outcome_text(outcome)}" for name, outcome in outcomes.items())
        raise AlgebraError(
            f"the default actions differ ({each}): --default-action says what becomes of calls that none of them names"
        )
    return default_outcome(operands[0].profile)


def _rules(operands: Sequence[Operand], calls: dict[str, Combined], default: Outcome) -> Iterable[Rule]:
    """One rule without conditions for each outcome, then the rules that were taken over, then new ones."""
    plain = {name: call.plain for name, call in calls.items() if call.plain is not None and call.plain != default}
    commented = list(_commented(operands, plain))
    for outcome in sorted(set(plain.values()), key=permissiveness, reverse=True):
        yield rule_of(tuple(name for name, own in plain.items() if own == outcome), outcome)
    yield from commented
    for index, operand in enumerate(operands):
        for rule in operand.profile.rules:
            kept = tuple(name for name in dict.fromkeys(rule.names) if calls[name].source == index)
            if kept and outcome_of(rule) != default:
                yield rule if kept == rule.names else rule._replace(names=kept)
    made: dict[Rule, list[str]] = {}
    for name, call in calls.items():
        if call.source is None:
            for rule in call.rules:
                made.setdefault(rule._replace(names=()), []).append(name)
    yield from (rule._replace(names=tuple(names)) for rule, names in made.items())


def _commented(operands: Sequence[Operand], plain: dict[str, Outcome]) -> Iterable[Rule]:
    """Rules that say more than their calls, and still say what becomes of all of these; taken out of `plain`."""
    for rule in (rule for operand in operands for rule in operand.profile.rules if rule.comment or rule.extra):
        if is_plain(rule) and rule.names and all(plain.get(name) == outcome_of(rule) for name in rule.names):
            yield rule
            for name in rule.names:
                plain.pop(name, None)


def _widened(
    combiner: Combiner, calls: dict[str, Combined], covered: Sequence[Covered], operands: int, default: Outcome
) -> tuple[Widening, ...]:
    """Where the union of all profiles is not that of those which look at an ABI: rules act on all architectures."""
    found = []
    for one in covered:
        if len(one.profiles) < operands:
            table = table_of(one.abi)
            there = ((name, call) for name, call in calls.items() if table.number_of(name) is not None)
            names = tuple(name for name, call in there if not _same_there(combiner, name, call, one, default))
            if names:
                found.append(Widening(one.host, one.abi, names))
    return tuple(found)


def _same_there(combiner: Combiner, name: str, call: Combined, there: Covered, default: Outcome) -> bool:
    """Whether the result does with a call what the profiles that look at an ABI do with it."""
    plain = combiner.plain(name, there.profiles)
    if plain is not None and call.plain is not None and not call.through:
        return plain == call.plain
    bits = compared_bits(there.abi)
    try:
        wanted = combiner.wanted(name, bits, there.profiles)
        given = partition(call.all_rules(), default, bits)
        if there.host is not None:
            here: Region = [((HOST, Names(frozenset({dockers_name(there.host)}), False)),)]
            wanted, given = wanted.limited(here), given.limited(here)
        return given.same(wanted)
    except TooManyBoxesError:
        return False


def _refusal(operands: Sequence[Operand], widened: Sequence[Widening]) -> str:
    where = "; ".join(widening_text(one) for one in widened[:_LISTED])
    more = f" and {len(widened) - _LISTED} more" if len(widened) > _LISTED else ""
    return (
        "not exact: the profiles have different architectures, and rules act on all of them, so more would be allowed "
        f"than any of the profiles allows {where}{more}: --widen accepts that"
    )


_LISTED = 4


def widening_text(widening: Widening, listed: int = _LISTED) -> str:
    """`on x32: 120 calls (accept, access, …)`."""
    names = widening.names
    shown = ", ".join(names[:listed]) + (", …" if len(names) > listed else "")
    host = "" if widening.host in (None, widening.abi) else f" (of {widening.host.name} hosts)"
    return f"on {widening.abi.name}{host}: {len(names)} call{'' if len(names) == 1 else 's'} ({shown})"


def _notes(operands: Sequence[Operand], result: Profile) -> Iterable[str]:
    """What is no action, and therefore taken from the first profile."""
    first = operands[0]
    for what in ("flags", "listener_path", "listener_metadata", "extra"):
        mine = getattr(first.profile, what)
        others = [operand.name for operand in operands[1:] if getattr(operand.profile, what) != mine]
        if others:
            key = {"listener_path": "listenerPath", "listener_metadata": "listenerMetadata", "extra": "unknown keys"}
            yield f"{key.get(what, what)}: as in {first.name}; {', '.join(others)} differ{'s' * (len(others) == 1)}"
    kept = {(entry.architecture, *one) for entry in result.arch_map for one in entry.extra}
    for name, profile in operands:
        if any((entry.architecture, *one) not in kept for entry in profile.arch_map for one in entry.extra):
            yield f"unknown keys of archMap: those of {name} are not all in the result"
