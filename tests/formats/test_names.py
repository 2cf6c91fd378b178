"""Plain lists of calls."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError, ProfileFileError
from audit2seccomp.formats import MAX_BYTES, read_profile, write_profile
from audit2seccomp.kernel.syscalls import all_names
from audit2seccomp.profile.model import ArgCondition, Operator, Profile, Rule, RuleAction

names = st.lists(st.sampled_from(sorted(all_names())), min_size=1, max_size=30, unique=True)
between = st.sampled_from([" ", "\n", "\r\n", ", ", ",\n", "  # why, and what\n", "\t"])


def listed(*calls: str) -> Profile:
    """What a list says."""
    return Profile(RuleAction.ERRNO, 38, (), (Rule(calls, RuleAction.ALLOW),))


@settings(max_examples=200)
@given(calls=names)
def test_a_list_that_was_written_is_read_as_it_was(calls: list[str]) -> None:
    written = write_profile(listed(*calls), "names")
    assert (written.content, written.losses) == ("".join(f"{call}\n" for call in sorted(calls)), ())
    assert isinstance(written.content, str)
    file = read_profile(written.content.encode())
    assert file.format == "names"
    assert file.sound() == listed(*sorted(calls))


@settings(max_examples=200)
@given(calls=names, data=st.data())
def test_a_list_is_read_however_it_is_cut(calls: list[str], data: st.DataObject) -> None:
    text, offsets = data.draw(st.sampled_from(["", "# a list\n", "\n"])), []
    for call in calls:
        quote = data.draw(st.sampled_from(["", "'", '"']))
        offsets.append(len(text))
        text += f"{quote}{call}{quote}{data.draw(between)}"
    file = read_profile(text.encode())
    assert file.sound() == listed(*calls)
    found = file.places([("syscalls", 0, "names", index) for index in range(len(calls))])
    for index, offset in enumerate(offsets):
        place = found["syscalls", 0, "names", index]
        line_start = text.rfind("\n", 0, offset) + 1
        assert place == (text.count("\n", 0, offset) + 1, offset - line_start + 1)


def test_a_name_that_no_architecture_has_is_a_problem() -> None:
    file = read_profile(b"read, write\n  opnat\nread\n", "calls.txt")
    with pytest.raises(
        ProfileFileError,
        match=r'^calls\.txt:2:3: /syscalls/0/names/2: no call of any architecture: "opnat": did you mean openat',
    ):
        file.sound()
    assert read_profile(b"read, write\n  opnat\nread\n", lenient=True).sound() == listed("read", "write", "opnat")


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox jumps over the lazy dog",
        "Hello",
        "opnat",
        "read(3, 0x1, 5) = 5",
        "type=SECCOMP msg=audit(1.000:1): auid=1",
        "read: 1\nwrite: 1\n",
        "defaultAction: SCMP_ACT_ERRNO\n",
        "read -> write",
        "# only a comment",
        "0 1 2",
        "read \0 write",
    ],
)
def test_what_is_no_list_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ProfileFileError, match="no format that can be read"):
        read_profile(text.encode())


def test_what_a_list_cannot_say_is_lost_and_said() -> None:
    profile = Profile(
        RuleAction.KILL_PROCESS,
        None,
        ("SCMP_ARCH_X86_64",),
        (
            Rule(("write", "read"), RuleAction.ALLOW, comment="why"),
            Rule(("openat",), RuleAction.LOG),
            Rule(("socket", "clone"), RuleAction.ALLOW, (ArgCondition(0, Operator.EQ, 1),)),
            Rule(("ptrace",), RuleAction.ERRNO, (ArgCondition(0, Operator.EQ, 1),)),
            Rule(("bpf",), RuleAction.ERRNO),
        ),
    )
    assert write_profile(profile, "names") == (
        "openat\nread\nwrite\n",
        (
            "names: 1 comment is left out",
            "names: left out, since they are allowed under conditions only: clone, socket",
            "names: a list says no actions: who reads it decides what becomes of other calls",
            "names: architectures are left out: SCMP_ARCH_X86_64",
        ),
    )


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        (listed("read")._replace(default_action=RuleAction.ALLOW), "lets through what it does not name"),
        (listed("read")._replace(default_action=RuleAction.LOG), "lets through what it does not name"),
        (listed("read")._replace(rules=()), "nothing to list"),
        (listed("read\nwrite"), "no name of a call"),
    ],
)
def test_what_would_say_something_else_is_an_error(profile: Profile, says: str) -> None:
    with pytest.raises(FormatError, match=f"^names: .*{says}"):
        write_profile(profile, "names")


@pytest.mark.parametrize(
    "word", ["\0", "@", "a", '"', "'a", "read ", "reax ", ",", "#", "#\n", "read,#\n", "\xe9", "a'"]
)
@pytest.mark.parametrize("start", ["", "read "])
def test_a_large_text_takes_no_more_than_its_time(start: str, word: str) -> None:
    text = (start + word * (MAX_BYTES // 8 // len(word.encode()))).encode()
    began = time.monotonic()
    with contextlib.suppress(ProfileFileError):
        read_profile(text)
    assert time.monotonic() - began < 30
