"""-d DIR and --per: a profile for each log or value, all or none."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.cli.command import ERRNO, NO_RUNTIME, Arg, Result, body, line, names_of, run, running, shell

A, B, C = (line(nr, comm=f'"{comm}"') for nr, comm in ((0, "a"), (3, "b"), (51, "c")))
DENIED = line(3, comm='"denied"', code=ERRNO)


def per(field: str, log: bytes, *args: Arg, cwd: Path) -> Result:
    """One run that writes to `out`."""
    return run("--per", field, "-d", "out", *args, stdin=log, cwd=cwd)


def profiles(folder: Path) -> dict[str, list[str]]:
    """The names in each file there is."""
    return {path.name: names_of(json.loads(path.read_text())) for path in folder.iterdir()}


def told(result: Result) -> list[str]:
    """What it says of each file."""
    return [said for said in result.stderr.splitlines() if said.startswith("wrote ")]


def _entry(nr: int, unit: str | None = None, container: str | None = None) -> bytes:
    """An entry as `journalctl -o json` writes it."""
    fields = {
        "_TRANSPORT": "audit", "_HOSTNAME": "vm", "SYSLOG_IDENTIFIER": "audit", "_AUDIT_TYPE_NAME": "SECCOMP",
        "_AUDIT_ID": str(nr), "_PID": "29064", "MESSAGE": f"SECCOMP {body(nr)}",
    }  # fmt: skip
    if unit is not None:
        fields["_SYSTEMD_UNIT"] = unit
    if container is not None:
        fields["_SYSTEMD_CGROUP"] = f"/system.slice/docker-{container}.scope"
    return json.dumps(fields).encode() + b"\n"


class TestPer:
    """A profile for each value of a field."""

    def test_each_program_gets_its_own_calls(self, tmp_path: Path) -> None:
        result = per("comm", A + B + line(51, comm='"a"') + A, cwd=tmp_path)
        assert (result.status, result.stdout) == (0, b"")
        assert profiles(tmp_path / "out") == {"a.json": ["getsockname", "read"], "b.json": ["close"]}
        assert result.stderr.splitlines() == [
            "read 4 lines, 4 records: 3 used, 0 denied, 0 rejected, 0 not trusted, 1 seen before",
            "distinct calls: 3 on x86_64",
            "complete as far as the log tells",
            "wrote out/a.json: comm 'a', 2 calls",
            "wrote out/b.json: comm 'b', 1 call",
            NO_RUNTIME.replace("the log holds no", "2 profiles without a"),
        ]

    def test_a_profile_is_what_a_selection_of_the_value_yields(self, tmp_path: Path) -> None:
        log = A + B + line(51, comm='"a"') + line(1, arch="40000003", comm='"a"')
        options = ("--errno", "EPERM", "--arch", "x32")
        assert per("comm", log, *options, cwd=tmp_path).status == 0
        alone = run("--comm", "a", *options, stdin=log)
        assert (tmp_path / "out/a.json").read_bytes() == alone.stdout

    def test_exe_and_file(self, tmp_path: Path) -> None:
        assert told(per("exe", A, cwd=tmp_path)) == ["wrote out/,http-echo.json: exe '/http-echo', 1 call"]
        assert told(per("file", A, cwd=tmp_path)) == ["wrote out/stdin.json: <stdin>, 1 call"]

    def test_host_and_subj(self, tmp_path: Path) -> None:
        log = A + B.replace(b"my-machine", b"other").replace(b" pid=", b" subj=unconfined pid=")
        assert told(per("host", log, cwd=tmp_path)) == [
            "wrote out/my-machine.json: host 'my-machine', 1 call",
            "wrote out/other.json: host 'other', 1 call",
        ]
        assert told(per("subj", log, cwd=tmp_path)) == [
            "wrote out/unconfined.json: subj 'unconfined', 1 call",
            "wrote out/%unknown.json: records that do not say their subj, 1 call",
        ]

    def test_unit_and_container(self, tmp_path: Path) -> None:
        container = "0123456789abcdef" * 4
        log = _entry(0, unit="nginx.service") + _entry(3, unit="docker.service", container=container) + _entry(51)
        assert per("unit", log, cwd=tmp_path).status == 0
        assert profiles(tmp_path / "out") == {
            "nginx.service.json": ["read"],
            "docker.service.json": ["close"],
            "%unknown.json": ["getsockname"],
        }
        assert told(per("container", log, cwd=tmp_path)) == [
            f"wrote out/{container}.json: container '{container}', 1 call",
            "wrote out/%unknown.json: records that do not say their container, 2 calls",
        ]

    @pytest.mark.parametrize(
        ("field", "advice"),
        [
            ("unit", "journalctl -o json or export has it"),
            ("container", "journalctl -o json or export has it"),
            ("subj", "kernels write it where SELinux, AppArmor or Smack runs"),
        ],
    )
    def test_a_field_that_no_record_has(self, tmp_path: Path, field: str, advice: str) -> None:
        result = per(field, A + B, cwd=tmp_path)
        assert result.status == 3
        assert result.stderr.splitlines()[-1] == f"audit2seccomp: --per {field}: no record says its {field}: {advice}"
        assert os.listdir(tmp_path) == []

    def test_values_that_a_stranger_chose(self, tmp_path: Path) -> None:
        values = [b"../../x", b".", b"-rf", b"\n\x1b[31m", b"\xff", b"A", b"a"]
        log = b"".join(line(nr, comm=value.hex().upper()) for nr, value in enumerate(values))
        result = per("comm", log, cwd=tmp_path)
        assert result.status == 0
        assert os.listdir(tmp_path) == ["out"]
        assert told(result) == [
            "wrote out/%0A%1B%5B31m.json: comm '\\n\\x1b[31m', 1 call",
            "wrote out/%2Drf.json: comm '-rf', 1 call",
            "wrote out/%2E.json: comm '.', 1 call",
            "wrote out/%2E.,..,x.json: comm '../../x', 1 call",
            "wrote out/%41.json: comm 'A', 1 call",
            "wrote out/a.json: comm 'a', 1 call",
            "wrote out/%FF.json: comm '\\udcff', 1 call",
        ]
        assert len(os.listdir(tmp_path / "out")) == len(values)

    def test_a_value_without_a_call_to_allow_is_said_and_has_no_file(self, tmp_path: Path) -> None:
        result = per("comm", A + DENIED, cwd=tmp_path)
        assert result.status == 3
        assert (
            "audit2seccomp: comm 'denied': no call to allow: all records are denials (the calls did not run): "
            "--include-denied allows them: no profile\n"
        ) in result.stderr
        assert profiles(tmp_path / "out") == {"a.json": ["read"]}
        strict = run("--per", "comm", "-d", "strict", "--strict", stdin=A + DENIED, cwd=tmp_path)
        assert strict.status == 1
        assert strict.stderr.endswith("the result is incomplete and --strict was given: nothing is written\n")
        assert per("comm", A + DENIED, "--include-denied", cwd=tmp_path).status == 0
        assert sorted(os.listdir(tmp_path / "out")) == ["a.json", "denied.json"]
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.parametrize(
        ("args", "log", "status"),
        [
            pytest.param((), b"noise\n", 3, id="nothing found"),
            pytest.param((), DENIED, 3, id="only denials"),
            pytest.param(("--strict",), A + line(9999), 1, id="incomplete"),
            pytest.param(("-", "gone.log"), A, 3, id="missing input"),
        ],
    )
    def test_nothing_is_written_where_one_profile_would_not_be(
        self, tmp_path: Path, args: tuple[str, ...], log: bytes, status: int
    ) -> None:
        assert per("comm", log, *args, cwd=tmp_path).status == status
        assert os.listdir(tmp_path) == []

    def test_keep_going(self, tmp_path: Path) -> None:
        assert per("comm", A, "--keep-going", "-", "gone.log", cwd=tmp_path).status == 3
        assert profiles(tmp_path / "out") == {"a.json": ["read"]}

    def test_too_many_values_are_refused(self, tmp_path: Path) -> None:
        log = b"".join(line(nr % 300, comm=f'"{nr}"') for nr in range(10_001))
        result = per("comm", log, cwd=tmp_path)
        assert result.status == 3
        assert result.stderr.endswith(
            "audit2seccomp: --per comm: 10,001 different values, and no more than 10,000 profiles are written: "
            "--where selects some of them\n"
        )
        assert os.listdir(tmp_path) == []

    def test_quiet(self, tmp_path: Path) -> None:
        assert per("comm", A + B, "-q", cwd=tmp_path).stderr == ""
        assert sorted(os.listdir(tmp_path / "out")) == ["a.json", "b.json"]


class TestBatch:
    """A profile for each log."""

    def test_each_log_yields_what_it_yields_alone(self, tmp_path: Path) -> None:
        (tmp_path / "a.log").write_bytes(A + B)
        (tmp_path / "b.log").write_bytes(B + C)  # B is in both, and the same event
        result = run("-d", "out", "a.log", "b.log", cwd=tmp_path)
        assert result.status == 0
        assert told(result) == ["wrote out/a.json: a.log, 2 calls", "wrote out/b.json: b.log, 2 calls"]
        for name in ("a", "b"):
            alone = run(tmp_path / f"{name}.log")
            assert (tmp_path / f"out/{name}.json").read_bytes() == alone.stdout
        assert run("--per", "file", "-d", "same", "b.log", "a.log", cwd=tmp_path).status == 0
        assert profiles(tmp_path / "same") == profiles(tmp_path / "out")

    def test_logs_of_one_base_name(self, tmp_path: Path) -> None:
        for folder, log in (("x", A), ("y", B)):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "kern.log").write_bytes(log)
        result = run("-d", "out", "x/kern.log", "y/kern.log", cwd=tmp_path)
        assert told(result) == [
            "wrote out/x,kern.log.json: x/kern.log, 1 call",
            "wrote out/y,kern.log.json: y/kern.log, 1 call",
        ]

    def test_a_log_without_records_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "a.log").write_bytes(A)
        (tmp_path / "b.log").write_bytes(b"noise\n")
        (tmp_path / "b.txt").write_bytes(DENIED)
        result = run("-d", "out", "a.log", "b.log", "b.txt", cwd=tmp_path)
        assert result.status == 3
        assert "audit2seccomp: b.log: none of its records counts: no profile\n" in result.stderr
        assert "audit2seccomp: b.txt: no call to allow: all records are denials" in result.stderr
        assert profiles(tmp_path / "out") == {"a.log.json": ["read"]}

    def test_what_is_no_log_needs_no_profile(self, tmp_path: Path) -> None:
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs/a.log").write_bytes(A)
        (tmp_path / "logs/b.bin").write_bytes(b"\x01" * 100)
        (tmp_path / "c.log").write_bytes(C)
        assert run("collect", "c.log", "-o", "old.evidence.json", cwd=tmp_path).status == 0
        result = run("-r", "-d", "out", "logs", "old.evidence.json", cwd=tmp_path)
        assert result.status == 0
        assert profiles(tmp_path / "out") == {"a.json": ["read"], "c.json": ["getsockname"]}

    def test_an_empty_log_has_no_profile(self, tmp_path: Path) -> None:
        (tmp_path / "a.log").write_bytes(A)
        (tmp_path / "b.log").touch()
        result = run("-d", "out", "a.log", "b.log", cwd=tmp_path)
        assert result.status == 3
        assert "audit2seccomp: b.log: none of its records counts: no profile\n" in result.stderr

    def test_a_stream_that_a_signal_ends(self, tmp_path: Path) -> None:
        with running("-v", "-d", tmp_path / "out") as stream:
            stream.feed(A)
            assert stream.says().startswith("new: ")
            assert os.listdir(tmp_path) == []
            stream.signal(signal.SIGTERM)
            assert stream.result().status == 143
        assert profiles(tmp_path / "out") == {"stdin.json": ["read"]}


class TestFolder:
    """All files appear, or none; what was there survives a failure."""

    @pytest.fixture
    def out(self, tmp_path: Path) -> Path:
        """A folder of an earlier run."""
        folder = tmp_path / "out"
        folder.mkdir()
        for name in ("a.json", "b.json", "other"):
            (folder / name).write_text(f"old {name}\n")
        (folder / "a.json").chmod(0o640)
        return folder

    def test_new_profiles_take_the_place_of_old_ones_and_nothing_else_is_touched(self, out: Path) -> None:
        os.link(out / "b.json", out / "link")
        (out / "c.json").symlink_to("target")
        assert per("comm", A + B + C, cwd=out.parent).status == 0
        assert sorted(os.listdir(out)) == ["a.json", "b.json", "c.json", "link", "other", "target"]
        assert names_of(json.loads((out / "target").read_text())) == ["getsockname"]
        assert ((out / "link").read_text(), (out / "other").read_text()) == ("old b.json\n", "old other\n")
        assert names_of(json.loads((out / "b.json").read_text())) == ["close"]
        assert stat.S_IMODE((out / "a.json").stat().st_mode) == 0o640

    @pytest.mark.parametrize("blocked", ["a.json", "b.json", "c.json"])
    def test_what_fails_when_files_take_their_places_is_undone(self, out: Path, blocked: str) -> None:
        (out / blocked).unlink(missing_ok=True)
        (out / blocked).mkdir()
        before = {path.name: path.stat().st_ino for path in out.iterdir()}
        result = per("comm", A + B + C, cwd=out.parent)
        assert result.status == 3
        assert result.stderr.endswith(f"audit2seccomp: out/{blocked}: cannot write: is a directory\n")
        assert {path.name: path.stat().st_ino for path in out.iterdir()} == before
        assert all(path.read_text() == f"old {path.name}\n" for path in out.iterdir() if path.is_file())

    def test_a_fifo_in_the_way_is_not_replaced(self, out: Path) -> None:
        os.mkfifo(out / "c.json")
        result = per("comm", A + B + C, cwd=out.parent)
        assert result.status == 3
        assert result.stderr.endswith("audit2seccomp: out/c.json: cannot write: is no regular file\n")
        assert (out / "a.json").read_text() == "old a.json\n"
        assert sorted(os.listdir(out)) == ["a.json", "b.json", "c.json", "other"]

    @pytest.mark.parametrize("there", [True, False])
    def test_a_disk_that_is_full_leaves_all_as_it_was(self, tmp_path: Path, there: bool) -> None:
        if there:
            (tmp_path / "out").mkdir()
        calls = b"".join(line(nr, comm='"b"') for nr in range(300))
        unmeasured = "unset COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START"  # it would write to that disk too
        limit = shell(f'{unmeasured}; ulimit -f 2; trap "" XFSZ; exec "$@"')
        result = run("--per", "comm", "-d", "out", stdin=A + calls, cwd=tmp_path, program=limit)
        assert result.status == 3
        assert result.stderr.endswith("audit2seccomp: out/b.json: cannot write: file too large\n")
        assert os.listdir(tmp_path) == (["out"] if there else [])
        assert not there or os.listdir(tmp_path / "out") == []

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("gone/out", "no such file or directory"),
            ("file", "not a directory"),
            ("file/out", "not a directory"),
            ("loop", "too many levels of symbolic links"),
            ("/proc/out", "no such file or directory"),
        ],
    )
    def test_a_path_that_cannot_be_written_is_said_before_anything_is_read(
        self, tmp_path: Path, path: str, reason: str
    ) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "loop").symlink_to("loop")
        with running("-d", path, program=shell(f'cd "{tmp_path}" && exec "$@"')) as stream:
            result = stream.result()  # its input is still open
        assert (result.status, result.stderr) == (3, f"audit2seccomp: {path}: cannot write: {reason}\n")
        assert sorted(os.listdir(tmp_path)) == ["file", "loop"]

    def test_a_link_to_a_folder_that_is_not_there_yet(self, tmp_path: Path) -> None:
        (tmp_path / "out").symlink_to("real")
        assert per("comm", A, cwd=tmp_path).status == 0
        assert profiles(tmp_path / "real") == {"a.json": ["read"]}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--per", "comm"), "--per: writes several profiles: -d DIR says where"),
        (("-d", "x", "-o", "y"), "-o, -d: one of them, please: a profile, or a folder of several"),
        (("-d", ""), "-d: names no folder"),
        (
            ("-d", "x", "--per", "units"),
            "--per: no field 'units': one of comm, exe, unit, container, host, subj, file: did you mean unit?",
        ),
    ],
)
def test_a_wrong_command_line_is_said_before_anything_is_read(args: tuple[str, ...], said: str) -> None:
    with running(*args) as stream:
        result = stream.result()  # its input is still open
    assert (result.status, result.stderr) == (2, f"audit2seccomp: {said}\n")
