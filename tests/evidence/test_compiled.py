"""The compiled scan says what the pure one says, whatever the log, the cuts and the number of workers."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.carriers import Speaker, Trust, locate
from audit2seccomp.evidence.model import Parsed
from audit2seccomp.evidence.once import Channel, ListedEvents, Once
from audit2seccomp.evidence.record import parse_record, record_of
from audit2seccomp.evidence.stored import files
from audit2seccomp.evidence.text.compiled import is_compiled
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES
from audit2seccomp.evidence.text.shapes import MAX_TEXT_BYTES, Expressions, Outline
from tests.e2e.machine import COMPILED, needs
from tests.evidence.line_by_line import expressions, slowly, trusts, with_own_serials, without_text
from tests.evidence.repeated import altered, boots, runs, text_logs
from tests.evidence.scans import said, scanned, taking
from tests.evidence.signs import AUDITD_FILE, KERNEL, SAID
from tests.writer import CARRIERS, KernelRecord

if is_compiled():
    from audit2seccomp.evidence.text import _scan

pytestmark = needs(COMPILED)
lasts = st.sampled_from((b"", b"\n"))


def cut_anywhere(data: st.DataObject, text: bytes) -> list[int]:
    """Some places."""
    return data.draw(st.lists(st.integers(0, len(text)), max_size=4))


LEFT = ("color", "repeated", "old auditd", "separator lost", "blank", "#035", "^]")
"""Carriers of which no line is taken: it stands for several events, or other bytes than a record's are in it."""
RECORD = KernelRecord(
    seconds=1594067860, millis=484, serial=10_000, pid=29_064, comm=b"a", exe=b"/a", nr=51, ip=1, code=0x7FFC0000
)


@pytest.mark.parametrize("name", CARRIERS)
def test_of_each_carrier_all_lines_like_the_first_are_taken(name: str) -> None:
    records = [replace(RECORD, serial=10_000 + i, pid=20_000 + i, ip=i) for i in range(20)]
    # What a plugin of auditd writes is enriched or not, as the dice fall.
    logs = [[CARRIERS[name].write(record, Random(seed)) for record in records] for seed in range(9)]
    log = next(log for log in logs if "audisp" not in name or log[0].endswith(b"code=0x7ffc0000"))
    with taking() as taken:
        evidence = scanned(b"".join(line + b"\n" for line in log))
    assert evidence.sound == 20 * CARRIERS[name].repeat
    assert taken.lines == (0 if any(word in name for word in LEFT) else 19)


@given(log=text_logs(), data=st.data(), trust=trusts, last=lasts)
def test_any_log_says_the_same_line_by_line_and_by_each_scan(
    log: list[bytes], data: st.DataObject, trust: Trust, last: bytes
) -> None:
    text = b"\n".join(log) + last
    cuts = cut_anywhere(data, text)
    by_line = said(slowly(text, trust))
    assert said(scanned(text, cuts, trust)) == by_line
    assert said(scanned(text, cuts, trust, pure=True)) == by_line
    text = with_own_serials(text)
    by_line = without_text(slowly(text, trust))
    assert without_text(scanned(text, cuts, trust)) == by_line
    assert without_text(scanned(text, cuts, trust, pure=True)) == by_line


@given(log=text_logs(), data=st.data(), trust=trusts, last=lasts)
def test_any_number_of_workers_says_the_same_to_the_byte(
    log: list[bytes], data: st.DataObject, trust: Trust, last: bytes
) -> None:
    text = b"\n".join(log) + last
    cuts = cut_anywhere(data, text)
    alone = files.to_text(scanned(text, cuts, trust))
    for jobs in (2, 3):
        assert files.to_text(scanned(text, cuts, trust, jobs=jobs)) == alone


@given(log=boots(), data=st.data())
def test_boots_and_copies_are_told_apart_in_the_order_of_the_log(log: list[bytes], data: st.DataObject) -> None:
    text = b"\n".join(log) + b"\n"
    cuts = cut_anywhere(data, text)
    by_line = without_text(slowly(text, Trust.ANCHORED))
    for jobs in (1, 2):
        assert without_text(scanned(text, cuts, jobs=jobs)) == by_line


def learned(line: bytes) -> tuple[Expressions, Outline, _scan.Outlines] | None:
    """The expressions of a sound line, its outline, and what a scan learns of it; None if it cannot be learned."""
    known, _ = expressions(line)
    outline = known.outline(line)
    outlines = _scan.Outlines()
    enriched = known.shape.carrier.speaker is Speaker.AUDITD
    if outline is None or not outlines.learn(*outline, 0, known.shape.carrier.bare, enriched):
        return None
    return known, outline, outlines


@given(lines=runs(), chance=st.randoms(use_true_random=False))
def test_a_line_with_other_digits_where_an_outline_leaves_them_open_is_of_the_same_form(
    lines: list[bytes], chance: Random
) -> None:
    known, _ = expressions(lines[0])
    outline = known.outline(lines[0])
    if outline is None:
        return
    assert lines[0].startswith(outline.text)
    text = bytes(chance.choice(b"0123456789") if free else byte for byte, free in zip(*outline[:2], strict=True))
    other = text + lines[0][len(text) :]
    before, after = (known.whole.match(b"\n" + line + b"\n") for line in (lines[0], other))
    assert before is not None
    assert after is not None
    assert after.regs == before.regs
    first, second = locate(lines[0]), locate(other)
    assert first is not None
    assert second is not None
    assert first.prefix is not None
    assert second.prefix is not None
    assert (first.carrier, first.prefix.host) == (second.carrier, second.prefix.host)


@given(run=runs(), data=st.data())
def test_what_the_compiled_scan_takes_is_a_regular_record_with_the_parsers_fields(
    run: list[bytes], data: st.DataObject
) -> None:
    news = learned(run[0])
    if news is None:
        return
    known, _, outlines = news
    assert len(look(run[0], outlines)) == 1
    for line in [*run, *map(data.draw, map(altered, run))]:
        found = look(line, outlines)
        if len(found) and b"\n" not in line:
            check_taken(line, known, found)


def look(line: bytes, outlines: _scan.Outlines) -> _scan.Found:
    """What a scan finds in a block of one line."""
    return _scan.scan(b"\n" + line + b"\n", 1, outlines, _scan.Calls(), count_lines=True, bare=True)


def check_taken(line: bytes, known: Expressions, found: _scan.Found) -> None:
    """What was found in a line is what the parser says of it."""
    assert found.left() == []
    match = known.lean.match(b"\n" + line + b"\n")
    located = locate(line)
    assert match is not None
    assert located is not None
    assert located.carrier is known.shape.carrier
    parsed = parse_record(located.body)
    assert isinstance(parsed, Parsed)
    assert found.new() == [(0, 1, parsed.record.millis)]
    assert record_of(*found.calls.fields(0)) == parsed.record._replace(millis=None, serial=None, pid=None)
    again = parse_record(b"SECCOMP " + found.calls.text_of(0))
    assert isinstance(again, Parsed)
    assert again.record == parsed.record._replace(millis=None, serial=None, pid=0)
    stamp = parsed.record.millis, parsed.record.serial
    assert found.events_of(0).stamps() == ([] if parsed.record.serial is None else [stamp])


@pytest.mark.parametrize("more", [0, 1])
def test_a_line_that_the_compiled_scan_takes_has_so_many_bytes_at_most(more: int) -> None:
    line = b"type=SECCOMP msg=" + record(1)[record(1).index(b"audit(") : -1]
    fields = len(line) - line.index(b"auid=")
    line += b'\x1dAUID="%b"' % (b"u" * (MAX_TEXT_BYTES - fields - len(b'\x1dAUID=""') + more))
    news = learned(line)
    assert (news is None) == bool(more)
    if news is not None:
        assert len(look(line, news[2])) == 1
        assert len(look(line[:-1] + b'u"', news[2])) == 0


@pytest.mark.parametrize("name", CARRIERS)
def test_a_line_may_end_anywhere(name: str) -> None:
    line = CARRIERS[name].write(RECORD, Random(1))
    news = learned(line)
    if news is None:
        return
    known, _, outlines = news
    calls = _scan.Calls()
    for cut in (line[:end] for end in range(len(line))):
        assert len(_scan.scan(cut, 0, outlines, calls, count_lines=True, bare=True)) == 0
        found = _scan.scan(cut + b"\n", 0, outlines, calls, count_lines=True, bare=True)
        assert len(found) == (known.lean.match(b"\n" + cut + b"\n") is not None)


NINES = [b"9" * width for width in (9, 10, 11)]
STRINGS = [b'""', b'"~"', b"A", b"AB", b"Ab", *(b'"%b"' % (b"x" * size) for size in (199, 200, 201))]
STRINGS += [b"A" * size for size in (199, 200, 201, 202)]
FIELDS = {
    **{name: [b"", b"-1", *NINES] for name in (b"auid", b"uid", b"gid", b"ses", b"pid", b"compat")},
    b"sig": [b"", b"-", b"-9", b"--9", *NINES],
    b"comm": STRINGS,
    b"exe": [*STRINGS, b"(null)"],
    b"arch": [b"", b"C", b"f" * 8, b"f" * 9],
    b"syscall": [b"", b"-", b"-1", b"1999999999", b"2000000000", *NINES, *(b"-" + nines for nines in NINES)],
    b"ip": [b"0x", b"0X1", b"0xg", b"0x" + b"f" * 16, b"0x" + b"f" * 17],
    b"code": [b"0x", b"0xg", b"0x" + b"f" * 8, b"0x" + b"f" * 9],
}
"""Values at the borders of what a regular record may hold."""
LABELS = [b"", b"x", b"x (enforce)", b"x (complain)", b"x (mixed)", b"x(", b"x\x7f", b"x" * 200, b"x" * 201, b"x y"]


def test_just_those_records_are_taken_that_the_expression_takes() -> None:
    line = b"type=SECCOMP msg=" + record(1)[record(1).index(b"audit(") : -1]
    news = learned(line)
    assert news is not None
    known, _, outlines = news
    variants = [
        re.sub(rb" %b=[^ ]*" % name if name != b"auid" else rb"auid=\d+", b" %b=%b" % (name, value), line, count=1)
        for name, values in FIELDS.items()
        for value in values
    ]
    variants = [variant.replace(b"):  auid", b"): auid") for variant in variants]
    variants += [line.replace(b" pid=", b" subj=%b pid=" % label) for label in LABELS]
    endings = (
        b'"a"',
        b'"="',
        b'"',
        b'"" UID="root"',
        b'"" UID=root',
        b'"" UID=',
        b'"" U="a"',
        b'""  UID="a"',
        b'"" UIDS',
    )
    variants += [line + b"\x1dAUID=" + ending for ending in endings]
    taken = {variant: len(look(variant, outlines)) for variant in variants}
    assert taken == {variant: known.lean.match(b"\n" + variant + b"\n") is not None for variant in variants}
    assert len(set(taken.values())) == 2


def test_no_sign_of_loss_is_passed_over() -> None:
    heads = (b"", b"[1.000000] ", b"Jul  6 15:37:40 h kernel: ", b"\x1b[32m[1.000000] \x1b[0m\x1b[33maudit: \x1b[0m")
    lines = [head + said.removeprefix(b"audit: " if b"\x1b" in head else b"") for head in heads for said in KERNEL]
    lines += [b"Jul  6 15:37:40 h %b[656]: %b" % (tag.encode(), said) for tag, signs in SAID.items() for said in signs]
    log = b"\n".join(
        [*lines, *AUDITD_FILE, *(line + b" auid=" for line in lines), *(b"aud ssa " + line for line in lines)]
    )
    evidence = scanned(log)
    assert sum(sample.events for sample in evidence.losses.values()) > len(lines) / 2
    assert evidence == scanned(log, pure=True)


@pytest.mark.parametrize("start", [b"{", b"data: {", b"\x1e{", b"\0{"])
def test_json_that_spells_the_words_of_a_record_in_numbers_is_not_passed_over(start: bytes) -> None:
    message = b"SECC\\u004fMP " + record(1)[record(1).index(b"auid=") : -1].replace(b'"', b'\\"')
    entry = start + b'"__CURSOR":"s=1","_TRANSPORT":"audit","_AUDIT_ID":"9","MESSAGE":"%b"}\n' % message
    log = record(1) + record(2) + entry + record(3)
    evidence = scanned(log)
    assert evidence.sound == 4
    assert evidence == scanned(log, pure=True)


def test_the_last_line_of_a_block_says_whose_message_goes_on() -> None:
    application = b"2026-05-12 21:47:26,118 ERROR [http-7] rejected name: foo\n"
    bare = record(8)[len("Jul  6 15:37:40 h kernel: ") :]
    system = b"".join(map(record, range(1, 8)))
    for log, believed in ((system + application + bare, 7), (application + system + bare, 8)):
        for cut in (len(log) - len(bare), len(log) - len(bare) - 1):
            assert scanned(log, [len(record(1)), cut]).sound == believed


STAMPED = (
    b"type=1326 audit(%012d.%03d:%018d): auid=0 uid=0 gid=0 ses=1 pid=7 "
    b'comm="a" exe="/a" sig=0 arch=c000003e syscall=1 compat=0 ip=0x1 code=0x7ffc0000'
)
_steps = st.sampled_from((1, 1, 1, 1, 0, 2, -1, 1023, 1024, 20_000, -20_000, 10**17))
_serials = st.lists(st.just(1), max_size=12) | st.lists(_steps, max_size=12)
_times = st.lists(st.sampled_from((0, 1, 400, 1000, 1001, -400, -1000, -1001, 10**6, -(10**6))), max_size=12)


@st.composite
def stamps(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Times and serials, for the most part as events have them."""
    serials = accumulate(draw(_serials), initial=draw(st.sampled_from((1, 1020, 10_000, 10**18 - 9))))
    times = accumulate(draw(_times), initial=draw(st.sampled_from((0, 10**12, 10**14))))
    return [(abs(time), abs(serial) % 10**18) for time, serial in zip(times, serials, strict=False)]


def compiled_events(batch: list[tuple[int, int]]) -> _scan.Events:
    """Events that the compiled scan found."""
    news = learned(STAMPED % (0, 0, 0))
    assert news is not None
    block = b"\n" + b"".join(STAMPED % (time // 1000, time % 1000, serial) + b"\n" for time, serial in batch)
    return _scan.scan(block, 1, news[2], _scan.Calls(), count_lines=True, bare=True).events_of(0)


@given(batches=st.lists(stamps(), max_size=6), data=st.data())
def test_compiled_events_are_what_listed_ones_are(batches: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    channel, onces = Channel("h"), (Once(), Once())
    for batch in batches:
        listed = ListedEvents([time for time, _ in batch], [serial for _, serial in batch])
        events = compiled_events(batch)
        assert len(events) == len(batch)
        assert events.stamps() == list(listed.stamps()) == batch
        assert events.in_a_row == listed.in_a_row
        assert events.ends() == listed.ends()
        assert events.spans() == list(listed.spans())
        some = sorted(data.draw(st.sets(st.integers(0, len(batch) - 1))))
        assert events.without(some).stamps() == list(listed.without(some).stamps())
        assert onces[0].take_events(channel, events) == onces[1].take_events(channel, listed)
        assert onces[0].memory() == onces[1].memory()
        assert onces[0].segments() == onces[1].segments()


WORDS = (b"audi", b" messages", b"auid=", b"audit(", b"audit: ", b"auditd", b"audit_a", b"aud", b"1326 auid=")


@pytest.mark.parametrize("word", WORDS)
def test_a_long_line_of_words_takes_no_longer_for_each_of_them(word: bytes) -> None:
    line = word * (MAX_LINE_BYTES // len(word) - 1)
    start = time.thread_time()
    _scan.scan(b"\n" + line + b"\n", 1, _scan.Outlines(), _scan.Calls(), count_lines=True, bare=True)
    assert time.thread_time() - start < 1


def test_a_log_of_many_machines_takes_no_longer_for_each_of_them() -> None:
    log = b"".join(record(1, f"host{number}") for number in range(2000))
    start = time.thread_time()
    evidence = scanned(log)
    assert time.thread_time() - start < 5  # a fifth of a second, and not one for each hundred of them
    assert sorted(count.line for count in evidence.counts.values()) == list(range(1, 2001))


def record(serial: int, host: str = "h", nr: int = 51, width: int = 1) -> bytes:
    """A line of the kernel log."""
    return (
        b"Jul  6 15:37:40 %b kernel: audit: type=1326 audit(1594067860.484:%0*d): auid=0 uid=0 gid=0 ses=1 pid=7 "
        b'comm="a" exe="/a" sig=0 arch=c000003e syscall=%d compat=0 ip=0x1 code=0x7ffc0000\n'
        % (host.encode(), width, serial, nr)
    )


def test_the_first_place_of_a_call_is_the_first_of_all_forms_of_lines() -> None:
    log = record(1) + record(101) + record(102, nr=59) + record(2, nr=59)
    evidence = scanned(log)
    assert {key.nr: count.line for key, count in evidence.counts.items()} == {51: 1, 59: 3}


def test_lines_that_cannot_be_learned_are_no_sources_of_those_that_can() -> None:
    unlearnable = [record(serial, f"host{serial}", width=19) for serial in range(100)]
    log = b"".join([*unlearnable, *(record(serial) for serial in range(20)), *(record(serial) for serial in range(20))])
    with taking() as taken:
        evidence = scanned(log, range(0, 100 * len(unlearnable[0]), 300))
    assert taken.lines > 20
    assert evidence.repeated == 20
    assert evidence == scanned(log, pure=True)


def test_a_bare_line_below_an_application_is_refused_though_the_table_of_calls_is_full() -> None:
    bare = record(1, width=5)[len("Jul  6 15:37:40 h kernel: ") :]
    calls = [b"[1.000000] " + bare.replace(b"uid=0 gid", b"uid=%d gid" % uid) for uid in range(17_000)]
    start = bare + calls[0]
    # Of another width, so that it is learned, and what was left is looked at once more.
    wider = b"[10.000000] " + bare
    application = b"2026-05-12 21:47:26,118 ERROR [http-7] rejected name: foo\n"
    log = start * 9 + wider + b"".join(calls) + application + bare.replace(b"=51", b"=59")
    log = with_own_serials(log)
    cuts = range(len(start), 10 * len(start), len(start))  # so many blocks that workers know both forms of lines
    evidence = scanned(log, cuts, jobs=2)
    assert {key.nr for key in evidence.counts} == {51}
    assert evidence == scanned(log, cuts, pure=True)
