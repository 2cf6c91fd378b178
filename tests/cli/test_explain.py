"""`audit2seccomp explain`: what logs show of each call, in each of its forms."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import (
    AARCH64,
    ALPHA,
    ERRNO,
    LOG,
    PATIENCE,
    SCRIPT,
    Result,
    body,
    embedded_line,
    line,
    run,
    running,
)

MODES = Path(__file__).parents[2] / "fixtures" / "recorded" / "dmesg-modes.txt"
EVIL = "\x1b[31m=HYPERLINK(1);\N{RIGHT-TO-LEFT OVERRIDE}"
SHARES = ["actions", "comm", "exe", "subj", "host", "unit", "container"]
CAVEAT = "coverage: this holds if the workload goes on as before"


def at(seconds: str, nr: int, *, code: str = LOG, comm: str = "a", serial: int = 1, arch: str = "c000003e") -> bytes:
    """A line of auditd's file."""
    text = comm.encode().hex().upper()
    return f"type=SECCOMP msg=audit({seconds}:{serial}): {body(nr, arch=arch, code=code, comm=text)}\n".encode()


def objects(*args: str | Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    """What --json prints."""
    result = run("explain", "--json", "-q", *args, stdin=stdin)
    assert (result.status, result.stderr) == (0, "")
    found = json.loads(result.stdout)
    assert isinstance(found, list)
    return found


def values(call: dict[str, Any], key: str) -> list[tuple[str | None, int]]:
    return [(share["value"], share["events"]) for share in call[key]]


def rows(result: Result) -> list[list[str]]:
    """The words of the list in plain text."""
    assert result.status == 0
    lines = result.stdout.decode().split("\n\n")[0].splitlines()
    return [text.split() for text in lines[1:]]


SAMPLE = (
    at("1700000005.000", 0, comm="web", serial=9)
    + at("1700000001.250", 0, comm="cat", code=ERRNO, serial=2)
    + at("1700000002.000", 0, comm="cat", serial=3)
    + at("1700000003.000", 1, serial=4)
    + at("1700000000.000", 63, serial=1, arch=AARCH64)
)


def test_every_key_of_a_call() -> None:
    read = objects(stdin=SAMPLE)[1]
    assert read == {
        "arch": "x86_64",
        "number": 0,
        "name": "read",
        "events": 3,
        "first": "2023-11-14T22:13:21.250Z",
        "last": "2023-11-14T22:13:25.000Z",
        "actions": [{"value": "LOG", "events": 2}, {"value": "ERRNO", "events": 1}],
        "comm": [{"value": "cat", "events": 2}, {"value": "web", "events": 1}],
        "exe": [{"value": "/http-echo", "events": 3}],
        "subj": [{"value": None, "events": 3}],
        "host": [{"value": None, "events": 3}],
        "unit": [{"value": None, "events": 3}],
        "container": [{"value": None, "events": 3}],
        "file": "<stdin>",
        "line": 2,
    }
    assert list(read) == ["arch", "number", "name", "events", "first", "last", *SHARES, "file", "line"]


def test_the_first_record_is_that_with_the_earliest_time(tmp_path: Path) -> None:
    later, earlier = tmp_path / "a.log", tmp_path / "b.log"
    later.write_bytes(b"\n" + at("1700000009.000", 0))
    earlier.write_bytes(b"\n\n" + at("1700000001.000", 0))
    (call,) = objects(later, earlier)
    assert (call["file"], call["line"], call["events"]) == (str(earlier), 3, 2)


def test_what_the_recorded_modes_did() -> None:
    calls = {(call["arch"], call["number"]): call for call in objects(MODES)}
    assert len(calls) == 12
    assert values(calls["x86_64", 110], "actions") == [
        ("KILL_THREAD", 2),
        *((name, 1) for name in ("0x12340000", "ERRNO", "KILL_PROCESS", "LOG", "TRACE", "TRAP", "USER_NOTIF")),
    ]
    assert calls["x86_64", -1]["name"] is None
    assert calls["x32", 0x4000006E]["name"] == "getppid"
    assert sum(call["events"] for call in calls.values()) == 22


def test_the_order_is_by_arch_and_name_with_the_nameless_last() -> None:
    log = b"".join((line(1), line(99999), line(-1), line(0), line(20, arch=ALPHA), line(3, arch=AARCH64)))
    assert [(call["arch"], call["number"]) for call in objects(stdin=log)] == [
        ("aarch64", 3),
        ("alpha", 20),
        ("x86_64", 0),
        ("x86_64", 1),
        ("x86_64", -1),
        ("x86_64", 99999),
    ]


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("name", ["read", "read", "write"]),
        ("rarest", ["read", "write", "read"]),
        ("frequent", ["read", "read", "write"]),
        ("first", ["read", "read", "write"]),
    ],
)
def test_orders(order: str, names: list[str]) -> None:
    assert [call["name"] for call in objects("--sort", order, stdin=SAMPLE)] == names


def test_calls_without_a_time_are_last_in_the_order_of_times() -> None:
    log = b"SECCOMP " + body(0).encode() + b"\n" + at("1700000009.000", 1) + at("1700000001.000", 2)
    calls = objects("--sort", "first", stdin=log)
    assert [(call["name"], call["first"]) for call in calls] == [
        ("open", "2023-11-14T22:13:21.000Z"),
        ("write", "2023-11-14T22:13:29.000Z"),
        ("read", None),
    ]


def test_an_unknown_order() -> None:
    result = run("explain", "--sort", "rares")
    assert (result.status, result.stdout) == (2, b"")
    assert result.stderr == (
        "audit2seccomp: --sort: no order 'rares': one of name, rarest, frequent, first: did you mean rarest?\n"
    )


def test_the_same_evidence_gives_the_same_bytes() -> None:
    lines = SAMPLE.splitlines(keepends=True)
    for form in ("--json", "--csv"):
        texts = {
            run("explain", form, "-q", stdin=b"".join(order)).stdout.replace(b'"line": 2', b"").replace(b",2\n", b"\n")
            for order in (lines, lines[1:2] + lines[:1] + lines[2:])
        }
        assert len({text.replace(b'"line": 1', b"").replace(b",1\n", b"\n") for text in texts}) == 1


def test_csv() -> None:
    result = run("explain", "--csv", "-q", stdin=SAMPLE)
    assert result.status == 0
    assert result.stdout.decode().splitlines() == [
        "arch,number,name,events,first,last,actions,comm,exe,subj,host,unit,container,file,line",
        "aarch64,63,read,1,2023-11-14T22:13:20.000Z,2023-11-14T22:13:20.000Z,LOG,a,/http-echo,,,,,<stdin>,5",
        "x86_64,0,read,3,2023-11-14T22:13:21.250Z,2023-11-14T22:13:25.000Z,LOG; ERRNO,cat; web,"
        "/http-echo,,,,,<stdin>,2",
        "x86_64,1,write,1,2023-11-14T22:13:23.000Z,2023-11-14T22:13:23.000Z,LOG,a,/http-echo,,,,,<stdin>,4",
    ]


@pytest.mark.parametrize(
    ("comm", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        ("\t=1", r"\t=1"),
        ('a",b', 'a",b'),
        ("a; b", r"a\x3b b"),
        ("a\nb", r"a\nb"),
    ],
)
def test_no_cell_is_a_formula_and_no_value_looks_like_two(comm: str, cell: str) -> None:
    result = run("explain", "--csv", "-q", stdin=at("1.000", 0, comm=comm))
    (row,) = csv.DictReader(io.StringIO(result.stdout.decode(), newline=""))
    assert row["comm"] == cell
    assert row["number"] == "0"


def test_the_second_of_two_values_is_no_formula_either() -> None:
    result = run("explain", "--csv", "-q", stdin=at("1.000", 0) * 2 + at("1.000", 0, comm="=1", serial=2))
    (row,) = csv.DictReader(io.StringIO(result.stdout.decode(), newline=""))
    assert row["comm"] == "'=1; a" or row["comm"] == "a; '=1"


def test_plain_text_is_aligned_with_one_line_for_each_call() -> None:
    result = run("explain", stdin=SAMPLE, env={"TZ": "Asia/Kolkata"})
    shown = result.stdout.decode().split("\n\n")
    assert shown[0].splitlines() == [
        "arch     number  name   events  first                last                 actions     first record  programs",
        "aarch64      63  read        1  2023-11-15 03:43:20  2023-11-15 03:43:20  LOG         <stdin>:5     "
        "a (/http-echo)",
        "x86_64        0  read        3  2023-11-15 03:43:21  2023-11-15 03:43:25  LOG, ERRNO  <stdin>:2     "
        "cat (/http-echo), web (/http-echo)",
        "x86_64        1  write       1  2023-11-15 03:43:23  2023-11-15 03:43:23  LOG         <stdin>:4     "
        "a (/http-echo)",
    ]
    assert shown[-1].splitlines() == [
        "coverage: 3 distinct calls in 5 events, 2 were seen only once: "
        "about 1 of 2 further events would be a call not seen yet",
        "coverage: no new call in the last 40% of the time",
        "coverage: this holds if the workload goes on as before: "
        "starting, reloading, failing and stopping make calls of their own",
    ]
    assert result.stderr == (
        "read 5 lines, 5 records: 4 used, 1 denied, 0 rejected, 0 not trusted\ncomplete as far as the log tells\n"
    )


def test_many_programs_are_counted_and_in_json_all_there() -> None:
    log = b"".join(at("1700000000.000", 0, comm=f"p{n}", serial=n) for n in range(9))
    (row,) = rows(run("explain", stdin=log))
    assert " ".join(row[-9:]) == "p0 (/http-echo), p1 (/http-echo), p2 (/http-echo), and 6 more"
    assert len(objects(stdin=log)[0]["comm"]) == 9


def test_the_chart_climbs_with_each_new_call() -> None:
    log = b"".join(at(f"17000000{10 * n:02}.000", n, serial=n) for n in range(5))
    log += at("1700000080.000", 0, serial=9)
    chart = run("explain", stdin=log, env={"COLUMNS": "60", "TZ": "UTC"}).stdout.decode().split("\n\n")[1].splitlines()
    assert chart[0] == "distinct calls over time"
    columns = list(zip(*(f"{text[4:]:54}" for text in chart[1:-1]), strict=True))
    heights = [
        "".join(column).count("█") * 8 + sum(" ▁▂▃▄▅▆▇".index(c) for c in column if c != "█") for column in columns
    ]
    assert heights == sorted(heights)
    assert len(set(heights)) == 5
    assert (chart[1][0], chart[8][0]) == ("5", "0")
    assert chart[-1].split() == ["2023-11-14", "22:13:20", "2023-11-14", "22:14:40"]


def test_no_chart_where_nothing_rises() -> None:
    assert "distinct calls over time" not in run("explain", stdin=at("1.000", 0) + at("9.000", 0)).stdout.decode()


def test_no_chart_without_times() -> None:
    shown = run("explain", stdin=b"SECCOMP " + body(0).encode() + b"\n").stdout.decode()
    assert "distinct calls over time" not in shown
    assert CAVEAT in shown
    assert rows(run("explain", stdin=b"SECCOMP " + body(0).encode() + b"\n"))[0][4:6] == ["?", "?"]


def test_times_that_no_calendar_has_are_seconds() -> None:
    log = at("99999999999999999999.125", 0)
    assert objects(stdin=log)[0]["first"] == "@99999999999999999999.125"
    assert rows(run("explain", stdin=log))[0][4] == "@99999999999999999999.125"
    (row,) = csv.DictReader(io.StringIO(run("explain", "--csv", stdin=log).stdout.decode()))
    assert row["first"] == "'@99999999999999999999.125"


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_nothing_that_a_stranger_wrote_reaches_the_terminal(form: tuple[str, ...], tmp_path: Path) -> None:
    log = tmp_path / EVIL.replace("/", "")
    log.write_bytes(at("1.000", 0, comm=EVIL) + line(1, comm=b"\xff\xfe".hex().upper()))
    result = run("explain", *form, log)
    assert result.status == 0
    shown = result.stdout.decode()
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert r"\x1b[31m" in shown.replace("\\\\", "\\")


def on_a_terminal(*args: str | Path, columns: int = 80) -> str:
    """What a terminal as standard output is sent."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "TZ": "UTC"}
    sent = b""
    with subprocess.Popen([SCRIPT, "explain", "-q", *args], stdout=theirs, env=environment) as process:
        os.close(theirs)
        while True:
            try:
                block = os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other side is closed
                break
            sent += block
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    return sent.decode().replace("\r\n", "\n")


def test_a_table_on_a_terminal_fits() -> None:
    shown = on_a_terminal(MODES).split("\n\n")[0]
    assert "\x1b[1march" in shown
    assert "(too wide for this terminal, but not for a file: last, first, first record)" in shown
    narrow = on_a_terminal(MODES, columns=44).split("\n\n")[0]
    assert "programs, actions)" in " ".join(narrow.split())
    assert "-2147483648" in narrow
    wide = on_a_terminal(MODES, columns=170)
    assert "first record" in wide
    assert "too wide" not in wide
    assert "2026-11-22 09:00:33" in wide
    assert "█" in wide
    assert CAVEAT in wide


def test_markup_in_a_name_is_text(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(at("1.000", 0, comm="[red]x[/red]"))
    assert "[red]x[/red]" in on_a_terminal(log, columns=170)


def test_rich_is_imported_for_a_terminal_only() -> None:
    command = [sys.executable, "-X", "importtime", SCRIPT, "explain", str(MODES)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert b" typer\n" in done.stderr
    for module in (b"rich", b"pyparsing", b"csv"):
        assert b" %b\n" % module not in done.stderr, module


def test_json_and_csv_together_are_refused() -> None:
    result = run("explain", "--json", "--csv", stdin=SAMPLE)
    assert (result.status, result.stdout) == (2, b"")
    assert "--json, --csv: one of them" in result.stderr


@pytest.mark.parametrize(
    ("log", "args", "reason"),
    [
        (b"hello\n", (), "no SECCOMP record found"),
        (embedded_line(), (), "no record is trusted: give a log that proves more, or lower --trust"),
        (line(0)[:-10] + b"\n", (), "no record is sound: explain --line shows what is wrong with a line"),
        (line(0), ("--comm", "x"), "no record is selected"),
    ],
)
def test_nothing_to_explain(log: bytes, args: tuple[str, ...], reason: str) -> None:
    result = run("explain", "-q", *args, stdin=log)
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr == f"audit2seccomp: nothing to explain: {reason}\n"


def test_what_is_left_out_is_said() -> None:
    result = run("explain", stdin=line(0) + embedded_line() + line(1)[:-10] + b"\n")
    assert result.status == 0
    said = result.stderr.splitlines()
    assert said[0] == "read 3 lines, 3 records: 1 used, 0 denied, 1 rejected, 1 not trusted"
    assert said[1].startswith("INCOMPLETE: record that the log cut (1 time")
    assert said[2].startswith("record that the log cut: <stdin>:3:")
    assert [text.split(":")[0] for text in said[3:] if not text.startswith(" ")] == ["rejected", "not trusted"]


def test_trust_and_selection() -> None:
    assert [call["number"] for call in objects("--trust", "embedded", stdin=embedded_line(7) + line(8))] == [8, 7]
    assert [call["number"] for call in objects("--where", "syscall == write", stdin=line(0) + line(1))] == [1]


def test_an_input_that_cannot_be_read(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line(0))
    result = run("explain", "-q", log, tmp_path / "none.log")
    assert (result.status, result.stdout) == (3, b"")
    result = run("explain", "-q", "--keep-going", log, tmp_path / "none.log")
    assert result.status == 3
    assert rows(Result(0, result.stdout, ""))[0][2] == "read"


def test_a_signal_ends_a_stream_and_what_was_read_is_explained() -> None:
    with running("explain") as stream:
        stream.feed(line(0))
        stream.wait_until_read()
        stream.signal(signal.SIGINT)
        result = stream.result()
    assert result.status == 130
    assert rows(Result(0, result.stdout, ""))[0][:4] == ["x86_64", "0", "read", "1"]
