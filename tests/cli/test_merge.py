"""`audit2seccomp merge`: one profile of several files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.cli.profiles import DOCKERS, ROOT, WEB, WORKER, allow, profile


def test_a_union_has_one_sorted_rule_and_the_conditions_that_are_left() -> None:
    result = run("merge", WEB, WORKER)
    assert (result.status, result.stderr) == (0, "")
    plain, socket_not_netlink = result.profile["syscalls"]
    assert plain["names"] == sorted(plain["names"])
    assert {"accept4", "futex", "personality"} < set(plain["names"])
    assert socket_not_netlink == json.loads(WEB.read_text())["syscalls"][2]


def test_an_intersection_takes_the_stricter_rules(tmp_path: Path) -> None:
    result = run("merge", "--intersect", WEB, WORKER, "-o", tmp_path / "both.json")
    assert (result.status, result.stdout, result.stderr) == (0, b"", "")
    plain, *rules = json.loads((tmp_path / "both.json").read_text())["syscalls"]
    assert not {"accept4", "futex", "personality"} & set(plain["names"])
    assert rules == [json.loads(WEB.read_text())["syscalls"][1], json.loads(WORKER.read_text())["syscalls"][1]]


def test_dockers_form_stays(tmp_path: Path) -> None:
    assert run("merge", DOCKERS, DOCKERS, "-o", tmp_path / "one.json").status == 0
    assert run("merge", tmp_path / "one.json", DOCKERS).stdout == (tmp_path / "one.json").read_bytes()
    assert run("diff", DOCKERS, tmp_path / "one.json").status == 0
    assert b"no new namespaces" in (tmp_path / "one.json").read_bytes()


def test_other_architectures_need_a_decision(tmp_path: Path) -> None:
    one = profile(tmp_path / "one.json", allow("read", "open"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"])
    two = profile(tmp_path / "two.json", allow("open", "write"))
    refused = run("merge", one, two)
    assert refused.status == 3
    assert refused.stdout == b""
    assert "on aarch64: 1 call (write): --widen accepts that" in refused.stderr
    widened = run("merge", "--widen", one, two)
    assert (widened.status, widened.stderr) == (0, "widened on aarch64: 1 call (write)\n")
    assert widened.profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"]
    assert run("merge", "--intersect", one, two).profile["architectures"] == ["SCMP_ARCH_X86_64"]


def test_a_name_without_a_number_there_needs_none(tmp_path: Path) -> None:
    one = profile(tmp_path / "one.json", allow("read"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"])
    two = profile(tmp_path / "two.json", allow("open"))
    assert run("merge", one, two).names == ["open", "read"]


@pytest.mark.parametrize(
    ("call", "outer"),
    [("accept", "socketcall"), ("semop", "ipc"), ("send", "socketcall"), ("socketcall", "socketcall")],
)
def test_a_call_that_is_made_through_another_there_needs_one_too(call: str, outer: str, tmp_path: Path) -> None:
    """Of a rule for `accept`, libseccomp makes one for `socketcall` on x86."""
    one = profile(tmp_path / "one.json", allow(call))
    both = profile(tmp_path / "both.json", allow("read"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
    result = run("merge", one, both)
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr.startswith("audit2seccomp: not exact: ")
    assert f"than any of the profiles allows on x86: 1 call ({outer}): --widen accepts that" in result.stderr
    result = run("merge", "--widen", one, both)
    assert (result.status, result.stderr) == (0, f"widened on x86: 1 call ({outer})\n")
    assert run("merge", one, one).status == 0  # x86_64 has no socketcall


def test_a_call_that_the_architectures_lack_is_no_matter_of_32_bits(tmp_path: Path) -> None:
    """On x86 it could not be said: there 1 and 2**32 + 1 are the same."""
    rules = [
        allow("no_such_call", args=[{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]) for value in (1, 2**32 + 1)
    ]
    rules[1]["action"] = "SCMP_ACT_LOG"
    result = run("merge", profile(tmp_path / "one.json", *rules), profile(tmp_path / "two.json", rules[0]))
    assert (result.status, result.stderr) == (0, "")
    assert result.profile["syscalls"] == [{**rule, "names": ["no_such_call"]} for rule in rules]


def test_unknown_keys_of_an_arch_map_stay_or_are_told(tmp_path: Path) -> None:
    def mapped(name: str, *entries: tuple[str, dict[str, object]]) -> Path:
        maps = [{"architecture": f"SCMP_ARCH_{host}", "subArchitectures": [], **extra} for host, extra in entries]
        return profile(tmp_path / name, allow("read"), architectures=None, archMap=maps)

    one = mapped("one.json", ("X86_64", {"z": 1}))
    two = mapped("two.json", ("X86_64", {"z": 1}), ("AARCH64", {"y": [2]}))
    three = mapped("three.json", ("X86_64", {"z": 3}))
    for options, other, keys, notes in (
        ([], two, [{"z": 1}, {"y": [2]}], ""),
        (["--intersect"], two, [{"z": 1}], f"unknown keys of archMap: those of {two} are not all in the result\n"),
        ([], three, [{"z": 1}], f"unknown keys of archMap: those of {three} are not all in the result\n"),
    ):
        result = run("merge", "--lenient", *options, one, other)
        assert (result.status, result.stderr.endswith(notes)) == (0, True)
        assert ("archMap" in result.stderr.rpartition("unknown keys")[2]) == bool(notes)
        found = [{key: entry[key] for key in "yz" if key in entry} for entry in result.profile["archMap"]]
        assert found == keys


def test_different_defaults_need_a_decision(tmp_path: Path) -> None:
    one = profile(tmp_path / "one.json", allow("read"))
    two = profile(tmp_path / "two.json", allow("write"), defaultAction="SCMP_ACT_KILL_PROCESS")
    assert "--default-action" in run("merge", one, two).stderr
    killing = run("merge", "--default-action", "kill_process", one, two)
    assert killing.profile["syscalls"] == [allow("read", "write") | {"names": ["read", "write"]}]
    assert killing.profile["defaultAction"] == "SCMP_ACT_KILL_PROCESS"
    assert run("merge", "--default-action", "ERRNO", one, two).profile["defaultErrnoRet"] == 1


def test_a_contradiction_is_named(tmp_path: Path) -> None:
    args = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    one = profile(
        tmp_path / "one.json", allow("read", args=args), {**allow("read", args=args), "action": "SCMP_ACT_LOG"}
    )
    result = run("merge", one, profile(tmp_path / "two.json", allow("write")))
    assert result.status == 3
    assert "one.json: read: rules with different actions act on the same arguments" in result.stderr
    assert "one.json: read: rules" in run("merge", one, one).stderr


def test_what_is_no_action_comes_from_the_first(tmp_path: Path) -> None:
    one = profile(tmp_path / "one.json", allow("read"), flags=["SECCOMP_FILTER_FLAG_LOG"])
    two = profile(tmp_path / "two.json", allow("write"))
    result = run("merge", one, two)
    assert result.profile["flags"] == ["SECCOMP_FILTER_FLAG_LOG"]
    assert result.stderr == f"flags: as in {one}; {two} differs\n"
    assert run("merge", "-q", one, two).stderr == ""


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (("--to", "dokcer", WEB), 2, "did you mean docker?"),
        (("-", "-"), 2, "standard input can be read once"),
        (("--errno", "EPERM", WEB), 2, "goes with --default-action"),
        (("--default-action", "no", WEB), 2, "no action 'no'"),
        (("--default-action", "ERRNO", "--errno", "4096", WEB), 2, "no errno '4096'"),
        (("--host-arch", "amd46", WEB), 2, "no host of architecture 'amd46'"),
        (("no-such-file", WEB), 3, "no-such-file: cannot read"),
        (("--to", "oci", DOCKERS), 3, "the profile depends on the host: archMap"),
    ],
)
def test_what_cannot_be(args: tuple[str | Path, ...], status: int, says: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("as it was")
    result = run("merge", *args, "-o", kept)
    assert (result.status, kept.read_text()) == (status, "as it was")
    assert says in result.stderr


@pytest.mark.parametrize("form", ["docker", "spo"])
def test_the_form_of_a_profile_makes_no_difference(form: str, tmp_path: Path) -> None:
    other = tmp_path / "web"
    assert run("convert", WEB, "--to", form, "-o", other).status == 0
    assert run("diff", WEB, other).status == 0
    assert run("merge", other, WORKER).profile == run("merge", WEB, WORKER).profile
    log = ROOT / "fixtures/recorded/dmesg-loop-1.txt"
    assert run("check", "--json", other, log).stdout == run("check", "--json", WEB, log).stdout
