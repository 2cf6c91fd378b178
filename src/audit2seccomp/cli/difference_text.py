"""The difference of two profiles, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from audit2seccomp.cli.messages import printable
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.syscalls import tables_kernel
from audit2seccomp.profile.algebra.difference import ALWAYS, Architecture, Case, Change, Difference
from audit2seccomp.profile.algebra.partitions import permissiveness
from audit2seccomp.profile.model import ArgCondition, Clause, Outcome, RuleAction, errno_text

_LISTED = 4
"""Where a change is on all architectures, so few of them are named."""
_PADDED = 24
_DECIMAL = 4096
"""Smaller numbers are told as people count."""


def lines(found: Difference) -> Iterable[str]:
    """A line for each difference: + where more is allowed, - where less is, ~ where another errno is given."""
    if found.architectures is not None:
        yield f"~ architectures  only those of the {found.architectures} profile depend on the host"
    yield from (f"- architecture {_where(one)}  its calls are killed" for one in found.removed)
    yield from (f"+ architecture {_where(one)}  its calls were killed" for one in found.added)
    for key, old, new in found.settings:
        yield f"~ {key}  {printable(old) or 'none'} → {printable(new) or 'none'}"
    if found.default is not None:
        yield f"{_sign(*found.default)} any other call  {_outcome(found.default[0])} → {_outcome(found.default[1])}"
    width = min(_PADDED, max((len(change.name) for change in found.changes), default=0))
    for change in found.changes:
        yield from _lines(change, width)
    for name, reason in found.untold:
        yield f"? {printable(name)}  cannot be compared: {reason}"


def _lines(change: Change, width: int) -> Iterable[str]:
    what = f"{_outcome(change.old)} → {_outcome(change.new)}"
    line = f"{_sign(change.old, change.new)} {printable(change.name):{width}}  {what}"
    if not change.abis:
        line += f"  (in no table of Linux {tables_kernel()})"
    elif not change.everywhere or len(change.abis) <= _LISTED:
        line += f"  [{', '.join(abi.name for abi in change.abis)}]"
    yield line
    if change.cases != ALWAYS:
        for case in change.cases:
            conditions = " and ".join(condition_text(one) for one in case.args)
            yield f"    {', '.join([*([f'if {conditions}'] if conditions else []), *_hosts(case)])}"


def _hosts(case: Case) -> Iterable[str]:
    includes, excludes = case.includes, case.excludes
    if includes.caps:
        yield f"with {printable(', '.join(includes.caps))}"
    if excludes.caps:
        yield f"without {printable(', '.join(excludes.caps))}"
    if includes.arches:
        yield f"on {printable(' or '.join(includes.arches))} hosts"
    if excludes.arches:
        yield f"not on {printable(' or '.join(excludes.arches))} hosts"
    if includes.min_kernel:
        yield f"on Linux {includes.min_kernel} or newer"
    if excludes.min_kernel:
        yield f"before Linux {excludes.min_kernel}"


def condition_text(one: ArgCondition) -> str:
    """`arg0 != 16`."""
    if one.operator.sign is None:
        return f"arg{one.argument} & {one.value:#x} == {number_text(one.value_two or 0)}"
    return f"arg{one.argument} {one.operator.sign} {number_text(one.value)}"


def number_text(value: int) -> str:
    """As people count, and larger ones in hexadecimal."""
    return str(value) if value < _DECIMAL else f"{value:#x}"


def _outcome(outcome: Outcome) -> str:
    """`allowed`, `denied (ENOSYS)`, `logged`."""
    if outcome.action is RuleAction.ERRNO:
        return f"denied ({errno_text(outcome.errno or 0)})"
    if outcome.action is RuleAction.TRACE:
        return f"traced ({outcome.errno})"
    return _WORDS[outcome.action]


_WORDS = {
    RuleAction.ALLOW: "allowed",
    RuleAction.LOG: "allowed and logged",
    RuleAction.KILL_THREAD: "thread killed",
    RuleAction.KILL_PROCESS: "process killed",
    RuleAction.TRAP: "trapped",
    RuleAction.NOTIFY: "left to the listener",
}


def _sign(old: Outcome, new: Outcome) -> str:
    if old.action is new.action:
        return "~"
    return "+" if permissiveness(new) > permissiveness(old) else "-"


def _where(one: Architecture) -> str:
    return one.abi.name if one.host is None else f"{one.abi.name} on {one.host.name} hosts"


def as_json(found: Difference) -> str:
    """The difference as a JSON object; what does not differ is null or empty."""
    default = found.default
    document = {
        "default": None if default is None else {"old": outcome_object(default[0]), "new": outcome_object(default[1])},
        "architectures": {
            "added": [_architecture_object(one) for one in found.added],
            "removed": [_architecture_object(one) for one in found.removed],
            "by_host": found.architectures,
        },
        "settings": {key: {"old": old, "new": new} for key, old, new in found.settings},
        "calls": [_change_object(change) for change in found.changes],
        "not_compared": [{"name": name, "reason": reason} for name, reason in found.untold],
    }
    return json.dumps(document, indent=2) + "\n"


def _change_object(change: Change) -> dict[str, object]:
    return {
        "name": change.name,
        "architectures": _names(change.abis),
        "old": outcome_object(change.old),
        "new": outcome_object(change.new),
        "when": None if change.cases == ALWAYS else [_case_object(case) for case in change.cases],
    }


def _case_object(case: Case) -> dict[str, object]:
    return {
        "args": [condition_object(one) for one in case.args],
        "includes": _clause_object(case.includes),
        "excludes": _clause_object(case.excludes),
    }


def condition_object(one: ArgCondition) -> dict[str, object]:
    """A condition as a profile writes it."""
    return {"index": one.argument, "op": one.operator.value, "value": one.value, "valueTwo": one.value_two}


def _clause_object(clause: Clause) -> dict[str, object]:
    return {"caps": list(clause.caps), "arches": list(clause.arches), "minKernel": clause.min_kernel}


def outcome_object(outcome: Outcome) -> dict[str, object]:
    """The action, and the number that goes with it or null."""
    return {"action": outcome.action.value, "errno": outcome.errno}


def _architecture_object(one: Architecture) -> dict[str, object]:
    return {"architecture": one.abi.name, "host": None if one.host is None else one.host.name}


def _names(abis: Iterable[Abi]) -> list[str]:
    return [abi.name for abi in abis]
