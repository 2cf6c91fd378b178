"""What `runc features` prints, as a target."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit2seccomp.errors import ProfileFileError
from audit2seccomp.formats import MAX_BYTES, read_profile
from audit2seccomp.formats.reading.runtime_features import read
from audit2seccomp.profile.lint import Finding, lint
from audit2seccomp.profile.lint.targets import CRUN, RUNC, Target

RECORDED = Path("fixtures/features/runc-1.1.json")


def target(document: object) -> Target:
    return read("f.json", json.dumps(document).encode())


def found(profile: dict[str, Any], *targets: Target) -> list[Finding]:
    return [one for one in lint(read_profile(json.dumps(profile).encode()).sound(), targets) if "target" in one.rule]


def test_the_recorded_output() -> None:
    features = read("f.json", RECORDED.read_bytes())
    assert features.label == "runc 1.1.5"
    assert features.libseccomp is not None
    assert features.libseccomp.text == "2.5.4"
    assert features.offers is not None
    assert features.offers.flags is None, "1.1 tells nothing of flags: the table of runc does"
    profile = {
        "defaultAction": "SCMP_ACT_LOG",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_RISCV64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    }
    assert [one.path for one in found(profile, features)] == [("architectures", 1), ("flags", 0)]


def test_the_installed_runtime_says_what_was_recorded() -> None:
    if shutil.which("runc") is None:
        pytest.skip("needs runc: apt-get install runc")
    printed = subprocess.run(["runc", "features"], capture_output=True, check=True).stdout
    assert read("runc", printed).platform is RUNC


def test_what_is_not_listed_is_refused() -> None:
    seccomp = {
        "enabled": True,
        "actions": ["SCMP_ACT_ALLOW"],
        "operators": ["SCMP_CMP_EQ"],
        "archs": ["SCMP_ARCH_X86_64"],
        "knownFlags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        "supportedFlags": ["SECCOMP_FILTER_FLAG_LOG"],
    }
    features = target({"linux": {"seccomp": seccomp}, "annotations": {"run.oci.crun.version": "1.28"}})
    assert features.platform is CRUN
    args = [{"index": 0, "value": 1, "op": op} for op in ("SCMP_CMP_EQ", "SCMP_CMP_NE")]
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_ARM"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": args}],
    }
    assert [one.path for one in found(profile, features)] == [
        ("defaultAction",),
        ("architectures", 1),
        ("flags", 1),
        ("syscalls", 0, "args", 1, "op"),
    ]
    assert found(profile, features)[0].text == ("crun 1.28 does not take SCMP_ACT_ERRNO: it is not among its features")


def test_a_runtime_without_seccomp() -> None:
    features = target({"linux": {"seccomp": {"enabled": False}}})
    rules = {one.rule for one in lint(read_profile(b'{"defaultAction": "SCMP_ACT_LOG"}').sound(), (features,))}
    assert "no-seccomp" in rules


def test_a_libseccomp_that_is_too_old_for_an_architecture() -> None:
    annotations = {"run.oci.crun.version": "1.8", "io.github.seccomp.libseccomp.version": "2.5.4"}
    features = target({"linux": {"seccomp": {"enabled": True}}, "annotations": annotations})
    (one,) = found({"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_M68K"]}, features)
    assert one.text == "crun 1.8 does not take SCMP_ARCH_M68K: its libseccomp 2.5.4 is too old: 2.6.0 knows it"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xff", "f.json: no text: byte 0 is not UTF-8"),
        (b"{", "f.json:1:2: no JSON"),
        (b"[]", "f.json:1:1: an object is expected, not an array"),
        (b"{}", "f.json:1:1: no linux.seccomp in it"),
        (b'{"linux": 1}', "f.json:1:11: /linux: an object is expected, not a number"),
        (b'{"linux": {"seccomp": {"archs": "x"}}}', "f.json:1:33: /linux/seccomp/archs: an array is expected"),
        (b'{"linux": {"seccomp": {"archs": [1]}}}', "f.json:1:34: /linux/seccomp/archs/0: a string is expected"),
        (b" " * (MAX_BYTES + 1), "f.json: more than 4 MiB"),
        (b"[" * 100_000, "f.json:1:102: more than 100 levels deep"),
    ],
)
def test_bad_input(data: bytes, error: str) -> None:
    with pytest.raises(ProfileFileError) as raised:
        read("f.json", data)
    assert str(raised.value).startswith(error)
