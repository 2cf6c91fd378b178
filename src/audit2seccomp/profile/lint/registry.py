"""What lint can find, and the list of its rules. A rule is a function with the decorator `lint_rule`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.profile.lint.subject import Subject

Path = tuple[str | int, ...]
"""The way to a value of a profile's document, as in `("syscalls", 0, "names")`."""

MAX_FINDINGS = 1000
"""So many of one rule are kept: more than anybody reads, and each costs memory and a place to look for."""


class Level(StrEnum):
    """How bad it is. The names are those of SARIF 2.1.0, section 3.27.10."""

    ERROR = "error"
    """The profile is refused, or does not do what it says."""
    WARNING = "warning"
    """It probably does not do what was meant."""
    NOTE = "note"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Level).index(self)


class Finding(NamedTuple):
    """Something that is wrong with a profile, or worth knowing, and where."""

    rule: str
    """The rule's name, such as `misspelt-name`."""
    level: Level
    path: Path
    text: str
    """*what: what to do*."""
    of_key: bool = False
    """Whether it is about the key at the end of the path, rather than its value."""


class Hit(NamedTuple):
    """What a rule finds; the registry makes a `Finding` of it."""

    path: Path
    text: str
    level: Level | None = None
    """None: the rule's own."""
    of_key: bool = False


Check = Callable[["Subject"], Iterable[Hit]]


class LintRule(NamedTuple):
    """A rule of lint."""

    name: str
    level: Level
    """What its findings have unless they say otherwise."""
    meaning: str
    """One sentence without a full stop: what the profile does where the rule finds something."""
    check: Check


RULES: dict[str, LintRule] = {}
"""All rules by name, in the order of their modules."""


def lint_rule(name: str, level: Level, meaning: str) -> Callable[[Check], Check]:
    """Make a function a rule of lint."""

    def add(check: Check) -> Check:
        assert name not in RULES
        RULES[name] = LintRule(name, level, meaning, check)
        return check

    return add


def findings_of(rule: LintRule, subject: Subject) -> Iterator[Finding]:
    """What one rule finds; of more than MAX_FINDINGS the first ones, and how many more there are."""
    hits = iter(rule.check(subject))
    last: Finding | None = None
    for hit in islice(hits, MAX_FINDINGS):
        last = Finding(rule.name, hit.level or rule.level, hit.path, hit.text, hit.of_key)
        yield last
    more = sum(1 for _ in hits)
    if more and last is not None:
        yield last._replace(text=f"and {more:,} more findings of this kind from here on")
