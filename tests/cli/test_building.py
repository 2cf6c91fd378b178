"""What goes into a profile besides what was observed, and how files are extended."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from audit2seccomp.formats import WRITERS
from tests.cli.command import ERRNO, NO_RUNTIME, PATIENCE, Arg, Result, line, names_of, run, running

READ, CLOSE, OPENAT, PTRACE = line(0), line(3), line(257), line(101)
RUNC = line(59, comm='"runc:[2:INIT]"').replace(b"/http-echo", b"/")
CRUN = line(3, comm='"crun"').replace(b"/http-echo", b"/")


def said(result: Result) -> list[str]:
    """What is said besides the summary."""
    summary = ("read ", "distinct calls: ", "complete as ", NO_RUNTIME)
    return [one for one in result.stderr.splitlines() if not one.startswith(summary)]


class TestRuntime:
    """What a container runtime calls, and what is said where it is missing."""

    def test_any_adds_both(self) -> None:
        both = set(run("--runtime", "any", stdin=READ).names)
        one_by_one = [set(run("--runtime", name, stdin=READ).names) for name in ("runc", "crun")]
        assert both == one_by_one[0] | one_by_one[1]
        assert set(run("--runtime", "runc,crun", stdin=READ).names) == both
        assert set(run("--runtime", "runc", "--runtime", "crun", stdin=READ).names) == both
        assert set(run("--runtime", "any:nnp", stdin=READ).names) < both

    def test_nothing_is_added_unasked_and_what_is_missing_is_said_once(self) -> None:
        result = run(stdin=READ)
        assert result.names == ["read"]
        assert result.stderr.count("container") == 3  # one line
        assert result.stderr.splitlines()[-1] == NO_RUNTIME

    def test_a_log_with_a_runtime(self) -> None:
        assert "container" not in run(stdin=READ + CRUN).stderr

    def test_what_a_runtime_calls_at_some_starts_only(self) -> None:
        said_last = run(stdin=READ + RUNC).stderr.splitlines()[-1]
        assert said_last == (
            "container: at some starts runc calls futex and rt_sigreturn as well: --runtime runc adds such calls"
        )
        assert "container" not in run("--runtime", "runc", stdin=READ + RUNC).stderr
        assert "container" not in run("--allow", "futex,rt_sigreturn", stdin=READ + RUNC).stderr

    def test_a_runtime_whose_calls_were_denied(self) -> None:
        denied = RUNC.replace(b"code=0x7ffc0000", b"code=0x50001")
        assert denied != RUNC
        assert NO_RUNTIME in run(stdin=READ + denied).stderr

    def test_not_where_it_is_asked_for(self) -> None:
        assert "container" not in run("--runtime", "crun:nnp", stdin=READ).stderr
        assert "container" not in run("--comm", "http-echo", "--runtime", "runc", stdin=READ + RUNC).stderr

    def test_the_selection_leaves_it_out(self) -> None:
        result = run("--comm", "http-echo", stdin=READ + RUNC)
        (line_said,) = [one for one in result.stderr.splitlines() if "container" in one]
        assert line_said.startswith("selection: leaves out what the container runtime itself called (runc:[2:INIT])")
        assert "--runtime" in line_said

    def test_a_base_that_has_them(self, tmp_path: Path) -> None:
        (tmp_path / "b.json").write_bytes(run("--runtime", "any", stdin=READ).stdout)
        assert "container" not in run("--base", tmp_path / "b.json", stdin=CLOSE).stderr
        (tmp_path / "b.json").write_bytes(run(stdin=READ).stdout)
        assert NO_RUNTIME in run("--base", tmp_path / "b.json", stdin=CLOSE).stderr

    def test_no_profile_no_word(self) -> None:
        assert "container" not in run(stdin=b"nothing\n").stderr


class TestPortable:
    """The option stands alone, or with a value behind =."""

    @pytest.mark.parametrize("args", [("--portable", "-"), ("-", "--portable"), ("--portable=A",)])
    def test_tier_a(self, args: tuple[str, ...]) -> None:
        assert run(*args, stdin=OPENAT).names == ["creat", "open", "openat"]

    def test_tier_b(self) -> None:
        assert run("--portable=B", stdin=OPENAT).names == ["creat", "open", "openat", "openat2"]
        assert run("--portable=b", stdin=OPENAT).status == 2

    def test_a_file_of_that_name(self, tmp_path: Path) -> None:
        (tmp_path / "--portable").write_bytes(READ)
        assert run("--", "--portable", cwd=tmp_path).names == ["read"]


class TestNever:
    """--allow, --never and --drop-never."""

    def test_an_observed_one_is_an_error(self, tmp_path: Path) -> None:
        result = run("--never", "ptrace", "-o", tmp_path / "p.json", stdin=READ + PTRACE)
        assert (result.status, os.listdir(tmp_path)) == (3, [])
        assert said(result) == [
            "audit2seccomp: --never: was observed: ptrace (observed once: http-echo (1)): --drop-never leaves it out "
            "of the profile"
        ]

    def test_dropped(self) -> None:
        result = run("--never", "ptrace", "--drop-never", stdin=READ + PTRACE)
        assert result.names == ["read"]
        assert said(result) == ["--never: left out though observed: ptrace (observed once: http-echo (1))"]
        assert run("--never", "ptrace", "--drop-never", "-q", stdin=READ + PTRACE).stderr == ""

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("--allow", "opneat"), "--allow: no system call 'opneat': did you mean openat"),
            (("--never", "read", "--allow", "read"), "--never, --allow: both name read"),
            (("--drop-never",), "--drop-never"),
            (("--runtime", "docker"), "no runtime 'docker': one of runc, crun, any"),
            (("--format", "ocl"), "no format 'ocl': one of oci, docker"),
            (("--update", "-"), "--update: a file is extended in place"),
            (("--update", "p.json", "--base", "p.json"), "--update, --base"),
            (("--update", "p.json", "--format", "docker"), "--update, --format"),
            (("--update", "p.json", "-d", "out"), "--update: extends one profile"),
            (("--update", "p.json", "--errno", "EPERM"), "--errno: p.json has another default"),
            (("--base", "p.json", "--default-action", "KILL"), "--default-action: base p.json has another default"),
            (("--base", "p.json", "--action", "KILL"), "--action SCMP_ACT_KILL allows none"),
        ],
    )
    def test_contradictions_show_before_the_log_is_read(
        self, tmp_path: Path, args: tuple[Arg, ...], words: str
    ) -> None:
        (tmp_path / "p.json").write_bytes(run(stdin=READ).stdout)
        result = run(*args, "missing.log", cwd=tmp_path)
        assert (result.status, result.stdout) == (2, b"")
        assert words in result.stderr
        assert "missing.log" not in result.stderr
        assert os.listdir(tmp_path) == ["p.json"]


class TestBase:
    """--base reads profiles."""

    def test_a_broken_one_has_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "b.json").write_text('{"defaultAction": "SCMP_ACT_ERRNO",\n "sycalls": []}')
        result = run("--base", "b.json", stdin=READ, cwd=tmp_path)
        assert (result.status, result.stdout) == (3, b"")
        assert "b.json:2:2: /sycalls: unknown key" in result.stderr
        kept = run("--base", "b.json", "--lenient", stdin=READ, cwd=tmp_path).profile
        assert kept["sycalls"] == []

    def test_what_it_denies(self, tmp_path: Path) -> None:
        rule = {"names": ["ptrace"], "action": "SCMP_ACT_KILL"}
        (tmp_path / "b.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]}))
        result = run("--base", "b.json", stdin=PTRACE, cwd=tmp_path)
        assert (result.status, result.stdout) == (3, b"")
        assert "base b.json: denies what should be allowed: ptrace (observed once: http-echo (1))" in result.stderr

    def test_what_only_docker_resolves_needs_its_format(self, tmp_path: Path) -> None:
        rule = {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}
        (tmp_path / "b.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]}))
        refused = run("--base", "b.json", "missing.log", cwd=tmp_path)
        assert (refused.status, refused.stdout) == (3, b"")
        (why,) = refused.stderr.splitlines()
        assert why.startswith("audit2seccomp: base b.json: the profile depends on the host: includes.caps of rule 0")
        way = "audit2seccomp convert b.json --to oci --cap none -o NEW.json"
        assert why.endswith(f"the format docker keeps it open; or build on what this writes: {way}")
        assert run(*way.split()[1:], cwd=tmp_path).status == 0
        assert run("--base", "NEW.json", stdin=READ, cwd=tmp_path).names == ["read"]
        made = run("--base", "b.json", "--format", "docker", stdin=READ, cwd=tmp_path).profile
        assert made["syscalls"] == [
            rule | {"comment": "base b.json"},
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "observed once: http-echo (1)"},
        ]

    def test_comments_are_a_loss_that_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "b.json").write_bytes(run("--format", "docker", stdin=READ).stdout)
        result = run("--base", "b.json", stdin=CLOSE, cwd=tmp_path)
        assert said(result) == ["loss: oci: 1 comment is left out"]
        strict = run("--base", "b.json", "--strict", stdin=CLOSE, cwd=tmp_path)
        assert (strict.status, strict.stdout) == (1, b"")
        several = run("--base", "b.json", "--strict", "--per", "comm", "-d", "out", stdin=CLOSE, cwd=tmp_path)
        assert (several.status, os.listdir(tmp_path)) == (1, ["b.json"])
        assert run("--base", "b.json", "-q", stdin=CLOSE, cwd=tmp_path).stderr == ""


class TestUpdate:
    """--update extends a file in place."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        """A profile whose mode and layout are its owner's."""
        path = tmp_path / "p.json"
        path.write_bytes(run("--errno", "EPERM", stdin=READ + OPENAT).stdout.replace(b"  ", b"\t"))
        path.chmod(0o640)
        os.utime(path, (1, 1))
        return path

    def test_nothing_new_leaves_the_file_alone(self, file: Path) -> None:
        before = file.read_bytes()
        result = run("--update", file, stdin=READ)
        assert (result.status, result.stdout, file.read_bytes(), file.stat().st_mtime) == (0, b"", before, 1)
        assert said(result) == [f"{file}: nothing is new"]

    def test_what_is_new_is_put_in(self, file: Path) -> None:
        before = file.read_bytes()
        result = run("--update", file, stdin=CLOSE + READ)
        assert (result.status, result.stdout) == (0, b"")
        assert file.read_bytes() == before.replace(b'"openat"', b'"close",\n\t\t\t\t"openat"')
        assert file.stat().st_mode & 0o777 == 0o640
        assert said(result) == [f"{file}: 1 name added"]

    def test_another_output_leaves_the_file_alone(self, file: Path) -> None:
        before = file.read_bytes()
        assert run("--update", file, "-o", "-", stdin=READ).stdout == before
        assert run("--update", file, "-o", "-", stdin=CLOSE).names == ["close", "openat", "read"]
        assert file.read_bytes() == before

    def test_options_add_to_it(self, file: Path) -> None:
        assert run("--update", file, "--allow", "bpf", "--runtime", "crun:nnp", "--arch", "x86", stdin=READ).status == 0
        profile = json.loads(file.read_text())
        assert {"bpf", "execve", "close_range"} <= set(names_of(profile))
        assert profile["architectures"] == ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
        assert profile["defaultErrnoRet"] == 1

    def test_what_is_asked_for_needs_no_condition_any_more(self, tmp_path: Path) -> None:
        file = tmp_path / "web.json"
        file.write_bytes(Path("fixtures/profiles/web.json").read_bytes())
        log = Path("fixtures/recorded/dmesg-loop-1.txt").resolve()
        left = run("--update", "web.json", log, cwd=tmp_path)
        told = "web.json: allows socket under conditions: left as it is (a log does not tell arguments)"
        assert f"{told}: --allow NAME allows it always" in said(left)
        result = run("--update", "web.json", "--allow", "socket,personality", log, cwd=tmp_path)
        assert "web.json: allows personality, socket under conditions, the result always (--allow)" in said(result)
        rules = json.loads(file.read_text())["syscalls"]
        assert {"personality", "socket"} <= set(rules[0]["names"])
        assert [rule["names"] for rule in rules[1:]] == [["personality"], ["socket"]]
        again = run("--update", "web.json", log, cwd=tmp_path)
        assert said(again) == ["web.json: nothing is new"]

    def test_architectures_that_are_new_are_said(self, file: Path) -> None:
        x86 = line(6, arch="40000003")
        assert said(run("--update", file, stdin=x86)) == [f"{file}: 1 name and SCMP_ARCH_X86 added"]
        x32, arm = line(0x40000003), line(3, arch="40000028")
        assert said(run("--update", file, stdin=x32 + arm)) == [f"{file}: SCMP_ARCH_ARM, SCMP_ARCH_X32 added"]
        assert said(run("--update", file, stdin=x32 + arm + x86)) == [f"{file}: nothing is new"]

    def test_nothing_found_leaves_the_file_alone(self, file: Path) -> None:
        before = file.read_bytes()
        assert run("--update", file, stdin=line(0, code=ERRNO)).status == 3
        assert file.read_bytes() == before

    def test_a_log_without_records_is_the_end_of_the_loop(self, file: Path) -> None:
        before = file.read_bytes()
        done = run("--update", file, stdin=b"nothing\n")
        assert (done.status, file.read_bytes()) == (0, before)
        assert "p.json: nothing is new" in done.stderr
        assert run("--update", file, "-o", file.with_name("other"), stdin=b"").status == 0
        assert file.with_name("other").read_bytes() == before
        assert run("--update", file, "--allow", "bpf", stdin=b"nothing\n").status == 0
        assert "bpf" in names_of(json.loads(file.read_text()))

    def test_records_of_other_programs_are_the_end_of_the_loop_too(self, file: Path) -> None:
        before = file.read_bytes()
        done = run("--update", file, "--comm", "nginx", stdin=CLOSE)
        assert (done.status, file.read_bytes()) == (0, before)
        assert said(done) == [f"{file}: nothing is new"]
        assert "1 not selected" in done.stderr
        assert run("--update", file, "--comm", "nginx", stdin=CLOSE + line(0, code=ERRNO, comm='"nginx"')).status == 3
        assert run("--update", file, "--comm", "nginx", stdin=CLOSE + line(0, arch="z")).status == 3

    def test_a_name_does_not_get_the_comment_of_others(self, tmp_path: Path) -> None:
        (tmp_path / "d.json").write_bytes(run("-q", "--format", "docker", stdin=READ).stdout)
        assert run("--update", "d.json", stdin=CLOSE, cwd=tmp_path).status == 0
        rules = json.loads((tmp_path / "d.json").read_text())["syscalls"]
        assert [(rule["names"], rule["comment"]) for rule in rules] == [
            (["read"], "observed once: http-echo (1)"),
            (["close"], "observed once: http-echo (1)"),
        ]

    def test_a_file_that_somebody_else_changes_meanwhile(self, file: Path) -> None:
        with running("--update", file, "-") as process:
            process.feed(CLOSE)
            process.wait_until_read()
            file.write_text("{}")
            process.close()
            result = process.result()
        assert (result.status, file.read_text()) == (3, "{}")
        assert result.stderr.endswith(f"{file}: was changed meanwhile: it is left alone: run this again\n")

    def test_another_format(self, tmp_path: Path) -> None:
        (tmp_path / "p.yaml").write_bytes(run("--format", "spo", "--errno", "EPERM", stdin=READ).stdout)
        result = run("--update", "p.yaml", stdin=CLOSE, cwd=tmp_path)
        assert (result.status, result.stdout) == (2, b"")
        assert "p.yaml is in the format spo: one in oci or docker can be updated" in result.stderr
        assert run("--base", "p.yaml", stdin=CLOSE, cwd=tmp_path).profile["syscalls"] == [
            {"names": [name], "action": "SCMP_ACT_ALLOW"} for name in ("read", "close")
        ]

    def test_while_a_log_is_followed(self, file: Path, tmp_path: Path) -> None:
        log = tmp_path / "a.log"
        log.write_bytes(READ)
        with running("--follow", "--update", file, log) as process:
            process.hears_until("new: x86_64 0 read")
            with log.open("ab") as appended:
                appended.write(CLOSE)
            process.hears_until("new: x86_64 3 close")
            end = time.monotonic() + PATIENCE
            while b"close" not in file.read_bytes():
                assert time.monotonic() < end
                time.sleep(0.01)
            process.process.terminate()
            result = process.result()
        assert result.status == 143
        assert names_of(json.loads(file.read_text())) == ["close", "openat", "read"]


class TestReasons:
    """--explain-names, and Docker's comments."""

    def test_they_are_said_and_the_profile_is_the_same(self) -> None:
        plain = run("--allow", "bpf", stdin=READ)
        result = run("--allow", "bpf", "--explain-names", "-q", stdin=READ)
        assert result.stdout == plain.stdout
        assert result.stderr.splitlines() == ["bpf   --allow", "read  observed once: http-echo (1)"]

    def test_names_of_programs_are_safe_to_show(self) -> None:
        result = run("--explain-names", "-q", stdin=line(0, comm="1B5B324AFF"))
        assert result.stderr == "read  observed once: \\x1b[2J\\udcff (1)\n"
        written = run("--format", "docker", "-q", stdin=line(0, comm="1B5B324AFF"))
        assert written.profile["syscalls"] == [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": "observed once: \\x1b[2J\\udcff (1)"}
        ]

    def test_of_several_profiles(self, tmp_path: Path) -> None:
        log = READ + line(3, comm='"other"') + RUNC
        result = run("--per", "comm", "-d", "out", "--explain-names", stdin=log, cwd=tmp_path)
        assert result.stderr.splitlines()[3:] == [
            "wrote out/http-echo.json: comm 'http-echo', 1 call",
            "  read  observed once: http-echo (1)",
            "wrote out/other.json: comm 'other', 1 call",
            "  close  observed once: other (1)",
            "wrote out/runc:%5B2:INIT%5D.json: comm 'runc:[2:INIT]', 1 call",
            "  execve  observed once: runc:[2:INIT] (1)",
            NO_RUNTIME.replace("the log holds no", "2 of 3 profiles without a"),
        ]


@pytest.mark.parametrize("form", WRITERS)
def test_each_format_can_be_asked_for(tmp_path: Path, form: str) -> None:
    result = run("--format", form, "-o", "p", "--runtime", "runc", stdin=READ, cwd=tmp_path)
    assert result.status == 0
    assert (tmp_path / "p").read_bytes()
    several = run("--format", form, "--per", "comm", "-d", "out", stdin=READ, cwd=tmp_path)
    assert (several.status, os.listdir(tmp_path / "out")) == (0, [f"http-echo{WRITERS[form]}"])
