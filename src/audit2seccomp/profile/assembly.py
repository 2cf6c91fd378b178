"""Filters put together by hand: the few that libseccomp cannot make, and calls by number in front of one that it made.

The instructions are those of `simulate`; the byte order is this machine's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.profile.model import Outcome
from audit2seccomp.profile.simulate import INSTRUCTION_LAYOUT, JEQ, LD_ABS, RET_K, Instruction, encoded

_NR, _ARCH, _ARGS = 0, 4, 16
"""Where struct seccomp_data has them (include/uapi/linux/seccomp.h)."""
_LOW_WORD = 0 if struct.pack("=H", 1) == struct.pack("<H", 1) else 4
"""Where an argument of 64 bits has its lower half."""
_MASK = 0xFFFFFFFF


def always(outcome: Outcome) -> bytes:
    """The filter that says the same of every call."""
    return _packed(_return(outcome))


def marked(nr: int, marks: Mapping[int, int], outcome: Outcome) -> bytes:
    """What stands in front of a filter so that one call gets an outcome if it carries the marks: numbers of 32 bits in
    the lower halves of some arguments, by argument."""
    # Each comparison that fails jumps behind the return.
    tests = [(_NR, nr & _MASK), *((_ARGS + 8 * argument + _LOW_WORD, mark) for argument, mark in marks.items())]
    made = []
    for place, (offset, value) in enumerate(tests):
        made += [Instruction(LD_ABS, 0, 0, offset), Instruction(JEQ, 0, 2 * (len(tests) - place) - 1, value)]
    return _packed(*made, _return(outcome))


def numbered(abi: Abi, outcomes: Mapping[int, Outcome]) -> bytes:
    """What stands in front of a filter so that calls of an ABI get outcomes by their numbers, whatever it says."""
    made = []
    for nr, outcome in outcomes.items():
        made += [
            Instruction(LD_ABS, 0, 0, _ARCH),
            Instruction(JEQ, 0, 3, abi.audit_arch),
            Instruction(LD_ABS, 0, 0, _NR),
            Instruction(JEQ, 0, 1, nr & _MASK),
            _return(outcome),
        ]
    return _packed(*made)


def _return(outcome: Outcome) -> Instruction:
    return Instruction(RET_K, 0, 0, encoded(outcome))


def _packed(*instructions: Instruction) -> bytes:
    return b"".join(struct.pack(f"={INSTRUCTION_LAYOUT}", *one) for one in instructions)
