"""What becomes of one call, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from audit2seccomp.cli.difference_text import condition_object, condition_text, number_text, outcome_object
from audit2seccomp.cli.messages import printable
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading.places import Place, pointer
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.profile.decision import Acting, Asked, Decision
from audit2seccomp.profile.libseccomp import library_version
from audit2seccomp.profile.model import Outcome, outcome_text

_ARCHITECTURE, _RULE, _DEFAULT, _UNCERTAIN = "architecture", "rule", "default", "uncertain"
"""Where a verdict comes from."""


def as_text(file: ProfileFile, call: Asked, decision: Decision, on_run: Iterable[str]) -> str:
    """The verdict, where it comes from, and what is to be known about it and `on_run`, a line each."""
    told = [" or ".join(map(outcome_text, decision.outcomes)), f"from: {_origin(file, call, decision)}"]
    comment = _comment(file, decision.rules[0]) if decision.rules else None
    if comment:
        told.append(f"comment: {comment}")
    arguments = " ".join(map(number_text, call.all_args))
    told.append(f"call: {call.name or 'no name'} ({call.nr}) on {call.abi.name}, arguments {arguments}")
    told += (f"note: {note}" for note in (*_notes(call, decision), *on_run))
    return "".join(f"{printable(line)}\n" for line in told)


def _source(decision: Decision) -> str:
    if not decision.covered:
        return _ARCHITECTURE
    if len(decision.outcomes) > 1:
        return _UNCERTAIN
    return _RULE if decision.rules else _DEFAULT


def _origin(file: ProfileFile, call: Asked, decision: Decision) -> str:
    source = _source(decision)
    if source == _ARCHITECTURE:
        # A filter compares numbers as unsigned (profile/effects.py, looks_at).
        which = "x32, to which it counts such numbers" if call.nr < -1 else call.abi.name
        return f"no rule: the filter does not cover {which}: it kills the thread"
    if source == _UNCERTAIN:
        holding = ", ".join(f"rule {one.rule}" for one in (*decision.rules, *decision.overruled))
        return f"not certain: {f'conditions hold of {holding}' if holding else 'no condition holds'}"
    if source == _DEFAULT:
        return "the default action"
    first = decision.rules[0]
    place, at = _place(file, first)
    conditions = " and ".join(map(condition_text, first.when))
    where = f"{file.name}:{place.line}:{place.column}{': ' if at else ''}{at}"
    return f"rule {first.rule} ({where}){' if ' if conditions else ''}{conditions}"


def _place(file: ProfileFile, acting: Acting) -> tuple[Place, str]:
    """Where a rule stands in the file, and its JSON pointer."""
    path = ("syscalls", acting.rule)
    return file.places([path])[path], pointer((*file.prefix, *path))


def _comment(file: ProfileFile, acting: Acting) -> str | None:
    return file.sound().rules[acting.rule].comment


def _notes(call: Asked, decision: Decision) -> Iterator[str]:
    """What is to be known about a verdict, a sentence each."""
    if decision.not_built is not None:
        yield f"no filter was made, and this is what the profile says: {decision.not_built}"
    if decision.open_args:
        which, are = ", ".join(f"arg{one}" for one in decision.open_args), len(decision.open_args) > 1
        taken = "were not given and are" if are else "was not given and is"
        yield f"depends on {which}, which {taken} taken for 0; else possible: {_listed(decision.otherwise)}"
    yield from _notes_on_architecture(call.abi.name, decision)
    for same in decision.rules[1:] if len(decision.outcomes) == 1 else ():
        yield f"rule {same.rule} says the same"
    for other in decision.overruled:
        yield f"the conditions of rule {other.rule} hold, too, and it does not act: {outcome_text(other.outcome)}"
    for index in decision.skipped:
        yield f"rule {index} says what the default action says, and runtimes skip it"
    for index in decision.unknown:
        yield f"libseccomp {library_version()} lacks {call.name}, and runtimes that use it ignore rule {index}"
    if decision.enosys_above is not None:
        name = table_of(call.abi).name_of(decision.enosys_above)
        yield f"runc gives ENOSYS above {decision.enosys_above} ({name}), before the filter is asked"
    if call.name is None:
        yield f"the tables of Linux {tables_kernel()} have no such call"


def _notes_on_architecture(name: str, decision: Decision) -> Iterator[str]:
    if decision.own_host:
        yield f"on a host that is {name} itself the filter covers it: --host-arch {name}"
    if decision.covered and not decision.listed:
        yield f"the profile does not list {name}: the filter covers it as the host's own"


def _listed(outcomes: Iterable[Outcome]) -> str:
    return ", ".join(map(outcome_text, outcomes))


def as_json(file: ProfileFile, call: Asked, decision: Decision, on_run: Iterable[str]) -> str:
    """The same as a JSON object."""
    source = _source(decision)
    document = {
        "arch": call.abi.name,
        "number": call.nr,
        "name": call.name,
        "args": list(call.all_args),
        "let_through": decision.lets_through,
        "outcomes": [outcome_object(outcome) for outcome in decision.outcomes],
        "source": source,
        "rule": _rule_object(file, decision.rules[0]) if source == _RULE else None,
        "depends": [f"arg{one}" for one in decision.open_args],
        "otherwise": [outcome_object(outcome) for outcome in decision.otherwise],
        "notes": [*_notes(call, decision), *on_run],
    }
    return json.dumps(document, indent=2) + "\n"


def _rule_object(file: ProfileFile, acting: Acting) -> dict[str, object]:
    place, at = _place(file, acting)
    return {
        "index": acting.rule,
        "line": place.line,
        "column": place.column,
        "pointer": at,
        "when": [condition_object(one) for one in acting.when],
        "comment": _comment(file, acting),
    }
