"""`audit2seccomp lint`."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from audit2seccomp.profile.lint import RULES
from tests.cli.command import run

PAIRS = sorted(Path("fixtures/profiles").glob("*.lint.txt"))
FAULTY = "fixtures/profiles/one-of-each-fault.json"
GOOD = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "syscalls": [{"names": ["read", "execve", "exit_group", "rt_sigreturn"], "action": "SCMP_ACT_ALLOW"}],
}
SHIPPED = Path("/usr/share/containers/seccomp.json")


def write(folder: Path, document: object, name: str = "profile.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document, indent=1))
    return path


@pytest.mark.parametrize("expected", PAIRS, ids=lambda path: path.name)
def test_a_profile_gives_what_stands_beside_it(expected: Path) -> None:
    """The first line is the command, the last one the summary; those between are the findings."""
    command, *findings, summary = expected.read_text().splitlines()
    done = run(*shlex.split(command.removeprefix("$ audit2seccomp ")))
    assert done.stdout.decode().splitlines() == findings
    assert done.stderr.splitlines() == [summary]
    assert done.status == any(": error: " in line for line in findings)
    profile = expected.name.removesuffix(".lint.txt")
    assert all(line.startswith(f"fixtures/profiles/{profile}.json:") for line in findings)


def test_the_pairs_have_a_finding_of_each_rule() -> None:
    found = {name for pair in PAIRS for name in re.findall(r" \[([a-z0-9-]+)\]$", pair.read_text(), re.MULTILINE)}
    assert RULES.keys() - found == {"artifact-too-large", "no-seccomp"}, "a large file, and the features of a runtime"


def test_the_page_tells_all_rules() -> None:
    page = Path("docs/lint.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (error|warning|note) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(rule.name, rule.level.value, rule.meaning) for rule in RULES.values()]


def test_nothing_to_say(tmp_path: Path) -> None:
    done = run("lint", write(tmp_path, GOOD))
    assert (done.status, done.stdout, done.stderr) == (0, b"", "1 profile: 0 errors, 0 warnings, 0 notes\n")


def test_quiet_says_no_summary(tmp_path: Path) -> None:
    assert run("lint", "-q", write(tmp_path, GOOD)).stderr == ""


def test_levels(tmp_path: Path) -> None:
    path = write(tmp_path, {**GOOD, "architectures": ["SCMP_ARCH_X86_64"]})
    done = run("lint", path, "--level", "warning")
    assert (done.status, done.stdout) == (0, b"")
    assert done.stderr == "1 profile: 0 errors, 0 warnings, 0 notes; 1 finding below --level\n"
    done = run("lint", path, "--level", "warn")
    assert (done.status, done.stderr) == (2, "audit2seccomp: --level: no level 'warn': did you mean warning?\n")


@pytest.mark.parametrize(
    ("profile", "target"),
    [(Path("fixtures/profiles/docker-like.json"), "docker"), (SHIPPED, "podman"), (SHIPPED, "cri-o")],
    ids=str,
)
def test_profiles_as_they_are_shipped_have_no_error(profile: Path, target: str) -> None:
    if not profile.exists():
        pytest.skip(f"{profile} is not there: apt-get install golang-github-containers-common")
    done = run("lint", "--json", profile, "--target", target)
    assert done.status == 0
    assert {one["level"] for one in json.loads(done.stdout)} == {"warning", "note"}


def test_json_has_all_of_it() -> None:
    done = run("lint", "--json", FAULTY)
    assert done.status == 1
    (found,) = [
        one for one in json.loads(done.stdout) if one["rule"] == "misspelt-name" and "opennat" in one["message"]
    ]
    assert list(found.items()) == [
        ("file", FAULTY),
        ("line", 11),
        ("column", 25),
        ("pointer", "/syscalls/0/names/1"),
        ("level", "error"),
        ("rule", "misspelt-name"),
        ("message", '"opennat" is no system call: did you mean openat, openat2, open?'),
    ]


def described(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    """A JSON schema of an object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = described({"text": {"type": "string", "minLength": 1}})
REGION = described({"startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1}})
ARTIFACT = described({"uri": {"type": "string", "pattern": r"^[!-~]+$"}})
LOCATION = described(
    {
        "physicalLocation": described({"artifactLocation": ARTIFACT, "region": REGION}),
        "logicalLocations": {"type": "array", "items": described({"fullyQualifiedName": {"type": "string"}})},
    },
    "logicalLocations",
)
RESULT = described(
    {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION},
    }
)
RULE = described(
    {"id": {"type": "string"}, "shortDescription": TEXT, "defaultConfiguration": described({"level": LEVEL})}
)
DRIVER = described(
    {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": RULE},
    }
)
RUN = described(
    {
        "tool": described({"driver": DRIVER}),
        "invocations": {
            "type": "array",
            "items": described(
                {
                    "executionSuccessful": {"type": "boolean"},
                    "toolExecutionNotifications": {
                        "type": "array",
                        "items": described({"level": LEVEL, "message": TEXT}),
                    },
                }
            ),
        },
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    }
)
SARIF = described(
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": RUN},
    }
)
"""The part of SARIF 2.1.0 that we write, from its sections 3.13 to 3.30, with nothing that these do not define."""


def test_sarif(tmp_path: Path) -> None:
    odd = write(tmp_path, {**GOOD, "zzz": 1}, "odd näme #1?.json")
    done = run("lint", "--sarif", FAULTY, odd, "--target", "runc:1.1")
    assert done.status == 1
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    (of_run,) = log["runs"]
    rules = of_run["tool"]["driver"]["rules"]
    texts = {one["id"]: one["shortDescription"]["text"] for one in rules}
    assert texts["metadata-without-listener"] == "listenerMetadata stands without listenerPath."
    for result in of_run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert of_run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in of_run["results"]}
    assert uris == {FAULTY, f"file://{tmp_path}/odd%20n%C3%A4me%20%231%3F.json"}
    in_json = json.loads(run("lint", "--json", FAULTY, odd, "--target", "runc:1.1").stdout)
    assert [one["message"]["text"] for one in of_run["results"]] == [one["message"] for one in in_json]


def test_several_profiles_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    done = run("lint", tmp_path / "none.json", FAULTY, "--level", "error")
    assert done.status == 3
    assert b"misspelt-name" in done.stdout
    assert "none.json: cannot read: no such file" in done.stderr
    assert "1 profile: " in done.stderr


def test_a_run_in_which_a_file_could_not_be_read_does_not_look_clean(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (tmp_path / "broken.json").write_text("{")
    done = run("lint", "--sarif", "broken.json", "profile.json", cwd=tmp_path)
    assert done.status == 3
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    (invocation,) = log["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("broken.json:1:2: no JSON")


@pytest.mark.parametrize("form", [[], ["--json"], ["--sarif"]])
def test_an_output_file_stays_as_it_was_if_a_profile_cannot_be_read(tmp_path: Path, form: list[str]) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "out").write_text("old")
    write(tmp_path, GOOD)
    done = run("lint", "broken.json", "profile.json", "-o", "out", *form, cwd=tmp_path)
    assert (done.status, done.stdout) == (3, b"")
    assert (tmp_path / "out").read_text() == "old"


def test_what_is_no_json_is_one_error_and_no_summary(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{")
    done = run("lint", "p.json", "-o", "nowhere/out", cwd=tmp_path)
    assert (done.status, done.stdout) == (3, b"")
    done = run("lint", "p.json", cwd=tmp_path)
    assert done.status == 3
    assert done.stderr.startswith("audit2seccomp: p.json:1:2: no JSON")
    assert done.stderr.count("\n") == 1


def test_standard_input_and_an_output_file(tmp_path: Path) -> None:
    done = run("lint", "-", "-o", tmp_path / "out", stdin=b'{"defaultAction": "SCMP_ACT_ALLOW"}')
    assert (done.status, done.stdout) == (0, b"")
    assert (tmp_path / "out").read_text().startswith("<stdin>:1:19: warning: /defaultAction: ")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--json", "--sarif"], "--json, --sarif: one of them, please"),
        (["--target", "runk"], "--target: no target 'runk': did you mean runc"),
        (["--target", "runc,"], "--target: no target ''"),
        (["-", "--features", "-"], "lint: standard input can be read once"),
    ],
)
def test_usage(options: list[str], error: str) -> None:
    done = run("lint", FAULTY, *options)
    assert done.status == 2
    assert done.stderr.startswith(f"audit2seccomp: {error}")


def test_features() -> None:
    done = run("lint", FAULTY, "--features", "fixtures/features/runc-1.1.json", "--json")
    messages = [one["message"] for one in json.loads(done.stdout)]
    assert (
        "runc 1.1.5 does not take SCMP_ARCH_RISCV64 (it came with 1.1.8): remove it, or choose another target"
        in messages
    )
    assert done.status == 1


def test_what_a_stranger_wrote_moves_no_cursor(tmp_path: Path) -> None:
    rule = {"names": ["\x1b[2J", "a\nb", "\u202eread"], "action": "SCMP_ACT_ALLOW", "\x1b]0;": 1}
    path = write(tmp_path, {**GOOD, "syscalls": [rule, *GOOD["syscalls"]]})  # type: ignore[misc]
    done = run("lint", path)
    assert not set(done.stdout) & {0x1B, 0x07, 0x0D}
    assert done.stdout.decode().isascii()
    assert done.stdout.count(b"\n") == 4


def test_a_large_and_hostile_profile_takes_no_long_time(tmp_path: Path) -> None:
    """Without a bound, each name here would be compared with all others, or with all calls."""
    names = [f"no_such_{number}" for number in range(60_000)]
    rules = [
        {"names": ["read"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": n, "op": "SCMP_CMP_EQ"}]}
        for n in range(15_000)
    ]
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({**GOOD, "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}, *rules]}))
    assert path.stat().st_size > 2 << 20
    start = time.monotonic()
    done = run("lint", path, "--target", "runc,crun,docker,spo,kep-6061")
    assert done.status == 1
    assert time.monotonic() - start < 30
    assert b"more findings of this kind" in done.stdout
