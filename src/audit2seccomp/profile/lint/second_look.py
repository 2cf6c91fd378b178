"""Notes about calls that are allowed and deserve a second look."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.profile.lint.registry import Hit, Level, lint_rule
from audit2seccomp.profile.lint.second_look_calls import CALLS
from audit2seccomp.profile.lint.subject import DENYING, Subject


@lint_rule(
    "second-look", Level.NOTE, "a call is allowed that can do much; Docker's default profile is told for comparison"
)
def second_look(subject: Subject) -> Iterator[Hit]:
    """Not where the rule asks for arguments, other than by what always holds, or for a capability: then somebody has
    looked."""
    for index, name, path in subject.names():
        look = CALLS.get(name)
        rule = subject.profile.rules[index]
        if look is None or subject.asks(rule) or rule.includes.caps or subject.outcomes[index].action in DENYING:
            continue
        yield Hit(path, f"{name} {look.can}: Docker's default {look.docker}")
