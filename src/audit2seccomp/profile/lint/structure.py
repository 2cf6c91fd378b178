"""Rules about the form of the file: what could not be understood, and keys that no format defines."""

from __future__ import annotations

import json
from collections.abc import Iterator

from audit2seccomp.profile.lint.registry import Hit, Level, Path, lint_rule
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.model import Extra, Profile

NAMES = ("structure", "unknown-key")
"""The rules that need no profile."""


@lint_rule("structure", Level.ERROR, "a value is missing, out of range, or none that the format defines")
def flaws(subject: Subject) -> Iterator[Hit]:
    """What the reader of the file could not make sense of."""
    for path, text, of_key in subject.flaws:
        if not of_key:
            yield Hit(path, text)


@lint_rule("unknown-key", Level.ERROR, "a key is none that a format defines, so that runtimes ignore it")
def unknown_key(subject: Subject) -> Iterator[Hit]:
    """A warning where a lenient reading kept it."""
    for path, text, of_key in subject.flaws:
        if of_key:
            yield Hit(path, text, of_key=True)
    for path, extra in _extras(subject.profile):
        for key, _ in extra:
            shown = json.dumps(key if len(key) <= 80 else f"{key[:80]}…")
            yield Hit((*path, key), f"unknown key {shown}: runtimes ignore it", Level.WARNING, of_key=True)


def _extras(profile: Profile) -> Iterator[tuple[Path, Extra]]:
    yield (), profile.extra
    for index, entry in enumerate(profile.arch_map):
        yield ("archMap", index), entry.extra
    for index, rule in enumerate(profile.rules):
        yield ("syscalls", index), rule.extra
        for position, condition in enumerate(rule.args):
            yield ("syscalls", index, "args", position), condition.extra
        yield ("syscalls", index, "includes"), rule.includes.extra
        yield ("syscalls", index, "excludes"), rule.excludes.extra
