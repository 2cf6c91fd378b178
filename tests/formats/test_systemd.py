"""systemd's drop-ins: what is written means the same to systemd itself, and what is read is what systemd reads."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import pyseccomp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FormatError, ProfileFileError
from audit2seccomp.formats import MAX_BYTES, read_profile, write_profile
from audit2seccomp.formats.systemd.groups import group_names, members
from audit2seccomp.formats.systemd.names import ARCHITECTURES
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import named_effects
from audit2seccomp.profile.model import ArgCondition, Operator, Outcome, Profile, Rule, RuleAction, default_outcome
from tests.formats.systemd_tool import KILL, UNIT, Parsed, needs_systemd, parsed

CALLS = ("read", "write", "openat", "ptrace", "bpf", "brk", "execve", "exit_group", "socket", "kill", "getpgrp")
LETS_THROUGH = (RuleAction.ALLOW, RuleAction.LOG)
HEADER = "[Service]\n"


@st.composite
def fitting(draw: st.DrawFn) -> Profile:
    """A profile that systemd has settings for."""
    actions = st.sampled_from([RuleAction.ALLOW, RuleAction.LOG, RuleAction.ERRNO, RuleAction.KILL_PROCESS])
    default = draw(actions)
    errnos = st.sampled_from([0, 1, 38, 95, 133, 200, 4095])
    rules = draw(
        st.lists(
            st.builds(
                lambda names, action, errno: Rule(tuple(names), action, errno=errno),
                st.lists(st.sampled_from(CALLS), min_size=1, max_size=4),
                actions,
                st.none() | errnos,
            ),
            max_size=5,
        )
    )
    if default in LETS_THROUGH:  # the setting's own errno is the first denied call's, which may not be 0
        rules = [rule._replace(errno=rule.errno or None) for rule in rules]
    architectures = draw(st.lists(st.sampled_from(sorted(ARCHITECTURES)), max_size=3, unique=True))
    return Profile(default, draw(st.none() | errnos.filter(bool)), tuple(architectures), tuple(rules))


def denials(profile: Profile) -> dict[str, Outcome]:
    """What becomes of each call that the profile speaks of, where it is not let through."""
    effects = {call: effect.always for call, effect in named_effects(profile).items()}
    return {call: outcome for call, outcome in effects.items() if outcome and outcome.action not in LETS_THROUGH}


def verdict(unit: Parsed, call: str) -> Outcome | None:
    """What systemd's filter does with a call; None: it lets it through."""
    denied = Outcome(RuleAction.KILL_PROCESS) if unit.errno == KILL else Outcome(RuleAction.ERRNO, unit.errno)
    if call not in unit.calls:
        return denied if unit.listed else None
    suffix = unit.calls[call]
    if suffix is None:
        return None if unit.listed else denied
    return Outcome(RuleAction.KILL_PROCESS) if suffix == KILL else Outcome(RuleAction.ERRNO, suffix)


def wanted(profile: Profile, call: str) -> Outcome | None:
    """What the profile does with a call, in the same words."""
    effect = named_effects(profile).get(call)
    outcome = effect.always if effect else default_outcome(profile)
    assert outcome is not None
    return None if outcome.action in LETS_THROUGH else outcome


@needs_systemd
@settings(max_examples=25)
@given(profile=fitting())
def test_systemd_reads_what_was_written(profile: Profile) -> None:
    written = write_profile(profile, "systemd")
    assert isinstance(written.content, str)
    with tempfile.TemporaryDirectory() as folder:
        # What the unit says by itself must not show through.
        more = "SystemCallFilter=@system-service\nSystemCallErrorNumber=EBADF\nSystemCallArchitectures=x32\n"
        unit = parsed(Path(folder), written.content, UNIT + more)
    for call in (*CALLS, "reboot", "getpid", "rt_sigreturn"):
        assert verdict(unit, call) == wanted(profile, call), call
    assert unit.architectures == ({ARCHITECTURES[name] for name in profile.architectures} or {"native"})


@settings(max_examples=300)
@given(profile=fitting())
def test_what_was_written_is_read_as_the_same(profile: Profile) -> None:
    written = write_profile(profile, "systemd")
    assert isinstance(written.content, str)
    file = read_profile(written.content.encode())
    assert (file.format, file.problems) == ("systemd", ())
    again = file.sound()
    if profile.default_action is RuleAction.LOG and written.losses:
        again = again._replace(rules=tuple(rule for rule in again.rules if rule.names != ("nfsservctl",)))
    assert default_outcome(again) == default_outcome(profile)
    assert {name: effect.always for name, effect in named_effects(again).items()} == {
        name: effect.always for name, effect in named_effects(profile).items()
    }
    assert again.architectures == profile.architectures
    assert write_profile(again, "systemd").content == written.content


WORDS = (
    "read",
    "write",
    "@swap",
    "@default",
    "@known",
    "~read",
    "read:EPERM",
    "@swap:5",
    "write:kill",
    "kill",
    "bad:EFOO",
)
LINES = st.one_of(
    st.builds(
        lambda invert, words, joint: f"SystemCallFilter={invert}{joint.join(words)}",
        st.sampled_from(["", "~", "~ "]),
        st.lists(st.sampled_from([*WORDS, "nothing"]), max_size=4),
        st.sampled_from([" ", "  \t", " \\\n", "\\\n# between\n", " \\\n\\\n"]),
    ),
    st.sampled_from(
        [
            *("SystemCallErrorNumber=EPERM", "SystemCallErrorNumber=7", "SystemCallErrorNumber=kill"),
            *("SystemCallErrorNumber=", "SystemCallErrorNumber=0", "SystemCallArchitectures=x86 arm64"),
            *("SystemCallArchitectures=", "SystemCallArchitectures='s390x'", " SystemCallFilter = read\\"),
            *("# note", "; note\\", "", "[Unit]", "[Service]", "Nice=1", "nonsense", "[Service]\r", "Nice=\\\\"),
        ]
    ),
)


@needs_systemd
@settings(max_examples=60)
@given(lines=st.lists(LINES, max_size=6), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_unit_is_read_as_systemd_reads_it(lines: list[str], end: str) -> None:
    text = HEADER + end.join(["SystemCallErrorNumber=EIO", *lines, ""])
    with tempfile.TemporaryDirectory() as folder:
        unit = parsed(Path(folder), text)
    profile = read_profile(text.encode(), lenient=True).profile
    assert profile is not None
    for call in ("read", "write", "swapon", "brk", "kill", "mount", "openat"):
        assert verdict(unit, call) == wanted(profile, call), call
    assert {ARCHITECTURES[name] for name in profile.architectures} == unit.architectures


@needs_systemd
def test_the_groups_are_those_of_the_installed_systemd() -> None:
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True
    ).stdout.split("# Ungrouped")[0]
    groups: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if line.startswith("@"):
            inside = groups.setdefault(line, [])
        elif line.startswith("    ") and not line.strip().startswith("#"):
            inside.append(line.strip())
    assert set(group_names()) <= set(groups)
    for name in group_names():
        flat = list(groups[name])
        for member in flat:
            flat.extend(groups[member] if member.startswith("@") else ())
        ours = set(members(name) or ())
        missing = {member for member in flat if not member.startswith("@")} ^ ours
        # Debian's updates add the calls of newer kernels to the groups.
        assert not missing or "systemd 252 " not in _version(), (name, missing)
        assert len(ours) > 1


def _version() -> str:
    return subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=True).stdout


@needs_systemd
def test_systemd_knows_the_names_that_libseccomp_knows(tmp_path: Path) -> None:
    abi = abi_named("x86_64")
    assert abi is not None
    names = [name for _, name in table_of(abi)]
    written = write_profile(Profile(RuleAction.ERRNO, 38, (), (Rule(tuple(names), RuleAction.ALLOW),)), "systemd")
    assert isinstance(written.content, str)
    (tmp_path / "x.service").write_text(UNIT + written.content)
    result = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "x.service")], capture_output=True, text=True, check=True
    )
    unknown = {line.rsplit(" ", 1)[1] for line in result.stderr.splitlines() if "Failed to parse system call" in line}
    assert len(result.stderr.splitlines()) == len(unknown)
    assert unknown == {name for name in names if not _resolved(name)}
    assert len(unknown) < 40 < len(names)


def _resolved(name: str) -> bool:
    return int(pyseccomp.resolve_syscall(pyseccomp.system_arch(), name)) != -1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"default_action": RuleAction.KILL_THREAD}, "the default action: no setting for SCMP_ACT_KILL_THREAD"),
        ({"default_action": RuleAction.TRAP}, "the default action: no setting for SCMP_ACT_TRAP"),
        ({"default_errno": 0}, "the default action: no errno 0"),
        ({"default_errno": 4096}, "no errno 4096"),
        ({"rules": (Rule(("read",), RuleAction.NOTIFY),)}, "read: no setting for SCMP_ACT_NOTIFY"),
        ({"architectures": ("SCMP_ARCH_M68K",)}, "no name for SCMP_ARCH_M68K"),
        (
            {"rules": (Rule(("clone", "socket"), RuleAction.ALLOW, (ArgCondition(0, Operator.EQ, 1),)),)},
            "has no conditions: clone, socket",
        ),
        ({"rules": (Rule(("read\nExecStart=/bin/sh",), RuleAction.ALLOW),)}, "no name of a call"),
        ({"rules": (Rule(("@system-service",), RuleAction.ALLOW),)}, "no name of a call"),
    ],
)
def test_what_systemd_cannot_say_is_an_error(change: dict[str, object], says: str) -> None:
    profile = Profile(RuleAction.ERRNO, 38, (), (Rule(("read",), RuleAction.ALLOW),))
    with pytest.raises(FormatError, match=says) as error:
        write_profile(Profile(**{**profile._asdict(), **change}), "systemd")
    assert str(error.value).startswith("systemd: ")
    assert "\n" not in str(error.value)


def test_what_is_lost_is_said() -> None:
    profile = Profile(
        RuleAction.ERRNO,
        38,
        (),
        (Rule(("read",), RuleAction.ALLOW, comment="why", extra=(("x", "1"),)),),
        flags=("SECCOMP_FILTER_FLAG_LOG",),
        listener_path="/x",
    )
    assert write_profile(profile, "systemd").losses == (
        "systemd: 1 comment is left out",
        "systemd: flags are left out: SECCOMP_FILTER_FLAG_LOG",
        "systemd: listenerPath and listenerMetadata are left out",
        "systemd: keys that no format defines are left out",
    )


def test_what_is_wrong_with_a_unit_is_told_with_its_place() -> None:
    text = (
        "SystemCallFilter=read\n"
        "[Service]\n"
        "SystemCallFilter=@system-servic opnat \\\n"
        "; note\n"
        "  write:EPERM\n"
        "SystemCallFilter=~read:EFOO\n"
        "SystemCallFilters=foo\n"
        "SystemCallErrorNumber=0\n"
        "SystemCallArchitectures=native amd64 x86\n"
        "SystemCallLog=read:1\n"
        "ProtectClock=yes\n"
        "PrivateDevices=no\n"
        "nonsense\n"
        "[Socket]\n"
        "SystemCallFilter=read\n"
        "[Unit]\n"
        "SystemCallFilter=read\n"
    )
    file = read_profile(text.encode(), "x.conf")
    places = file.places([problem.path for problem in file.problems])
    assert [(*places[problem.path], problem.text.partition(":")[0]) for problem in file.problems] == [
        (1, 1, "SystemCallFilter= above all sections"),
        (3, 18, "no group of systemd"),
        (3, 33, "no call of any architecture"),
        (5, 3, "an allowed call takes no errno"),
        (6, 19, "no errno"),
        (7, 1, "no setting of systemd"),
        (8, 23, "no errno"),
        (9, 32, "no architecture of systemd"),
        (10, 15, "a logged call takes no errno"),
        (11, 1, "ProtectClock= filters calls, too, and a profile cannot say how"),
        (13, 1, "no Key=value"),
        (15, 1, "[Socket] beside [Service]"),
        (17, 1, "SystemCallFilter= [Unit]"),
        (9, 25, "native beside others"),
    ]
    with pytest.raises(ProfileFileError, match=r"^x.conf:1:1: .*it belongs in \[Service\]"):
        file.sound()
    lenient = read_profile(text.encode(), lenient=True).sound()
    assert lenient.architectures == ("SCMP_ARCH_X86",)
    assert lenient.default_action is RuleAction.KILL_PROCESS


@pytest.mark.parametrize("value", ["yes", "1", "on", "TRUE"])
def test_settings_that_imply_a_filter_are_problems_too(value: str) -> None:
    text = f"[Service]\nSystemCallFilter=read\nDynamicUser={value}\n"
    with pytest.raises(ProfileFileError, match=r"^u:3:1: /DynamicUser/0: DynamicUser= filters calls, too"):
        read_profile(text.encode(), "u").sound()
    assert read_profile(text.encode(), lenient=True).problems == ()


@pytest.mark.parametrize("value", ["no", "0", "Off", "false", ""])
def test_settings_that_are_off_filter_nothing(value: str) -> None:
    text = f"[Service]\nSystemCallFilter=read\nDynamicUser={value}\nNoNewPrivileges=yes\nProtectClock={value}\n"
    assert read_profile(text.encode()).problems == ()


def test_a_value_stands_where_it_was_written() -> None:
    text = (
        "[Service]\nSystemCallErrorNumber=EPERM\n"
        "SystemCallFilter=read \\\n  @swap\nSystemCallArchitectures=x86-64 x86\n"
    )
    file = read_profile(text.encode(), "x.conf")
    names = file.sound().rules[0].names
    paths = {
        ("syscalls", 0, "names", names.index("read")): (3, 18),
        ("syscalls", 0, "names", names.index("swapon")): (4, 3),
        ("syscalls", 0, "action"): (3, 18),
        ("architectures", 1): (5, 32),
        ("defaultErrnoRet",): (2, 23),
        ("flags",): (1, 1),
    }
    assert file.places(list(paths)) == paths
    assert file.places([("defaultErrnoRet",)], keys=True) == {("defaultErrnoRet",): (2, 1)}


def test_reading_says_that_other_architectures_are_lost() -> None:
    unit = "[Service]\nSystemCallFilter=read\n"
    (remark,) = read_profile(unit.encode()).remarks
    assert "32-bit" in remark
    for value in ("native", "x86-64", "native\nSystemCallArchitectures=x86"):
        assert read_profile(f"{unit}SystemCallArchitectures={value}\n".encode()).remarks == ()
    assert read_profile(f"{unit}SystemCallArchitectures=x86\nSystemCallArchitectures=\n".encode()).remarks == (remark,)


@pytest.mark.parametrize("text", ["[Unit]\nDescription=x\n", "[Service]\nExecStart=/bin/true\n"])
def test_a_unit_without_a_filter_is_no_profile(text: str) -> None:
    with pytest.raises(ProfileFileError, match=r"^x\.service: a unit of systemd without SystemCallFilter="):
        read_profile(text.encode(), "x.service")


@pytest.mark.parametrize(
    "line",
    [
        *("\0", "#\n", "[\n", "=\n", "a\\\n", "SystemCallFilter=@known\n", "SystemCallFilter=~@known:1 read\n"),
        *("SystemCallFilter=x y\n", "SystemCallArchitectures=y\n", "SystemCallArchitectures=x86\n", "\\", "@", "\r"),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_a_large_unit_takes_no_more_than_its_time(line: str, lenient: bool) -> None:
    # An eighth of what is taken: square time would show, and a measured run is slow.
    text = "[Service]\nSystemCallFilter=read " + line * (MAX_BYTES // 8 // len(line))
    began = time.monotonic()
    read_profile(text.encode(), lenient=lenient)
    assert time.monotonic() - began < 30


def test_names_without_bound_are_a_problem_also_for_a_lenient_reader() -> None:
    text = HEADER + "SystemCallFilter=@known\n" * 10_000
    assert "no unit is so large" in read_profile(text.encode(), lenient=True).problems[0].text
    text = HEADER + "SystemCallFilter=" + "read " * 300_000
    assert "systemd reads no such file" in read_profile(text.encode(), lenient=True).problems[0].text
