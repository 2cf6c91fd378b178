"""`audit2seccomp decide`: the verdict, where it comes from, and what is to be known about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.profile.libseccomp import buildable_abis, library_version, native_abi
from tests.cli.command import Result, run

WEB = "fixtures/profiles/web.json"
DOCKERS = "fixtures/profiles/docker-like.json"
ON_X86_64 = ("--arch", "x86_64")
ELSEWHERE = ("--arch", "s390x" if native_abi().name != "s390x" else "x86_64")
"""A host of which nobody knows what `run` does there."""
ALL_ALLOWED = {"defaultAction": "SCMP_ACT_ALLOW"}


def write(folder: Path, *rules: dict[str, Any], **others: Any) -> Path:
    """A profile that denies with EPERM what the rules do not speak of."""
    path = folder / "profile.json"
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", **others, "syscalls": rules}))
    return path


def lines(done: Result, status: int) -> list[str]:
    """What a run says, which must end so."""
    assert (done.status, done.stderr) == (status, "")
    return done.stdout.decode().splitlines()


def notes(done: Result) -> list[str]:
    """What is to be known about a verdict."""
    return [line.removeprefix("note: ") for line in done.stdout.decode().splitlines() if line.startswith("note: ")]


def test_a_call_that_a_rule_allows() -> None:
    assert lines(run("decide", WEB, "read", *ON_X86_64), 0) == [
        "SCMP_ACT_ALLOW",
        f"from: rule 0 ({WEB}:8:5: /syscalls/0)",
        "call: read (0) on x86_64, arguments 0 0 0 0 0 0",
    ]


def test_a_call_that_no_rule_speaks_of() -> None:
    assert lines(run("decide", WEB, "mount", *ON_X86_64), 1) == [
        "SCMP_ACT_ERRNO (EPERM)",
        "from: the default action",
        "call: mount (165) on x86_64, arguments 0 0 0 0 0 0",
    ]


def test_conditions_on_arguments_and_the_rule_s_comment() -> None:
    done = run("decide", DOCKERS, "clone", "0x11", *ON_X86_64, "--host-arch", "amd64", "--cap", "none")
    assert lines(done, 0) == [
        "SCMP_ACT_ALLOW",
        f"from: rule 16 ({DOCKERS}:620:3: /syscalls/16) if arg0 & 0x7e020000 == 0",
        "comment: no new namespaces",
        "call: clone (56) on x86_64, arguments 17 0 0 0 0 0",
    ]
    done = run("decide", DOCKERS, "clone", "0x10000000", "--host-arch", "amd64", "--cap", "none")
    assert lines(done, 1)[:2] == ["SCMP_ACT_ERRNO (EPERM)", "from: the default action"]


def test_arguments_that_were_not_given_are_told_where_they_matter() -> None:
    assert notes(run("decide", WEB, "socket", *ON_X86_64)) == [
        "depends on arg0, which was not given and is taken for 0; else possible: SCMP_ACT_ERRNO (EPERM)"
    ]
    assert notes(run("decide", WEB, "socket", "2", *ON_X86_64)) == []
    assert notes(run("decide", WEB, "read", *ON_X86_64)) == []


@pytest.mark.parametrize("minus_1", ["-1", "0xffffffffffffffff", "18446744073709551615", "-0x1"])
def test_arguments_below_0_are_no_options(minus_1: str, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "names": ["read"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 1, "value": 2**64 - 1, "op": "SCMP_CMP_EQ"}],
        },
    )
    for words in (("read", "0", minus_1, *ON_X86_64), (*ON_X86_64, "--", "read", "0", minus_1)):
        assert lines(run("decide", path, *words), 0)[2].endswith("arguments 0 0xffffffffffffffff 0 0 0 0")


@pytest.mark.parametrize(
    ("number", "status", "call"),
    [
        ("41", 0, "socket (41) on x86_64"),
        ("0x29", 0, "socket (41) on x86_64"),
        ("-1", 1, "no name (-1) on x86_64"),
        ("0xffffffff", 1, "no name (-1) on x86_64"),
        ("0x40000029", 1, "socket (1073741865) on x32"),
        ("-2147483648", 1, "no name (-2147483648) on x86_64"),
        ("700", 1, "no name (700) on x86_64"),
    ],
)
def test_calls_by_number(number: str, status: int, call: str) -> None:
    assert lines(run("decide", WEB, number, *ON_X86_64), status)[2].startswith(f"call: {call}, ")


def test_an_architecture_that_the_profile_does_not_list() -> None:
    assert lines(run("decide", WEB, "read", "--arch", "s390"), 1) == [
        "SCMP_ACT_KILL_THREAD",
        "from: no rule: the filter does not cover s390: it kills the thread",
        "call: read (3) on s390, arguments 0 0 0 0 0 0",
        "note: on a host that is s390 itself the filter covers it: --host-arch s390",
    ]
    # A runtime's filter covers the host's own.
    for words in (("--arch", "s390", "--host-arch", "s390"), ("--host-arch", "s390"), ("--arch", "s390x")):
        done = run("decide", WEB, "read", *words)
        name = words[1]
        assert lines(done, 0)[0] == "SCMP_ACT_ALLOW"
        assert lines(done, 0)[2].startswith(f"call: read (3) on {name}, ")
        assert notes(done) == [f"the profile does not list {name}: the filter covers it as the host's own"]


@pytest.mark.parametrize("arch", ["x86", "x32"])
def test_without_architectures_the_filter_covers_the_host_s_own(arch: str, tmp_path: Path) -> None:
    path = write(tmp_path, **ALL_ALLOWED)
    done = run("decide", path, "read", "--arch", arch, "--host-arch", "x86_64")
    assert lines(done, 1)[:2] == [
        "SCMP_ACT_KILL_THREAD",
        f"from: no rule: the filter does not cover {arch}: it kills the thread",
    ]
    assert notes(done) == []
    if native_abi().name == "x86_64":
        assert run("decide", path, "read", "--arch", arch).stdout == done.stdout


def denied(*names: str, value: int | None = None) -> dict[str, Any]:
    """A rule; with a value for calls whose first argument has its bits."""
    when = [] if value is None else [{"index": 0, "value": value, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}]
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "args": when}


ALL_OF_X86 = {"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}
REFUSED_BY_RUN: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "a listener": (
        [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
        {},
        "run refuses the profile: SCMP_ACT_NOTIFY: nobody would answer here",
    ),
    "a flag": (
        [denied("mkdir")],
        {"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]},
        "run refuses the profile: flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: is for listeners",
    ),
    "no command": ([denied("execve")], {}, "run refuses the profile: execve: SCMP_ACT_ERRNO (EPERM)"),
    "unknown to all": ([denied("no_such_call")], {}, "run refuses the profile: no_such_call: libseccomp"),
    "too long": (
        # Values without a half in common, as equal parts of a filter are there once.
        [
            denied(name, value=(place + number) * (2**32 + 1))
            for place, name in enumerate(("mkdir", "kill", "dup", "lseek"))
            for number in range(4, 480, 4)
        ],
        ALL_OF_X86,
        "run refuses the profile: bpf: ",
    ),
}


@pytest.mark.parametrize(("rules", "others", "why"), REFUSED_BY_RUN.values(), ids=REFUSED_BY_RUN)
def test_a_profile_that_run_refuses_is_told(
    rules: list[dict[str, Any]], others: dict[str, Any], why: str, tmp_path: Path
) -> None:
    path = write(tmp_path, *rules, **ALL_ALLOWED, **others)
    done = run("decide", path, "read")
    assert lines(done, 0)[0] == "SCMP_ACT_ALLOW"
    (note,) = notes(done)
    assert note.startswith(why)
    assert json.loads(run("decide", "--json", path, "read").stdout)["notes"] == [note]
    refused = run("run", "--profile", path, "--", "true")
    assert (refused.status, refused.stderr) == (3, f"audit2seccomp: {note.removeprefix('run refuses the profile: ')}\n")
    assert not any(note.startswith("run ") for note in notes(run("decide", path, "read", *ELSEWHERE)))


def test_what_run_makes_of_very_many_conditions_is_not_waited_for(tmp_path: Path) -> None:
    rules = (denied(name, value=value) for name in ("mkdir", "kill") for value in range(251))
    assert notes(run("decide", write(tmp_path, *rules, **ALL_ALLOWED), "read")) == [
        "whether run takes a profile with so many conditions was not looked at: that takes long"
    ]


def test_a_number_that_a_filter_counts_to_x32() -> None:
    done = run("decide", WEB, "-2", *ON_X86_64)
    assert lines(done, 1)[1] == (
        "from: no rule: the filter does not cover x32, to which it counts such numbers: it kills the thread"
    )


def test_the_default_is_this_machine(tmp_path: Path) -> None:
    path = write(tmp_path, **ALL_ALLOWED)
    own = abi_named(native_abi().name)
    assert own is not None
    assert f" on {own.name}, " in lines(run("decide", path, "read"), 0)[2]
    # Its own architecture is covered whatever the profile lists.
    other = f"SCMP_ARCH_{ELSEWHERE[1].upper()}"
    assert lines(run("decide", write(tmp_path, **ALL_ALLOWED, architectures=[other]), "read"), 0)


def test_an_abi_that_libseccomp_cannot_build(tmp_path: Path) -> None:
    path = write(tmp_path, {"names": ["read"], "action": "SCMP_ACT_ALLOW"}, architectures=["SCMP_ARCH_SHEB"])
    assert abi_named("sheb") not in buildable_abis()
    done = run("decide", path, "read", "--arch", "sheb")
    assert lines(done, 0)[0] == "SCMP_ACT_ALLOW"
    assert notes(done) == [
        "no filter was made, and this is what the profile says: "
        f"libseccomp {library_version()} cannot make filters for sheb"
    ]


@pytest.mark.skipif(library_version() != "2.5.4", reason="says what libseccomp 2.5.4 lacks")
@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_a_name_that_libseccomp_lacks_is_without_effect(arch: str, tmp_path: Path) -> None:
    path = write(tmp_path, {"names": ["mseal", "execve"], "action": "SCMP_ACT_ALLOW"})
    done = run("decide", path, "mseal", "--arch", arch)
    assert lines(done, 1)[:2] == ["SCMP_ACT_ERRNO (EPERM)", "from: the default action"]
    here = ["under run it is SCMP_ACT_ALLOW"] if native_abi().name == arch else []
    assert notes(done) == ["libseccomp 2.5.4 lacks mseal, and runtimes that use it ignore rule 0", *here]


def test_rules_that_say_the_same_or_do_not_act_are_told(tmp_path: Path) -> None:
    one = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    path = write(
        tmp_path,
        {"names": ["read"], "action": "SCMP_ACT_LOG", "args": one},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["read"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": one},
    )
    done = run("decide", path, "read", "1", *ELSEWHERE)
    assert "rule 1 " in lines(done, 0)[1]
    assert notes(done) == [
        "rule 3 says the same",
        "the conditions of rule 0 hold, too, and it does not act: SCMP_ACT_LOG",
        "rule 2 says what the default action says, and runtimes skip it",
    ]


def test_what_libseccomp_may_build_into_something_else_is_not_certain(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        *(
            {
                "names": ["read"],
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": value, "op": op}],
            }
            for op, value in (("SCMP_CMP_LT", 1), ("SCMP_CMP_GT", 2**32 + 1))
        ),
    )
    assert lines(run("decide", path, "read", "0", *ON_X86_64), 1)[:2] == [
        "SCMP_ACT_ALLOW or SCMP_ACT_ERRNO (EPERM)",
        "from: not certain: conditions hold of rule 0",
    ]
    assert lines(run("decide", path, "read", "5", *ON_X86_64), 1)[1] == "from: not certain: no condition holds"


def test_runc_s_stub_is_told() -> None:
    assert "runc gives ENOSYS above 288 (accept4), before the filter is asked" in notes(
        run("decide", WEB, "435", *ON_X86_64)
    )


def test_a_call_that_is_made_through_another() -> None:
    done = run("decide", DOCKERS, "accept", "--arch", "x86", "--host-arch", "amd64")
    assert (done.status, done.stdout) == (2, b"")
    assert done.stderr == (
        "audit2seccomp: accept: programs of x86 make it through socketcall: decide PROFILE socketcall 5\n"
    )
    assert run("decide", DOCKERS, "socketcall", "5", "--arch", "x86", "--host-arch", "amd64").status == 0


def test_only_what_the_rules_about_the_call_ask_of_the_host_must_be_told() -> None:
    asks = "audit2seccomp: decide: the profile depends on the host: "
    for words, asked in (
        (("read", "--arch", "s390"), "archMap: --host-arch ARCH"),
        (("bpf", "--host-arch", "amd64"), "includes.caps of rule 15 (bpf…): --cap none or --cap CAP_X…"),
    ):
        done = run("decide", DOCKERS, *words)
        assert (done.status, done.stdout, done.stderr) == (3, b"", f"{asks}{asked}\n")
    assert run("decide", DOCKERS, "read", "--host-arch", "amd64").status == 0
    assert run("decide", DOCKERS, "bpf", "--host-arch", "amd64", "--cap", "CAP_SYS_ADMIN").status == 0
    assert run("decide", DOCKERS, "bpf", "--host-arch", "amd64", "--cap", "none").status == 1


def test_json() -> None:
    done = run("decide", WEB, "socket", "--json", *ON_X86_64)
    assert (done.status, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "arch": "x86_64",
        "number": 41,
        "name": "socket",
        "args": [0] * 6,
        "let_through": True,
        "outcomes": [{"action": "SCMP_ACT_ALLOW", "errno": None}],
        "source": "rule",
        "rule": {
            "index": 2,
            "line": 36,
            "column": 5,
            "pointer": "/syscalls/2",
            "when": [{"index": 0, "op": "SCMP_CMP_NE", "value": 16, "valueTwo": None}],
            "comment": None,
        },
        "depends": ["arg0"],
        "otherwise": [{"action": "SCMP_ACT_ERRNO", "errno": 1}],
        "notes": notes(run("decide", WEB, "socket", *ON_X86_64)),
    }
    default = json.loads(run("decide", WEB, "mount", "--json", *ON_X86_64).stdout)
    assert (default["source"], default["rule"], default["let_through"]) == ("default", None, False)
    assert json.loads(run("decide", WEB, "read", "--json", "--arch", "arm").stdout)["source"] == "architecture"


def test_quiet_leaves_the_exit_status() -> None:
    for name, status in (("read", 0), ("mount", 1)):
        done = run("decide", "-q", WEB, name, *ON_X86_64)
        assert (done.status, done.stdout, done.stderr) == (status, b"", "")


def test_a_profile_on_standard_input_in_another_format() -> None:
    written = run("convert", WEB, "--to", "spo", "--name", "web").stdout
    assert lines(run("decide", "-", "socket", "1", *ON_X86_64, stdin=written), 0)[1] == (
        "from: rule 2 (<stdin>:29:5: /spec/syscalls/2) if arg0 != 16"
    )


def test_a_comment_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "a\x1b[2J\nb"})
    assert lines(run("decide", path, "read"), 0)[2] == r"comment: a\x1b[2J\nb"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("opnat",), "opnat: no such call on x86_64 in the tables of Linux "),
        (("opnat",), ": did you mean openat, openat2, open?"),
        (("read", *"1234567"), "7: a call has 6 arguments"),
        (("read", "0x"), "0x: no number of 64 bits: such as 2, 0x7f or -1"),
        (("read", "0x10000000000000000"), "0x10000000000000000: no number of 64 bits"),
        (("read", "-9223372036854775809"), "-9223372036854775809: no number of 64 bits"),
        (("4294967296",), "4294967296: a call's number has 32 bits"),
        (("-2147483649",), "-2147483649: a call's number has 32 bits"),
        (("5", "--arch", "x32"), "5: numbers of x32 have bit 30, as in 0x40000005"),
        (("read", "--arch", "vax"), "--arch: no architecture 'vax': one of x86_64, x32"),
        (("read", "--arch", "alpha"), "--arch: profiles have no name for 'alpha'"),
        (("read", "--host-arch", "x32"), "--host-arch: no host of architecture 'x32'"),
        (("read", "--josn"), "No such option: --josn"),
        ((), "CALL"),
    ],
)
def test_a_wrong_command_line(words: tuple[str, ...], said: str) -> None:
    done = run("decide", *ON_X86_64, WEB, *words)
    assert (done.status, done.stdout) == (2, b"")
    assert said in done.stderr


def test_what_cannot_be_read_or_loaded(tmp_path: Path) -> None:
    done = run("decide", tmp_path / "none.json", "read")
    assert (done.status, done.stdout) == (3, b"")
    assert "none.json: cannot read: no such file or directory" in done.stderr
    one = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    same = [{"names": ["read"], "action": f"SCMP_ACT_{action}", "args": one} for action in ("ALLOW", "LOG")]
    done = run("decide", write(tmp_path, *same), "read")
    assert (done.status, done.stdout) == (3, b"")
    assert "rule 1 (read): libseccomp refuses it, as it would in runc and crun: contradicts" in done.stderr


def test_help() -> None:
    text = " ".join(run("decide", "--help").stdout.decode().split())
    for words in ("PROFILE", "CALL", "[ARG]...", "--host-arch ARCH", "--json", "Examples:", "Exit status: 0"):
        assert words in text
    assert "audit2seccomp decide PROFILE CALL" in " ".join(run("--help").stdout.decode().split())
