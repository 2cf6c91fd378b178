"""The JSON of profiles: nothing is lost, and what is wrong is told with its place."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError, ProfileFileError
from audit2seccomp.formats import MAX_BYTES, read_profile, write_profile
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.profile.model import MAX_U64, Profile
from tests.profile.profiles import profiles

SMALL = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [\n  {"names": ["read"], "action": "SCMP_ACT_ALLOW"%s}\n]%s}'


def read(text: str, *, lenient: bool = False) -> ProfileFile:
    return read_profile(text.encode(), "p.json", lenient=lenient)


def content(profile: Profile, form: str) -> str:
    written = write_profile(profile, form).content
    assert isinstance(written, str)
    return written


@given(profiles())
def test_what_was_written_is_read_again(profile: Profile) -> None:
    text = content(profile, "docker")
    assert read(text, lenient=True).sound() == profile
    assert content(read(text, lenient=True).sound(), "docker") == text


@given(profiles(dockers=False))
def test_the_oci_form_is_the_same_where_nothing_is_dockers(profile: Profile) -> None:
    assert content(profile, "oci") == content(profile, "docker")


@pytest.mark.parametrize("text", [SMALL % ("", ""), "\n{}", "read\nwrite\n"])
def test_a_byte_order_mark_is_told_as_what_it_is(text: str) -> None:
    """runc and crun refuse a file with one: `lint` and `check` must not say that all is well."""
    with pytest.raises(ProfileFileError, match=r"^p\.json:1:1: begins with a byte order mark .* take it out$"):
        read(f"\ufeff{text}")
    assert read("\ufeff[Service]\nSystemCallFilter=read\n").format == "systemd"


@given(profiles(), st.integers(0, 9))
def test_the_layout_of_a_file_does_not_matter(profile: Profile, indent: int) -> None:
    text = json.dumps(json.loads(content(profile, "docker")), indent=indent or None)
    assert read(text, lenient=True).sound() == profile


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "p.json:1:2: no JSON: expecting property name enclosed in double quotes"),
        ("[]", "p.json:1:1: an object is expected, not an array"),
        ("{}", "p.json:1:1: defaultAction is missing"),
        ('{"a": NaN}', "p.json:1:7: no JSON: NaN is no number"),
        ("[" * 100_000, "p.json:1:102: more than 100 levels deep: no profile is"),
        (
            '{"a": 1, "a": 2}',
            'p.json:1:10: the key "a" comes twice in its object: readers differ in which one they take',
        ),
        ('{"a": "\\ud800"}', "p.json:1:8: half a character: one of two surrogates is missing"),
        ('{"a": ' + "9" * 5000 + "}", "p.json:1:7: a number of 5,000 digits"),
        (
            '{"defaultAction": "SCMP_ACT_ALOW"}',
            'p.json:1:19: /defaultAction: no such value: "SCMP_ACT_ALOW": '
            "did you mean SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRAP?",
        ),
        (SMALL % (', "arg": []', ""), 'p.json:2:51: /syscalls/0/arg: unknown key "arg": did you mean args?'),
        (SMALL % ("", ', "zzz": 1'), 'p.json:3:4: /zzz: unknown key "zzz": --lenient keeps it'),
        (
            SMALL % ("", ', "defaultErrnoRet": -1'),
            "p.json:3:23: /defaultErrnoRet: -1 is out of range: from 0 to 4294967295",
        ),
        (
            SMALL % ("", ', "defaultErrnoRet": true'),
            "p.json:3:23: /defaultErrnoRet: a whole number is expected, not true or false",
        ),
        (
            SMALL % ("", ', "defaultErrnoRet": 1.0'),
            "p.json:3:23: /defaultErrnoRet: a whole number is expected, not 1.0",
        ),
        (
            SMALL % (', "args": [{"index": 0, "value": 18446744073709551616, "op": "SCMP_CMP_EQ"}]', ""),
            f"p.json:2:82: /syscalls/0/args/0/value: {MAX_U64 + 1} is out of range: from 0 to {MAX_U64}",
        ),
        (
            SMALL % (', "name": "read"', ""),
            "p.json:2:59: /syscalls/0/name: name and names: only one of them may be there",
        ),
        (
            SMALL % ("", ', "architectures": ["X86"]'),
            'p.json:3:22: /architectures/0: no architecture that profiles can name: "X86"',
        ),
        (
            '{"defaultAction": "SCMP_ACT_LOG", "syscalls": {}}',
            "p.json:1:47: /syscalls: an array is expected, not an object",
        ),
        (
            '{"defaultAction": "SCMP_ACT_LOG", "syscalls": [1]}',
            "p.json:1:48: /syscalls/0: an object is expected, not a number",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, error: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        read(text).sound()
    assert str(raised.value).split(" (and ")[0] == error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b" \n", "p.json: is empty: no profile in it"),
        (b"[1]", "p.json:1:1: an object is expected, not an array"),
        (b"null", "p.json:1:1: an object is expected, not null"),
        (b"{\xff}", "p.json: no text: byte 1 is not UTF-8"),
        (b"{" + b" " * MAX_BYTES, "p.json: more than 4 MiB: no profile is so large"),
    ],
)
def test_what_is_no_profile_at_all(data: bytes, error: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        read_profile(data, "p.json").sound()
    assert str(raised.value) == error


@given(st.text(st.sampled_from('{}[]",:\\u0d8ae1 \ntfn'), max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(ProfileFileError):
        read("{" + text).sound()


def test_a_whole_list_of_problems_is_kept() -> None:
    problems = read('{"defaultAction": "X", "syscalls": [{"names": [1, "read"], "acton": 5}, 7]}').problems
    assert [problem.path for problem in problems] == [
        ("defaultAction",),
        ("syscalls", 0, "names", 0),
        ("syscalls", 0),
        ("syscalls", 0, "acton"),
        ("syscalls", 1),
    ]


def test_the_oci_form_refuses_what_depends_on_the_host() -> None:
    text = SMALL % (', "includes": {"caps": ["CAP_BPF"]}', "")
    with pytest.raises(FormatError, match=r"the profile depends on the host: includes\.caps of rule 0"):
        write_profile(read(text).sound())


def test_the_oci_form_writes_numbers_for_errnos_and_says_that_comments_are_lost() -> None:
    text = SMALL % (', "errno": "EPERM", "comment": "hello"', ', "defaultErrno": "ENOSYS"')
    written = write_profile(read(text).sound())
    assert written.losses == ("oci: 1 comment is left out",)
    assert json.loads(written.content)["defaultErrnoRet"] == 38
    assert json.loads(written.content)["syscalls"] == [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1}]
