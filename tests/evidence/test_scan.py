"""The fast path: the same as reading line by line, however the bytes are cut, and bounded in memory."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.evidence import notes, tally
from audit2seccomp.evidence.carriers import CARRIERS as KNOWN
from audit2seccomp.evidence.carriers import Speaker, Trust, locate
from audit2seccomp.evidence.decide import UNKNOWN_ARCH
from audit2seccomp.evidence.model import Evidence, Parsed, RecordKey, Sample
from audit2seccomp.evidence.notes import SAMPLE_BYTES
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES, TOO_LONG
from audit2seccomp.evidence.text.shapes import MAX_SHAPES, record_text
from audit2seccomp.evidence.trust import judge
from audit2seccomp.kernel.abi import abi_of
from tests.evidence.bodies import ARM
from tests.evidence.line_by_line import (
    LINE,
    claims,
    expressions,
    log_lines,
    scanned,
    slowly,
    trusts,
    with_own_serials,
    without_text,
)
from tests.writer import CARRIERS, Carrier, KernelRecord, forgeries, lines

pytestmark = pytest.mark.usefixtures("each_scan")
X86_64 = 0xC000003E


def events(evidence: Evidence) -> list[int]:
    """Of each key."""
    return [count.events for count in evidence.counts.values()]


@settings(max_examples=300)
@given(log=log_lines, data=st.data(), trust=trusts, last=st.sampled_from((b"", b"\n")))
def test_equal_to_reading_line_by_line_for_any_cut(
    log: list[bytes], data: st.DataObject, trust: Trust, last: bytes
) -> None:
    text = with_own_serials(b"\n".join(log) + last)
    cuts = tuple(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    assert without_text(scanned(text, cuts, trust, own=False)) == without_text(slowly(text, trust))
    # Which of several keys a serial stands for that all of them claim, depends on who comes first.
    text = b"\n".join(log) + last
    assert claims(scanned(text, cuts, trust, own=False)) == claims(slowly(text, trust))


@given(name=st.sampled_from(sorted(CARRIERS)), data=st.data(), trust=trusts, lean=st.booleans())
def test_equal_when_the_shape_is_known_and_the_block_dense(
    name: str, data: st.DataObject, trust: Trust, lean: bool
) -> None:
    drawn = data.draw(st.lists(lines([name]), min_size=1, max_size=6))
    text = b"".join(line + b"\n" for line, _, _ in drawn) + data.draw(st.sampled_from((b"", b"x\n", LINE + b"\n")))
    with patch.object(tally, "MAX_TEXTS", 0 if lean else tally.MAX_TEXTS), patch.object(tally, "_WORTH_IT", 1 << 30):
        once = scanned(text, (), trust, warm=text, own=False)
        twice = scanned(text * 2, (len(text),), trust, warm=text, own=False)
    assert claims(once) == claims(slowly(text, trust))
    assert claims(twice) == claims(slowly(text * 2, trust))


@given(drawn=lines())
def test_each_carrier_is_read_back_and_trusted_as_it_deserves(drawn: tuple[bytes, KernelRecord, Carrier]) -> None:
    line, record, carrier = drawn
    if not record.age.value.arch or abi_of(record.arch, record.nr) is None:
        return
    located = locate(line)
    assert located is not None
    assert located.carrier is not None
    parsed = parse_record(located.body)
    assert isinstance(parsed, Parsed)
    assert parsed.record == record.meaning(stamped=carrier.stamped)
    assert located.repeat == carrier.repeat
    verdict = judge(located, parsed.record, parsed.end, continues=False, foreign=False)
    assert verdict.trust.name.lower() == carrier.trust
    assert {key[:-1] for key in scanned(line + b"\n").counts} == {
        (record.arch, record.nr, record.code, record.comm, parsed.record.exe, record.uid, parsed.record.subj)
    }
    assert events(scanned(line + b"\n")) == [carrier.repeat]


@given(drawn=lines())
def test_a_line_is_in_one_carrier_only(drawn: tuple[bytes, KernelRecord, Carrier]) -> None:
    line = drawn[0].lstrip(b"\0").removeprefix(b"\xef\xbb\xbf")
    if b"\x1b" not in line:
        assert sum(carrier.pattern.match(line) is not None for carrier in KNOWN) == 1


@given(drawn=lines())
def test_a_lean_expression_takes_only_what_the_parser_takes(drawn: tuple[bytes, KernelRecord, Carrier]) -> None:
    known, body = expressions(drawn[0])
    match = known.lean.match(b"\n" + drawn[0] + b"\n")
    whole = known.whole.match(b"\n" + drawn[0] + b"\n")
    call = None
    if whole is not None:
        fields: Any = next(
            known.columns([whole.groups(b"") if known.whole.groups > 1 else whole[1]], lean=False)
        ).texts[0]
        call = known.call(fields)
        located = known.located(fields)
        again, parsed = parse_record(located.body, ARM), parse_record(body, ARM)
        assert type(again) is type(parsed)
        if isinstance(again, Parsed) and isinstance(parsed, Parsed):
            assert again.record._replace(millis=None, serial=None) == parsed.record._replace(millis=None, serial=None)
    assert call == (None if match is None else match.groups()[-3:])
    if call is not None:
        parsed, again = parse_record(body), parse_record(record_text(call))
        assert isinstance(parsed, Parsed)
        assert isinstance(again, Parsed)
        assert again.record == parsed.record._replace(millis=None, serial=None, pid=0)


def test_both_expressions_take_the_common_lines() -> None:
    for line in (
        LINE,
        LINE[LINE.index(b"[") :],
        b"type=SECCOMP msg=" + LINE[LINE.index(b"audit(") :] + b'\x1dAUID="unset" UID="root"',
        b"Oct 26 17:29:39 node audit[29064]: SECCOMP " + LINE[LINE.index(b"auid") :],
    ):
        known, _ = expressions(line)
        assert known.whole.match(b"\n" + line + b"\n")
        assert known.lean.match(b"\n" + line + b"\n")


@given(forged=forgeries())
def test_no_forgery_is_believed(forged: bytes) -> None:
    assert not scanned(forged, trust=Trust.ANCHORED).counts
    # Nor behind a genuine line, when the fast path is warm.
    assert scanned(LINE + b"\n" + forged, warm=LINE + b"\n").counts == scanned(LINE).counts


@given(st.binary(max_size=4000))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    assert scanned(data).lines == data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


@pytest.mark.parametrize("block_bytes", [1 << 16, 1 << 20, 3 << 20])
def test_a_line_that_is_too_long_is_not_read_and_not_lost_in_silence(block_bytes: int) -> None:
    long = LINE + b" " * MAX_LINE_BYTES
    data = LINE + b"\n" + long + b"\n" + b"x" * (2 * MAX_LINE_BYTES) + b"\n" + LINE
    evidence = scanned(data, tuple(range(0, len(data), block_bytes)))
    assert sum(events(evidence)) == 2
    assert evidence.lines == 4
    assert evidence.rejected == {TOO_LONG: Sample(1, ("log", 2), with_own_serials(data).split(b"\n")[1][:SAMPLE_BYTES])}


def test_a_token_across_two_pieces_of_a_line_that_is_too_long_is_seen() -> None:
    data = b"x" * (MAX_LINE_BYTES + 10) + b"auid=7 and more\n"
    for cut in range(MAX_LINE_BYTES + 5, len(data)):
        assert TOO_LONG in scanned(data, (MAX_LINE_BYTES + 2, cut)).rejected


def test_a_hole_of_nuls_is_not_a_line_that_is_too_long() -> None:
    data = b"\0" * (3 * MAX_LINE_BYTES) + LINE + b"\n"
    evidence = scanned(data, tuple(range(0, len(data), 1 << 16)))
    assert sum(events(evidence)) == 1
    assert not evidence.rejected


def test_from_too_many_keys_on_names_are_left_out_and_then_records_rejected() -> None:
    with patch.object(tally, "MAX_KEYS", 10), patch.object(tally, "MAX_COARSE_KEYS", 15):
        many = b"".join(
            LINE.replace(b"http-echo", b"name-%d" % i).replace(b"=51", b"=%d" % i) + b"\n" for i in range(30)
        )
        evidence = scanned(many)
    assert len(evidence.counts) == 15
    assert sum(key.comm is None for key in evidence.counts) == 5
    assert evidence.rejected[tally.TOO_MANY].events == 15


def test_texts_are_folded_and_nothing_is_lost() -> None:
    with patch.object(tally, "MAX_TEXTS", 3):
        data = b"".join(LINE.replace(b"ses=4294967295", b"ses=%d" % (i % 50)) + b"\n" for i in range(500))
        evidence = scanned(data, tuple(range(0, len(data), 5000)))
    assert events(evidence) == [500]


def test_a_new_key_is_told_once_when_it_is_first_seen() -> None:
    told: list[RecordKey] = []
    scanner = Scanner(on_new=told.append)
    scanner.start_input("log")
    scanner.feed(LINE + b"\n" + LINE + b"\n" + LINE[:20])
    assert [key.nr for key in told] == [51]
    scanner.feed(LINE[20:].replace(b"=51", b"=52") + b"\n" + LINE + b"\n")
    assert [key.nr for key in told] == [51, 52]


def test_an_unknown_arch_is_rejected_with_its_place_on_the_fast_path_too() -> None:
    strange = LINE.replace(b"c000003e", b"dead")
    data = LINE + b"\n" + LINE + b"\n" + strange + b"\n" + strange + b"\n"
    evidence = scanned(data, warm=LINE + b"\n")
    assert evidence.rejected[UNKNOWN_ARCH].events == 2
    assert evidence.rejected[UNKNOWN_ARCH].place == ("log", 3)


def test_a_bare_line_below_an_application_is_refused_and_below_the_system_log_is_not() -> None:
    bare = LINE[LINE.index(b"audit:") :]
    below = b"2026-05-12 21:47:26,118 ERROR [http-7] rejected name: foo\n" + bare + b"\n" + bare
    assert not scanned(below).counts
    assert not scanned(below, tuple(range(0, len(below), 7))).counts
    again = below + b"\nJul  6 15:37:40 host systemd[1]: Started.\n" + bare
    assert sum(events(scanned(again))) == 1
    assert not scanned(below, warm=bare + b"\n" + bare + b"\n").counts


_PRINTK = LINE[LINE.index(b"audit:") :]
PROVEN = {
    "auditd": (b"type=SECCOMP msg=" + LINE[LINE.index(b"audit(") :], b"type=DAEMON_START msg=audit(1.000:1): x\n----"),
    "/dev/kmsg": (b"5,1,2,-;" + _PRINTK, b"6,1,2,-;usb 1-1: new device\n SUBSYSTEM=usb\n DEVICE=+usb:1-1"),
    "talosctl": (
        b"10.20.0.14: kern:  notice: [2026-04-14T13:41:53.968980799Z]: " + _PRINTK,
        b"10.20.0.14: user: warning: [2026-04-14T13:41:53.968980799Z]: [talos] x\n SUBSYSTEM=usb",
    ),
}
"""A record that proves its author, and lines that stand beside it."""


@pytest.mark.parametrize(("line", "beside"), PROVEN.values(), ids=PROVEN.keys())
@pytest.mark.parametrize("foreign", [b"hello", b"[12.3] x", b"user  :notice: [12.3] x", b" 5,1,2,-;x"])
def test_a_log_that_proves_its_author_is_authenticated_until_a_foreign_line(
    line: bytes, beside: bytes, foreign: bytes
) -> None:
    pure = beside + b"\n" + line + b"\n" + beside + b"\n" + line
    assert sum(events(scanned(pure, trust=Trust.AUTHENTICATED))) == 2
    mixed = line + b"\n" + foreign + b"\n" + line
    for cuts in ((), (len(line) + 1,), (len(line) + 3,), (len(line) + 8,)):
        evidence = scanned(mixed, cuts, Trust.AUTHENTICATED)
        assert sum(events(evidence)) == 1
        assert [one.events for one in evidence.refused.values()] == [1]
    assert sum(events(scanned(mixed))) == 2


def test_a_label_that_printk_may_have_cut_is_not_believed() -> None:
    forged = b"subj==x//null-/tmp/" + b"e" * 800 + LINE[LINE.index(b" pid=") :]
    line = LINE[: LINE.index(b"pid=")] + forged
    assert not scanned(line).counts
    assert sum(events(scanned(line, trust=Trust.EMBEDDED))) == 1
    # Nor behind lines of its own shape, however often, and at no level.
    warm = LINE + b"\n"
    assert scanned(warm + line).counts == scanned(warm).counts
    assert scanned((line + b"\n") * 5, warm=warm).counts == {}
    proven = b"5,1,2,-;" + LINE[LINE.index(b"audit:") :] + b"\n"
    forged_too = b"5,1,2,-;" + line[line.index(b"audit:") :] + b"\n"
    for trust in Trust:
        believed = sum(events(scanned(proven + forged_too * 3, trust=trust, warm=proven * 9)))
        assert believed == (4 if trust is Trust.EMBEDDED else 1)
    in_file = b"type=SECCOMP msg=" + line[line.index(b"audit(") :]
    assert sum(events(scanned(in_file))) == 1


def test_a_log_of_many_shapes_does_not_make_more_of_them_than_there_are() -> None:
    body = LINE[LINE.index(b"audit:") :]
    heads = (
        b"Jul  6 15:37:40 a kernel: ",
        b"15:37:40 kernel: ",
        b"[1.000] ",
        b"NOTICE kernel: [1.000] ",
        b"[  +0.001] ",
        b"<5>",
    )
    blocks = with_own_serials(b"".join(head + body + b"\n" for head in heads) * 20)
    scanner = Scanner()
    scanner.start_input("log")
    for start in range(0, len(blocks), len(blocks) // 20):
        scanner.feed(blocks[start : start + len(blocks) // 20])
        assert len(scanner._lines._shapes) <= MAX_SHAPES
    scanner.finish_input()
    assert sum(events(scanner.evidence())) == 20 * len(heads)


def test_shapes_that_overlap_and_a_third_form_lose_and_double_nothing() -> None:
    year = LINE.replace(b"Jul  6 ", b"Jul  6 2026 ")
    other = b"Jul  6 15:37:40 host audit[29064]: SECCOMP " + LINE[LINE.index(b"auid=") :].replace(b"=51", b"=59")
    without_token = LINE.replace(b"auid=4294967295 ", b"")
    parts = {51: [LINE] * 60 + [year] * 60 + [LINE] * 9, 59: [other] * 9}
    for first, second in ((51, 59), (59, 51)):
        text = b"\n".join([*parts[first], *parts[second], without_token]) + b"\n"
        for warm in (b"", (LINE + b"\n" + year + b"\n") * 50, text):
            counted = {key.nr: one.events for key, one in scanned(text, warm=warm).counts.items()}
            assert counted == {51: 129, 59: 9}


def test_a_line_is_read_alike_cold_and_warm() -> None:
    warm = (
        b"Jul  6 15:37:40 host audit[7]: SECCOMP "
        + LINE[LINE.index(b"auid=") :].replace(b"pid=29064", b"pid=7")
        + b"\n"
    )
    for text in (b"hello auid=5", b"auid=5", b"auid=5 hello", b"hello"):
        line = b"Jul  6 15:37:40 host audit[7]: SECCOMP " + text
        assert without_text(scanned(line)) == without_text(scanned(line, warm=warm))


def test_the_work_for_refused_lines_grows_with_their_number_alone() -> None:
    # Counted in lines that are looked at: a place in a block is found once for each reason.
    refused = b"x " + LINE[LINE.index(b"audit:") :] + b"\n"
    with patch.object(notes, "Sample", wraps=Sample) as made:
        evidence = scanned(refused * 2000)
    assert sum(one.events for one in evidence.refused.values()) == 2000
    assert made.call_count == 1


def test_long_names_are_bounded_in_bytes() -> None:
    with patch.object(tally, "MAX_KEY_BYTES", 5000):
        many = b"".join(LINE.replace(b"/http-echo", b"/%d" % i + b"e" * 900) + b"\n" for i in range(50))
        evidence = scanned(many)
    assert sum(len(key.exe) for key in evidence.counts if key.exe) < 7000
    assert sum(events(evidence)) == 50


def test_speakers_have_a_fast_opening_each() -> None:
    assert {carrier.speaker for carrier in KNOWN} == set(Speaker)


@pytest.mark.parametrize("lean", [False, True])
def test_a_record_torn_into_what_auditd_added_to_another_is_not_passed_over(lean: bool) -> None:
    enriched = (
        b"type=SECCOMP msg=audit(1.000:%d): " + LINE.partition(b"): ")[2] + b'\x1dAUID="unset" UID="root" ARCH=%b'
    )
    whole = b"x86_64 SYSCALL=unknown-syscall(-1)"
    log = b"\n".join(enriched % (number, whole) for number in range(20))
    torn = enriched % (90, b"x" + (enriched % (91, whole))[5:])
    for text in (log + b"\n" + torn + b"\n", torn + b"\n" + log + b"\n"):
        scanner = Scanner()
        scanner._tally.lean = lean
        scanner.start_input("log")
        for at in range(0, len(text), 700):
            scanner.feed(text[at : at + 700])
        scanner.finish_input()
        assert scanner.evidence().sound == 20
        assert {reason: kept.events for reason, kept in scanner.evidence().rejected.items()} == {
            "two records in one line": 1
        }


def test_the_first_place_of_what_is_left_out_is_the_first_of_all_forms_of_lines() -> None:
    audit = b"Jul  6 15:37:40 my-machine audit[1]: SECCOMP auid=7"
    kernel = LINE[: LINE.index(b" uid=")]
    log = b"\n".join((LINE, audit + LINE[LINE.index(b" uid=") :], kernel, audit, kernel, b""))
    for cuts in ((), tuple(range(len(log)))):
        for sample in scanned(log, cuts).rejected.values():
            assert sample.place == ("log", 3)


def test_the_latest_time_is_the_latest_though_a_later_block_has_an_earlier_one() -> None:
    stamp = b"1594067860.484:14536"
    log = b"".join(
        LINE.replace(stamp, time) + b"\n" for time in (stamp, b"1594067860.900:14537", b"1594067860.700:14538")
    )
    for cuts in ((), tuple(range(0, len(log), len(LINE) + 1)), tuple(range(len(log)))):
        (count,) = scanned(log, cuts, warm=log, own=False).counts.values()
        assert (count.first, count.last) == (1594067860484, 1594067860900)
