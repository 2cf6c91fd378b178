"""The Security Profiles Operator's objects: what fits comes back, and the rest is told."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError, ProfileFileError, UsageError
from audit2seccomp.formats import read_profile, write_profile
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.writing.json_document import document_of
from audit2seccomp.formats.written import WriteOptions
from audit2seccomp.kernel.abi import scmp_names
from audit2seccomp.profile.model import MAX_U64, ArgCondition, Operator, Profile, Rule, RuleAction
from tests.profile.profiles import profiles

SCHEMA = json.loads(Path("fixtures/schemas/seccompprofile-v1beta1.schema.json").read_text())
LISTENER = "/var/run/security-profiles-operator/agent.sock"
HEAD = "apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: SeccompProfile\nmetadata: {name: web}\n"


def fitting(profile: Profile) -> Profile:
    """What of a profile the object can say."""
    rules = []
    for rule in profile.rules:
        names = tuple(dict.fromkeys(rule.names))
        args = tuple(
            one._replace(value=one.value >> 1, value_two=None if one.value_two is None else one.value_two >> 1)
            for one in rule.args
        )
        rules.append(rule._replace(names=names, args=args, errno=None if rule.errno is None else 1 + rule.errno % 4095))
    lacking = {"SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"}
    return profile._replace(
        default_action=RuleAction.LOG if profile.default_action is RuleAction.NOTIFY else profile.default_action,
        default_errno=None,
        architectures=tuple(name for name in profile.architectures if name not in lacking),
        listener_path=None if profile.listener_path is None else LISTENER,
        rules=tuple(rules),
    )


fits = profiles(dockers=False).map(fitting)


def without_extras(profile: Profile) -> Profile:
    rules = tuple(
        rule._replace(extra=(), args=tuple(one._replace(extra=()) for one in rule.args)) for rule in profile.rules
    )
    return profile._replace(rules=rules, extra=())


def write(profile: Profile, name: str = "web") -> tuple[str, tuple[str, ...]]:
    written = write_profile(profile, "spo", WriteOptions(name=name))
    assert isinstance(written.content, str)
    return written.content, written.losses


def read(text: str, *, lenient: bool = False) -> ProfileFile:
    return read_profile(text.encode(), "p.yaml", lenient=lenient)


def small(rule: Rule | None = None, **others: Any) -> Profile:
    return Profile(RuleAction.ERRNO, None, (), () if rule is None else (rule,))._replace(**others)


@given(fits)
def test_what_fits_comes_back(profile: Profile) -> None:
    text, losses = write(profile)
    file = read(text, lenient=True)
    assert losses == ()
    assert (file.sound(), file.format, file.object_name) == (profile, "spo", "web")
    assert write(file.sound())[0] == text


@given(fits)
def test_the_crd_accepts_what_is_written(profile: Profile) -> None:
    text, _ = write(without_extras(profile))
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        jsonschema.validate(yaml.load(text, Loader=loader), SCHEMA)  # noqa: S506 - both are safe


@given(fits)
def test_kubectls_json_says_the_same(profile: Profile) -> None:
    text, _ = write(profile)
    document = {**yaml.safe_load(text), "status": {"status": "Installed"}}
    assert read(json.dumps(document, indent=4), lenient=True).sound() == profile
    assert read(json.dumps(document), lenient=True).sound() == profile


@given(profiles(dockers=False))
def test_what_is_refused_is_what_the_crd_refuses(profile: Profile) -> None:
    profile = without_extras(profile)
    document = {
        "apiVersion": "security-profiles-operator.x-k8s.io/v1beta1",
        "kind": "SeccompProfile",
        "metadata": {"name": "web"},
        "spec": {key: value for key, value in document_of(profile).items() if key != "defaultErrnoRet"},
    }
    for rule in document["spec"].get("syscalls", []):  # type: ignore[attr-defined]
        rule["names"] = list(dict.fromkeys(rule["names"]))
    accepted = jsonschema.Draft202012Validator(SCHEMA).is_valid(document)
    try:
        write(profile)
        written = True
    except FormatError:
        written = False
    for_a_tracer = RuleAction.TRACE in (profile.default_action, *(rule.action for rule in profile.rules))
    assert written == accepted or (for_a_tracer and not written)


def test_every_architecture_is_written_or_refused_as_in_the_crd() -> None:
    accepted = SCHEMA["properties"]["spec"]["properties"]["architectures"]["items"]["enum"]
    for name in scmp_names():
        if name in accepted:
            assert read(write(small(architectures=(name,)))[0]).sound().architectures == (name,)
        else:
            with pytest.raises(FormatError, match=f"spo: {name} is none of its architectures"):
                write(small(architectures=(name,)))


@pytest.mark.parametrize(
    ("profile", "losses"),
    [
        (
            small(default_errno=38),
            ("spo: defaultErrnoRet 38 (ENOSYS) is left out: calls without a rule fail with EPERM",),
        ),
        (small(default_errno=1), ()),
        (small(default_action=RuleAction.KILL, default_errno=38), ()),
        (
            small(Rule(("clone3", "bpf"), RuleAction.ERRNO, errno=0)),
            ("spo: rule 0 (clone3…): errnoRet 0 is left out: the calls fail with EPERM",),
        ),
        (small(Rule(("bpf",), RuleAction.ALLOW, comment="x")), ("spo: 1 comment is left out",)),
        (small(Rule(("bpf",), RuleAction.ERRNO, errno_name="ENOSYS")), ()),
    ],
)
def test_losses_are_told(profile: Profile, losses: tuple[str, ...]) -> None:
    assert write(profile)[1] == losses


@pytest.mark.parametrize(
    ("profile", "error"),
    [
        (small(default_action=RuleAction.NOTIFY), "spo: SCMP_ACT_NOTIFY as defaultAction is refused"),
        (small(default_action=RuleAction.TRACE, default_errno=7), "spo: defaultErrnoRet 7 for a tracer does not fit"),
        (small(listener_path="/run/x.sock"), 'spo: listenerPath "/run/x.sock" is not right below /var/run/security'),
        (small(listener_path=f"{LISTENER}{'x' * 100}"), "spo: listenerPath"),
        (
            small(Rule(("bpf",), RuleAction.ALLOW, (ArgCondition(0, Operator.EQ, MAX_U64),))),
            f"spo: rule 0 (bpf): the value {MAX_U64} does not fit: at most {(1 << 63) - 1}",
        ),
        (
            small(Rule(("bpf",), RuleAction.ALLOW, (ArgCondition(0, Operator.MASKED_EQ, 1, 1 << 63),))),
            f"spo: rule 0 (bpf): the value {1 << 63} does not fit",
        ),
        (small(Rule(("bpf",), RuleAction.ERRNO, errno=4096)), "spo: rule 0 (bpf): errnoRet 4096 does not fit"),
        (small(Rule(("bpf",), RuleAction.TRACE, errno=0)), "spo: rule 0 (bpf): errnoRet 0 does not fit"),
        (small(Rule((), RuleAction.ALLOW)), "spo: rule 0 (): at least one name"),
    ],
)
def test_what_does_not_fit_is_an_error(profile: Profile, error: str) -> None:
    with pytest.raises(FormatError) as raised:
        write(profile)
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize("name", ["", "Web", "-web", "web-", "a.b", "a" * 64, "wéb", "web\n"])
def test_names_are_dns_labels(name: str) -> None:
    with pytest.raises(UsageError, match="--name: "):
        write(small(), name)


@pytest.mark.parametrize("version", ["v1beta1", "v1", "v1alpha1"])
def test_what_kubectl_prints_is_read(version: str) -> None:
    text = f"""\
apiVersion: security-profiles-operator.x-k8s.io/{version}
kind: SeccompProfile
metadata:
  annotations:
    syscalls: '[{{"names":["read"]}}]'
  creationTimestamp: "2026-01-01T00:00:00Z"
  generation: 1
  name: profile-args
  namespace: default
spec:
  state: Disabled
  disabled: false
  defaultAction: SCMP_ACT_ALLOW
  architectures: [SCMP_ARCH_NATIVE]
  syscalls:
  - action: SCMP_ACT_ERRNO
    errnoRet: 0x26
    names:
    - clone3
  - action: SCMP_ACT_ERRNO
    errnoRet: 0
    names: [personality]
    args:
    - index: 0
      op: SCMP_CMP_NE
status:
  localhostProfile: operator/default/profile-args.json
"""
    file = read(text)
    assert file.object_name == "profile-args"
    assert file.sound() == Profile(
        RuleAction.ALLOW,
        None,
        (),
        (
            Rule(("clone3",), RuleAction.ERRNO, errno=38),
            Rule(("personality",), RuleAction.ERRNO, (ArgCondition(0, Operator.NE, 0),)),
        ),
    )


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HEAD, "p.yaml:1:1: spec is missing"),
        (HEAD + "spec: 5", "p.yaml:4:7: /spec: an object is expected, not a number"),
        (HEAD + "spec: {}", "p.yaml:4:7: /spec: defaultAction is missing"),
        (HEAD + "spek: {}", "p.yaml:1:1: spec is missing"),
        (
            HEAD + "spec: {defaultAction: SCMP_ACT_ALOW}",
            'p.yaml:4:23: /spec/defaultAction: no such value: "SCMP_ACT_ALOW"',
        ),
        (
            HEAD + "spec: {defaultAction: SCMP_ACT_LOG, defaultErrnoRet: 38}",
            "p.yaml:4:37: /spec/defaultErrnoRet: unknown key",
        ),
        (
            HEAD + "spec:\n  defaultAction: SCMP_ACT_LOG\n  syscalls:\n  - names: [on]\n    action: SCMP_ACT_ALLOW",
            "p.yaml:7:13: /spec/syscalls/0/names/0: a string is expected, not true or false",
        ),
        (
            HEAD
            + "spec:\n  defaultAction: SCMP_ACT_LOG\n  syscalls:\n  - {action: SCMP_ACT_LOG, names: [a], comment: x}",
            'p.yaml:7:40: /spec/syscalls/0/comment: unknown key "comment"',
        ),
        (
            HEAD + "spec:\n  defaultAction: SCMP_ACT_LOG\n  baseProfileName: runc",
            'p.yaml:6:20: /spec/baseProfileName: the rules of "runc" belong to it, too: --lenient reads it without',
        ),
        (
            HEAD + "spec: {defaultAction: SCMP_ACT_LOG, architectures: [SCMP_ARCH_NATIVE, SCMP_ARCH_X86]}",
            "p.yaml:4:52: /spec/architectures: SCMP_ARCH_NATIVE among others",
        ),
        (HEAD + "spec: {defaultAction: SCMP_ACT_LOG, state: On}", "p.yaml:4:44: /spec/state: a string is expected"),
        (HEAD + "spec: {defaultAction: SCMP_ACT_LOG, state: Off1}", 'p.yaml:4:44: /spec/state: no such value: "Off1"'),
        (HEAD + "---\n" + HEAD, "p.yaml:4:1: another document begins here"),
        (HEAD.replace("v1beta1", "v2"), "p.yaml:1:13: /apiVersion: not"),
        (HEAD.replace("kind: S", "kind: R"), "p.yaml:2:7: /kind: no profile: SeccompProfile is expected"),
        (
            "apiVersion: v1\nitems:\n- apiVersion: security-profiles-operator.x-k8s.io/v1beta1\nkind: List",
            "p.yaml:4:7: /kind: a list of objects: one profile to a file",
        ),
        (
            '{"kind": "SeccompProfileList", "apiVersion": "security-profiles-operator.x-k8s.io/v1beta1"}',
            "p.yaml:1:10: /kind: a list of objects",
        ),
        ('{"kind": "SeccompProfile", "apiVersion"}', "p.yaml:1:40: no JSON"),
        ("{kind: SeccompProfile, apiVersion: [}", "p.yaml:1:37: no YAML"),
        ("- kind: SeccompProfile", "p.yaml:1:1: an object is expected, not an array"),
        (HEAD + "spec: *x", "p.yaml:4:7: anchors and aliases"),
        (HEAD + "spec: " + "[" * 500, "p.yaml:4:106: more than 100 levels deep: no profile is"),
        (HEAD + "spec: " + "[" * 100_000, "p.yaml:4:1006: no YAML: exceeded maximum nesting depth"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, error: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        read(text).sound()
    assert str(raised.value).startswith(error)


@given(fits, st.data())
def test_no_damage_breaks_the_reader(profile: Profile, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([write(profile)[0], json.dumps(yaml.safe_load(write(profile)[0]))]))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    piece = data.draw(
        st.sampled_from(["", "[]", "{}", "5", "- ", "&a ", "*a", "\n", "\t", ": ", '"', "!!int ", "~", "\x85"])
    )
    with suppress(ProfileFileError):
        read(text[:start] + piece + text[min(end, start + 9) :], lenient=data.draw(st.booleans())).sound()


def test_lenient_keeps_the_name_of_the_base() -> None:
    text = HEAD + "spec:\n  defaultAction: SCMP_ACT_LOG\n  baseProfileName: runc\n"
    profile = read(text, lenient=True).sound()
    assert profile.extra == (("baseProfileName", '"runc"'),)
    assert read(write(profile)[0], lenient=True).sound() == profile


def test_what_others_could_read_as_a_number_stands_in_quotes() -> None:
    names = ("0o10", "y", "1e3", "on", "null", "~", "0x1", "1_0", "é", "a b", "", "-", "read")
    text, _ = write(small(Rule(names, RuleAction.ALLOW)))
    for name in names[:-3]:
        assert f"- {json.dumps(name, ensure_ascii=False)}\n" in text or f"- '{name}'\n" in text
    assert read(text).sound().rules[0].names == names
