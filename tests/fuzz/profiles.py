"""Profiles in every format that is read: what was understood can be looked at, written, and read again."""

from __future__ import annotations

from contextlib import suppress

from audit2seccomp.errors import AlgebraError, FormatError, ProfileFileError
from audit2seccomp.formats import WRITERS, read_profile, write_profile
from audit2seccomp.formats.files import ProfileFile
from audit2seccomp.profile.algebra.difference import difference
from audit2seccomp.profile.lint import lint
from audit2seccomp.profile.lint.targets import parse_target
from audit2seccomp.profile.model import Profile
from tests.corpus import FIXTURES
from tests.fuzz.target import Target, beginnings

TARGET = parse_target("runc:1.1")
JSON = ("oci", "docker", "spo")
"""Formats in which a profile means what it meant, unless a loss is told; in Docker's nothing at all is lost."""
WORDS = (
    b'"defaultAction":', b'"SCMP_ACT_ALLOW"', b'"SCMP_ACT_ERRNO"', b'"syscalls":', b'"names":', b'"name":',
    b'"args":', b'"index":', b'"value":', b'"valueTwo":', b'"op":"SCMP_CMP_MASKED_EQ"', b'"includes":',
    b'"minKernel":"4.8"', b'"archMap":', b'"architectures":', b'"SCMP_ARCH_X86_64"', b'"errnoRet":', b'"flags":',
    b"18446744073709551615", b"[", b"]", b"{", b"}", b",", b"null", b"-1", b"1e3", b"apiVersion: ",
    b"kind: SeccompProfile", b"spec:\n", b"- ", b": ", b"\n  ", b"&a ", b"*a", b"!!int ", b"|\n", b"---\n", b"'",
    b'"', b"[Service]\n", b"SystemCallFilter=", b"SystemCallErrorNumber=", b"SystemCallArchitectures=", b"~@",
    b"@system-service", b":EPERM", b"\\\n", b"\xc2\x85", b"\xef\xbb\xbf", b"read", b"openat", b"# ", b"\t",
)  # fmt: skip


def check_profile(data: bytes) -> None:
    """A file is refused with a place, or can be linted, written in each format, and read again."""
    for lenient in (False, True):
        try:
            file = read_profile(data, "p", lenient=lenient)
            _places(file)
            profile = file.sound()
        except ProfileFileError:
            continue
        lint(profile, (TARGET,), size=len(data))
        for form in JSON:
            _comes_back(profile, form)
        for form in ("systemd", "names", "kubernetes", "minijail"):
            with suppress(FormatError):
                write_profile(profile, form)
        with suppress(AlgebraError):
            assert not difference(profile, profile).changes


def _places(file: ProfileFile) -> None:
    """Each problem has a place in the text."""
    lines = file.text.count("\n") + file.text.count("\r") + 1
    for keys in (False, True):
        for place in file.places([problem.path for problem in file.problems], keys=keys).values():
            assert 1 <= place.line <= lines
            assert place.column >= 1
    lint(file.profile, (), flaws=tuple(file.problems))


def _comes_back(profile: Profile, form: str) -> None:
    """What was written without a loss is read as the same profile, and written as the same text."""
    try:
        written = write_profile(profile, form)
    except FormatError:
        return
    assert isinstance(written.content, str)
    again = read_profile(written.content.encode(), "p", lenient=True).sound()
    if form == "docker":
        assert (again, written.losses) == (profile, ())
    elif not written.losses:
        with suppress(AlgebraError):
            found = difference(profile, again)
            assert (found.default, found.changes) == (None, ()), form
    assert write_profile(again, form).content == written.content


def profiles() -> list[bytes]:
    """The fixtures, and each in all formats."""
    found = [*beginnings("profiles/*.json"), b"read\nwrite\n", b"[Service]\nSystemCallFilter=@system-service\n"]
    for name in ("web", "worker", "docker-like"):
        profile = read_profile((FIXTURES / "profiles" / f"{name}.json").read_bytes()).sound()
        for form in sorted(WRITERS.keys() - {"bpf", "pfc"}):
            with suppress(FormatError):
                content = write_profile(profile, form).content
                assert isinstance(content, str)
                found.append(content.encode())
    return found


TARGETS = (Target("profile", check_profile, profiles, WORDS),)
