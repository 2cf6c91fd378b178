"""The JSON of profiles, read: the OCI form, and what Docker and containers/common add to it. One reader for all, since
each form is a part of the largest."""

from __future__ import annotations

from collections.abc import Callable

from audit2seccomp.formats.reading.fields import Fields, Reading
from audit2seccomp.kernel.abi import scmp_names
from audit2seccomp.profile.model import (
    FILTER_FLAGS,
    MAX_ARGS,
    MAX_U64,
    ArchMapping,
    ArgCondition,
    Clause,
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
