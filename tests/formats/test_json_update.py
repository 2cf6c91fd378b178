"""A profile file, extended in place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import Audit2SeccompError, UsageError
from audit2seccomp.formats import read_profile, write_profile
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.formats.updating.json_update import updated
from audit2seccomp.formats.writing.json_document import document_of
from audit2seccomp.profile.build import Built, build
from audit2seccomp.profile.building.bases import Base, Standing, standings
from audit2seccomp.profile.model import Profile, RuleAction
from tests.observed import seen
from tests.profile.profiles import profiles


def extended(text: str, *calls: str, archs: tuple[str, ...] = (), lenient: bool = False) -> tuple[str, Built]:
    """The text with some observed calls added."""
    file = read_profile(text.encode(), "p.json", lenient=lenient)
    built = build(seen(*calls), bases=[Base("p.json", file.sound(), in_place=True)], architectures=archs)
    return updated(file, built, RuleAction.ALLOW), built


ONE_LINE = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["close", "read"], "action": "SCMP_ACT_ALLOW"}]}'


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ('["close", "read"]', '["bind", "close", "openat", "read", "write"]'),
        ('["read", "close"]', '["read", "close", "bind", "openat", "write"]'),
        ('["close","read"]', '["bind","close","openat","read","write"]'),
        ('["close"]', '["bind", "close", "openat", "read", "write"]'),
        ('[ "read" ]', '[ "bind", "close", "openat", "read", "write" ]'),
        ('[\n\t"close",\n\t"read"\n]', '[\n\t"bind",\n\t"close",\n\t"openat",\n\t"read",\n\t"write"\n]'),
        ('[\r\n  "read"\r\n]', '[\r\n  "bind",\r\n  "close",\r\n  "openat",\r\n  "read",\r\n  "write"\r\n]'),
        ('["read"\n,"socket"]', '["bind"\n,"close"\n,"openat"\n,"read"\n,"socket"\n,"write"]'),
    ],
)
def test_names_go_where_and_as_the_others_stand(names: str, expected: str) -> None:
    text = ONE_LINE.replace('["close", "read"]', names)
    new, _ = extended(text, "bind", "close", "openat", "read", "write")
    assert new == ONE_LINE.replace('["close", "read"]', expected)


def test_nothing_new_changes_nothing() -> None:
    text = f"\n {ONE_LINE} \n\n"
    assert extended(text, "close", "read")[0] == text
    assert extended(text, "read", archs=())[0] == text


BY_HAND = """\
{
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_S390X"}
    ],
    "syscalls": [
        {
            "names": ["clone"], "action": "SCMP_ACT_ALLOW", "comment": "only \\u0061 thread",
            "args": [ {"index":0,"value":2114060288,"op":"SCMP_CMP_MASKED_EQ"} ]
        },
        { "name": "ioctl", "action": "SCMP_ACT_ALLOW" },
        { "names": [ "read",  "close" ],
          "comment": "found by hand",   "action": "SCMP_ACT_ALLOW", "includes": {}, "args": null },
        { "names": ["write"], "action": "SCMP_ACT_ALLOW" }
    ]
}
"""


def test_what_was_written_by_hand_stays() -> None:
    new, built = extended(BY_HAND, "clone", "ioctl", "read", "openat", archs=("x32", "s390", "aarch64"))
    assert built.added == ("openat",)
    assert new == (
        # The comment of the first rule without conditions is about that rule's names.
        BY_HAND.replace('["write"]', '["openat", "write"]')
        .replace('["SCMP_ARCH_X86"]', '["SCMP_ARCH_X86", "SCMP_ARCH_X32"]')
        .replace('"SCMP_ARCH_S390X"}\n', '"SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]},\n'
                 '        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []}\n')
    )  # fmt: skip


PUBLISHED = Path("/usr/share/containers/seccomp.json")  # Debian: golang-github-containers-common


@pytest.mark.skipif(not PUBLISHED.exists(), reason="golang-github-containers-common is not installed")
def test_a_published_profile() -> None:
    text = PUBLISHED.read_text()
    assert extended(text, "read", "socket", "clone")[0] == text
    new, _ = extended(text, "read", "listmount", archs=("riscv64", "x32"))
    old_lines, new_lines = text.splitlines(), new.splitlines()
    added = [line.strip() for line in new_lines if line not in old_lines]
    assert '"listmount",' in added
    assert not [line for line in old_lines if line not in new_lines and not line.endswith(("}", '"'))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"defaultAction":"SCMP_ACT_ERRNO"}', '{"defaultAction":"SCMP_ACT_ERRNO", "syscalls": [%]}'),
        ('{"syscalls":null,"defaultAction":"SCMP_ACT_ERRNO"}', '{"syscalls":[%],"defaultAction":"SCMP_ACT_ERRNO"}'),
        ('{"syscalls":[ ],"defaultAction":"SCMP_ACT_ERRNO"}', '{"syscalls":[% ],"defaultAction":"SCMP_ACT_ERRNO"}'),
        ('{\n "defaultAction":"SCMP_ACT_ERRNO"\n}', '{\n "defaultAction":"SCMP_ACT_ERRNO",\n "syscalls": [%]\n}'),
    ],
)
def test_a_file_without_rules(old: str, new: str) -> None:
    assert extended(old, "read")[0] == new.replace("%", '{"names": ["read"], "action": "SCMP_ACT_ALLOW"}')


def test_a_rule_of_its_own_in_the_layout_of_the_others() -> None:
    text = """{
\t"defaultAction": "SCMP_ACT_ERRNO",
\t"syscalls": [
\t\t{
\t\t\t"names": ["kill"],
\t\t\t"action": "SCMP_ACT_KILL"
\t\t}
\t]
}"""
    rule = """,
\t\t{
\t\t\t"names": [
\t\t\t\t"read"
\t\t\t],
\t\t\t"action": "SCMP_ACT_ALLOW"
\t\t}
\t]"""
    assert extended(text, "read")[0] == text.replace("\n\t]", rule)


def test_only_json_can_be_extended() -> None:
    profile = read_profile(ONE_LINE.encode()).sound()
    file = ProfileFile("p.yaml", "x", "spo", profile, (), lambda paths, keys: {})
    with pytest.raises(UsageError, match="is in the format spo: one in oci or docker can be updated"):
        updated(file, Built(profile, {}), RuleAction.ALLOW)


layouts = st.sampled_from([None, 0, 1, 4, "\t"])
CALLS = ["read", "write", "openat", "clone", "personality", "socket", "ioctl", "clone3", "bind"]


@given(
    profiles(),
    layouts,
    st.lists(st.sampled_from(CALLS), min_size=1, unique=True),
    st.lists(st.sampled_from(["x32", "aarch64", "arm", "riscv64"]), max_size=2, unique=True),
)
def test_the_result_is_the_union_and_all_else_stands(
    profile: Profile, indent: int | str | None, calls: list[str], archs: list[str]
) -> None:
    text = json.dumps(document_of(profile), indent=indent, ensure_ascii=indent == 1)
    try:
        new, built = extended(text, *calls, archs=tuple(archs), lenient=True)
    except Audit2SeccompError:
        return
    after = read_profile(new.encode(), lenient=True).sound()
    before, there = standings(profile), standings(after)
    assert there.keys() == before.keys() | set(built.added)
    elsewhere = {name for rule in profile.rules if rule.includes.arches or rule.excludes.arches for name in rule.names}
    for name in calls:
        assert there[name] == (Standing.ALLOWED if name in built.added else before[name])
        assert name not in built.added or name not in before or name in elsewhere
    assert set(after.architectures) >= set(profile.architectures)
    assert after._replace(rules=(), architectures=(), arch_map=()) == profile._replace(
        rules=(), architectures=(), arch_map=()
    )
    assert is_subsequence(text, new)
    if not built.added and built.profile == profile:
        assert new == text
    again, _ = extended(new, *calls, archs=tuple(archs), lenient=True)
    assert again == new, "a second time nothing is new"


def is_subsequence(old: str, new: str) -> bool:
    """Whether something was put into the old text and nothing taken away."""
    rest = iter(new)
    return all(character in rest for character in old)


@given(st.lists(st.sampled_from(CALLS), min_size=1, unique=True), st.sampled_from(["oci", "docker"]))
def test_our_own_files(calls: list[str], form: str) -> None:
    built = build(seen("read", "socket"))
    text = write_profile(built.profile, form).content
    assert isinstance(text, str)
    new, _ = extended(text, *calls)
    assert new == write_profile(build(seen("read", "socket", *calls)).profile, form).content
