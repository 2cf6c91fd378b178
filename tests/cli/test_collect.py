"""`audit2seccomp collect`: evidence files are written, merged, read in place of logs, and kept up to date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import auditd_line, embedded_line, line, run

NOTHING = "an input could not be read: nothing is written (--keep-going writes what the others yield)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two logs of different events."""
    (tmp_path / "a.log").write_bytes(line(0) + line(1) + b"noise\n")
    (tmp_path / "b.log").write_bytes(line(1) + line(3))
    return tmp_path


def test_every_command_reads_what_it_wrote(folder: Path) -> None:
    collected = run("collect", "a.log", "b.log", "-o", "e.json", cwd=folder)
    assert (collected.status, collected.stdout) == (0, b"")
    assert collected.stderr == (
        "read 5 lines, 4 records: 4 kept in 4 rows, 0 rejected, 0 not trusted\ncomplete as far as the log tells\n"
    )
    from_logs, from_file = run("a.log", "b.log", cwd=folder), run("e.json", cwd=folder)
    assert from_file == from_logs
    with (folder / "e.json").open("rb") as file:
        assert run(stdin=file) == from_logs
    assert run(stdin=(folder / "e.json").read_bytes()) == from_logs
    assert run("collect", "e.json", cwd=folder).stdout == (folder / "e.json").read_bytes()


def test_a_file_that_was_written_anew_is_read_too(folder: Path) -> None:
    written = run("collect", "-q", "a.log", cwd=folder).stdout
    anew = json.dumps(json.loads(written), sort_keys=True, indent=4).encode()
    assert run("collect", "-q", cwd=folder, stdin=anew).stdout == written
    (folder / "e.json").write_bytes(anew.replace(b"audit2seccomp evidence", b"evidence"))
    refused = run("e.json", cwd=folder)
    assert (refused.status, refused.stdout) == (3, b"")
    assert refused.stderr.startswith('audit2seccomp: e.json: no "format": "audit2seccomp evidence" in it: ')


def test_files_and_logs_merge_in_any_order(folder: Path) -> None:
    whole = run("collect", "a.log", "b.log", cwd=folder).stdout
    run("collect", "a.log", "-o", "a.json", cwd=folder)
    run("collect", "b.log", "-o", "b.json", cwd=folder)
    for inputs in (("a.json", "b.json"), ("b.json", "a.json"), ("a.json", "b.log"), ("b.log", "a.json")):
        assert run("collect", *inputs, cwd=folder).stdout == whole


FORGED = Path("fixtures/hostile/web-log/nginx-combined.log").resolve()


def level_of(path: Path) -> object:
    """What an evidence file says."""
    return json.loads(path.read_bytes())["trust"]


@pytest.mark.parametrize(
    "command", [(), ("--per", "comm", "-d", "d"), ("explain",), ("collect",), ("collect", "-o", "out.json")]
)
@pytest.mark.parametrize("level", ["anchored", "authenticated"])
def test_no_command_takes_a_file_for_more_than_it_proves(folder: Path, command: tuple[str, ...], level: str) -> None:
    run("collect", "--trust", "embedded", FORGED, "-o", "e.json", cwd=folder)
    refused = run(*command, "-q", "--trust", level, "e.json", cwd=folder)
    assert (refused.status, refused.stdout) == (3, b"")
    assert refused.stderr == (
        f"audit2seccomp: e.json: evidence of the level embedded, and this run needs {level}: "
        "give --trust embedded, or collect it again from the logs\n"
        f"audit2seccomp: {NOTHING}\n"
    )
    assert not {"d", "out.json"} & {path.name for path in folder.iterdir()}
    assert run("-q", "--trust", "embedded", "e.json", cwd=folder).names == ["ptrace"]
    kept = run("-q", "--keep-going", "e.json", "a.log", cwd=folder)
    assert (kept.status, kept.names) == (3, ["read", "write"])


def test_what_is_merged_has_the_lowest_level(folder: Path) -> None:
    (folder / "audit.log").write_bytes(auditd_line(3))
    (folder / "web.log").write_bytes(embedded_line(5))
    for level, log in (("authenticated", "audit.log"), ("anchored", "a.log"), ("embedded", "web.log")):
        run("collect", "--trust", level, log, "-o", f"{level}.json", cwd=folder)
        assert level_of(folder / f"{level}.json") == level
    for inputs, level in (
        (("authenticated.json",), "authenticated"),
        (("authenticated.json", "anchored.json"), "anchored"),
        (("anchored.json", "embedded.json", "authenticated.json"), "embedded"),
        (("authenticated.json", "a.log"), "embedded"),  # the level that this run reads logs with
    ):
        run("collect", "--trust", "embedded", *inputs, "-o", "out.json", cwd=folder)
        assert level_of(folder / "out.json") == level
    run("collect", "authenticated.json", "a.log", "-o", "out.json", cwd=folder)
    assert level_of(folder / "out.json") == "anchored"
    assert run("--trust", "authenticated", "authenticated.json", cwd=folder).names == ["close"]


def test_a_state_does_not_start_from_what_proves_less(folder: Path) -> None:
    run("collect", "--trust", "embedded", FORGED, "-o", "s.json", cwd=folder)
    before = (folder / "s.json").read_bytes()
    refused = run("collect", "a.log", "--state", "s.json", cwd=folder)
    assert (refused.status, refused.stderr) == (
        3,
        "audit2seccomp: s.json: evidence of the level embedded, and this run needs anchored: "
        "give --trust embedded, or collect it again from the logs\n",
    )
    assert (folder / "s.json").read_bytes() == before
    assert run("collect", "--trust", "embedded", "a.log", "--state", "s.json", cwd=folder).status == 0
    assert level_of(folder / "s.json") == "embedded"
    (folder / "audit.log").write_bytes(auditd_line(3))
    run("collect", "--trust", "authenticated", "audit.log", "-o", "t.json", cwd=folder)
    assert run("collect", "a.log", "--state", "t.json", cwd=folder).status == 0
    assert level_of(folder / "t.json") == "anchored"


def test_overlaps_are_said(folder: Path) -> None:
    run("collect", "a.log", "-o", "a.json", cwd=folder)
    result = run("a.json", "a.log", cwd=folder)
    assert result.names == ["read", "write"]
    assert "a.log and a.json overlap: up to 2 events may be counted twice; calls are not affected\n" in result.stderr
    assert run("-q", "a.json", "a.log", cwd=folder).stderr == ""


def test_a_query_is_asked_of_files_too(folder: Path) -> None:
    run("collect", "a.log", "-o", "a.json", cwd=folder)
    assert run("--where", "syscall == write", "a.json", cwd=folder).names == ["write"]
    refused = run("--pid", "7", "a.json", cwd=folder)
    assert (refused.status, refused.stdout, refused.stderr) == (
        2,
        b"",
        "audit2seccomp: a.json: evidence files do not keep pid, which the query asks for: give the logs instead\n",
    )


def test_a_broken_file_is_named_and_nothing_is_written(folder: Path) -> None:
    (folder / "e.json").write_text('{"format":"audit2seccomp evidence","version":2}')
    result = run("collect", "a.log", "e.json", "-o", "out.json", cwd=folder)
    assert result.status == 3
    newer = "written by a newer audit2seccomp (format 2, this one reads 1): update audit2seccomp"
    assert result.stderr.startswith(f"audit2seccomp: e.json: /version: {newer}\n")
    assert result.stderr.endswith(f"audit2seccomp: {NOTHING}\n")
    assert not (folder / "out.json").exists()
    kept = run("collect", "--keep-going", "a.log", "e.json", "-o", "out.json", cwd=folder)
    assert (kept.status, json.loads((folder / "out.json").read_text())["lines"]) == (3, 3)


def test_strict_writes_nothing_that_is_incomplete(folder: Path) -> None:
    (folder / "a.log").write_bytes(line(0, arch="dead"))
    result = run("collect", "--strict", "a.log", "-o", "e.json", cwd=folder)
    assert (result.status, (folder / "e.json").exists()) == (1, False)


def test_a_state_reads_on_and_is_an_evidence_file(folder: Path) -> None:
    log = folder / "a.log"
    first = run("collect", "a.log", "--state", "s.json", cwd=folder)
    assert (first.status, first.stdout) == (0, b"")
    assert run("s.json", cwd=folder).names == ["read", "write"]
    with log.open("ab") as file:
        file.write(line(3))
    log.rename(folder / "a.log.1")
    log.write_bytes(line(5) + line(8)[:-1])
    second = run("collect", "a.log", "--state", "s.json", "-o", "e.json", cwd=folder)
    assert "a.log: its last line has not ended yet: the next run reads it\n" in second.stderr
    assert run("s.json", cwd=folder).names == ["close", "fstat", "read", "write"]
    assert run("collect", "-q", "s.json", cwd=folder).stdout == (folder / "e.json").read_bytes()
    state = (folder / "s.json").read_bytes()
    run("collect", "a.log", "--state", "s.json", cwd=folder)
    assert (folder / "s.json").read_bytes() == state


def test_what_was_removed_unread_is_said_and_strict_fails(folder: Path) -> None:
    run("collect", "a.log", "--state", "s.json", cwd=folder)
    before = (folder / "s.json").read_bytes()
    (folder / "a.log").rename(folder / "elsewhere")
    (folder / "a.log").write_bytes(line(3))
    strict = run("collect", "-q", "--strict", "a.log", "--state", "s.json", cwd=folder)
    assert strict.status == 1
    assert strict.stderr.startswith("audit2seccomp: a.log: what was read before is gone, also from a.log.*: ")
    assert (folder / "s.json").read_bytes() == before
    assert run("collect", "-q", "a.log", "--state", "s.json", cwd=folder).status == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--trust", "embedded", "a.log"), "s.json: was made with --trust anchored, and now it is embedded: give"),
        (("--trust", "authenticated", "a.log"), "s.json: was made with --trust anchored, and now it is authenticated"),
        (("--where", "uid == 0", "a.log"), "s.json: was made with --where (not given), and now it is uid == 0: give"),
        (("-",), "--state: standard input has no places to keep: name log files"),
        ((), "--state: standard input has no places to keep: name log files"),
        (("a.log", "-o", "s.json"), "--state and -o name the same file: the state file is an evidence file"),
    ],
)
def test_runs_that_do_not_go_together_are_refused(folder: Path, args: tuple[str, ...], message: str) -> None:
    run("collect", "a.log", "--state", "s.json", cwd=folder)
    result = run("collect", "--state", "s.json", *args, cwd=folder)
    assert result.status == 2
    assert result.stderr.startswith(f"audit2seccomp: {message}")


def test_no_evidence_is_merged_anew_each_night(folder: Path) -> None:
    run("collect", "a.log", "-o", "a.json", cwd=folder)
    result = run("collect", "a.json", "b.log", "--state", "s.json", cwd=folder)
    assert (result.status, (folder / "s.json").exists()) == (3, False)
    merged_anew = "a.json: an evidence file would be merged anew in each run: merge it once, without --state"
    assert result.stderr.startswith(f"audit2seccomp: {merged_anew}\n")
