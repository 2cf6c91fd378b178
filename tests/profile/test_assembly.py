"""Filters put together by hand do what they say, as the interpreter of classic BPF has it."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.profile.assembly import always, marked, numbered
from audit2seccomp.profile.model import Outcome, RuleAction
from audit2seccomp.profile.simulate import Program
from tests.profile.meanings import abi

OTHERWISE = Outcome(RuleAction.NOTIFY)
ABIS = [abi(name) for name in ("x86_64", "x32", "x86")]
outcomes = st.sampled_from([Outcome(RuleAction.ALLOW), Outcome(RuleAction.ERRNO, 38), Outcome(RuleAction.KILL_PROCESS)])
words = st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1)
marks = st.dictionaries(st.integers(0, 5), words, min_size=1, max_size=6)
numbers = st.sampled_from([0, 1, 59, 231, 0x40000000, 0x40000027, -1]) | st.integers(-(2**31), 2**31 - 1)


def made(*parts: bytes) -> Program:
    """A filter of these parts."""
    return Program(b"".join(parts), big_endian=sys.byteorder == "big")


def says(program: Program, of: Abi, nr: int, *args: int) -> Outcome:
    """What becomes of a call; arguments that are not given are 0."""
    return program.outcome(of.audit_arch, nr, (*args, *(0,) * (6 - len(args))))


@given(outcomes, st.sampled_from(ABIS), numbers)
def test_always(outcome: Outcome, of: Abi, nr: int) -> None:
    assert says(made(always(outcome)), of, nr) == outcome


@given(numbers, marks, outcomes, st.sampled_from(ABIS), st.integers(0, 2**32 - 1), st.data())
def test_a_call_with_all_marks_passes_and_no_other(
    nr: int, wanted: dict[int, int], outcome: Outcome, of: Abi, upper: int, data: st.DataObject
) -> None:
    program = made(marked(nr, wanted, outcome), always(OTHERWISE))
    args = [wanted.get(place, 7) | upper << 32 for place in range(6)]
    assert says(program, of, nr, *args) == outcome
    assert says(program, of, nr ^ data.draw(st.integers(0, 30).map(lambda bit: 1 << bit)), *args) == OTHERWISE
    place = data.draw(st.sampled_from(sorted(wanted)))
    args[place] ^= 1 << data.draw(st.integers(0, 31))
    assert says(program, of, nr, *args) == OTHERWISE


@given(st.sampled_from(ABIS), st.dictionaries(numbers, outcomes, max_size=5), st.sampled_from(ABIS), numbers)
def test_numbers_of_one_architecture_get_their_outcomes(
    of: Abi, wanted: dict[int, Outcome], other: Abi, nr: int
) -> None:
    program = made(numbered(of, wanted), always(OTHERWISE))
    for number, outcome in wanted.items():
        assert says(program, of, number) == outcome
    same = other.audit_arch == of.audit_arch
    assert says(program, other, nr) == (wanted.get(nr, OTHERWISE) if same else OTHERWISE)
