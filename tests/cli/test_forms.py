"""--format-in, and strace's output, which counts only alone or when it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import line, run
from tests.corpus import FIXTURES

STRACE = b"""\
100 execve("/bin/true", ["true"], 0x7ffd /* 3 vars */) = 0
100 brk(NULL)                         = 0x55d0
100 openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3
100 write(1, "type=1326 audit(1.000:1): auid=0 comm=\\"x\\" syscall=101 code=0x7ffc0000", 70) = 70
100 exit_group(0)                     = ?
100 +++ exited with 0 +++
"""


def test_strace_alone_is_read_with_the_given_architecture() -> None:
    result = run("--assume-arch", "aarch64", stdin=STRACE)
    assert (result.status, result.names) == (0, ["brk", "execve", "exit_group", "openat", "write"])
    assert result.profile["architectures"] == ["SCMP_ARCH_AARCH64"]


def test_strace_beside_a_log_counts_only_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.strace").write_bytes(STRACE)
    (tmp_path / "kern.log").write_bytes(line(0))
    beside = run("a.strace", "kern.log", cwd=tmp_path)
    assert beside.names == ["read"]
    assert "not trusted: a.strace:1: strace's output counts only if nothing else is read" in beside.stderr
    asked = run("--format-in", "strace", "--assume-arch", "x86_64", "a.strace", "a.strace", cwd=tmp_path)
    assert asked.names == ["brk", "execve", "exit_group", "openat", "write"]


def test_the_files_of_strace_ff_count_together(tmp_path: Path) -> None:
    (tmp_path / "x.100").write_bytes(STRACE.replace(b"100 ", b""))
    (tmp_path / "x.101").write_bytes(b"close(3)                = 0\n+++ killed by SIGKILL +++\n")
    (tmp_path / "x.102").write_bytes(b"")
    result = run("--assume-arch", "x86_64", "x.100", "x.101", "x.102", cwd=tmp_path)
    assert result.names == ["brk", "close", "execve", "exit_group", "openat", "write"]
    assert run("-r", "--assume-arch", "x86_64", tmp_path).names == result.names
    (tmp_path / "kern.log").write_bytes(line(0))
    assert run("x.100", "x.101", "kern.log", cwd=tmp_path).names == ["read"]


def test_a_form_can_be_forced() -> None:
    journal = FIXTURES / "recorded" / "journal-json.txt"
    assert run("--format-in", "json", journal).status == 0
    assert run("--format-in", "export", journal).status == 3
    wrong = run("--format-in", "xml", journal)
    assert wrong.status == 2
    assert "no form 'xml': one of text, json, export, verbose, strace" in wrong.stderr


def test_a_selection_says_what_it_cannot_ask_and_that_it_leaves_the_runtime_out() -> None:
    log = FIXTURES / "recorded" / "dmesg-runc-busybox-httpd.txt"
    said = run("--comm", "httpd", log).stderr
    assert "leaves out what the container runtime itself called (runc:[2:INIT])" in said
    assert "leaves out" not in run("--where", 'comm == httpd or comm ~ "runc:[*"', log).stderr
    none = run("--unit", "nginx.service", log)
    assert none.status == 3
    assert "selection: no record here tells its unit" in none.stderr
    assert "the selection takes none of 201 records" in none.stderr


def test_a_log_beside_a_forced_trace_is_not_lost_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.strace").write_bytes(STRACE)
    (tmp_path / "kern.log").write_bytes(line(0) + line(1))
    forced = run("--format-in", "strace", "a.strace", "kern.log", cwd=tmp_path)
    assert "INCOMPLETE" in forced.stderr
    assert "kern.log:1: strace: a record of a log among its lines (give the log by itself) (2 records)" in forced.stderr
    assert run("--strict", "--format-in", "strace", "a.strace", "kern.log", cwd=tmp_path).status == 1
    (tmp_path / "noise").write_bytes(b"\nhello\n")
    assert (
        "noise:1: strace: no line in the input is strace's"
        in run("--format-in", "strace", "noise", cwd=tmp_path).stderr
    )


def test_a_trace_beside_logs_counts_as_evidence(tmp_path: Path) -> None:
    (tmp_path / "a.strace").write_bytes(STRACE)
    (tmp_path / "kern.log").write_bytes(line(0))
    assert run("collect", "--assume-arch", "x86_64", "a.strace", "-o", "a.evidence.json", cwd=tmp_path).status == 0
    both = run("a.evidence.json", "kern.log", cwd=tmp_path)
    assert both.names == ["brk", "execve", "exit_group", "openat", "read", "write"]


def test_a_trace_that_begins_inside_a_line_is_read_and_not_complete() -> None:
    result = run("--assume-arch", "x86_64", stdin=STRACE[9:])
    assert result.names == ["brk", "exit_group", "openat", "write"]
    assert "<stdin>:1: entry cut before its end" in result.stderr


def test_a_trace_is_not_the_kernels_word() -> None:
    result = run("--trust", "authenticated", "--assume-arch", "x86_64", stdin=STRACE)
    assert result.status == 3
    assert "strace: a trace is not the kernel's word (5 records)" in result.stderr


@pytest.mark.parametrize("code", ["0x7", "0x7ffc000", ""])
def test_a_record_in_which_the_input_may_end_is_no_denial(code: str) -> None:
    whole = line(0)
    cut = line(1)[:-1].replace(b"code=0x7ffc0000", b"code=" + code.encode())
    said = run(stdin=whole + cut).stderr
    assert "denial" not in said
    assert "cut" in said
    assert "INCOMPLETE" in said
    assert run(stdin=whole + line(1)[:-1]).names == ["read", "write"]


def test_a_verbose_entry_in_which_the_input_ends_is_cut() -> None:
    data = (FIXTURES / "recorded" / "journal-verbose.txt").read_bytes()
    for cut in range(len(data) - 900, len(data) - 1, 31):
        if data[cut - 1 : cut] != b"\n":
            assert "INCOMPLETE" in run(stdin=data[:cut]).stderr, cut
