"""A plain list of calls: the names that a profile allows, for people and for tools that take no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from errno import ENOSYS

from audit2seccomp.errors import FormatError
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading.fields import Reading
from audit2seccomp.formats.reading.places import Path, Span
from audit2seccomp.formats.reading.unknown import not_a_call
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.writing.reduced import call_list, checked_names, unsaid
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.kernel.syscalls import all_names, is_call
from audit2seccomp.profile.effects import Effect, named_effects
from audit2seccomp.profile.model import LETS_THROUGH, Profile, Rule, RuleAction, default_outcome

_WORD = re.compile(r"""#[^\n\r]*+|(["']?)([a-z_][a-z0-9_]*+)\1(?=[\s,#]|\Z)|[^\s,]+""")
"""A comment, a name, or anything else."""
_DEFAULT = Profile(RuleAction.ERRNO, ENOSYS, (), ())
"""What is read besides the names: nothing that is not listed gets through, and libcs fall back to older calls."""


def recognises(text: str) -> bool:
    """Whether a text is nothing but words that look like calls, at least half of which are. Shown last: a list has no
    mark of its own."""
    known = all_names()
    calls = others = 0
    for word in _words(text):
        name = word.group(2)
        if name is None:
            return False
        if name in known:
            calls += 1
        else:
            others += 1
    return 0 < calls >= others


def read(name: str, text: str, *, lenient: bool = False) -> ProfileFile:
    """A profile that allows the listed calls in their order, and lets others fail with ENOSYS. `lenient` takes names
    that no architecture has."""
    reading, spans = Reading([], lenient), dict[Path, Span]()
    listed: dict[str, Span] = {}
    for word in _words(text):
        listed.setdefault(word.group(2) or word.group(), Span(*word.span()))
    for index, (call, span) in enumerate(listed.items()):
        spans["syscalls", 0, "names", index] = span
        if not lenient and not is_call(call):
            reading.report(("syscalls", 0, "names", index), not_a_call(call, len(reading.problems)))
    spans[()] = spans["syscalls",] = spans["syscalls", 0] = Span(0, len(text))
    profile = _DEFAULT._replace(rules=(Rule(tuple(listed), RuleAction.ALLOW),))
    return ProfileFile(
        name,
        text,
        "names",
        profile,
        tuple(reading.problems),
        lambda paths, keys: {} if keys else {path: spans[path] for path in paths if path in spans},
    )


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The names of the calls that the profile allows whatever their arguments are, sorted, one a line. The rest is
    lost, and said. Raises FormatError for a profile that lets calls through by default."""
    made, losses = plain("names", profile)
    default = default_outcome(made)
    if default.action in LETS_THROUGH:
        raise FormatError(
            f"names: the profile lets through what it does not name ({default.action}): a list of what it allows "
            "would say the opposite"
        )
    effects = named_effects(made)
    always = {call: effect.always for call, effect in effects.items()}
    names = sorted(call for call, outcome in always.items() if outcome and outcome.action in LETS_THROUGH)
    checked_names("names", names)
    if not names:
        raise FormatError("names: the profile allows no call whatever its arguments are: there is nothing to list")
    lost = [*losses, *unsaid("names", made)]
    conditional = [call for call, effect in effects.items() if _sometimes(effect)]
    if conditional:
        lost.append(f"names: left out, since they are allowed under conditions only: {call_list(conditional)}")
    if default != default_outcome(_DEFAULT) or any(
        outcome is None or outcome.action is not RuleAction.ALLOW for outcome in always.values()
    ):
        lost.append("names: a list says no actions: who reads it decides what becomes of other calls")
    if made.architectures:
        lost.append(f"names: architectures are left out: {', '.join(made.architectures)}")
    return Written("".join(f"{call}\n" for call in names), tuple(lost))


def _sometimes(effect: Effect) -> bool:
    """Whether a call is let through under conditions only."""
    return effect.always is None and any(branch.outcome.action in LETS_THROUGH for branch in effect.branches)


def _words(text: str) -> Iterator[re.Match[str]]:
    """The words of a list: group 2 is the name in one that can be a call's."""
    return (word for word in _WORD.finditer(text) if not word.group().startswith("#"))
