"""The handwritten parser: equal to the grammar on anything, and to the writer on what a kernel writes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit2seccomp.evidence.model import Parsed, Reject
from audit2seccomp.evidence.record import parse_record
from tests.evidence.bodies import ARM, BODY, HEAD, OPENING, PIECES, TAIL, bodies, openings, same, written
from tests.writer import FORGED, Form, KernelRecord, records


@given(opening=openings, rest=st.binary() | bodies, assume_arch=st.sampled_from((None, ARM)))
@example(b"type=1326 audit(1.000:2): ", b"comm=41 syscall=1 x= arch=1 code=0x1", None)
@example(b"SECCOMP ", b'comm="a" syscall=1 compat=0 arch=1 code=0x1AUID=', None)
def test_equal_to_the_grammar_on_any_bytes(opening: bytes, rest: bytes, assume_arch: int | None) -> None:
    same(opening + rest, assume_arch)


@given(record=records(), form=st.sampled_from(Form), data=st.data())
def test_equal_to_the_grammar_on_damaged_records(record: KernelRecord, form: Form, data: st.DataObject) -> None:
    body = bytearray(written(record, form))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    same(bytes(body), data.draw(st.sampled_from((None, ARM))))


@given(record=records(), form=st.sampled_from(Form), behind=st.sampled_from((b"", b"]", b'AUID="x"', b"\x1dAUID=")))
def test_what_the_kernel_writes_is_read_back(record: KernelRecord, form: Form, behind: bytes) -> None:
    body = written(record, form)
    meaning = record.meaning(stamped=not body.startswith(b"SECCOMP"), assume_arch=ARM)
    assert parse_record(body + behind, ARM) == Parsed(meaning, len(body))


@given(record=records().filter(lambda record: b"comm=" not in (record.subj or b"")))
def test_no_prefix_of_a_record_is_another_record(record: KernelRecord) -> None:
    # Behind a label that forges a record a cut shows only in the length: trust.PRINTK_CUT_BYTES.
    body = written(record, Form.PRINTK)
    whole = parse_record(body, ARM)
    assert isinstance(whole, Parsed)
    for cut in range(len(body)):
        part = parse_record(body[:cut], ARM)
        if isinstance(part, Parsed):
            assert part.record._replace(code=None) == whole.record._replace(code=None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"type=1326 audit(...): " + HEAD + TAIL, "malformed audit(time:serial)"),
        (OPENING + HEAD, "no comm="),
        (OPENING + HEAD + b'comm="x', "cut or malformed comm="),
        (OPENING + HEAD + b'comm="x" exe="/a b" sig=0', "cut or malformed exe="),
        (OPENING + HEAD + TAIL.replace(b" arch=c000003e", b""), "no arch="),
        (OPENING + HEAD + TAIL.replace(b" syscall=110", b""), "syscall="),
        (OPENING + HEAD + TAIL[: TAIL.index(b" compat")], "syscall="),
        (OPENING + HEAD + TAIL[: TAIL.index(b" code")], "cut before code="),
        (OPENING + HEAD + TAIL + b"g", "malformed code="),
        (OPENING + HEAD + TAIL.replace(b"syscall=110", b"syscall=2147483648"), "malformed syscall="),
        (OPENING + HEAD + TAIL.replace(b"sig=0", b"arch=16"), "arch= stands twice"),
        (OPENING + HEAD.replace(b"uid=0", b"uid=x") + TAIL, "malformed uid= or pid="),
        (OPENING + HEAD + b'comm="x" syscall=1type=SYSCALL msg=audit(1.000:2): ' + TAIL, "two records in one line"),
        (OPENING + HEAD + b'comm="x" exe="/y" ' + TAIL, "two records in one line"),
        (OPENING + HEAD.replace(b" pid", b" subj=a audit(1.000:1): pid") + TAIL, "two records in one line"),
    ],
)
def test_a_reject_says_why(body: bytes, reason: str) -> None:
    found = same(body, None)
    assert isinstance(found, Reject)
    assert reason in found.reason


def test_the_last_comm_counts() -> None:
    forged = OPENING + HEAD.replace(b"pid=", b"subj==x//null-/tmp/e " + FORGED + b" (complain) pid=") + TAIL
    found = same(forged, None)
    assert isinstance(found, Parsed)
    assert found.record.nr == 110
    assert found.record.pid == 12876
    assert found.record.subj == b"x//null-/tmp/e " + FORGED + b" (complain)"


def test_an_assumed_arch_never_overrides_the_records() -> None:
    found = parse_record(BODY, ARM)
    assert isinstance(found, Parsed)
    assert found.record.arch == 0xC000003E
