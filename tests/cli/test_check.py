"""`audit2seccomp check`."""

from __future__ import annotations

import json
from pathlib import Path

from audit2seccomp.kernel.abi import X32_SYSCALL_BIT
from tests.cli.command import ERRNO, I386, line, run

ALLOWS_READ = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        },
    ],
}


def write(folder: Path, document: object = ALLOWS_READ, name: str = "profile.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def test_all_calls_are_allowed(tmp_path: Path) -> None:
    done = run("check", write(tmp_path), stdin=line(0))
    assert (done.status, done.stdout) == (0, b"")
    assert "checked 1 call: 1 allowed, 0 denied, 0 may be denied" in done.stderr


def test_a_denied_call_is_told_with_its_program_and_architecture(tmp_path: Path) -> None:
    log = b"".join([line(0), line(1), line(1), line(56), line(3, arch=I386)])
    done = run("check", write(tmp_path), stdin=log)
    assert done.status == 1
    assert done.stdout.decode() == (
        "denied (killed): read on x86: 1 event by http-echo (/http-echo): "
        "the profile does not list this architecture\n"
        "may be denied (allowed, EPERM): clone on x86_64: 1 event by http-echo (/http-echo): depends on arguments\n"
        "denied (EPERM): write on x86_64: 2 events by http-echo (/http-echo)\n"
    )
    assert "checked 4 calls: 1 allowed, 2 denied, 1 may be denied" in done.stderr


def test_a_profile_without_architectures_is_for_the_host_s_own(tmp_path: Path) -> None:
    bare = write(tmp_path, {**ALLOWS_READ, "architectures": []})
    x32, x86 = line(X32_SYSCALL_BIT), line(3, arch=I386)
    for log, status, told in (
        (line(0), 0, ""),
        (x32, 1, "denied (killed): read on x32: "),
        (line(0) + x86, 1, "denied (killed): read on x86: "),
        (x86, 0, "may be denied (allowed, kill thread): read on x86: "),
    ):
        done = run("check", bare, stdin=log)
        assert (done.status, done.stdout.decode()[: len(told)]) == (status, told)
        assert bool(done.stdout) is bool(told)


def test_a_call_that_depends_on_arguments_is_no_failure(tmp_path: Path) -> None:
    assert run("check", write(tmp_path), stdin=line(56)).status == 0


def test_the_json_has_all_calls(tmp_path: Path) -> None:
    done = run("check", "--json", "-q", write(tmp_path), stdin=line(0) + line(1))
    assert done.status == 1
    assert done.stderr == ""
    assert [(call["name"], call["verdict"], call["events"]) for call in json.loads(done.stdout)] == [
        ("read", "allowed", 1),
        ("write", "denied", 1),
    ]


def test_calls_that_were_denied_when_they_were_recorded_are_checked_on_request(tmp_path: Path) -> None:
    log = line(1, code=ERRNO)
    done = run("check", write(tmp_path), stdin=log)
    assert done.status == 3
    assert "no recorded call to check: --include-denied checks denials too" in done.stderr
    assert run("check", "--include-denied", write(tmp_path), stdin=log).status == 1


def test_evidence_is_read_in_place_of_logs(tmp_path: Path) -> None:
    evidence = tmp_path / "e.evidence.json"
    run("collect", "-o", evidence, stdin=line(1))
    assert run("check", write(tmp_path), evidence).status == 1


def test_what_cannot_be_checked(tmp_path: Path) -> None:
    for arguments, data, status, error in (
        ([tmp_path / "none.json", "-"], line(0), 3, "none.json: cannot read: no such file or directory"),
        (
            [write(tmp_path, {"defaultAction": "X"}, "bad.json"), "-"],
            line(0),
            3,
            'bad.json:1:19: /defaultAction: no such value: "X"',
        ),
        ([write(tmp_path), "-"], b"hello\n", 3, "no recorded call to check"),
        (["-"], line(0), 2, "the profile and the log cannot both be standard input"),
    ):
        done = run("check", *arguments, stdin=data)
        assert done.status == status
        assert error in done.stderr
        assert done.stdout == b""
