"""From a log to a profile: what is in it, and what each option changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import (
    AARCH64,
    ALPHA,
    ERRNO,
    I386,
    KILL_PROCESS,
    LOG,
    TRACE,
    TRAP,
    USER_NOTIF,
    auditd_line,
    embedded_line,
    line,
    run,
)

EXPECTED = """\
{
  "defaultAction": "SCMP_ACT_ERRNO",
  "defaultErrnoRet": 38,
  "architectures": [
    "SCMP_ARCH_X86_64"
  ],
  "syscalls": [
    {
      "names": [
        "close",
        "getsockname",
        "read"
      ],
      "action": "SCMP_ACT_ALLOW"
    }
  ]
}
"""
READ, CLOSE, GETSOCKNAME = line(0), line(3), line(51)


def test_the_whole_profile_of_a_stream() -> None:
    result = run(stdin=GETSOCKNAME + READ + CLOSE + READ)
    assert result.status == 0
    assert result.stdout.decode() == EXPECTED


@pytest.mark.parametrize("args", [("generate",), ("-",), ("generate", "-"), ("--", "-")])
def test_standard_input_and_the_default_command_by_name(args: tuple[str, ...]) -> None:
    result = run(*args, stdin=GETSOCKNAME + READ + CLOSE)
    assert (result.status, result.stdout.decode()) == (0, EXPECTED)


def test_files_and_standard_input_together(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(READ)
    (tmp_path / "b.log").write_bytes(CLOSE)
    result = run("a.log", "-", "b.log", stdin=GETSOCKNAME, cwd=tmp_path)
    assert (result.status, result.stdout.decode()) == (0, EXPECTED)
    assert "read 3 lines, 3 records: 3 used" in result.stderr


def test_same_evidence_same_bytes(tmp_path: Path) -> None:
    lines = [line(nr, comm=f'"c{nr}"') for nr in range(120)]
    (tmp_path / "one.log").write_bytes(b"".join(lines[:60]))
    (tmp_path / "two.log").write_bytes(b"".join(lines[60:]))
    first = run(stdin=b"".join(lines), env={"PYTHONHASHSEED": "1"})
    assert len(first.names) == 120
    assert first.names == sorted(first.names)
    assert run(stdin=b"".join(reversed(lines)), env={"PYTHONHASHSEED": "2"}).stdout == first.stdout
    assert run("two.log", "one.log", cwd=tmp_path, env={"PYTHONHASHSEED": "3"}).stdout == first.stdout


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param(READ.replace(b"\n", b"\r\n") + CLOSE.replace(b"\n", b"\r\n"), 2, id="CRLF"),
        pytest.param(READ + CLOSE.removesuffix(b"\n"), 2, id="no last newline"),
        pytest.param(READ + b"\0" * 5000 + CLOSE, 2, id="NUL bytes before a record"),
        pytest.param(READ + b"caf\xe9 \xff\xfe\n" + CLOSE.replace(b"my-machine", b"h\xf6st"), 3, id="invalid UTF-8"),
        pytest.param(b"\n\n" + READ + b"\n" + CLOSE, 5, id="empty lines"),
    ],
)
def test_odd_bytes(text: bytes, read: int) -> None:
    result = run(stdin=text)
    assert result.names == ["close", "read"]
    assert f"read {read} lines, 2 records: 2 used, 0 denied, 0 rejected, 0 not trusted" in result.stderr


@pytest.mark.parametrize("before", [1, 60, 150, len(CLOSE) - 1, len(CLOSE)])
def test_a_record_across_the_boundary_of_a_block(tmp_path: Path, before: int) -> None:
    filler = b"Jul  6 15:37:40 my-machine app[1]: nothing\n"
    head = filler * ((1 << 20) // len(filler) - 10)
    head += b"-" * ((1 << 20) - before - len(head) - 1) + b"\n"
    assert len(head) == (1 << 20) - before
    (tmp_path / "a.log").write_bytes(head + CLOSE + READ)
    result = run(tmp_path / "a.log")
    assert result.names == ["close", "read"]
    assert "2 records: 2 used, 0 denied, 0 rejected" in result.stderr


class TestMeaning:
    """Which records make it into a profile."""

    def test_no_arch_is_rejected_and_the_reason_names_the_option(self) -> None:
        result = run(stdin=READ + line(3, arch=None, code=None))
        assert result.names == ["read"]
        assert "1 used, 0 denied, 1 rejected" in result.stderr
        assert "rejected: <stdin>:2: no arch= (an old kernel; --assume-arch says which one it was)" in result.stderr

    @pytest.mark.parametrize(
        ("arch", "name", "scmp"),
        [("x86_64", "close", "SCMP_ARCH_X86_64"), ("SCMP_ARCH_X86", "read", "SCMP_ARCH_X86"),
         ("arm64", "io_cancel", "SCMP_ARCH_AARCH64")],
    )  # fmt: skip
    def test_assume_arch(self, arch: str, name: str, scmp: str) -> None:
        result = run("--assume-arch", arch, stdin=line(3, arch=None, code=None))
        assert result.names == [name]
        assert result.profile["architectures"] == [scmp]

    def test_assume_arch_does_not_change_a_record_that_says_its_own(self) -> None:
        assert run("--assume-arch", "x86", stdin=CLOSE).profile["architectures"] == ["SCMP_ARCH_X86_64"]

    def test_no_code_counts_as_let_through(self) -> None:
        assert run("--assume-arch", "x86_64", stdin=line(3, arch=None, code=None)).names == ["close"]

    @pytest.mark.parametrize("code", [ERRNO, KILL_PROCESS, "0x0", TRAP, TRACE, USER_NOTIF])
    def test_a_denied_call_needs_the_flag(self, code: str) -> None:
        log = READ + line(3, code=code)
        without = run(stdin=log)
        assert without.names == ["read"]
        assert "1 used, 1 denied" in without.stderr
        assert "left out: 1 denial of 1 call" in without.stderr
        assert "--include-denied" in without.stderr
        allowed = run("--include-denied", stdin=log)
        assert allowed.names == ["close", "read"]
        assert "2 used, 0 denied" in allowed.stderr
        assert "left out" not in allowed.stderr

    def test_only_denials(self) -> None:
        result = run(stdin=line(3, code=ERRNO) + line(0, code=KILL_PROCESS))
        assert (result.status, result.stdout) == (3, b"")
        assert "all records are denials" in result.stderr
        assert "--include-denied" in result.stderr
        assert run("--include-denied", stdin=line(3, code=ERRNO)).names == ["close"]

    def test_an_action_that_no_kernel_defines_is_never_allowed(self) -> None:
        result = run("--include-denied", stdin=READ + line(3, code="0x12340000"))
        assert result.names == ["read"]
        assert "code 0x12340000" in result.stderr

    def test_nothing_found_says_what_to_try(self) -> None:
        result = run(stdin=b"Jul  6 15:37:40 my-machine kernel: [1.0] usb 1-1: new device\n")
        assert (result.status, result.stdout) == (3, b"")
        assert "no SECCOMP record found" in result.stderr
        assert "SCMP_ACT_LOG" in result.stderr

    def test_many_different_programs_take_no_quadratic_time(self) -> None:
        log = b"".join(line(51 if n % 2 else 3, comm=f'"c{n}"', code=LOG if n % 2 else ERRNO) for n in range(30_000))
        result = run(stdin=log)
        assert result.names == ["getsockname"]
        assert "15,000 used, 15,000 denied" in result.stderr


class TestTrust:
    """How far a line must prove the kernel as its author."""

    LOG = READ + embedded_line(3)

    def test_anchored_is_the_default(self) -> None:
        result = run(stdin=self.LOG)
        assert result.names == ["read"]
        assert "1 used, 0 denied, 0 rejected, 1 not trusted" in result.stderr
        assert "not trusted: <stdin>:2: it stands inside other text (1 record)" in result.stderr
        assert "my-machine echo[77]: type=1326" in result.stderr, "an example is shown"
        assert run("--trust", "anchored", stdin=self.LOG) == result

    def test_embedded(self) -> None:
        result = run("--trust", "embedded", stdin=self.LOG)
        assert result.names == ["close", "read"]
        assert "2 used, 0 denied, 0 rejected, 0 not trusted" in result.stderr

    def test_authenticated(self) -> None:
        result = run("--trust", "authenticated", stdin=auditd_line(3) + READ)
        assert result.names == ["close"]
        assert "1 used, 0 denied, 0 rejected, 1 not trusted" in result.stderr

    def test_nothing_trusted_is_no_result(self) -> None:
        result = run(stdin=embedded_line(3))
        assert (result.status, result.stdout) == (3, b"")
        assert "no record is trusted" in result.stderr
        assert "--trust" in result.stderr


class TestResult:
    """The options that shape the profile."""

    @pytest.mark.parametrize(("value", "number"), [("EPERM", 1), ("eperm", 1), ("1", 1), ("0", 0), ("4094", 4094)])
    def test_errno(self, value: str, number: int) -> None:
        assert run("--errno", value, stdin=READ).profile["defaultErrnoRet"] == number

    @pytest.mark.parametrize("value", ["SCMP_ACT_LOG", "LOG", "log", "scmp_act_log"])
    def test_default_action_without_errno(self, value: str) -> None:
        profile = run("--default-action", value, stdin=READ).profile
        assert profile["defaultAction"] == "SCMP_ACT_LOG"
        assert "defaultErrnoRet" not in profile

    def test_action(self) -> None:
        profile = run("--action", "SCMP_ACT_LOG", stdin=READ).profile
        assert profile["syscalls"] == [{"names": ["read"], "action": "SCMP_ACT_LOG"}]

    def test_a_deny_list(self) -> None:
        profile = run("--default-action", "ALLOW", "--action", "KILL_PROCESS", stdin=READ).profile
        assert (profile["defaultAction"], profile["syscalls"][0]["action"]) == (
            "SCMP_ACT_ALLOW",
            "SCMP_ACT_KILL_PROCESS",
        )

    def test_architectures_are_added_and_the_observed_stay(self) -> None:
        result = run("--arch", "x86", "--arch", "SCMP_ARCH_X32", "--arch", "amd64", stdin=line(3, arch=AARCH64))
        expected = ["SCMP_ARCH_AARCH64", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
        assert result.profile["architectures"] == expected
        assert result.names == ["io_cancel"]

    def test_x32_and_x86_only_when_observed(self) -> None:
        log = line(0x40000033) + line(3, arch=I386)
        assert run(stdin=log).profile["architectures"] == ["SCMP_ARCH_X32", "SCMP_ARCH_X86"]
        assert run(stdin=log).names == ["getsockname", "read"]

    def test_a_number_without_name_is_listed_with_arch_and_tables_kernel(self) -> None:
        kernel = run("--version").stdout.decode().split("Linux ")[1].split(",")[0]
        result = run(stdin=READ + line(9999) + line(9999) + line(9999, arch=AARCH64))
        assert result.names == ["read"]
        assert result.status == 0
        assert f"call 9999 on x86_64 (2 events) is not in the tables of Linux {kernel}" in result.stderr
        assert f"call 9999 on aarch64 (1 event) is not in the tables of Linux {kernel}" in result.stderr

    def test_an_architecture_that_profiles_cannot_name(self) -> None:
        result = run(stdin=READ + line(3, arch=ALPHA))
        assert result.names == ["read"]
        assert "AUDIT_ARCH_ALPHA (1 event)" in result.stderr

    def test_only_calls_without_name_is_no_result(self) -> None:
        result = run(stdin=line(9999))
        assert (result.status, result.stdout) == (3, b"")
        assert "call 9999 on x86_64" in result.stderr


class TestStrict:
    """--strict turns an incomplete result into exit 1."""

    @pytest.mark.parametrize(
        "lost",
        [
            pytest.param(line(9999), id="unresolved"),
            pytest.param(line(3, arch=ALPHA), id="no OCI name"),
            pytest.param(line(3)[:-20] + b"\n", id="cut"),
            pytest.param(line(3, arch=None), id="rejected"),
            pytest.param(line(3, arch="deadbeef"), id="unknown arch"),
        ],
    )
    def test_incomplete(self, lost: bytes) -> None:
        lenient, strict = run(stdin=READ + lost), run("--strict", stdin=READ + lost)
        assert (lenient.status, lenient.names) == (0, ["read"])
        assert (strict.status, strict.stdout) == (1, b"")
        assert "incomplete" in strict.stderr

    def test_complete(self) -> None:
        result = run("--strict", stdin=READ + line(3, code=ERRNO) + embedded_line(1))
        assert (result.status, result.names) == (0, ["read"])


def test_output_file_holds_what_stdout_would(tmp_path: Path) -> None:
    result = run("-o", tmp_path / "p.json", stdin=READ + CLOSE + GETSOCKNAME)
    assert (result.status, result.stdout) == (0, b"")
    assert (tmp_path / "p.json").read_text() == EXPECTED
    assert json.loads(EXPECTED)["syscalls"][0]["names"] == ["close", "getsockname", "read"]
