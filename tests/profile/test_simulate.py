"""The interpreter against programs written by hand, against what the kernel refuses, and against the kernel itself."""

from __future__ import annotations

import ctypes
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import FilterError
from audit2seccomp.profile.model import Outcome, RuleAction
from audit2seccomp.profile.simulate import BPF_MAXINSNS, Program, decoded, encoded

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
RETURN = (0x06, 0, 0, ALLOW)
RETURN_A = (0x16, 0, 0, 0)
LOAD_NR = (0x20, 0, 0, 0)
ARGS = (0x1122334455667788, 2, 3, 4, 5, 0xFFFFFFFFFFFFFFFF)


def packed(*instructions: tuple[int, int, int, int], order: str = "<") -> bytes:
    """struct sock_filter for each."""
    return b"".join(struct.pack(f"{order}HBBI", *instruction) for instruction in instructions)


def answer(*instructions: tuple[int, int, int, int], nr: int = 7) -> int:
    """What a program returns for a call."""
    return Program(packed(*instructions)).verdict(0xC000003E, nr, ARGS, 0xABCD12345678)


@pytest.mark.parametrize(
    ("offset", "word"),
    [
        (0, 7),
        (4, 0xC000003E),
        (8, 0x12345678),
        (12, 0xABCD),
        (16, 0x55667788),
        (20, 0x11223344),
        (24, 2),
        (60, 0xFFFFFFFF),
    ],
)
def test_the_words_of_a_call(offset: int, word: int) -> None:
    assert answer((0x20, 0, 0, offset), RETURN_A) == word


def test_big_endian_machines_have_the_upper_half_first() -> None:
    for offset, word in ((0, 7), (4, 0x80000016), (16, 0x11223344), (20, 0x55667788)):
        program = Program(packed((0x20, 0, 0, offset), RETURN_A, order=">"), big_endian=True)
        assert program.verdict(0x80000016, 7, ARGS) == word


def test_a_negative_number_is_a_word() -> None:
    assert answer(LOAD_NR, RETURN_A, nr=-1) == 0xFFFFFFFF


@pytest.mark.parametrize(
    ("code", "operand", "result"),
    [
        (0x04, 0xFFFFFFFF, 6),
        (0x14, 8, 0xFFFFFFFF),
        (0x24, 0x80000001, 0x80000007),
        (0x34, 2, 3),
        (0x44, 8, 15),
        (0x54, 5, 5),
        (0x64, 31, 0x80000000),
        (0x74, 1, 3),
        (0xA4, 2, 5),
        (0x84, 0, 0xFFFFFFF9),
    ],
)
def test_arithmetic_with_a_number_and_with_a_register(code: int, operand: int, result: int) -> None:
    assert answer(LOAD_NR, (code, 0, 0, operand), RETURN_A) == result
    if code != 0x84:  # BPF_NEG has no operand
        assert answer((0x01, 0, 0, operand), LOAD_NR, (code | 0x08, 0, 0, 0), RETURN_A) == result


def test_moves_and_memory() -> None:
    store_x, load_a, load_x = (0x03, 0, 0, 15), (0x60, 0, 0, 15), (0x61, 0, 0, 15)
    tax, txa = (0x07, 0, 0, 0), (0x87, 0, 0, 0)
    assert answer(LOAD_NR, tax, store_x, (0x00, 0, 0, 1), load_a, RETURN_A) == 7
    assert answer(LOAD_NR, (0x02, 0, 0, 15), (0x00, 0, 0, 1), load_x, txa, RETURN_A) == 7
    assert answer((0x80, 0, 0, 0), RETURN_A) == 64
    assert answer((0x81, 0, 0, 0), txa, RETURN_A) == 64


@pytest.mark.parametrize(
    ("code", "operand", "jumps"),
    [
        *[(0x15, 7, True), (0x15, 6, False), (0x25, 6, True), (0x25, 7, False)],
        *[(0x35, 7, True), (0x35, 8, False), (0x45, 2, True), (0x45, 8, False)],
    ],
)
def test_jumps(code: int, operand: int, jumps: bool) -> None:
    tail = ((0x06, 0, 0, 1), (0x06, 0, 0, 2))
    assert answer(LOAD_NR, (code, 0, 1, operand), *tail) == (1 if jumps else 2)
    assert answer((0x01, 0, 0, operand), LOAD_NR, (code | 0x08, 0, 1, 0), *tail) == (1 if jumps else 2)
    assert answer((0x05, 0, 0, 1), *tail) == 2


def test_a_division_by_a_register_of_0_ends_the_program() -> None:
    assert answer(LOAD_NR, (0x3C, 0, 0, 0), RETURN) == 0


REFUSED = {
    "0 bytes": b"",
    "7 bytes": packed(RETURN)[:7],
    "4,097 instructions": packed(*[LOAD_NR] * BPF_MAXINSNS, RETURN),
    "no return": packed(LOAD_NR),
    "no instruction of a seccomp filter": packed((0x28, 0, 0, 0), RETURN),  # BPF_LD | BPF_H | BPF_ABS
    "(0x94): no instruction": packed((0x94, 0, 0, 3), RETURN),  # BPF_MOD: not in seccomp_check_filter
    "(0x20): reads what is no word": packed((0x20, 0, 0, 2), RETURN),
    "reads what is no word": packed((0x20, 0, 0, 64), RETURN),
    "instruction 0 (0x05): jumps out": packed((0x05, 0, 0, 1), RETURN),
    "instruction 0 (0x15): jumps out": packed((0x15, 0, 1, 0), RETURN),
    "(0x1d): jumps out": packed((0x1D, 1, 0, 0), RETURN),
    "divides by 0": packed((0x34, 0, 0, 0), RETURN),
    "shifts by more than 31": packed((0x64, 0, 0, 32), RETURN),
    "has no word 16": packed((0x02, 0, 0, 16), RETURN),
    "reads word 3 before it is written": packed((0x15, 0, 1, 0), (0x02, 0, 0, 3), (0x60, 0, 0, 3), RETURN),
}


@pytest.mark.parametrize(("told", "data"), REFUSED.items(), ids=REFUSED)
def test_what_the_kernel_would_refuse(told: str, data: bytes) -> None:
    with pytest.raises(FilterError) as error:
        Program(data)
    assert told in str(error.value)


def test_outcomes_are_return_values() -> None:
    for action in RuleAction:
        if action is not RuleAction.KILL:
            outcome = Outcome(action, 38 if action.takes_errno else None)
            assert decoded(encoded(outcome)) == outcome
    assert decoded(0x80000000 | 5) == Outcome(RuleAction.KILL_PROCESS)
    assert decoded(ERRNO | 0xFFFF) == Outcome(RuleAction.ERRNO, 0xFFFF)
    # Whatever it does not know.
    assert decoded(0x12340000) == Outcome(RuleAction.KILL_PROCESS)


class _Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def kernel_takes(data: bytes) -> bool:
    """Whether the kernel takes a program, tried in a child process, where it may do what it wants."""
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if not child:
        program = _Filter(len(data) // 8, data)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        os._exit(bool(libc.prctl(22, 2, ctypes.byref(program), 0, 0)))  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    return os.waitpid(child, 0)[1] == 0


codes = st.sampled_from(
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x0c\x15\x16\x1d\x20\x28\x30\x34\x3c\x40\x45"
    b"\x60\x61\x64\x6c\x74\x80\x81\x84\x87\x94\x9c\xa4\xac\xb1"
)
instructions = st.tuples(codes, st.integers(0, 3), st.integers(0, 3), st.sampled_from([0, 1, 2, 4, 15, 16, 31, 32, 60]))


@settings(max_examples=100)
@given(st.lists(instructions, max_size=5))
def test_the_kernel_takes_the_same_programs(program: list[tuple[int, int, int, int]]) -> None:
    # The child must be able to end: its program starts with a return.
    data = packed(RETURN, *program, RETURN)
    try:
        Program(data)
    except FilterError:
        assert not kernel_takes(data)
    else:
        assert kernel_takes(data)
