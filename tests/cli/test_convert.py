"""`audit2seccomp convert`."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from audit2seccomp.formats import MAX_BYTES, READABLE, WRITERS
from tests.cli.command import PATIENCE, SCRIPT, run

DOCKERS = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrno": "ENOSYS",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
        {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "comment": "everybody"},
        {"name": "bpf", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"], "minKernel": "5.8"}},
        {"names": ["s390_pci_mmio_read"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
    ],
}
PLAIN = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
}
SPO = """\
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: web
spec:
  defaultAction: SCMP_ACT_ERRNO
  syscalls:
  - names:
    - read
    action: SCMP_ACT_ALLOW
"""


@pytest.fixture
def dockers(tmp_path: Path) -> Path:
    """A profile in Docker's form."""
    return written(tmp_path / "docker.json", DOCKERS)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A profile in the OCI form."""
    return written(tmp_path / "plain.json", PLAIN)


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_a_profile_on_one_host(dockers: Path) -> None:
    done = run(
        "convert", dockers, "--to", "oci", "--host-arch", "amd64", "--host-kernel", "6.1.0-13-amd64", "--cap", "bpf"
    )
    assert (done.status, done.stderr) == (0, "loss: oci: 1 comment is left out\n")
    assert done.profile == {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["bpf"], "action": "SCMP_ACT_ALLOW"},
        ],
    }
    done = run("convert", dockers, "--to", "docker", "--host-arch", "s390x", "--cap", "none", "--host-kernel", "6.1")
    assert [rule["names"] for rule in done.profile["syscalls"]] == [["read", "write"], ["s390_pci_mmio_read"]]


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (
            (),
            "archMap: --host-arch ARCH; includes.minKernel of rule 1 (bpf): --host-kernel X.Y; "
            "includes.caps of rule 1 (bpf): --cap none or --cap CAP_X…",
        ),
        (
            ("--host-arch", "arm64"),
            "includes.minKernel of rule 1 (bpf): --host-kernel X.Y; "
            "includes.caps of rule 1 (bpf): --cap none or --cap CAP_X…",
        ),
        (("--host-arch", "arm64", "--host-kernel", "5.8"), "includes.caps of rule 1 (bpf): --cap none or --cap CAP_X…"),
        (("--cap", "none"), "archMap: --host-arch ARCH"),
    ],
)
@pytest.mark.parametrize("form", ["oci", "spo", "kubernetes"])
def test_what_a_profile_asks_must_be_said_and_nothing_else(
    dockers: Path, tmp_path: Path, form: str, options: tuple[str, ...], missing: str
) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    done = run("convert", dockers, "--to", form, "-o", out, *options)
    assert (done.status, done.stdout) == (3, b"")
    assert done.stderr == (
        f"audit2seccomp: {form}: the profile depends on the host: {missing}; the format docker keeps it open\n"
    )
    assert out.read_text() == "old"


def test_standard_input_and_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run("convert", "-", "--to", "oci", "-o", out, stdin=SPO.encode())
    assert (done.status, done.stdout, done.stderr) == (0, b"", "")
    assert json.loads(out.read_text())["syscalls"] == PLAIN["syscalls"]


def test_an_object_keeps_its_name(plain: Path) -> None:
    assert run("convert", "-", "--to", "spo", stdin=SPO.encode()).stdout == SPO.encode()
    renamed = run("convert", "-", "--to", "spo", "--name", "api", stdin=SPO.encode()).stdout.decode()
    assert renamed == SPO.replace("web", "api")
    assert "  name: audit2seccomp\n" in run("convert", plain, "--to", "spo").stdout.decode()
    odd = SPO.replace("web", '"We b"')
    done = run("convert", "-", "--to", "spo", stdin=odd.encode())
    assert (done.status, done.stderr) == (
        2,
        'audit2seccomp: --name: "We b": 1 to 63 of a-z, 0-9 and -, with - neither first nor last\n',
    )


def test_a_loss_is_told_and_is_a_no_with_strict(plain: Path, tmp_path: Path) -> None:
    loss = "loss: spo: defaultErrnoRet 38 (ENOSYS) is left out: calls without a rule fail with EPERM\n"
    done = run("convert", plain, "--to", "spo", "--name", "web")
    assert (done.status, done.stdout, done.stderr) == (0, SPO.encode(), loss)
    out = tmp_path / "out.yaml"
    out.write_text("old")
    done = run("convert", plain, "--to", "spo", "--strict", "-o", out)
    assert (done.status, done.stdout) == (1, b"")
    assert done.stderr == f"{loss}audit2seccomp: something is lost, and --strict was given: nothing is written\n"
    assert out.read_text() == "old"
    assert run("convert", plain, "--to", "oci", "--strict").status == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--to", "ocj"), f"no format 'ocj': one of {', '.join(WRITERS)}: did you mean oci?"),
        (("--to", "oci", "--name", "web"), "--name: says nothing about --to oci"),
        (("--to", "spo", "--pod-annotations"), "--pod-annotations: says nothing about --to spo"),
        (("--to", "spo", "--image", "x"), "--image: says nothing about --to spo"),
        (("--to", "kubernetes", "--arch", "x86"), "--arch: says nothing about --to kubernetes"),
        (("--to", "kubernetes", "--name", ""), '--name: "": 1 to 63 of a-z, 0-9 and -, with - neither first nor last'),
        (
            ("--to", "oci", "--host-arch", "sparc"),
            "--host-arch: no host of architecture 'sparc': one of x86_64, x86, arm",
        ),
        (("--to", "oci", "--host-arch", "x32"), "--host-arch: no host of architecture 'x32': one of"),
        (
            ("--to", "oci", "--host-kernel", "six"),
            "--host-kernel: no version 'six': such as 6.12, or what uname -r prints",
        ),
        (("--to", "oci", "--host-kernel", "6"), "--host-kernel: no version '6'"),
        (("--to", "oci", "--cap", "CAP_BFP"), "--cap: no capability 'CAP_BFP': did you mean CAP_BPF"),
        (("--to", "oci", "--cap", "none", "--cap", "CAP_BPF"), "--cap none: and others: one of them, please"),
    ],
)
def test_options_that_are_wrong_or_do_nothing(plain: Path, options: tuple[str, ...], error: str) -> None:
    done = run("convert", plain, *options)
    assert (done.status, done.stdout) == (2, b"")
    assert done.stderr.startswith(f"audit2seccomp: {error}")
    assert done.stderr.count("\n") == 1


BAD = {
    "no YAML": (SPO.replace("name: web", "name: web: x").encode(), "bad:4:12: no YAML: mapping values are not allowed"),
    "no JSON": (b'{"defaultAction": }', "bad:1:19: no JSON: expecting value"),
    "a wrong type": (SPO.replace("- read", "- 0").encode(), "bad:9:7: /spec/syscalls/0/names/0: a string is expected"),
    "out of range": (
        SPO.encode() + b"    args:\n    - {index: 0, value: 18446744073709551616, op: SCMP_CMP_EQ}\n",
        "bad:12:25: /spec/syscalls/0/args/0/value: 18446744073709551616 is out of range",
    ),
    "50 MB": (SPO.encode() + b"#" * (50 << 20), f"bad: more than {MAX_BYTES >> 20} MiB: no profile is so large"),
    "billion laughs": (
        (SPO + "  x0: &a [y, y]\n" + "".join(f"  x{n}: &b{n} [*a, *a]\n" for n in range(40))).encode(),
        "bad:11:7: anchors and aliases (& and *) are not read: write the values out",
    ),
    "deep brackets": (
        SPO.encode() + b"  x: " + b"[" * 3_000_000,
        "bad:11:1004: no YAML: exceeded maximum nesting depth",
    ),
    "deep braces": (SPO.encode() + b"  x: " + b"{" * 3_000_000, "bad:11:1004: no YAML: exceeded maximum nesting depth"),
    "deep indents": (
        SPO.encode() + b"  x:\n" + b"".join(b" " * n + b"a:\n" for n in range(3, 300)),
        "bad:110:102: more than 100 levels deep",
    ),
    "nothing": (b"", "bad: is empty: no profile in it"),
    "no profile": (b"hello\n", "bad: no format that can be read"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("form", ["oci", "spo"])
def test_bad_input_is_one_clear_error_and_the_output_stays(tmp_path: Path, case: str, form: str) -> None:
    data, error = BAD[case]
    (tmp_path / "bad").write_bytes(data)
    (tmp_path / "out").write_text("old")
    done = run("convert", "bad", "--to", form, "-o", "out", cwd=tmp_path)
    assert (done.status, done.stdout) == (3, b"")
    assert done.stderr.startswith(f"audit2seccomp: {error}"), done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "out").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "out"]


def test_lenient_keeps_what_nobody_defines(tmp_path: Path) -> None:
    path = written(tmp_path / "p.json", {**PLAIN, "hello": [1]})
    assert run("convert", path, "--to", "oci").status == 3
    assert run("convert", path, "--to", "oci", "--lenient").profile["hello"] == [1]


def test_a_condition_that_nobody_knows_is_no_reason_to_allow(tmp_path: Path) -> None:
    rule = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"distro": "x"}}
    path = written(tmp_path / "p.json", {**PLAIN, "syscalls": [rule]})
    done = run("convert", path, "--to", "oci", "--lenient")
    assert (done.status, done.stderr) == (
        3,
        'audit2seccomp: rule 0: nobody knows on which hosts "distro" holds: take it out\n',
    )


@pytest.mark.skipif("bpf" not in WRITERS, reason="no format of bytes yet")
def test_bytes_do_not_go_to_a_terminal(plain: Path) -> None:
    ours, theirs = pty.openpty()
    command = [SCRIPT, "convert", str(plain), "--to", "bpf", "--arch", "x86_64"]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE) as process:
        _, said = process.communicate(timeout=PATIENCE)
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 2
    assert b"--to bpf: is no text for a terminal: -o FILE names a file" in said


def test_quiet_says_no_losses(tmp_path: Path) -> None:
    loud, quiet = (run("convert", written(tmp_path / "p.json", PLAIN), "--to", "spo", *q) for q in ((), ("-q",)))
    assert (loud.stdout, loud.stderr.count("loss: ")) == (quiet.stdout, 1)
    assert (quiet.status, quiet.stderr) == (0, "")
    strict = run("convert", "-q", "--strict", tmp_path / "p.json", "--to", "spo")
    assert (strict.status, strict.stdout, strict.stderr.count("\n")) == (1, b"", 1)


@pytest.mark.parametrize("form", WRITERS)
def test_what_can_be_read_is_told_with_what_is_only_written(form: str, tmp_path: Path) -> None:
    file = tmp_path / "profile"
    profile = written(tmp_path / "p.json", {**PLAIN, "architectures": ["SCMP_ARCH_X86_64"]})
    assert run("convert", profile, "--to", form, "-o", file).status == 0
    done = run("convert", file, "--to", "oci")
    if form in re.findall("[a-z]+", READABLE):
        assert done.status == 0
    else:
        says = (
            "is not UTF-8" if form == "bpf" else f"no format that can be read: {READABLE} is expected; others are only"
        )
        assert (done.status, says in done.stderr) == (3, True), done.stderr
