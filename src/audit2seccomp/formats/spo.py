"""The Security Profiles Operator's SeccompProfile: api/seccompprofile/v1beta1/seccompprofile_types.go and the CRD in
deploy/base-crds/crds/seccompprofile.yaml of github.com/kubernetes-sigs/security-profiles-operator."""

from __future__ import annotations

import json
import re

from audit2seccomp.errors import FormatError, shown
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.reading import json_places
from audit2seccomp.formats.reading.fields import Fields, Reading
from audit2seccomp.formats.reading.json_profile import in_place, read_rule
from audit2seccomp.formats.writing.json_document import rule_document
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.kernel.abi import scmp_names
from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.profile.model import (
    EPERM,
    FILTER_FLAGS,
    MAX_ARGS,
    Profile,
    Rule,
    RuleAction,
    default_outcome,
    errno_text,
)

OPTIONS = ("name",)
GROUP = "security-profiles-operator.x-k8s.io"
_KIND = "SeccompProfile"
_VERSIONS = tuple(f"{GROUP}/{version}" for version in ("v1beta1", "v1", "v1alpha1"))
"""The later ones can say the same; v1beta1 is the one that is written, since both old and new operators read it."""
_NATIVE = "SCMP_ARCH_NATIVE"
"""The host's own architecture."""
_NO_ARCHES = ("LOONGARCH64", "M68K", "SH", "SHEB")
"""Of the SCMP_ARCH_*, those that the CRD's enumeration lacks."""
_MAX_VALUE = (1 << 63) - 1
"""format: int64"""
_LISTENER = re.compile(r"/var/run/security-profiles-operator/[a-zA-Z0-9_.-]+")
_MAX_LISTENER = 107
"""What sun_path of struct sockaddr_un holds, without its NUL."""
_RECOGNISED = re.compile(
    rf"""(?:^|[{{,\s-])["']?(?:apiVersion["']?\s*:\s*["']?{re.escape(GROUP)}/|kind["']?\s*:\s*["']?{_KIND})"""
)
_JSON = re.compile(r'\s*\{\s*["}]')


def recognises(text: str) -> bool:
    """Whether a text is about objects of this kind, in YAML or JSON."""
    return _RECOGNISED.search(text) is not None


def read(name: str, text: str, *, lenient: bool = False) -> ProfileFile:
    """The profile in what `kubectl get -o yaml` or `-o json` prints, or in what goes to `kubectl apply`. Status and
    metadata are left out. Raises ProfileFileError for what is neither YAML nor JSON."""
    if _JSON.match(text):
        document = json_places.decode(name, text)
        find = json_places.find
    else:
        from audit2seccomp.formats.reading import yaml_places

        document = yaml_places.decode(name, text)
        find = yaml_places.find
    around = Reading([], lenient=False)
    spec, object_name = _object(Fields(document, (), around))
    reading = Reading([], lenient)
    profile = None if around.problems else _spec(Fields(spec, (), reading))
    return ProfileFile(
        name,
        text,
        "spo",
        profile,
        tuple(around.problems or reading.problems),
        lambda paths, keys: find(text, paths, keys=keys),
        () if around.problems else ("spec",),
        object_name,
    )


def _object(fields: Fields) -> tuple[object, str | None]:
    """The spec of an object, and its name."""
    kind = fields.text("kind", required=True)
    version = fields.text("apiVersion", required=True)
    if kind is not None and kind.endswith("List"):
        fields.problem("kind", "a list of objects: one profile to a file: kubectl get seccompprofile NAME -o yaml")
        return None, None
    if kind is not None and kind != _KIND:
        fields.problem("kind", f"no profile: {_KIND} is expected, not {shown(kind)}")
    if version is not None and version not in _VERSIONS:
        fields.problem("apiVersion", f"not {shown(version)}: one of {', '.join(_VERSIONS)}")
    metadata = fields.nested("metadata")
    fields.take("status")
    spec = fields.take("spec", required=True)
    fields.extra()
    return spec, None if metadata is None else metadata.text("name")


def _spec(fields: Fields) -> Profile | None:
    default = fields.one_of("defaultAction", RuleAction, required=True)
    state = fields.text("state")
    if state not in (None, "Enabled", "Disabled"):
        fields.problem("state", f"no such value: {shown(state or '')}: one of Enabled, Disabled")
    fields.take("disabled")  # v1beta1 before there was `state`
    base = fields.text("baseProfileName")
    if base and not fields.lenient:
        fields.problem("baseProfileName", f"the rules of {shown(base)} belong to it, too: --lenient reads it without")
    profile = Profile(
        default_action=default or RuleAction.ERRNO,
        default_errno=None,
        architectures=_architectures(fields),
        rules=tuple(in_place(entry, _rule) for entry in fields.objects("syscalls")),
        flags=fields.each_of("flags", FILTER_FLAGS, "filter flag"),
        listener_path=fields.text("listenerPath"),
        listener_metadata=fields.text("listenerMetadata"),
        extra=fields.extra() + ((("baseProfileName", json.dumps(base)),) if base else ()),
    )
    return None if default is None else profile


def _architectures(fields: Fields) -> tuple[str, ...]:
    names = fields.each_of("architectures", (*scmp_names(), _NATIVE), "architecture that profiles can name")
    if _NATIVE not in names:
        return names
    if len(names) > 1:
        fields.problem("architectures", f"{_NATIVE} among others: which ones that are depends on the host")
    return ()


def _rule(fields: Fields) -> Rule | None:
    rule = read_rule(fields, value_required=False, dockers=False)
    return rule._replace(errno=None) if rule is not None and rule.errno == 0 else rule


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile as an object. Raises FormatError for what does not fit, and UsageError for a name that is none."""
    from audit2seccomp.formats.writing.manifests import object_name, to_yaml

    metadata = {"name": object_name(options.name)}
    made, losses = plain("spo", profile)
    _check(made)
    more: list[str] = []
    default = default_outcome(made)
    if made.default_action is RuleAction.ERRNO and default.errno not in (None, EPERM):
        what = f"defaultErrnoRet {made.default_errno} ({errno_text(default.errno or 0)})"
        more.append(f"spo: {what} is left out: calls without a rule fail with EPERM")
    spec: dict[str, object] = {"defaultAction": made.default_action.value}
    optional = {
        "architectures": list(dict.fromkeys(made.architectures)) or None,
        "listenerPath": made.listener_path,
        "listenerMetadata": made.listener_metadata,
        "syscalls": [rule_document(_written(rule, index, more)) for index, rule in enumerate(made.rules)] or None,
        "flags": list(dict.fromkeys(made.flags)) or None,
    }
    spec.update((key, value) for key, value in optional.items() if value is not None)
    spec.update((key, json.loads(value)) for key, value in made.extra)
    document = {"apiVersion": _VERSIONS[0], "kind": _KIND, "metadata": metadata, "spec": spec}
    return Written(to_yaml(document), (*losses, *more))


def _check(profile: Profile) -> None:
    """Raises FormatError for what the CRD refuses around the rules."""
    for name in profile.architectures:
        if name.removeprefix("SCMP_ARCH_") in _NO_ARCHES:
            raise FormatError(f"spo: {name} is none of its architectures")
    if profile.default_action is RuleAction.NOTIFY:
        raise FormatError("spo: SCMP_ACT_NOTIFY as defaultAction is refused by the operator")
    if profile.default_action is RuleAction.TRACE and profile.default_errno not in (None, EPERM):
        raise FormatError(
            f"spo: defaultErrnoRet {profile.default_errno} for a tracer does not fit: there is no such key"
        )
    path = profile.listener_path
    if path is not None and (not _LISTENER.fullmatch(path) or len(path) > _MAX_LISTENER):
        raise FormatError(f"spo: listenerPath {shown(path)} is not right below /var/run/security-profiles-operator/")


def _written(rule: Rule, index: int, losses: list[str]) -> Rule:
    """The rule as its entry says it. Raises FormatError for what does not fit."""
    where = f"spo: rule {index} ({', '.join(rule.names[:1])}{'…' if len(rule.names) > 1 else ''})"
    if not rule.names or len(rule.args) > MAX_ARGS:
        raise FormatError(f"{where}: at least one name and at most {MAX_ARGS} conditions are expected")
    for condition in rule.args:
        for value in (condition.value, condition.value_two or 0):
            if value > _MAX_VALUE:
                raise FormatError(f"{where}: the value {value} does not fit: at most {_MAX_VALUE}")
    # Go's omitempty leaves out a 0, which then means EPERM.
    if rule.errno is not None and (rule.errno > MAX_ERRNO or (not rule.errno and rule.action is RuleAction.TRACE)):
        raise FormatError(f"{where}: errnoRet {rule.errno} does not fit: from 1 to {MAX_ERRNO}")
    if rule.errno == 0 and rule.action is RuleAction.ERRNO:
        losses.append(f"{where}: errnoRet 0 is left out: the calls fail with EPERM")
    return rule._replace(names=tuple(dict.fromkeys(rule.names)), errno=rule.errno or None)
