"""The JSON of profiles ↔ Profile: the OCI form, and what Docker and containers/common add to it.

One reader and one writer for all of them, since each form is a part of the largest; `oci` and `docker` say what theirs
may hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from audit2seccomp.formats.fields import Fields, Reading
from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.profile.model import (
    FILTER_FLAGS,
    MAX_ARGS,
    MAX_U64,
    ArchMapping,
    ArgCondition,
    Clause,
    Extra,
    Operator,
    Profile,
    Rule,
    RuleAction,
)


def read(document: object, reading: Reading) -> Profile | None:
    """The profile that a JSON document says, as far as it can be understood: what is wrong is reported to `reading`.
    None if nothing can be made of it."""
    fields = Fields(document, (), reading)
    default = fields.one_of("defaultAction", RuleAction, required=True)
    architectures = fields.each_of("architectures", scmp_names(), "architecture that profiles can name")
    profile = Profile(
        default_action=default or RuleAction.ERRNO,
        default_errno=fields.integer("defaultErrnoRet"),
        default_errno_name=fields.text("defaultErrno"),
        architectures=architectures,
        arch_map=tuple(_arch_mapping(entry) for entry in fields.objects("archMap")),
        flags=fields.each_of("flags", FILTER_FLAGS, "filter flag"),
        listener_path=fields.text("listenerPath"),
        listener_metadata=fields.text("listenerMetadata"),
        rules=tuple(in_place(entry, read_rule) for entry in fields.objects("syscalls")),
        extra=fields.extra(),
    )
    if profile.arch_map and profile.architectures:
        fields.problem("archMap", "archMap and architectures: only one of them may be there")
    return None if default is None else profile


def in_place(fields: Fields, read: Callable[[Fields], Rule | None]) -> Rule:
    """An entry of `syscalls`. One that is not sound keeps its place, since others are told by theirs, and says nothing:
    half a rule would allow or deny something else."""
    before = fields.flaws
    rule = read(fields)
    return rule if rule is not None and fields.flaws == before else Rule((), RuleAction.ERRNO)


def read_rule(fields: Fields, *, value_required: bool = True, dockers: bool = True) -> Rule | None:
    """An entry of `syscalls`; None if its action is missing. Go leaves out a value of 0 where its type says so, and
    then it is not required. Without `dockers`, keys of Docker's and containers/common's are unknown ones."""
    names = fields.texts("names")
    name = fields.text("name") if dockers else None
    if name is not None and names:
        fields.problem("name", "name and names: only one of them may be there")
    elif not names and name is None and not fields.broken:
        fields.problem(None, "a rule names at least one call: names is missing or empty")
    action = fields.one_of("action", RuleAction, required=True)
    conditions = [_condition(entry, value_required) for entry in fields.objects("args")]
    if len(conditions) > MAX_ARGS:
        fields.problem("args", f"{len(conditions)} conditions: a call has {MAX_ARGS} arguments")
    rule = Rule(
        names=names or (() if name is None else (name,)),
        action=action or RuleAction.ERRNO,
        args=tuple(condition for condition in conditions if condition is not None),
        errno=fields.integer("errnoRet"),
        single=name is not None,
    )
    if dockers:
        rule = rule._replace(
            errno_name=fields.text("errno"),
            comment=fields.text("comment"),
            includes=_clause(fields.nested("includes")),
            excludes=_clause(fields.nested("excludes")),
        )
    rule = rule._replace(extra=fields.extra())
    return None if action is None else rule


def _condition(fields: Fields, value_required: bool) -> ArgCondition | None:
    index = fields.integer("index", MAX_ARGS - 1, required=True)
    value = fields.integer("value", MAX_U64, required=value_required)
    value_two = fields.integer("valueTwo", MAX_U64)
    operator = fields.one_of("op", Operator, required=True)
    extra = fields.extra()
    if index is None or operator is None:
        return None
    return ArgCondition(index, operator, value or 0, value_two, extra)


def _clause(fields: Fields | None) -> Clause:
    if fields is None:
        return Clause()
    return Clause(fields.texts("caps"), fields.texts("arches"), fields.text("minKernel"), fields.extra())


def _arch_mapping(fields: Fields) -> ArchMapping:
    known = scmp_names()
    architecture = fields.text("architecture", required=True) or ""
    if architecture and architecture not in known:
        fields.problem("architecture", f"no architecture that profiles can name: {architecture[:80]!r}")
    subs = fields.each_of("subArchitectures", known, "architecture that profiles can name")
    return ArchMapping(architecture, subs, fields.extra())


def scmp_names() -> tuple[str, ...]:
    """All SCMP_ARCH_* names that a profile may hold."""
    return tuple(abi.scmp_name for abi in oci_abis() if abi.scmp_name is not None)


def is_dockers(profile: Profile) -> bool:
    """Whether the profile says anything that only Docker's and containers/common's form can."""
    return bool(
        profile.arch_map
        or profile.default_errno_name is not None
        or any(
            rule.single
            or rule.errno_name is not None
            or rule.comment is not None
            or rule.includes != Clause()
            or rule.excludes != Clause()
            for rule in profile.rules
        )
    )


def document_of(profile: Profile) -> dict[str, object]:
    """The JSON document of a profile, all that it says, with the keys in a fixed order."""
    document = {
        "defaultAction": profile.default_action.value,
        "defaultErrnoRet": profile.default_errno,
        "defaultErrno": profile.default_errno_name,
        "architectures": list(profile.architectures) or None,
        "archMap": [mapping_document(mapping) for mapping in profile.arch_map] or None,
        "flags": list(profile.flags) or None,
        "listenerPath": profile.listener_path,
        "listenerMetadata": profile.listener_metadata,
        "syscalls": [rule_document(rule) for rule in profile.rules] or None,
    }
    return _document(document, profile.extra)


def rule_document(rule: Rule) -> dict[str, object]:
    """An entry of `syscalls`."""
    document = {
        "names": None if rule.single else list(rule.names),
        "name": rule.names[0] if rule.single else None,
        "action": rule.action.value,
        "errnoRet": rule.errno,
        "errno": rule.errno_name,
        "args": [_condition_document(condition) for condition in rule.args] or None,
        "comment": rule.comment,
        "includes": _clause_document(rule.includes),
        "excludes": _clause_document(rule.excludes),
    }
    return _document(document, rule.extra)


def mapping_document(mapping: ArchMapping) -> dict[str, object]:
    """An entry of `archMap`."""
    subs = list(mapping.sub_architectures)
    return _document({"architecture": mapping.architecture, "subArchitectures": subs}, mapping.extra)


def _condition_document(condition: ArgCondition) -> dict[str, object]:
    document = {
        "index": condition.argument,
        "value": condition.value,
        "valueTwo": condition.value_two,
        "op": condition.operator.value,
    }
    return _document(document, condition.extra)


def _clause_document(clause: Clause) -> dict[str, object] | None:
    document = {
        "caps": list(clause.caps) or None,
        "arches": list(clause.arches) or None,
        "minKernel": clause.min_kernel,
    }
    return _document(document, clause.extra) or None


def _document(fixed: Mapping[str, object], extra: Extra) -> dict[str, object]:
    document = {key: value for key, value in fixed.items() if value is not None}
    document.update((key, json.loads(value)) for key, value in extra)
    return document


def write(profile: Profile) -> str:
    """The document as text: two spaces, a final newline; the same profile always gives the same text."""
    return json.dumps(document_of(profile), indent=2, ensure_ascii=False) + "\n"
