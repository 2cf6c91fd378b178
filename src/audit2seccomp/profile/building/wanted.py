"""Which calls a profile should allow, and why: what was observed, and what the user's choices add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from audit2seccomp.errors import ConflictError
from audit2seccomp.kernel.syscalls import Table
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.choices import Choices
from audit2seccomp.profile.building.reasons import Reason, Reasons, Seen, Source
from audit2seccomp.profile.building.runtimes import ELSEWHERE, runtime_calls


class Wanted(NamedTuple):
    """The names with their reasons, what was observed first."""

    reasons: Reasons
    notes: tuple[str, ...]
    """What was left out, and what does nothing."""


def names_wanted(choices: Choices, observed: Mapping[str, Seen], tables: Sequence[Table]) -> Wanted:
    """All that should be allowed on ABIs with some tables. Raises ConflictError for an observed call that must not
    be."""
    notes = []
    reasons: dict[str, list[Reason]] = {name: [seen.reason()] for name, seen in observed.items()}
    for name, reason in _added(choices, observed, tables):
        reasons.setdefault(name, []).append(reason)
    left_out = {name: reasons.pop(name) for name in sorted(choices.never.intersection(reasons))}
    seen = [f"{name} ({why[0]})" for name, why in left_out.items() if name in observed]
    if seen and not choices.drop_never:
        raise ConflictError(f"--never: was observed: {'; '.join(seen)}: --drop-never leaves it out of the profile")
    if choices.taken_out:
        notes.append(f"--never: taken out of what is built on: {', '.join(choices.taken_out)}")
    if seen:
        notes.append(f"--never: left out though observed: {'; '.join(seen)}")
    unseen = [f"{name} ({why[0]})" for name, why in left_out.items() if name not in observed]
    if unseen:
        notes.append(f"--never: not added: {'; '.join(unseen)}")
    idle = [name for name in choices.allow if not _exists(name, tables)]
    if idle:
        notes.append(f"--allow: without a number on any architecture of the profile: {', '.join(idle)}")
    return Wanted({name: tuple(why) for name, why in reasons.items()}, tuple(notes))


def _added(choices: Choices, observed: Mapping[str, Seen], tables: Sequence[Table]) -> Iterator[tuple[str, Reason]]:
    for name in dict.fromkeys(choices.allow):
        yield name, Reason(Source.ALLOW, "--allow")
    for name, whys in runtime_calls(choices.runtimes).items():
        for why in whys:
            yield name, Reason(Source.RUNTIME, why)
        other = ELSEWHERE.get(name)
        if other is not None and any(table.number_of(name) is None for table in tables):
            yield other, Reason(Source.RUNTIME, f"{whys[0]} ({name} elsewhere)")
    if choices.tiers:
        yield from _siblings(choices, observed, tables)


def _siblings(choices: Choices, observed: Mapping[str, Seen], tables: Sequence[Table]) -> Iterator[tuple[str, Reason]]:
    from audit2seccomp.kernel.siblings import siblings_of

    siblings: dict[tuple[str, str], list[str]] = {}
    for name in observed:
        for sibling, why in siblings_of(name, choices.tiers):
            if sibling not in observed and name not in choices.never and _exists(sibling, tables):
                siblings.setdefault((sibling, why), []).append(name)
    for (sibling, why), names in siblings.items():
        yield sibling, Reason(Source.SIBLING, f"sibling of {', '.join(names)}" + (f": {why}" if why else ""))


def _exists(name: str, tables: Sequence[Table]) -> bool:
    return any(table.number_of(name) is not None for table in tables)
