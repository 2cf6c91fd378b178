"""Rules about Docker's clauses: `includes` and `excludes`, which say on which hosts a rule is there."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.errors import FormatError, did_you_mean
from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.kernel.capabilities import CAPABILITIES, capability_named
from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.model import Clause, Rule
from audit2seccomp.profile.resolve import dockers_name, min_kernel

_MAX_SUGGESTIONS = 50
"""Each takes a millisecond."""


def _clauses(subject: Subject) -> Iterator[tuple[Clause, Path]]:
    for index, rule in enumerate(subject.profile.rules):
        yield rule.includes, ("syscalls", index, "includes")
        yield rule.excludes, ("syscalls", index, "excludes")


@lint_rule("bad-min-kernel", Level.ERROR, "minKernel is no version such as 4.8: Docker refuses the profile")
def bad_min_kernel(subject: Subject) -> Iterator[Hit]:
    """UnmarshalJSON of KernelVersion in moby's seccomp/seccomp.go."""
    for clause, path in _clauses(subject):
        if clause.min_kernel is not None and _kernel(clause.min_kernel) is None:
            what = f'"{clause.min_kernel[:40]}" is no version that Docker takes: two numbers such as 4.8 are expected'
            yield Hit((*path, "minKernel"), what)


@lint_rule("unknown-in-clause", Level.WARNING, "a clause names a capability or architecture that no host has")
def unknown_in_clause(subject: Subject) -> Iterator[Hit]:
    """Docker compares the names as they are written, and finds none that is the same."""
    arches = [dockers_name(abi) for abi in oci_abis()]
    suggestions = _MAX_SUGGESTIONS
    for clause, path in _clauses(subject):
        for key, names, known in (("caps", clause.caps, CAPABILITIES), ("arches", clause.arches, arches)):
            for position, name in enumerate(names):
                if name in known:
                    continue
                kind = "capability" if key == "caps" else "architecture of Docker's"
                meant = capability_named(name[:40]) if key == "caps" else None
                hint = f": did you mean {meant}?" if meant else ""
                if not hint and suggestions:
                    suggestions -= 1
                    hint = did_you_mean(name[:40], known)
                yield Hit((*path, key, position), f'"{name[:40]}" is no {kind}{hint or ": remove it"}')


@lint_rule("impossible-clauses", Level.WARNING, "a rule includes what it excludes: it is there on no host")
def impossible_clauses(subject: Subject) -> Iterator[Hit]:
    """All that is included must be there, and nothing that is excluded."""
    for index, rule in enumerate(subject.profile.rules):
        part = _impossible(rule)
        if part is not None:
            what = f"excludes.{part} leaves out all hosts that includes asks for, so it is nowhere: remove one of them"
            yield Hit(("syscalls", index, "excludes", part), what)


def _impossible(rule: Rule) -> str | None:
    """The key of `excludes` that leaves no host."""
    included, excluded = rule.includes, rule.excludes
    if set(included.caps) & set(excluded.caps):
        return "caps"
    if included.arches and set(included.arches) <= set(excluded.arches):
        return "arches"
    if excluded.min_kernel is not None:
        oldest, first_excluded = _kernel(included.min_kernel or ""), _kernel(excluded.min_kernel)
        if oldest is not None and first_excluded is not None and oldest >= first_excluded:
            return "minKernel"
    return None


def _kernel(text: str) -> tuple[int, int] | None:
    try:
        return min_kernel(text, "")
    except FormatError:
        return None
