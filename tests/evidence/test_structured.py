"""Structured logs, scanned: every form of one journal says the same, and JSON may stand among text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.scan import Scanner
from tests.cli.command import body, line
from tests.corpus import FIXTURES, read_bytes, seen_by

pytestmark = pytest.mark.usefixtures("each_scan")
SAME_JOURNAL = sorted(
    path
    for path in (FIXTURES / "recorded").glob("journal-*.txt")
    if path.stem.removeprefix("journal-")
    in {"short", "short-full", "short-iso", "short-precise", "short-monotonic", "with-unit", "cat", "verbose"}
    or path.stem.removeprefix("journal-").startswith(("export", "json"))
)
FLOODED = {
    "dmesg-auditctl-rate.txt": "audit-rate",
    "dmesg-backlog-auditd-stopped.txt": "audit-backlog",
    "dmesg-ratelimit.txt": "printk-limit",
    "journal-flood-missed.txt": "journal-missed",
    "journal-ratelimit.txt": "printk-limit",
}


def read_in_pieces(data: bytes, size: int, trust: Trust = Trust.ANCHORED) -> Evidence:
    """What a scanner makes of an input that comes in pieces."""
    scanner = Scanner(trust)
    scanner.start_input("sample")
    for start in range(0, len(data), size):
        scanner.feed(data[start : start + size])
    scanner.finish_input()
    return scanner.evidence()


@pytest.mark.parametrize("path", SAME_JOURNAL, ids=lambda path: path.name)
def test_every_form_of_a_journal_has_equal_counts(path: Path) -> None:
    wanted = seen_by(read_bytes((FIXTURES / "recorded" / "dmesg-fmt-plain.txt").read_bytes()))
    assert wanted.total() == 16
    assert seen_by(read_bytes(path.read_bytes())) == wanted


def test_there_are_forms_to_compare() -> None:
    assert len(SAME_JOURNAL) >= 12


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
@pytest.mark.parametrize(
    "name", ["export", "json", "json-pretty", "json-sse", "oddnames-export", "oddnames-json", "verbose"]
)
def test_cuts_into_blocks_make_no_difference(name: str, size: int) -> None:
    data = (FIXTURES / "recorded" / f"journal-{name}.txt").read_bytes()
    assert read_in_pieces(data, size) == read_bytes(data)


@pytest.mark.parametrize(("name", "kind"), FLOODED.items())
def test_logs_with_losses_say_so(name: str, kind: str) -> None:
    assert kind in read_bytes((FIXTURES / "recorded" / name).read_bytes()).losses


@pytest.mark.parametrize("name", ["odd-values.json", "odd-values.export", "odd-values.verbose"])
def test_signs_of_loss_are_those_of_who_can_know(name: str) -> None:
    """rsyslogd's words are there twice, once by a stranger."""
    evidence = read_bytes((FIXTURES / "journal" / name).read_bytes())
    assert {kind: sample.events for kind, sample in evidence.losses.items()} == {
        "printk-limit": 1,
        "journal-missed": 1,
        "syslog-limit": 1,
    }


def test_json_among_text_and_text_among_json_are_read() -> None:
    (entry,) = [
        text
        for text in (FIXTURES / "recorded" / "journal-json.txt").read_bytes().splitlines(keepends=True)
        if b"syscall=1000 " in text and b'"_TRANSPORT":"kernel"' in text
    ]
    text, more = b"".join(map(line, range(3))), b"".join(map(line, range(3)))
    for log in (text + entry + more, entry + text + more):
        for size in (50, len(log)):
            evidence = read_in_pieces(log, size)
            assert {key.nr: count.events for key, count in evidence.counts.items()} == {0: 2, 1: 2, 2: 2, 1000: 1}
            assert evidence.lines == 7
    # Below an application's dated line it may be part of that one's message.
    forged = read_in_pieces(b"2026-11-22 09:01:56 INFO got:\n" + entry, 4096)
    assert not forged.counts
    assert sum(sample.events for sample in forged.refused.values()) == 1


def test_json_proves_its_author_until_a_line_of_another_program() -> None:
    entry = (
        b'{"__CURSOR":"s=%d","_TRANSPORT":"audit","_AUDIT_ID":"%d","MESSAGE":"SECCOMP '
        + body().replace('"', '\\"').encode()
        + b'"}\n'
    )
    first, second, third = (entry % (number, number) for number in (1, 2, 3))
    logs = {first + b"\n" + second + third: 3, first + second + b"hello\n" + third: 2, b"hello\n" + first + second: 0}
    logs[first + b"5,1,2,-;x\n" + line(1) + second + b"5,1,2,-;" + line(1)[line(1).index(b"audit:") :]] = 1
    for log, proven in logs.items():
        for size in (50, len(log)):
            evidence = read_in_pieces(log, size, Trust.AUTHENTICATED)
            assert evidence.sound == proven
            assert evidence.sound + sum(one.events for one in evidence.refused.values()) == log.count(b"auid=")


def test_a_copy_in_another_input_counts_nothing_again() -> None:
    data = (FIXTURES / "recorded" / "dmesg-runc-busybox-httpd.txt").read_bytes()
    scanner = Scanner()
    for name in ("kern.log", "kern.log.1"):
        scanner.start_input(name)
        scanner.feed(data)
        scanner.finish_input()
    evidence = scanner.evidence()
    assert (evidence.records, evidence.sound, evidence.copies) == (402, 201, 201)


def test_what_auditd_says_of_having_stopped_holds_what_records_hold() -> None:
    suspended = (FIXTURES / "recorded" / "auditd-suspended.log").read_bytes()
    assert "auditd-disk" in read_bytes(suspended).losses


def test_entries_with_and_without_a_number_are_counted_apart() -> None:
    task = 'auid=0 uid=0 gid=0 ses=1 pid=7 comm="a" exe="/b"'
    message = f"SECCOMP {task} sig=0 arch=c000003e syscall=1 compat=0 ip=0x1 code=0x7ffc0000"
    entry = {"__CURSOR": "s=1", "_TRANSPORT": "audit", "_HOSTNAME": "h", "MESSAGE": message}
    scanner = Scanner()
    scanner.start_input("journal")
    for numbers in ([1], [2], [None, None], [3]):
        stamps = [
            {"_AUDIT_ID": str(number), "_SOURCE_REALTIME_TIMESTAMP": "1000"} if number else {} for number in numbers
        ]
        scanner.feed(b"".join(json.dumps(entry | stamp).encode() + b"\n" for stamp in stamps))
    scanner.finish_input()
    (count,) = scanner.evidence().counts.values()
    assert (count.numbered, count.unnumbered, count.events) == (3, 2, 3)


def audit_entry(nr: int, serial: int | None, boot: str = "a") -> bytes:
    """A record of journald's audit transport."""
    task = 'auid=0 uid=0 gid=0 ses=1 pid=7 comm="a" exe="/b" sig=0 arch=c000003e'
    message = f"SECCOMP {task} syscall={nr} compat=0 ip=0x1 code=0x7ffc0000"
    fields = {"__CURSOR": "s=1", "_TRANSPORT": "audit", "_HOSTNAME": "h", "_BOOT_ID": boot * 32, "MESSAGE": message}
    stamp = {} if serial is None else {"_AUDIT_ID": f"{serial}", "_SOURCE_REALTIME_TIMESTAMP": f"{serial}000"}
    return json.dumps(fields | stamp).encode() + b"\n"


def in_blocks(*blocks: bytes) -> Evidence:
    """What a scanner makes of an input in these blocks, behind one that shows the form of messages."""
    scanner = Scanner()
    scanner.start_input("journal")
    for block in (audit_entry(0, 99), *blocks):
        scanner.feed(block)
    scanner.finish_input()
    return scanner.evidence()


def test_an_entry_without_a_number_takes_none_from_others_in_its_block() -> None:
    entries = [audit_entry(1, None), audit_entry(1, 7), audit_entry(1, None)]
    for blocks in (entries, [b"".join(entries)]):
        counts = {key.nr: (one.numbered, one.unnumbered) for key, one in in_blocks(*blocks).counts.items()}
        assert counts == {0: (1, 0), 1: (1, 2)}


def test_a_call_that_two_boots_of_a_host_made_stands_first_where_the_first_made_it() -> None:
    entries = [audit_entry(0, 100, "a"), audit_entry(1, 101, "b"), audit_entry(1, 102, "a")]
    for blocks in (entries, [b"".join(entries)]):
        assert {key.nr: one.line for key, one in in_blocks(*blocks).counts.items()} == {0: 1, 1: 3}
