"""What holds of the grammar for any bytes, and for anything that the kernel writes."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed, Reject
from tests.evidence.bodies import ARM, CORE_DUMPS, PIECES, REASON, WORDS, bodies, openings, written
from tests.writer import Age, Form, KernelRecord, records

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def is_nothing(body: bytes) -> bool:
    """Whether a body does not even claim to be a record."""
    if body.startswith(CORE_DUMPS):
        return REASON not in body
    return not body.startswith(WORDS)


def check(body: bytes, assume_arch: int | None) -> Parsed | None:
    """What holds of any body; the record if there is one."""
    found = parse(body, assume_arch)
    assert (found is None) == is_nothing(body)
    if isinstance(found, Reject):
        assert found.reason
        assert 0 <= found.at <= len(body)
    return found if isinstance(found, Parsed) else None


@given(opening=openings, rest=st.binary() | bodies, assume_arch=st.sampled_from((None, ARM)))
def test_any_bytes(opening: bytes, rest: bytes, assume_arch: int | None) -> None:
    check(opening + rest, assume_arch)


@given(record=records(), form=st.sampled_from(Form), data=st.data())
def test_a_damaged_record(record: KernelRecord, form: Form, data: st.DataObject) -> None:
    body = bytearray(written(record, form))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(body)))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    damaged = bytes(body)
    found = check(damaged, ARM)
    if found is not None and not damaged.startswith(CORE_DUMPS):
        assert parse(damaged[: found.end], ARM) == found


@given(
    record=records(), form=st.sampled_from(Form), behind=st.sampled_from((b"", b"]", b'AUID="x"', b"\x1dAUID=", b"\r"))
)
def test_what_the_kernel_writes_is_read_back(record: KernelRecord, form: Form, behind: bytes) -> None:
    body = written(record, form)
    meaning = record.meaning(stamped=not body.startswith(b"SECCOMP"), assume_arch=ARM)
    assert parse(body + behind, ARM) == Parsed(meaning, len(body))


@given(record=records([Age.CURRENT, Age.BACKPORT]), cut=st.integers(0, 9))
def test_a_cut_record_is_never_believed(record: KernelRecord, cut: int) -> None:
    body = record.body(Form.AUDITD)
    shorter = body[: len(body) - len(f"{record.code:x}") - cut]
    assert isinstance(parse(body, ARM), Parsed)
    assert not isinstance(parse(shorter, ARM), Parsed)


OPENING = b"type=1326 audit(1.000:2): "
CLOSING = b'comm="a" syscall=1 compat=0'

ADVERSARIES: dict[str, Callable[[int], bytes]] = {
    "digits": lambda size: b"type=1326 audit(" + b"1" * size,
    "no comm": lambda size: OPENING + b" com" * (size // 4),
    "many comms": lambda size: OPENING + b" comm=" * (size // 6),
    "many sound comms": lambda size: OPENING + b'comm="a" ' * (size // 9) + CLOSING,
    "newlines": lambda size: OPENING + b"\n" * size + b" " + CLOSING,
    "words": lambda size: OPENING + b"a " * (size // 2) + CLOSING,
    "uids": lambda size: OPENING + b"uid=1 pid=1 " * (size // 12) + CLOSING,
    "label of words": lambda size: OPENING + b"subj=x " + b"a " * (size // 2) + CLOSING,
    "label of blanks": lambda size: OPENING + b"subj=x" + b" " * size + CLOSING,
    "label of labels": lambda size: OPENING + b"subj=" * (size // 5) + b" " + CLOSING,
    "pids": lambda size: OPENING + b"subj=x " + b"pid=1 " * (size // 6) + CLOSING,
    "pids in the label": lambda size: OPENING + b"subj=x " + b"pid=1 " * (size // 6) + b"x " + CLOSING,
    "open quote": lambda size: OPENING + b'comm="' + b"A" * size,
    "half a hex byte": lambda size: OPENING + b"comm=" + b"A" * (2 * (size // 2) + 1),
    "one name": lambda size: OPENING + CLOSING + b" " + b"a" * size,
    "fields": lambda size: OPENING + CLOSING + b" a=" * (size // 3),
    "known fields": lambda size: OPENING + CLOSING + b" sig=1" * (size // 6),
    "blanks behind": lambda size: OPENING + CLOSING + b" " * size,
    "blanks between": lambda size: OPENING + CLOSING + b" \t" * (size // 2) + b"x",
    "almost a reason": lambda size: b"type=1701 audit(" + REASON[:-1] * (size // 16),
    "behind": lambda size: OPENING + CLOSING + b" code=0x0" + b" code=0x0" * (size // 9),
}


def calls(body: bytes) -> int:
    """How many functions are called while a body is read: a measure of the work that no busy machine can disturb."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        parse(body, ARM)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("kind", ADVERSARIES)
def test_the_work_grows_with_the_length(kind: str) -> None:
    parse(OPENING, ARM)
    few, many = (calls(ADVERSARIES[kind](size)) for size in (1_000, 10_000))
    assert many <= 12 * few


def seconds(body: bytes) -> float:
    """The processor's time that a body takes."""
    begin = time.process_time()
    parse(body, ARM)
    return time.process_time() - begin


@pytest.mark.parametrize("kind", ADVERSARIES)
def test_the_time_grows_with_the_length(kind: str) -> None:
    """A regular expression calls nothing and can only be timed; the square of the length would be a factor of 100."""
    small, large = (ADVERSARIES[kind](size) for size in (10_000, 100_000))
    little = min(seconds(small) for _ in range(3))
    assert any(seconds(large) <= 30 * little for _ in range(5))
