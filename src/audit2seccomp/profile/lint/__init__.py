"""What is wrong with a profile, or risky, and for which target: rules, each a pure function, and the list of them."""

from __future__ import annotations

# Each of these adds its rules to the registry; their order is that of the rules in docs/lint.md.
from audit2seccomp.profile.lint import (
    actions,
    clauses,
    conditions,
    contradictions,
    multiplexed,
    names,
    repetitions,
    required,
    second_look,
    structure,
    target_rules,
)
from audit2seccomp.profile.lint.registry import RULES, Finding, Level, Path, findings_of
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.lint.targets import Target
from audit2seccomp.profile.model import Profile, RuleAction

__all__ = ["RULES", "Finding", "Level", "lint"]

_FAMILIES = (
    structure,
    names,
    actions,
    clauses,
    conditions,
    contradictions,
    repetitions,
    required,
    multiplexed,
    clauses,
    target_rules,
    second_look,
)


def lint(
    profile: Profile | None,
    targets: tuple[Target, ...] = (),
    *,
    size: int | None = None,
    flaws: tuple[tuple[Path, str, bool], ...] = (),
) -> list[Finding]:
    """What all rules find, in no particular order: who has the file sorts by place.

    `size` is the file's, in bytes; `flaws` are what of it could not be understood (path, what is wrong, whether with
    the key). Without a profile they are all there is to find."""
    subject = Subject(profile or Profile(RuleAction.ERRNO, None, (), ()), targets, size, flaws)
    names = RULES if profile is not None else structure.NAMES
    return [finding for name in names for finding in findings_of(RULES[name], subject)]
