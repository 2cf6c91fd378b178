"""`audit2seccomp audit-profile`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import line, run

RECORDING = {"defaultAction": "SCMP_ACT_LOG"}
LOOP = [Path("fixtures/recorded", f"dmesg-loop-{number}.txt") for number in (1, 2)]


def test_nothing_is_known_yet() -> None:
    done = run("audit-profile")
    assert (done.status, done.profile, done.stderr) == (0, RECORDING, "")


def test_programs_of_other_architectures_can_be_recorded_too(tmp_path: Path) -> None:
    both = ("--arch", "x86", "--arch", "amd64", "--arch", "i386")
    names = ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
    assert run("audit-profile", *both).profile == {**RECORDING, "architectures": names}
    (tmp_path / "p.json").write_bytes(run("-q", stdin=line(0)).stdout)
    known = run("audit-profile", tmp_path / "p.json", *both).profile
    assert known["architectures"] == names[::-1]
    assert known["syscalls"] == [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]
    docker = run("audit-profile", "fixtures/profiles/docker-like.json", "--arch", "riscv64")
    assert {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": []} in docker.profile["archMap"]
    assert run("audit-profile", "--arch", "z80").status == 2


def test_what_a_profile_allows_is_not_logged_again(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(run("-q", stdin=line(0) + line(1)).stdout)
    done = run("audit-profile", "p.json", "-o", "audit.json", cwd=tmp_path)
    assert (done.status, done.stdout) == (0, b"")
    assert json.loads((tmp_path / "audit.json").read_text()) == {
        **RECORDING,
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}],
    }


def test_evidence_is_as_good_as_a_profile(tmp_path: Path) -> None:
    evidence = run("collect", "-q", stdin=line(0)).stdout
    (tmp_path / "e.json").write_bytes(evidence)
    from_file = run("audit-profile", tmp_path / "e.json")
    assert from_file.names == ["read"]
    assert run("audit-profile", "-", stdin=evidence).stdout == from_file.stdout


def test_docker_s_conditions_stay() -> None:
    done = run("audit-profile", "fixtures/profiles/docker-like.json")
    assert done.status == 0
    assert "archMap" in done.profile
    assert "defaultErrnoRet" not in done.profile
    assert {rule["action"] for rule in done.profile["syscalls"]} == {"SCMP_ACT_ALLOW"}
    assert run("audit-profile", "--to", "oci", "fixtures/profiles/docker-like.json").status == 3


_NETLINK = [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}]
_OTHERS = [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]
_MIXED = [
    {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "args": _NETLINK},
    {"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW", "args": _OTHERS},
]


@pytest.mark.parametrize(
    ("where", "sound"),
    [
        ({"architectures": ["SCMP_ARCH_X86_64"]}, True),
        ({"architectures": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]}, True),
        ({"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X32"]}]}, True),
        ({"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]}, False),
        ({"architectures": ["SCMP_ARCH_S390X"]}, False),
        ({"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}]}, False),
        ({}, False),
    ],
)
def test_mixed_actions_for_socket_matter_where_an_architecture_has_socketcall(
    where: dict[str, object], sound: bool, tmp_path: Path
) -> None:
    """There the first argument says which call is meant, and nothing tells the two rules apart."""
    (tmp_path / "p.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", **where, "syscalls": _MIXED}))
    done = run("audit-profile", tmp_path / "p.json")
    if sound:
        assert (done.status, done.stderr) == (0, "")
        assert done.profile["syscalls"] == [_MIXED[1]]
    else:
        assert (done.status, done.stdout) == (3, b"")
        assert "socketcall: rules with different actions" in done.stderr
        assert ("or name the architectures" in done.stderr) == (not where)


@pytest.mark.parametrize(
    ("architecture", "status"), [("SCMP_ARCH_X86_64", 0), ("SCMP_ARCH_X86", 3), ("SCMP_ARCH_X32", 3)]
)
def test_the_upper_half_of_an_argument_counts_where_filters_compare_it(
    architecture: str, status: int, tmp_path: Path
) -> None:
    args = [[{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}] for value in (1, 2**32 + 1)]
    rules = [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": args[0]},
        {"names": ["read"], "action": "SCMP_ACT_KILL", "args": args[1]},
    ]
    document = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": [architecture], "syscalls": rules}
    (tmp_path / "p.json").write_text(json.dumps(document))
    done = run("audit-profile", tmp_path / "p.json")
    assert done.status == status
    if not status:
        assert done.profile["syscalls"] == rules[:1]


def test_the_loop_comes_to_an_end(tmp_path: Path) -> None:
    """The second log was recorded under the audit profile of the first: it holds nothing but new calls."""
    profile = tmp_path / "p.json"
    run(LOOP[0], "--runtime", "runc", "-o", profile)
    first = set(json.loads(profile.read_text())["syscalls"][0]["names"])
    new = set(run("-q", LOOP[1]).names)
    assert new == {"access", "mkdir", "rename", "rmdir", "symlink", "unlink"}
    assert first.isdisjoint(new)
    assert run("check", profile, LOOP[1]).status == 1
    assert run("--update", profile, LOOP[1]).status == 0
    assert run("check", profile, *LOOP).status == 0
    allowed = set(run("audit-profile", profile).names)
    assert allowed == first | new
    before = profile.read_bytes()
    assert run("--update", profile, *LOOP).status == 0
    assert profile.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "error"),
    [
        (["-"], line(0), 3, "<stdin>: no format that can be read"),
        (["-"], b"", 3, "<stdin>: is empty: no profile in it"),
        (["none.json"], b"", 3, "none.json: cannot read: no such file or directory"),
        (["--to", "xml"], b"", 2, "no format 'xml'"),
        (["-"], b'{"defaultAction": 1}', 3, "<stdin>:1:19: /defaultAction: a string is expected, not a number"),
    ],
)
def test_what_cannot_be_used(arguments: list[str], stdin: bytes, status: int, error: str) -> None:
    done = run("audit-profile", *arguments, stdin=stdin)
    assert (done.status, done.stdout) == (status, b"")
    assert error in done.stderr


def test_evidence_without_a_call_is_no_start(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(run("collect", "-q", stdin=b"hello\n").stdout)
    done = run("audit-profile", "e.json", cwd=tmp_path)
    assert (done.status, done.stdout) == (3, b"")
    assert "no SECCOMP record found" in done.stderr
