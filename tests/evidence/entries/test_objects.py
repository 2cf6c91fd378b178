"""Single objects: what wraps the kernel's words, and what that proves."""

from __future__ import annotations

import json

import pytest

from audit2seccomp.evidence.entries.entry import (
    BROKEN_JSON,
    MALFORMED_FIELDS,
    WRONG_TYPE,
    Problem,
    TextLine,
)
from audit2seccomp.evidence.entries.json_text import decode_line
from audit2seccomp.evidence.model import Parsed, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from tests.evidence.entries.decoding import AUDITD, PRINTK, RECORD, decoded, entries, problems, said

TEXT = PRINTK.decode()
CLOCKED = "[   12.345678] " + TEXT
SYSLOG = "Jul  6 15:37:40 vm kernel: " + CLOCKED
WRAPPED = "it is text in the JSON of another program"
NOT_THE_KERNEL = "its tag or facility is not the kernel's"


def told(value: object) -> list[tuple[str, str, bytes]]:
    """What an object on a line says."""
    return said(decoded(json.dumps(value).encode() + b"\n"))


def nested(value: object) -> str:
    """An object in a string."""
    return json.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        {"log": CLOCKED + "\n", "stream": "stderr", "time": "2026-09-19T17:41:51.726110366Z"},
        {"log": CLOCKED, "stream": "stdout", "kubernetes": {"pod_name": "kernel"}, "SYSLOG_IDENTIFIER": "kernel"},
        {"message": CLOCKED, "@timestamp": "2026-06-30T03:08:13.118Z", "log": {"file": {"path": "/var/log/kern.log"}}},
        {"level": "info", "msg": "nothing", "message": CLOCKED},
        {"MESSAGE": CLOCKED, "PRIORITY": "5"},
        {"version": "1.1", "host": "vm", "short_message": CLOCKED, "_facility": "kern"},
        {"insertId": "9x", "jsonPayload": {"MESSAGE": CLOCKED, "_TRANSPORT": "kernel"}},
        {"insertId": "9x", "textPayload": CLOCKED},
        {"_index": "logs", "_source": {"message": CLOCKED}},
        {"streams": [{"stream": {"job": "kmsg"}, "values": [["1772351003000000000", CLOCKED]]}]},
        {"status": "success", "data": {"resultType": "streams", "result": [{"values": [["1", CLOCKED, {}]]}]}},
        {"labels": {"job": "kmsg"}, "line": CLOCKED, "timestamp": "2026-06-30T03:08:13Z"},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": CLOCKED}}]}]}]},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"MESSAGE": CLOCKED, "_TRANSPORT": "kernel"}}]}]}]},
        # Nested once: the line of the container is JSON itself.
        {
            "log": nested({"_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "MESSAGE": CLOCKED}) + "\n",
            "stream": "stdout",
        },
        {"msg": nested({"level": 30, "msg": CLOCKED})},
        # Members that a shipper merged in from a container's JSON.
        {"stream": "stdout", "_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "__CURSOR": "s=1", "MESSAGE": CLOCKED},
        {"kubernetes": {}, "_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "__CURSOR": "s=1", "MESSAGE": CLOCKED},
        {"stream": "stdout", "tag": "kernel:", "host": "vm", "message": CLOCKED},
        {"stream": "stdout", "pri": 5, "msg": CLOCKED},
        {"level": "info", "pri": 5, "msg": CLOCKED},
    ],
)
def test_a_wrapper_proves_nothing(value: object) -> None:
    assert told(value) == [("embedded", "", CLOCKED.encode())]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"level": "info", "ctx": {"_TRANSPORT": "kernel", "_AUDIT_ID": "1", "MESSAGE": TEXT}}, None),
        ({"message": "login failed", "request": {"headers": {"user-agent": TEXT}}}, b"login failed"),
        # Nested twice.
        ({"log": nested({"log": nested({"log": TEXT})}), "stream": "stdout"}, nested({"log": TEXT}).encode()),
    ],
)
def test_no_text_is_searched_for_deeper(value: object, text: bytes | None) -> None:
    whole = json.dumps(value).encode()
    assert told(value) == [("embedded", "", whole if text is None else text)]


def test_each_line_of_a_wrapped_text_is_one() -> None:
    found = entries(decoded(json.dumps({"log": f"failed:\n\n{TEXT}\n", "stream": "stdout"}).encode()))
    assert [(entry.message, entry.line) for entry in found] == [(b"failed:", 1), (PRINTK, 1)]


@pytest.mark.parametrize(
    "fields",
    [
        {"tag": "kernel:", "severity": "notice"},
        {"syslogtag": "kernel:", "programname": "kernel", "facility": "kern"},
        {"program": "kernel", "facility": 0, "procid": "-"},
        {"PROGRAM": "kernel", "FACILITY": "kern", "PRIORITY": "notice"},
        {"ident": "kernel", "syslogfacility-text": "kern"},
        {"app-name": "kernel", "facility": "0"},
    ],
)
def test_a_syslog_daemon_says_who_spoke(fields: dict[str, object]) -> None:
    (entry,) = entries(decoded(json.dumps({**fields, "host": "vm", "message": " " + CLOCKED}).encode()))
    assert (entry.message, entry.carrier.name, entry.host) == (CLOCKED.encode(), "syslog JSON, kernel", "vm")
    assert said([entry]) == [("anchored", "kernel", CLOCKED.encode())]


@pytest.mark.parametrize(
    "fields",
    [
        {"tag": "kernel[77]:"},
        {"tag": "kernel:", "pid": "77"},
        {"PROGRAM": "kernel", "PID": "77", "FACILITY": "kern"},
        {"PROGRAM": "kernel", "FACILITY": "user"},
        {"tag": "kernel:", "facility": 1},
        {"tag": "kernel:", "facility": None},
        {"tag": "kernel:", "programname": "portal"},
        {"tag": "app.kmsg"},
        {"tag": "my kernel:"},
        {"tag": ""},
        {"tag": 5},
        {"tag": ["kernel"]},
    ],
)
def test_another_program_is_not_the_kernel(fields: dict[str, object]) -> None:
    (entry,) = entries(decoded(json.dumps({**fields, "host": "vm", "message": CLOCKED}).encode()))
    assert (entry.message, entry.carrier.name, entry.tag) == (CLOCKED.encode(), NOT_THE_KERNEL, "")


def test_signs_of_loss_keep_their_speaker() -> None:
    lost = "imuxsock lost 44 messages from pid 12 due to rate-limiting"
    assert told({"tag": "rsyslogd:", "host": "vm", "message": lost}) == [("embedded", "rsyslogd", lost.encode())]
    assert told({"tag": "sshd:", "host": "vm", "message": lost}) == [("embedded", "", lost.encode())]


@pytest.mark.parametrize("node", ["", "node=n1.example "])
@pytest.mark.parametrize("tag", ["audisp-syslog:", "audispd[568]:", "audispd:"])
def test_the_audit_daemon_speaks_through_syslog(tag: str, node: str) -> None:
    message = f" {node}{AUDITD.decode()}"
    (entry,) = entries(decoded(json.dumps({"tag": tag, "host": "vm", "facility": "user", "message": message}).encode()))
    assert said([entry]) == [("anchored", "auditd", AUDITD)]
    assert entry.host == ("n1.example" if node else "vm")


@pytest.mark.parametrize(
    ("fields", "carrier"),
    [
        ({"pri": 5, "time": 1.5}, "dmesg --json"),
        ({"pri": 7}, "dmesg --json"),
        ({"pri": 5, "caller": "T55"}, "dmesg --json"),
        ({"fac": "kern", "pri": "notice", "time": 1.5}, "dmesg --json"),
        ({"fac": "user", "pri": "notice"}, "a process wrote it to the kernel log (its facility is not kern)"),
        ({"pri": 8}, "a process wrote it to the kernel log (its facility is not kern)"),
        ({"pri": 13}, "a process wrote it to the kernel log (its facility is not kern)"),
    ],
)
def test_dmesg_json(fields: dict[str, object], carrier: str) -> None:
    element = {**fields, "msg": TEXT}
    alone, compact, pretty = element, {"dmesg": [element]}, json.dumps({"dmesg": [element]}, indent=3)
    for data in (
        json.dumps(alone),
        json.dumps(compact),
        pretty,
        json.dumps([element]),
        json.dumps([element], indent=2),
    ):
        assert [(entry.message, entry.carrier.name) for entry in entries(decoded(data.encode()))] == [(PRINTK, carrier)]


@pytest.mark.parametrize("fields", [{"pri": "x"}, {"pri": None}, {"pri": True}, {"pri": -1}, {"pri": 5.5}, {"pri": []}])
def test_dmesg_without_a_priority_is_wrong(fields: dict[str, object]) -> None:
    assert problems(decoded(json.dumps({"dmesg": [{**fields, "msg": TEXT}]}).encode())) == [(WRONG_TYPE, 1)]
    assert problems(decoded(json.dumps({"dmesg": [{"pri": 5, "msg": 7}]}).encode())) == [(WRONG_TYPE, 1)]


LAUREL = {
    "auid": 4294967295,
    "uid": 0,
    "gid": 0,
    "ses": 4294967295,
    "pid": 12876,
    "comm": "tri%25g%FF x",
    "exe": "/bin/zoë",
    "sig": 0,
    "arch": "0xc000003e",
    "syscall": -1,
    "compat": 0,
    "ip": "0x436fc9",
    "code": "0x7ffc0000",
    "ARCH": "x86_64",
    "SYSCALL": "fstat",
}


def record_of(message: bytes) -> SeccompRecord:
    """The record that is the whole message."""
    parsed = parse_record(message)
    assert isinstance(parsed, Parsed), parsed
    assert parsed.end == len(message)
    return parsed.record


@pytest.mark.parametrize("several", [False, True])
def test_laurel_spells_records_out(several: bool) -> None:
    event = {"ID": "1795338117.078:85228", "NODE": "n1", "SECCOMP": [LAUREL] if several else LAUREL}
    (entry,) = entries(decoded(json.dumps(event).encode()))
    assert (entry.carrier.name, entry.carrier.trust.name, entry.host) == ("laurel", "ANCHORED", "n1")
    assert record_of(entry.message) == SeccompRecord(
        millis=1795338117078,
        serial=85228,
        arch=0xC000003E,
        nr=-1,
        code=0x7FFC0000,
        pid=12876,
        uid=0,
        comm=b"tri%g\xff x",
        exe="/bin/zoë".encode(),
        subj=None,
    )


def test_a_label_of_laurel_adds_no_field() -> None:
    label = "=p//null-/tmp/e " + RECORD.decode() + " (complain)"
    event = {"ID": "1795338117.078:85228", "SECCOMP": {**LAUREL, "subj": label}}
    (entry,) = entries(decoded(json.dumps(event).encode()))
    record = record_of(entry.message)
    assert (record.nr, record.comm, record.subj) == (-1, b"tri%g\xff x", label[1:].encode())


@pytest.mark.parametrize(
    "change",
    [{"arch": "x86_64"}, {"syscall": "fstat"}, {"code": 5}, {"comm": None}, {"pid": "1 pid=2"}, {"syscall": [1]}],
)
def test_fields_of_laurel_that_are_not_the_kernels_are_named(change: dict[str, object]) -> None:
    event = {"ID": "1795338117.078:85228", "SECCOMP": {**LAUREL, **change}}
    expected = [(WRONG_TYPE if change == {"comm": None} else MALFORMED_FIELDS, 1)]
    assert problems(decoded(json.dumps(event).encode())) == expected
    missing = {name: value for name, value in LAUREL.items() if name not in change}
    event = {"ID": "1795338117.078:85228", "SECCOMP": missing}
    assert problems(decoded(json.dumps(event).encode())) == ([] if "pid" in change else [(MALFORMED_FIELDS, 1)])
    assert problems(decoded(json.dumps({"ID": "x", "SECCOMP": LAUREL}).encode())) == [(MALFORMED_FIELDS, 1)]


AUDITBEAT = {
    "@timestamp": "2026-03-26T07:34:17.325Z",
    "process": {"name": "brave", "executable": "/opt/brave", "pid": 372},
    "auditd": {
        "message_type": "seccomp",
        "sequence": 5957868,
        "data": {"code": "0x50000", "syscall": "fstat", "compat": "0", "ip": "0x7f5b", "arch": "x86_64", "sig": "0"},
    },
    "service": {"type": "auditd"},
}


def test_auditbeat_names_the_call() -> None:
    (entry,) = entries(decoded(json.dumps(AUDITBEAT).encode()))
    assert entry.carrier.name == "auditbeat"
    assert record_of(entry.message) == SeccompRecord(
        millis=1774510457325,
        serial=5957868,
        arch=0xC000003E,
        nr=5,
        code=0x50000,
        pid=372,
        uid=None,
        comm=b"brave",
        exe=b"/opt/brave",
        subj=None,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"@timestamp": "yesterday"}, [(MALFORMED_FIELDS, 1)]),
        ({"@timestamp": "2026-03-26T07:34:17"}, [(MALFORMED_FIELDS, 1)]),
        ({"process": {}}, [(MALFORMED_FIELDS, 1)]),
        ({"auditd": {"message_type": "syscall"}}, []),
        ({"auditd": {**AUDITBEAT["auditd"], "data": {"arch": "vax"}}}, [(MALFORMED_FIELDS, 1)]),  # type: ignore[dict-item]
    ],
)
def test_other_events_of_auditbeat(change: dict[str, object], reason: list[tuple[str, int]]) -> None:
    found = decoded(json.dumps({**AUDITBEAT, **change}).encode())
    assert problems(found) == reason
    assert len(found) == len(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"MESSAGE":"x","_TRANSPORT":5}', WRONG_TYPE),
        (b'{"MESSAGE":{"a":1},"_TRANSPORT":"kernel"}', WRONG_TYPE),
        (b'{"MESSAGE":["a",1],"_TRANSPORT":"kernel"}', WRONG_TYPE),
        (b'{"MESSAGE":[1,256],"_TRANSPORT":"kernel"}', WRONG_TYPE),
        (b'{"MESSAGE":true,"_TRANSPORT":"kernel"}', WRONG_TYPE),
        (b'{"MESSAGE":"x","_TRANSPORT":["kernel","audit"]}', WRONG_TYPE),
        (b'{"MESSAGE":"x","_TRANSPORT":"kernel"', BROKEN_JSON),
        (b'{"MESSAGE":"x","_TRANSPORT":"kernel"}}', BROKEN_JSON),
        (b'{"MESSAGE":"x" "_TRANSPORT":"kernel"}', BROKEN_JSON),
        (b'{"MESSAGE":"x","_TRANSPORT":kernel}', BROKEN_JSON),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", BROKEN_JSON),
    ],
)
def test_what_is_wrong_with_a_line_is_named(line: bytes, reason: str) -> None:
    found = decoded(b'{"log":"a"}\n' + line + b'\n{"log":"b"}\n')
    assert [entry.message for entry in entries(found)] == [b"a", b"b"]
    assert found[1:-1] == [Problem(reason, 2, line[:240])]


def test_numbers_that_a_shipper_made_of_strings() -> None:
    value = {"MESSAGE": TEXT, "_TRANSPORT": "kernel", "SYSLOG_FACILITY": 0, "_PID": 1, "_HOSTNAME": "vm"}
    assert told(value) == [("anchored", "kernel", PRINTK)]


def test_bytes_that_are_no_utf_8() -> None:
    assert said(decoded(b'{"tag":"kernel:","message":"caf\xe9"}')) == [("anchored", "kernel", "caf\ufffd".encode())]
    assert said(decoded(b'{"log":"caf\xe9","\xff":1}')) == [("embedded", "", "caf\ufffd".encode())]


def test_lines_that_are_no_json_are_handed_back() -> None:
    found = decoded(b'{"log":"a"}\n-- Boot 1 --\n' + PRINTK + b"\n[no array\n{no object\n")
    assert found[1:] == [
        TextLine(b"-- Boot 1 --", 2),
        TextLine(PRINTK, 3),
        TextLine(b"[no array", 4),
        Problem(BROKEN_JSON, 5, b"{no object"),
    ]


def test_one_object_on_each_line_of_an_array() -> None:
    assert [message for _, _, message in said(decoded(b'[\n{"log":"a"},\n{"log":"b"}\n]\n'))] == [b"a", b"b"]
    assert [message for _, _, message in said(decoded(b'[{"log":"a"},{"log":"b"}]\n'))] == [b"a", b"b"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (PRINTK, None),
        (b"[   12.345678] " + PRINTK, None),
        (b"{not JSON", None),
        (b'{"log":"a" b', None),
        (json.dumps({"log": TEXT, "stream": "stdout"}).encode(), [("embedded", "", PRINTK)]),
        (b"data: " + json.dumps({"tag": "kernel:", "message": TEXT}).encode(), [("anchored", "kernel", PRINTK)]),
        (b"\x1e" + json.dumps({"tag": "kernel:", "message": TEXT}).encode(), [("anchored", "kernel", PRINTK)]),
        (
            b"2026-08-28T19:59:15.000000001Z stdout F "
            + json.dumps({"_TRANSPORT": "kernel", "SYSLOG_FACILITY": "0", "__CURSOR": "s=1", "MESSAGE": TEXT}).encode(),
            [("embedded", "", PRINTK)],
        ),
        (b"2026-08-28T19:59:15.000000001Z stdout F {no JSON", None),
        (b"2026-08-28T19:59:15.000000001Z stdout F " + PRINTK, None),
    ],
)
def test_json_among_the_lines_of_a_text_log(line: bytes, expected: object) -> None:
    found = decode_line(line, 7)
    assert (None if found is None else said(found)) == expected
    assert found is None or {entry.line for entry in entries(found)} == {7}


def test_a_broken_line_with_a_record_is_named_in_a_text_log_too() -> None:
    line = json.dumps({"log": TEXT}).encode()[:-9]
    assert decode_line(line, 7) == [Problem(BROKEN_JSON, 7, line[:240])]
