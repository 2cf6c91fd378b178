"""The JSON of profiles: one writer for the OCI form and for what Docker and containers/common add to it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from audit2seccomp.profile.model import ArchMapping, ArgCondition, Clause, Extra, Profile, Rule


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
