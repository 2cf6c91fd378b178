"""`audit2seccomp explain --line`: one line, what it travels in, how far it is believed, and each field."""

from __future__ import annotations

import json
import pty
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.cli.explain_line import MAX_GRAMMAR_BYTES, explained
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.grammar import explain
from audit2seccomp.evidence.model import Parsed
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES
from tests.cli.command import PATIENCE, SCRIPT, body, embedded_line, run
from tests.evidence.bodies import bodies, openings

RECORDED = Path(__file__).parents[2] / "fixtures" / "recorded"
STAMP = "type=1326 audit(1594067860.484:14536): "
LINE = f"Jul  6 15:37:40 my-machine kernel: [369128.669452] audit: {STAMP}{body()}"

SOUND = ["trust:   anchored: syslog, kernel: a process can write such a line", "record:  sound"]


def said(line: bytes | str, *args: str) -> tuple[int, list[str]]:
    """Exit status and what stands on stdout, for a line on stdin."""
    data = line if isinstance(line, bytes) else line.encode()
    result = run("explain", "--line", *args, stdin=data + b"\n")
    assert result.stderr == ""
    return result.status, result.stdout.decode().splitlines()


def caret(lines: list[str]) -> tuple[str, str]:
    """What stands in front of the caret and behind it, in the line above."""
    (at,) = [number for number, text in enumerate(lines) if text.strip() == "^"]
    column = lines[at].index("^")
    return lines[at - 1][4:column], lines[at - 1][column:]


def test_a_sound_record_field_by_field() -> None:
    assert said(LINE) == (
        0,
        [
            "carrier: syslog, kernel, of host my-machine",
            *SOUND,
            "",
            "  field    written               meaning",
            "  type     1326                  a SECCOMP record",
            "  audit    1594067860.484:14536  2020-07-06T20:37:40.484Z, serial 14536",
            "  auid     4294967295            unset",
            "  uid      0                     0",
            "  gid      0                     not counted",
            "  ses      4294967295            unset",
            "  pid      29064                 29064",
            '  comm     "http-echo"           http-echo',
            '  exe      "/http-echo"          /http-echo',
            "  sig      0                     no signal",
            "  arch     c000003e              x86_64 (AUDIT_ARCH_X86_64)",
            "  syscall  51                    getsockname",
            "  compat   0                     the kernel's own calling convention",
            "  ip       0x46fe1f              where in the program; not counted",
            "  code     0x7ffc0000            LOG: the call ran",
        ],
    )


def meanings(line: str, *args: str) -> dict[str, str]:
    """The meaning of each field."""
    _, lines = said(line, *args)
    table = lines[lines.index("") + 1 :]
    column = table[0].index("meaning")
    return {text[2:].split("  ")[0]: text[column:] for text in table[1:]}


@pytest.mark.parametrize(
    ("old", "new", "field", "meaning"),
    [
        ('"http-echo"', "6120620A", "comm", r"a b\n"),
        ('"http-echo"', "FF", "comm", r"\udcff"),
        ('"/http-echo"', "(null)", "exe", "not known"),
        ("syscall=51", "syscall=1073741935", "arch", "x32 (AUDIT_ARCH_X86_64)"),
        ("syscall=51", "syscall=1073741935", "syscall", "getpgrp"),
        ("c000003e", "c00000b7", "syscall", "chroot"),
        ("syscall=51", "syscall=-1", "syscall", "not in the tables of Linux 7.2.13"),
        ("0x7ffc0000", "0x80000000", "code", "KILL_PROCESS: the call did not run"),
        ("0x7ffc0000", "0x50001", "code", "ERRNO: the call did not run"),
        ("0x7ffc0000", "0x7ff00000", "code", "TRACE: another program decided about the call"),
        ("0x7ffc0000", "0x12340000", "code", "no action that the kernel defines"),
        ("sig=0", "sig=31", "sig", "SIGSYS"),
        ("sig=0", "sig=999", "sig", "no signal that is known here"),
        ("compat=0", "compat=1", "compat", "the calling convention of another ABI"),
        ("auid=4294967295", "auid=1000", "auid", "not counted"),
        ("ip=0x46fe1f", "ip=0x46fe1f new=1", "new", "not looked at"),
        (" pid=", " subj==docker-default (enforce) pid=", "subj", "docker-default (enforce)"),
        (" pid=", " strange pid=", "(no field)", "not looked at"),
    ],
)
def test_meanings(old: str, new: str, field: str, meaning: str) -> None:
    assert meanings(LINE.replace(old, new))[field] == meaning


def test_what_a_label_holds_is_not_taken_for_fields() -> None:
    forged = LINE.replace(" pid=", ' subj==a pid=1 comm="x" code=0x7ffc0000 (enforce) pid=')
    found = meanings(forged)
    assert found["pid"] == "29064"
    assert found["subj"].startswith('a pid=1 comm="x"')
    assert list(found).count("comm") == 1


@pytest.mark.parametrize(
    ("line", "status", "trust"),
    [
        (f"type=SECCOMP msg=audit(1.000:2): {body()}", 0, "authenticated"),
        (f"<13>[1.000000] audit: {STAMP}{body()}", 1, "embedded"),
        (embedded_line().decode().rstrip(), 1, "embedded"),
        (f"{LINE} and more", 1, "embedded: text stands behind the record"),
        (
            f"Jul  6 15:37:40 my-machine audit[7]: SECCOMP {body()}",
            1,
            "embedded: the pid in the tag is not the record's: a process wrote it",
        ),
    ],
)
def test_trust_and_why(line: str, status: int, trust: str) -> None:
    found, lines = said(line)
    assert (found, lines[1]) == (status, f"trust:   {trust}")
    assert ("record:  sound" in lines) == (status == 0)
    assert ("record:  sound, but not trusted: --trust is anchored" in lines) == (status == 1)
    assert said(line, "--trust", "embedded")[0] == 0


def test_why_nothing_carries_it() -> None:
    assert said(f"<13>[1.000000] audit: {STAMP}{body()}")[1][0] == (
        "carrier: none: a process wrote it to the kernel log (its facility is not kern)"
    )


def test_a_line_without_prefix_depends_on_those_above() -> None:
    assert "         (in a log, the lines above can make it less)" in said(f"{STAMP}{body()}")[1]
    assert "         (in a log, the lines above can make it less)" not in said(LINE)[1]


@pytest.mark.parametrize(
    ("line", "reason", "before", "behind"),
    [
        (LINE.replace("syscall=51", "syscall=fifty"), "expected 1 to 10 digits", "syscall=", "fifty"),
        (LINE.replace('"/http-echo"', '"/http echo"'), "expected closing quote", 'exe="/http', " echo"),
        (LINE.removesuffix("7ffc0000"), "expected 0x and 1 to 8 lower-case hex digits", "code=", "0x"),
        (LINE.removesuffix(" code=0x7ffc0000"), "no code= although there is an arch=", "0x46fe1f", ""),
        (LINE.replace("484:", "48:"), "expected milliseconds in three digits", "audit(1594067860.", "48:"),
        (LINE.replace("arch=c000003e ", ""), "no arch=", "0x7ffc0000", ""),
        (LINE.replace("sig=0", "sig=0 sig=0"), "a second sig=", "sig=0 ", "sig=0 arch"),
        (LINE.replace("uid=0 ", "uid=x "), "expected 1 to 10 digits", " uid=", "x gid"),
        (LINE.replace("c000003e", "deadbeef"), "arch= is none that the kernel defines", "sig=0 ", "arch=deadbeef"),
    ],
)
def test_a_caret_stands_under_the_place(line: str, reason: str, before: str, behind: str) -> None:
    status, lines = said(line)
    assert (status, lines[1]) == (1, f"record:  rejected: {reason}")
    shown = caret(lines)
    assert shown[0].endswith(before)
    assert shown[1].startswith(behind)
    assert bool(shown[1]) == bool(behind)


def test_an_old_record_with_the_architecture_that_is_assumed() -> None:
    line = LINE.replace("arch=c000003e ", "")
    assert said(line, "--assume-arch", "aarch64")[0] == 0
    assert meanings(line, "--assume-arch", "aarch64")["syscall"] == "chroot"


@pytest.mark.parametrize(
    "wide", ["\t", "\x1b[31m", "é", "漢字", "e\N{COMBINING ACUTE ACCENT}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\udcff"]
)
def test_nothing_shifts_the_caret(wide: str) -> None:
    line = LINE.replace(" pid=", f" subj={wide} pid=").replace("syscall=51", "syscall=x")
    _, lines = said(line.encode(errors="surrogateescape"))
    above, under = next((lines[i - 1], text) for i, text in enumerate(lines) if text.strip() == "^")
    widths = {"漢": 2, "字": 2, "\N{COMBINING ACUTE ACCENT}": 0}
    column = sum(widths.get(character, 1) for character in above[: above.index("syscall=x") + len("syscall=")])
    assert under == " " * column + "^"
    assert above.isprintable()


def test_a_long_line_is_shown_around_the_caret() -> None:
    line = LINE.replace(" pid=", f" subj={'x' * 5000} pid=").replace("syscall=51", "syscall=x") + "y" * 5000
    _, lines = said(line)
    before, behind = caret(lines)
    assert (before[0], behind[-1]) == ("…", "…")
    assert before.endswith("arch=c000003e syscall=")
    assert behind.startswith("x compat=0")
    assert len(before + behind) == 98


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "nothing in the line opens one"),
        ("Jul  6 15:37:40 my-machine sshd[1]: hello", "nothing in the line opens one"),
        ("type=1300 audit(1.000:2): arch=c000003e", "expected opening of a SECCOMP record"),
        ("x type=1326 msg=audit(1.000:2): auid=0", "expected opening of a SECCOMP record"),
        ("\udcff\x00", "nothing in the line opens one"),
    ],
)
def test_no_record_at_all(line: str, reason: str) -> None:
    status, lines = said(line.encode(errors="surrogateescape"))
    assert (status, lines[:2]) == (1, ["carrier: none", f"record:  none: {reason}"])


def test_the_caret_of_no_record_stands_where_it_looks_like_one() -> None:
    assert caret(said("x type=1326 msg=audit(1.000:2): auid=0")[1]) == ("x ", "type=1326 msg=audit(1.000:2): auid=0")


def test_a_core_dump_is_another_kind() -> None:
    assert said('type=1701 audit(1.000:2): auid=0 1326 comm="a" reason="memory"')[1] == [
        "carrier: kernel log without prefix",
        "record:  none: the text opens like one, but is of another kind",
    ]


def test_the_line_as_an_argument() -> None:
    by_argument = run("explain", "--line", LINE)
    assert (by_argument.status, by_argument.stdout) == (0, run("explain", "--line", stdin=LINE.encode()).stdout)
    assert run("explain", LINE, "--line").stdout == by_argument.stdout
    assert run("explain", "--line", "-", stdin=LINE.encode() + b"\r\nmore\n").status == 0
    assert run("explain", "--line", LINE.encode() + b" \xff").status == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("a", "b"), "--line: takes one line: put it between quotes"),
        (("--json", "a"), "--line: explains what is written there"),
        (("--comm", "x", "a"), "--line: explains what is written there"),
    ],
)
def test_mistakes(args: tuple[str, ...], message: str) -> None:
    result = run("explain", "--line", *args)
    assert (result.status, result.stdout) == (2, b"")
    assert result.stderr.startswith(f"audit2seccomp: {message}")


def test_a_terminal_is_not_waited_for() -> None:
    ours, theirs = pty.openpty()
    with open(ours, "rb"), open(theirs, "rb") as terminal:
        command = [SCRIPT, "explain", "--line"]
        done = subprocess.run(command, stdin=terminal, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--line: no line: give one, or pipe it in" in done.stderr


def test_a_record_that_ausearch_interpreted() -> None:
    line = (RECORDED / "ausearch-raw-i.txt").read_bytes().splitlines()[1]
    status, lines = said(line)
    assert (status, lines[0], lines[3]) == (0, "carrier: ausearch -i", "record:  sound")
    found = meanings(line.decode())
    assert found == {
        "type": "a SECCOMP record",
        "audit": "time not known, serial 85464",
        "auid": "unset",
        "uid": "0",
        "gid": "not counted",
        "ses": "unset",
        "pid": "14117",
        "comm": "trig",
        "exe": "/srv/sandbox/tools/trig",
        "sig": "no signal",
        "arch": "x86_64 (AUDIT_ARCH_X86_64)",
        "syscall": "getppid",
        "compat": "the kernel's own calling convention",
        "ip": "where in the program; not counted",
        "code": "LOG: the call ran",
    }
    labelled = line.replace(b" pid=", b" subj=a (enforce) pid=")
    assert meanings(labelled.decode())["subj"] == "a (enforce)"
    status, lines = said(line.replace(b"arch=x86_64", b"arch=vax"))
    assert (status, lines[1]) == (1, "record:  rejected: arch= is no name that auditd writes")
    assert caret(lines)[1].startswith("vax syscall=")


def test_a_record_in_json() -> None:
    line = (RECORDED / "journal-json.txt").read_bytes().splitlines()[-1].decode()
    status, lines = said(line)
    assert (status, lines[:3]) == (
        0,
        [
            "carrier: journald, kernel transport, of host vm",
            "trust:   authenticated",
            "record:  sound",
        ],
    )
    assert meanings(line)["comm"] == 'a "b" c'
    forged = json.dumps({"message": LINE, "host": "h"})
    assert said(forged)[1][:2] == [
        "carrier: none: it is text in the JSON of another program",
        "trust:   embedded",
    ]
    assert said(line.replace("syscall=", "syscall=x"))[1][1] == "record:  rejected: expected 1 to 10 digits"
    assert said(line[:-5])[1] == ["record:  rejected: broken JSON"]


def test_a_line_without_end() -> None:
    status, lines = said(b"type=1326 audit(1.000:2): " + b"auid=" * (MAX_LINE_BYTES // 4))
    assert (status, lines) == (1, [f"record:  rejected: line longer than {MAX_LINE_BYTES:,} bytes"])


@pytest.mark.parametrize("field", [b" a=1", b" a"])
def test_a_very_long_body_is_read_as_the_scanner_does_it(field: bytes) -> None:
    line = LINE.encode().replace(b" pid=", field * (MAX_GRAMMAR_BYTES // 2) + b" pid=")
    assert said(line) == (0, ["carrier: syslog, kernel, of host my-machine", *SOUND])
    cut = line.removesuffix(b" code=0x7ffc0000")
    assert said(cut)[1][1] == "record:  rejected: cut before code="
    assert caret(said(cut)[1])[0].endswith("ip=0x46fe1f")


def test_a_line_of_many_fields_is_cut() -> None:
    line = LINE.replace(" pid=", " a=1" * 1000 + " pid=")
    status, lines = said(line)
    assert (status, lines[-1]) == (0, "  and 915 more")


def counted(line: bytes) -> bool:
    """Whether a line by itself counts."""
    scanner = Scanner()
    scanner.start_input("x")
    scanner.feed(line + b"\n")
    scanner.finish_input()
    return scanner.evidence().sound > 0


JSON_LINES = [RECORDED / name for name in ("journal-json.txt", "journal-json-sse.txt", "journal-oddnames-json.txt")]
LOGS = sorted({*RECORDED.glob("*.log"), *RECORDED.glob("dmesg*.txt"), *RECORDED.glob("ausearch*-i.txt"), *JSON_LINES})


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_what_is_sound_and_trusted_is_what_is_counted(log: Path) -> None:
    for line in log.read_bytes().splitlines()[:12]:
        assert explained(line, Trust.ANCHORED, None)[0] == counted(line), line


@given(st.sampled_from((b"", b"audit: ", b"x", b"\xff\x1b[1m")), openings, st.binary() | bodies)
def test_any_line_is_explained_in_printable_text(prefix: bytes, opening: bytes, rest: bytes) -> None:
    line = (prefix + opening + rest).replace(b"\n", b"")
    sound, lines = explained(line, Trust.ANCHORED, None)
    assert sound == counted(line)
    assert all(text.isprintable() for text in lines)


@given(openings, st.binary() | bodies)
def test_fields_stand_where_they_say(opening: bytes, rest: bytes) -> None:
    text = opening + rest
    found = explain(text)
    assert not (isinstance(found.verdict, Parsed) and not found.fields)
    ends = [0]
    for field in found.fields:
        if field.name == "audit":
            assert text[field.at :].startswith(b"audit(" + field.text + b"): ")
        else:
            assert text[field.at :].startswith((field.name.encode() + b"=" if field.name else b"") + field.text)
        assert field.at >= ends[-1]
        ends.append(field.at + len(field.name) + len(field.text))
    if isinstance(found.verdict, Parsed):
        read = {field.name: field.text for field in found.fields if field.read}
        assert int(read["syscall"]) == found.verdict.record.nr
        assert (int(read["pid"]) if "pid" in read else None) == found.verdict.record.pid
        assert (int(read["uid"]) if "uid" in read else None) == found.verdict.record.uid
        assert ends[-1] <= found.verdict.end + 1
