"""docs/records.md, "Opening" and "Head": what is a record, a reject and nothing, at both edges of every bound."""

from __future__ import annotations

import pytest

from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed, SeccompRecord

from .bodies import ARM, BODY, HEAD, OPENING, STAMP, TAIL, record, rejected, with_head


def test_every_field_of_a_record() -> None:
    assert parse(BODY) == Parsed(
        SeccompRecord(
            millis=1795338117078,
            serial=85228,
            arch=0xC000003E,
            nr=110,
            code=0x7FFC0000,
            pid=12876,
            uid=0,
            comm=b"trig",
            exe=b"/bin/trig",
            subj=None,
        ),
        len(BODY),
    )


@pytest.mark.parametrize("word", [b"type=1326 audit(", b"type=SECCOMP msg=audit(", b"type=UNKNOWN[1326] msg=audit("])
def test_openings_with_a_stamp(word: bytes) -> None:
    assert record(word + STAMP + HEAD + TAIL) == record(BODY)


def test_the_audit_transport_has_no_stamp() -> None:
    assert record(b"SECCOMP " + HEAD + TAIL) == record(BODY)._replace(millis=None, serial=None)


@pytest.mark.parametrize("word", [b"type=1701 audit(", b"type=ANOM_ABEND msg=audit("])
def test_core_dumps_are_records_only_for_seccomp(word: bytes) -> None:
    tail = b'comm="trig" reason="seccomp" sig=0 syscall=6 compat=0 ip=0x64ed7d code=0x50001'
    found = record(word + STAMP + HEAD + tail, ARM)
    assert (found.arch, found.nr, found.code, found.exe) == (ARM, 6, 0x50001, None)
    assert parse(word + STAMP + HEAD + tail.replace(b"seccomp", b"memory"), ARM) is None
    assert parse(word + STAMP + HEAD + tail.replace(b" reason", b"_reason"), ARM) is None
    assert parse(word + b"x", ARM) is None
    rejected(word + b'x reason="seccomp"', ARM)
    rejected(word + STAMP + HEAD + tail)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" " + BODY,
        b"audit: " + BODY,
        BODY[:15],
        BODY.replace(b"1326", b"1300"),
        BODY.replace(b"1326", b"13260"),
        BODY.replace(b"1326 ", b"1326\t"),
        BODY.replace(b"type", b"Type"),
        b"type=1326 msg=audit(" + STAMP + HEAD + TAIL,
        b"type=SECCOMP audit(" + STAMP + HEAD + TAIL,
        b"type=SYSCALL msg=audit(" + STAMP + HEAD + TAIL,
        b"type=UNKNOWN[1327] msg=audit(" + STAMP + HEAD + TAIL,
        b"SECCOMP",
        b"SECCOMP\t" + HEAD + TAIL,
        b"SECCOMPX " + HEAD + TAIL,
    ],
)
def test_nothing(body: bytes) -> None:
    assert parse(body) is None
    assert isinstance(parse(BODY), Parsed)


@pytest.mark.parametrize(
    ("stamp", "millis", "serial"),
    [
        (b"0.000:0): ", 0, 0),
        (b"114.040:1): ", 114040, 1),
        (b"%s.999:%s): " % (b"9" * 20, b"9" * 20), int("9" * 23), int("9" * 20)),
    ],
)
def test_sound_stamps(stamp: bytes, millis: int, serial: int) -> None:
    found = record(b"type=1326 audit(" + stamp + HEAD + TAIL)
    assert (found.millis, found.serial) == (millis, serial)


@pytest.mark.parametrize(
    "stamp",
    [
        b"",
        b".000:0): ",
        b"1:0): ",
        b"1.00:0): ",
        b"1.0000:0): ",
        b"1.000:): ",
        b"1.000): ",
        b"1.000:0)",
        b"1.000:0):",
        b"1.000:0):\t",
        b"1.000:0) : ",
        b" 1.000:0): ",
        b"-1.000:0): ",
        b"1" * 21 + b".000:0): ",
        b"1.000:" + b"1" * 21 + b"): ",
        b"\xb2.000:0): ",
        b"1.000:0x1): ",
    ],
)
def test_unsound_stamps(stamp: bytes) -> None:
    rejected(b"type=1326 audit(" + stamp + HEAD + TAIL)


@pytest.mark.parametrize(
    ("head", "uid", "pid", "subj"),
    [
        (b"", None, None, None),
        (b"uid=4294967295 ", 4294967295, None, None),
        (b"uid=9999999999 pid=-1 ", 9999999999, -1, None),
        (b"pid=1 uid=2 ", 2, 1, None),
        (b"uid=1 uid=x pid=2 pid=x ", 1, 2, None),
        (b"auid=x ppid=x xuid= ", None, None, None),
        (b"uid=1  \xff\x00\n pid=2  ", 1, 2, None),
        (b"pid=3 ppid=4 ", None, 3, None),
        (b"uid=1 subj=unconfined pid=2 ", 1, 2, b"unconfined"),
        (b"uid=1 subj==unconfined pid=2 ", 1, 2, b"unconfined"),
        (b"subj===x pid=2 ", None, 2, b"=x"),
        (b"subj=? ppid=1 pid=2 ", None, 2, b"?"),
        (b"subj=a pid=2 ppid=1 ", None, 2, b"a"),
        (b"subj=a ppid=2 ", None, None, b"a"),
        (b"subj=a pid=2 pid=3 ", None, 2, b"a"),
        (b"subj==docker-default (enforce) pid=2 ", None, 2, b"docker-default (enforce)"),
        (b"subj= pid=2 ", None, 2, b""),
        (b"subj== pid=2 ", None, 2, b""),
        (b"subj= ", None, None, b""),
        (b"subj=a  b  pid=2 ", None, 2, b"a  b "),
        (b"subj=a pid=2  ", None, None, b"a pid=2 "),
        (b"subj=pid=1 pid=2 ", None, 2, b"pid=1"),
        (b"subj=a pid=1 b pid=2 ", None, 2, b"a pid=1 b"),
        (b"subj=a pid=12345678901 ", None, None, b"a pid=12345678901"),
        (b"subj=a pid=12345678901 pid=2 ", None, 2, b"a pid=12345678901"),
        (b"subj=a pid=x uid=x ", None, None, b"a pid=x uid=x"),
        (b"subj=a subj=b pid=2 ", None, 2, b"a subj=b"),
        (b"pid=x subj=a pid=2 ", None, 2, b"a"),
        (b"pid=1 subj=a ", None, None, b"a"),
        (b"xsubj=a pid=2 ", None, 2, None),
        (b"subj=\xc3\xa9\x00 pid=-2147483648 ", None, -2147483648, b"\xc3\xa9\x00"),
    ],
)
def test_heads(head: bytes, uid: int | None, pid: int | None, subj: bytes | None) -> None:
    assert record(with_head(head)) == record(BODY)._replace(uid=uid, pid=pid, subj=subj)


@pytest.mark.parametrize(
    "head",
    [
        b"uid= ",
        b"uid=-1 ",
        b"uid=12345678901 ",
        b"uid=x uid=1 ",
        b"uid=1x ",
        b"uid=x subj=a ",
        b"uid=1\t ",
        b"uid=\xb2 ",
        b"pid= ",
        b"pid=- ",
        b"pid=12345678901 ",
        b"pid=x pid=1 ",
        b"pid=1x ",
        b"uid=1 pid=x ",
        b"pid=1 uid=x ",
    ],
)
def test_unsound_heads(head: bytes) -> None:
    rejected(with_head(head))


def test_the_last_comm_counts() -> None:
    label = b"subj==p//null-/tmp/e pid=7 uid=9 " + TAIL.replace(b"110", b"101") + b" (complain) pid=12876 "
    found = record(with_head(b"uid=0 " + label))
    assert (found.nr, found.pid, found.uid) == (110, 12876, 0)
    assert found.subj == label[len(b"subj==") : -len(b" pid=12876 ")]
    rejected(BODY + b' comm="x"')
    assert record(BODY + b'.comm="x"') == record(BODY)


@pytest.mark.parametrize("glue", [b"", b"x", b"\t", b"\n", b"=", b'"'])
def test_comm_follows_the_opening_or_a_blank(glue: bytes) -> None:
    assert record(OPENING + TAIL).comm == b"trig"
    assert record(with_head(b"pid=1 ")).pid == 1
    if glue:
        rejected(OPENING + glue + TAIL)
        rejected(with_head(b"pid=1" + glue))
    else:
        rejected(OPENING + HEAD)
