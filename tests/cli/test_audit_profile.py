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
