"""What effects say against a container that runc runs: the same calls are denied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from audit2seccomp.formats import write_profile
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import outcomes_of
from audit2seccomp.profile.libseccomp import native_abi
from audit2seccomp.profile.model import Outcome, Profile, Rule, RuleAction
from tests.profile.filters import call, condition, profile, rule

pytestmark = pytest.mark.skipif(
    not (shutil.which("runc") and shutil.which("busybox")) or os.geteuid() != 0, reason="needs runc, busybox and root"
)
CHLD, CONT, URG = 17, 18, 23
"""Signals that do nothing to a shell."""
CALLS = ((1, CHLD), (1, CONT), (1, URG), (0, CHLD))
"""kill(2) of the container's first process, and of its group."""
SCRIPT = "; ".join(f"kill -{signal} {process} 2>/dev/null && echo allowed || echo denied" for process, signal in CALLS)


def run(made: Profile, folder: Path, script: str = SCRIPT) -> subprocess.CompletedProcess[str]:
    """What a shell says in a container under a profile."""
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    (folder / "rootfs" / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", folder / "rootfs" / "bin" / "sh")
    file = folder / "config.json"
    config = json.loads(file.read_text())
    content = write_profile(made).content
    config["linux"]["seccomp"] = json.loads(content)
    config["process"] |= {"terminal": False, "args": ["/bin/sh", "-c", script]}
    file.write_text(json.dumps(config))
    return subprocess.run(
        ["runc", "run", f"audit2seccomp-{uuid.uuid4().hex}"], cwd=folder, capture_output=True, text=True, check=False
    )


PROFILES = {
    "all conditions of a rule must hold": (
        [rule("kill", "ERRNO", condition(0, "EQ", 1), condition(1, "EQ", CHLD))],
        ["denied", "allowed", "allowed", "allowed"],
    ),
    "one rule of several is enough": (
        [rule("kill", "ERRNO", condition(1, "EQ", CHLD)), rule("kill", "ERRNO", condition(1, "EQ", URG))],
        ["denied", "allowed", "denied", "denied"],
    ),
    "a repeated index makes each condition a rule": (
        [rule("kill", "ERRNO", condition(1, "EQ", CONT), condition(1, "EQ", URG), condition(0, "EQ", 0))],
        ["allowed", "denied", "denied", "denied"],
    ),
    "a rule that says the default is skipped": (
        [rule("kill", "ALLOW"), rule("kill", "ERRNO", condition(1, "EQ", CHLD))],
        ["denied", "allowed", "allowed", "denied"],
    ),
    "a rule without conditions goes before those that have some": (
        [rule("kill", "LOG", condition(1, "EQ", CHLD)), rule("kill", "ERRNO")],
        ["denied", "denied", "denied", "denied"],
    ),
    "of two rules without conditions the first counts": (
        [rule("kill", "LOG"), rule("kill", "ERRNO")],
        ["allowed", "allowed", "allowed", "allowed"],
    ),
    "a name that libseccomp lacks is ignored": (
        [Rule(("no_such_call", "kill"), RuleAction.ERRNO, (condition(1, "EQ", URG),))],
        ["allowed", "allowed", "denied", "allowed"],
    ),
    "bits outside of a mask do not count": (
        [rule("kill", "ERRNO", condition(1, "MASKED_EQ", 1, 0xFF))],
        ["denied", "allowed", "denied", "denied"],
    ),
}


@pytest.mark.parametrize(("rules", "expected"), PROFILES.values(), ids=PROFILES)
def test_runc_denies_what_effects_say(rules: list[Rule], expected: list[str], tmp_path: Path) -> None:
    made = profile(*rules, default="ALLOW")
    done = run(made, tmp_path)
    assert (done.stdout.split(), done.stderr) == (expected, "")
    abi = native_abi()
    number = table_of(abi).number_of("kill")
    assert number is not None
    for args, said in zip(CALLS, expected, strict=True):
        denied = outcomes_of(made, abi, number, call(*args)) == {Outcome(RuleAction.ERRNO, 1)}
        assert said == ("denied" if denied else "allowed")


def test_runc_does_not_start_where_rules_contradict_each_other(tmp_path: Path) -> None:
    same = profile(
        rule("kill", "ERRNO", condition(1, "EQ", 1)), rule("kill", "LOG", condition(1, "EQ", 1)), default="ALLOW"
    )
    done = run(same, tmp_path)
    assert done.returncode != 0
    assert "error adding seccomp rule for syscall kill" in done.stderr


def test_the_host_s_own_architecture_is_always_covered(tmp_path: Path) -> None:
    other = "SCMP_ARCH_AARCH64" if native_abi().name != "aarch64" else "SCMP_ARCH_X86_64"
    made = profile(rule("kill", "ERRNO"), architectures=(other,), default="ALLOW")
    assert run(made, tmp_path).stdout.split() == ["denied"] * 4


def test_libseccomp_s_mistakes_are_in_the_container_too(tmp_path: Path) -> None:
    """18 is neither less than 1 nor greater than 2**32 + 1."""
    made = profile(
        rule("kill", "ERRNO", condition(1, "LT", 1)),
        rule("kill", "ERRNO", condition(1, "GT", 2**32 + 1)),
        default="ALLOW",
    )
    assert run(made, tmp_path).stdout.split() == ["denied"] * 4
    abi = native_abi()
    number = table_of(abi).number_of("kill") or 0
    assert outcomes_of(made, abi, number, call(1, CONT)) == {Outcome(RuleAction.ERRNO, 1), Outcome(RuleAction.ALLOW)}
