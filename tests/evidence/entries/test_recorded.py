"""What real tools wrote: the same in every format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries.entry import NO_MESSAGE, Entry
from audit2seccomp.evidence.model import Parsed
from audit2seccomp.evidence.record import parse_record
from tests.evidence.entries.decoding import JOURNAL, RECORDED, decoded, entries, problems, said

BOOT = "4aea7b561aae4627bb748514c4c7491f"


def read(path: Path) -> list[Entry]:
    """The entries of a recorded log in which nothing is wrong."""
    found = decoded(path.read_bytes())
    assert len(entries(found)) == len(found)
    return entries(found)


def without_line(entry: Entry) -> Entry:
    """An entry that another format has in another line."""
    return entry._replace(line=0)


def serial_in(message: bytes) -> int:
    """The serial of a record in the kernel's words."""
    parsed = parse_record(message.removeprefix(b"audit: "))
    assert isinstance(parsed, Parsed)
    assert parsed.record.serial is not None
    return parsed.record.serial


def test_a_journal_holds_each_event_twice_and_the_text_of_a_process() -> None:
    found = read(RECORDED / "journal-json.txt")
    audit = [entry for entry in found if entry.carrier.name == "journald, audit transport"]
    kernel = [entry for entry in found if entry.carrier.name == "journald, kernel transport"]
    assert [entry.serial for entry in audit] == list(range(85228, 85244))
    assert sorted(serial_in(entry.message) for entry in kernel) == list(range(85228, 85244))
    assert [entry.message for entry in found if entry not in audit + kernel] == [b"begin small"]
    assert audit[0] == Entry(
        message=b'SECCOMP auid=4294967295 uid=0 gid=0 ses=4294967295 pid=12876 comm="trig" '
        b'exe="/srv/sandbox/tools/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 code=0x7ffc0000',
        carrier=audit[0].carrier,
        host="vm",
        unit=None,
        container=None,
        boot=BOOT,
        millis=1795338117078,
        serial=85228,
        tag="audit",
        line=2,
    )
    assert kernel[0].serial is None
    assert {entry.tag for entry in kernel} == {"kernel"}
    assert {entry.carrier.trust for entry in audit + kernel} == {Trust.AUTHENTICATED}


@pytest.mark.parametrize("output", ["json-pretty", "json-sse", "export", "verbose"])
def test_every_format_says_the_same(output: str) -> None:
    other = map(without_line, read(RECORDED / f"journal-{output}.txt"))
    assert list(other) == list(map(without_line, read(RECORDED / "journal-json.txt")))


def test_names_of_any_bytes_are_the_same_in_json_and_export() -> None:
    export = list(map(without_line, read(RECORDED / "journal-oddnames-export.txt")))
    assert export == list(map(without_line, read(RECORDED / "journal-oddnames-json.txt")))
    assert [entry.serial for entry in export] == sorted(entry.serial or 0 for entry in export)
    assert len(export) == 37


def test_an_audit_id_is_as_good_as_a_transport() -> None:
    fields = read(RECORDED / "journal-json-fields.txt")
    whole = [entry for entry in read(RECORDED / "journal-json.txt") if entry.tag == "audit"]
    # --output-fields left out where and when.
    assert [without_line(entry) for entry in fields] == [
        without_line(entry)._replace(host=None, millis=None) for entry in whole
    ]


ODD = {
    "plain": ("SECCOMP", 1, 1795338117001, None, "audit"),
    "nl": ("SECCOMP", 2, 1795338117002, None, "audit"),
    "bytes": ("SECCOMP", 3, 1795338117003, None, "audit"),
    "label": ("SECCOMP", 4, 1795338117004, None, "audit"),
    "long": ("SECCOMP", 5, 1795338117005, None, "audit"),
    "unit": ("SECCOMP", 6, 1795338117006, "docker-" + "ab12" * 16 + ".scope", "audit"),
    "last": ("SECCOMP", 7, 1795338117007, None, "audit"),
}
"""The audit events of the journal with odd values: serial, time and unit."""


@pytest.mark.parametrize("path", sorted(JOURNAL.glob("odd-values*")), ids=lambda path: path.name)
def test_odd_values(path: Path) -> None:
    found = decoded(path.read_bytes())
    # A label that is no UTF-8 makes its message one that is not printable, and with a label nothing is spelled out.
    left_out = path.name == "odd-values.verbose"
    assert [reason for reason, _ in problems(found)] == [NO_MESSAGE] * left_out
    audit = [entry for entry in entries(found) if entry.carrier.name == "journald, audit transport"]
    assert [
        (entry.message.split(b" ")[0].decode(), entry.serial, entry.millis, entry.unit, entry.tag) for entry in audit
    ] == [told for name, told in ODD.items() if not (left_out and name == "label")]
    parsed = {entry.serial: parse_record(entry.message) for entry in audit}
    assert all(isinstance(one, Parsed) for one in parsed.values())
    assert {serial: one.record.nr for serial, one in parsed.items() if isinstance(one, Parsed)} == {
        serial: serial for serial in parsed
    }
    assert {entry.container for entry in audit if entry.unit} == {"ab12" * 16}
    kernel = [entry.message for entry in entries(found) if entry.tag == "kernel"]
    assert [message[:12] for message in kernel] == [b"audit: type=", b"kauditd_prin", b"one\ntwo"]


def test_a_record_that_journalctl_left_out_is_spelled_out_by_its_fields() -> None:
    """Longer than 4,096 bytes, a message is null in JSON; with --all it is there."""
    short, whole = (
        next(entry for entry in read(JOURNAL / name) if entry.serial == 5)
        for name in ("odd-values.json", "odd-values-all.json")
    )
    assert len(whole.message) > 4096
    assert parse_record(short.message) == parse_record(whole.message.replace(b'comm="long"', b"comm=6C6F6E67"))
    assert short._replace(message=b"") == whole._replace(message=b"")


def test_signs_of_loss_are_those_of_who_can_know() -> None:
    tags = [
        (entry.tag, entry.message)
        for entry in read(JOURNAL / "odd-values.export")
        if entry.tag not in {"", "audit", "kernel"}
    ]
    assert tags == [
        ("systemd-journald", b"Missed 1118 kernel messages"),
        ("rsyslogd", b"imuxsock lost 44 messages from pid 12 due to rate-limiting"),
        ("auditd", b"queue is full"),
    ]


def test_a_container_is_known_by_what_its_log_driver_says() -> None:
    wrote = [entry for entry in read(JOURNAL / "odd-values.json") if entry.unit == "docker.service"]
    assert [(entry.container, entry.carrier.trust) for entry in wrote] == [("ab12" * 16, Trust.EMBEDDED)]


def test_dmesg_json_says_what_dmesg_says() -> None:
    plain = (RECORDED / "dmesg-fmt-plain.txt").read_bytes().splitlines()
    messages = [re.sub(rb"^\[ *[0-9.]+\] ", b"", line) for line in plain]
    begin = messages.index(b"h_corpus: begin small")
    assert said(read(RECORDED / "dmesg-fmt-J.json")) == [("anchored", "kernel", text) for text in messages[begin:]]


@pytest.mark.parametrize(
    ("json", "text", "prefix"),
    [
        ("rsyslog-long-json.log", "rsyslog-long-traditional.log", rb"^.* vm kernel: (?:\[ *[0-9.]+\] )?"),
        ("syslog-ng-json.log", "syslog-ng-messages.log", rb"^.* vm kernel: (?:\[ *[0-9.]+\] )?"),
        ("audisp-syslog-raw-rsyslog-json.log", "audisp-syslog-raw-rsyslog-traditional.log", rb"^.*? audisp-syslog: +"),
        ("audisp-syslog-node-rsyslog-json.log", "audisp-syslog-node-rsyslog-fileformat.log", rb"^.*? node=vm "),
    ],
)
def test_syslog_json_says_what_the_text_says(json: str, text: str, prefix: bytes) -> None:
    """Of the records: the two were written at different times, and less their clocks."""

    def records(messages: list[bytes]) -> list[bytes]:
        less_clock = [re.sub(rb"^\[ *[0-9.]+\] ", b"", message) for message in messages]
        return [message for message in less_clock if b"type=1326" in message or b"type=SECCOMP" in message]

    lines = (RECORDED / text).read_bytes().splitlines()
    found = read(RECORDED / json)
    told = records([entry.message for entry in found if entry.carrier.trust is Trust.ANCHORED])
    assert told == records([re.sub(prefix, b"", line) for line in lines])
    assert told
    assert {entry.host for entry in found} == {"vm"}
