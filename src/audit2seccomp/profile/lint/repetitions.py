"""Rules about rules that say again what is said already."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.profile.effects import Conjunction, conjunctions
from audit2seccomp.profile.lint.registry import Hit, Level, lint_rule
from audit2seccomp.profile.lint.subject import Subject, told
from audit2seccomp.profile.model import Clause, Rule


@lint_rule("duplicate-name", Level.WARNING, "a name stands twice in a rule")
def duplicate_name(subject: Subject) -> Iterator[Hit]:
    """The second one changes nothing."""
    for index, rule in enumerate(subject.profile.rules):
        seen: dict[str, int] = {}
        for position, name in enumerate(rule.names):
            first = seen.setdefault(name, position)
            if first != position:
                yield Hit(("syscalls", index, "names", position), f'"{name[:80]}" is already name {first}: remove it')


@lint_rule("repeats-default", Level.NOTE, "a rule does what the default action does anyway; runtimes skip it")
def repeats_default(subject: Subject) -> Iterator[Hit]:
    """It still counts for runc's ENOSYS border, which is at the largest number that is named."""
    for index, outcome in enumerate(subject.outcomes):
        if outcome == subject.default and subject.profile.rules[index].names:
            what = f"the default action is {told(outcome)}, too, so runtimes skip this rule: remove it"
            yield Hit(("syscalls", index, "action"), what)


@lint_rule("shadowed-rule", Level.WARNING, "a call has the same outcome by another rule: this one never matters")
def shadowed(subject: Subject) -> Iterator[Hit]:
    """An earlier rule without conditions does the same, or one with the same conditions."""
    first: dict[tuple[str, object], int] = {}
    for index, name, path in subject.names():
        rule, outcome = subject.profile.rules[index], subject.outcomes[index]
        if outcome == subject.default:
            continue
        hosts = (rule.includes, rule.excludes)
        always = first.get((name, ((), outcome, (Clause(), Clause()))))
        if always is None:
            always = first.get((name, ((), outcome, hosts)))
        same = first.setdefault((name, (_conditions(rule), outcome, hosts)), index)
        earlier = index if always is None else always
        earlier = min(earlier, same)
        if earlier < index:
            kind = "all of it" if not subject.profile.rules[earlier].args else "the same"
            yield Hit(path, f'rule {earlier} already says {kind} of "{name[:80]}": remove it here')


def _conditions(rule: Rule) -> Conjunction | tuple[Conjunction, ...]:
    return tuple(conjunctions(rule)) if rule.args else ()
