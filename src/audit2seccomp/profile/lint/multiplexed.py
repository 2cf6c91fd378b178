"""Rules about calls that 32-bit programs make through another: socketcall and ipc."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.profile.lint.registry import Hit, Level, lint_rule
from audit2seccomp.profile.lint.subject import DENYING, Subject, has, listed


@lint_rule(
    "multiplexed-condition",
    Level.WARNING,
    "a condition on a call that programs can also make through socketcall or ipc",
)
def multiplexed_condition(subject: Subject) -> Iterator[Hit]:
    """libseccomp makes a rule for `socket` one for socketcall, too. There a condition on argument 0 is left out, and
    one on another argument looks at socketcall's own (measured): the real ones are in memory, where no filter looks."""
    for index, name, path in subject.names():
        rule = subject.profile.rules[index]
        made = MULTIPLEXED.get(name)
        if made is None or not rule.args or subject.outcomes[index].action in DENYING:
            continue
        abis = [abi.name for abi in subject.abis_of(rule) if has(abi, made.through)]
        if abis:
            what = (
                f'on {listed(abis, 3)} programs can make "{name}" through {made.through}, where its conditions are lost'
            )
            yield Hit(path, f"{what}: leave these architectures out, or take {name} as allowed there")


@lint_rule("multiplexer-allowed", Level.NOTE, "socketcall or ipc lets through calls that no rule allows")
def multiplexer_allowed(subject: Subject) -> Iterator[Hit]:
    """A rule for the multiplexer without conditions is one for all that goes through it."""
    for index, name, path in subject.names():
        rule = subject.profile.rules[index]
        inner = [call for call, one in MULTIPLEXED.items() if one.through == name]
        if (
            not inner
            or not subject.is_whole
            or rule.args
            or subject.outcomes[index].action in DENYING
            or not subject.default_denies
        ):
            continue
        abis = [abi for abi in subject.abis_of(rule) if has(abi, name)]
        hidden = [call for call in inner if call not in subject.let_through]
        if abis and hidden:
            where = listed([abi.name for abi in abis], 3)
            yield Hit(
                path, f"on {where}, {name} lets through {listed(hidden)}, which no rule allows: allow or remove both"
            )
