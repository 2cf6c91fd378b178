"""`audit2seccomp diff`: what two profile files mean differently."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import run
from tests.cli.profiles import DOCKERS, WEB, WORKER, allow, profile


def test_no_difference(tmp_path: Path) -> None:
    document = json.loads(DOCKERS.read_text())
    for rule in document["syscalls"]:
        rule["names"] = rule["names"][::-1]
        rule["comment"] = "\x1b[31mred"
    (tmp_path / "other.json").write_text(json.dumps(document))
    result = run("diff", DOCKERS, tmp_path / "other.json")
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")


def test_what_depends_on_the_host_says_on_what(tmp_path: Path) -> None:
    document = json.loads(DOCKERS.read_text())
    document["archMap"][0]["subArchitectures"].remove("SCMP_ARCH_X32")
    for rule in document["syscalls"]:
        if rule.get("includes", {}).get("minKernel"):
            rule["includes"]["minKernel"] = "5.1"
    (tmp_path / "other.json").write_text(json.dumps(document))
    result = run("diff", DOCKERS, tmp_path / "other.json")
    assert result.status == 1
    lines = result.stdout.decode().splitlines()
    assert lines[0] == "- architecture x32 on x86_64 hosts  its calls are killed"
    at = next(index for index, line in enumerate(lines) if line.startswith("- ptrace"))
    assert "allowed → denied (EPERM)" in lines[at]
    assert lines[at + 1] == "    without CAP_SYS_PTRACE, on Linux 4.8 or newer, before Linux 5.1"


def test_json_for_programs() -> None:
    result = run("diff", "--json", WEB, WORKER)
    assert result.status == 1
    calls = {one["name"]: one for one in result.profile["calls"]}
    assert calls["futex"] == {
        "name": "futex",
        "architectures": ["x86_64"],
        "old": {"action": "SCMP_ACT_ERRNO", "errno": 1},
        "new": {"action": "SCMP_ACT_ALLOW", "errno": None},
        "when": None,
    }
    assert [one["args"] for one in calls["personality"]["when"]] == [
        [{"index": 0, "op": "SCMP_CMP_NE", "value": 0, "valueTwo": None}]
    ]
    same = run("diff", "--json", WEB, WEB).profile
    assert (same["default"], same["calls"], same["not_compared"]) == (None, [], [])


def test_settings_and_defaults(tmp_path: Path) -> None:
    one = profile(tmp_path / "one.json", allow("read"), flags=["SECCOMP_FILTER_FLAG_LOG"])
    two = profile(tmp_path / "two.json", allow("read"), defaultAction="SCMP_ACT_KILL", architectures=None)
    result = run("diff", one, two)
    assert result.stdout.decode().splitlines() == [
        "~ architectures  only those of the new profile depend on the host",
        "~ flags  SECCOMP_FILTER_FLAG_LOG → none",
        "- any other call  denied (EPERM) → thread killed",
    ]
    assert run("diff", "-q", one, two).stdout == b""
    assert run("diff", one, one).status == 0


def test_what_cannot_be_told_is_a_difference(tmp_path: Path) -> None:
    args = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    one = profile(
        tmp_path / "one.json", allow("read", args=args), {**allow("read", args=args), "action": "SCMP_ACT_LOG"}
    )
    two = profile(tmp_path / "two.json", allow("read", "no_such_call"))
    result = run("diff", one, two)
    assert result.status == 1
    new, unsure = result.stdout.decode().splitlines()
    assert new.startswith("+ no_such_call  denied (EPERM) → allowed  (in no table of Linux")
    assert unsure == "? read  cannot be compared: rules with different actions act on the same arguments"
    assert run("diff", one, one).status == 0


def test_standard_input_once() -> None:
    assert run("diff", "-", WEB, stdin=WEB.read_bytes()).status == 0
    assert run("diff", "-", "-").status == 2
