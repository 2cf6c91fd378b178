"""What a seccomp filter answers: classic BPF, interpreted as the kernel would.

include/uapi/linux/bpf_common.h and filter.h (the instructions), kernel/seccomp.c, seccomp_check_filter (which of them a
seccomp filter may have), net/core/filter.c, bpf_check_classic (what else makes a program unsound).
"""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable, Mapping, Sequence

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.uapi import SECCOMP_RET_ACTION_FULL, Action, action_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import Outcome, RuleAction

BPF_MAXINSNS = 4096
"""The longest program (include/uapi/linux/bpf_common.h)."""

BPF_MEMWORDS = 16
"""The words that a program may keep (include/uapi/linux/filter.h)."""

_DATA_BYTES = 64
"""sizeof(struct seccomp_data): nr, arch, instruction_pointer, args[6] (include/uapi/linux/seccomp.h)."""

INSTRUCTION_LAYOUT = "HBBI"
"""struct sock_filter: code, jt, jf, k."""
INSTRUCTION_BYTES = 8

LD_ABS, _LD_LEN, _LDX_LEN, _LD_IMM, _LDX_IMM, _LD_MEM, _LDX_MEM = 0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61
_ST, _STX, _TAX, _TXA, RET_K, _RET_A, _JA, _NEG = 0x02, 0x03, 0x07, 0x87, 0x06, 0x16, 0x05, 0x84
JEQ, _JGT, _JGE, _JSET = 0x15, 0x25, 0x35, 0x45
_ADD, _SUB, _MUL, _DIV, _OR, _AND, _LSH, _RSH, _XOR = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0xA4
_X = 0x08
"""BPF_X: the second operand is the register X, not `k`."""

_COMPARED: Mapping[int, Callable[[int, int], int]] = {
    JEQ: operator.eq,
    _JGT: operator.gt,
    _JGE: operator.ge,
    _JSET: operator.and_,
}
_CALCULATED: Mapping[int, Callable[[int, int], int]] = {
    _ADD: operator.add,
    _SUB: operator.sub,
    _MUL: operator.mul,
    _DIV: operator.floordiv,
    _OR: operator.or_,
    _AND: operator.and_,
    # A shift looks at five bits of its operand, as the machines do that eBPF is made for.
    _LSH: lambda a, by: a << (by & 31),
    _RSH: lambda a, by: a >> (by & 31),
    _XOR: operator.xor,
}
_JUMPS = frozenset(code | source for code in _COMPARED for source in (0, _X))
_ARITHMETIC = frozenset(code | source for code in _CALCULATED for source in (0, _X))
_OTHERS = frozenset(
    (
        LD_ABS,
        _LD_LEN,
        _LDX_LEN,
        _LD_IMM,
        _LDX_IMM,
        _LD_MEM,
        _LDX_MEM,
        _ST,
        _STX,
        _TAX,
        _TXA,
        RET_K,
        _RET_A,
        _JA,
        _NEG,
    )
)
_MASK = 0xFFFFFFFF

_ACTIONS = {
    Action.KILL_PROCESS: RuleAction.KILL_PROCESS,
    Action.KILL_THREAD: RuleAction.KILL_THREAD,
    Action.TRAP: RuleAction.TRAP,
    Action.ERRNO: RuleAction.ERRNO,
    Action.USER_NOTIF: RuleAction.NOTIFY,
    Action.TRACE: RuleAction.TRACE,
    Action.LOG: RuleAction.LOG,
    Action.ALLOW: RuleAction.ALLOW,
}
_CODES = {action: known.value for known, action in _ACTIONS.items()}


class Instruction(NamedTuple):
    """struct sock_filter."""

    code: int
    jump_true: int
    jump_false: int
    k: int


class Program:
    """A filter that the kernel would take."""

    def __init__(self, data: bytes, *, big_endian: bool = False) -> None:
        """Take the bytes of an array of struct sock_filter, in the byte order of the machine that it is for. Raises
        FilterError for what the kernel would refuse."""
        if not data or len(data) % INSTRUCTION_BYTES:
            raise FilterError(f"bpf: {len(data)} bytes: a program has {INSTRUCTION_BYTES} for each instruction")
        self._order = ">" if big_endian else "<"
        self.instructions = tuple(map(Instruction._make, struct.iter_unpack(self._order + INSTRUCTION_LAYOUT, data)))
        _check(self.instructions)

    def verdict(self, audit_arch: int, nr: int, args: Sequence[int], ip: int = 0) -> int:
        """What the filter returns for a call: SECCOMP_RET_* with its data. `nr` is signed or has bit 31 set; six
        arguments."""
        data = struct.pack(f"{self._order}IIQ6Q", nr & _MASK, audit_arch, ip, *args)
        return _run(self.instructions, struct.unpack(f"{self._order}16I", data))

    def outcome(self, audit_arch: int, nr: int, args: Sequence[int]) -> Outcome:
        """What becomes of a call."""
        return decoded(self.verdict(audit_arch, nr, args))


def decoded(code: int) -> Outcome:
    """What the kernel does on a filter's return value; for an action that it does not know it kills the process
    (kernel/seccomp.c, __seccomp_filter)."""
    known = action_of(code)
    action = RuleAction.KILL_PROCESS if known is None else _ACTIONS[known]
    return Outcome(action, code & ~SECCOMP_RET_ACTION_FULL) if action.takes_errno else Outcome(action)


def encoded(outcome: Outcome) -> int:
    """What a filter returns for an outcome."""
    return _CODES[outcome.action] | (outcome.errno or 0)


def with_returns_mended(data: bytes, answers: frozenset[int], *, big_endian: bool) -> bytes:
    """A program in which what a return says is reversed byte by byte where only that is an answer that may be."""
    layout = (">" if big_endian else "<") + INSTRUCTION_LAYOUT
    mended = bytearray(data)
    for place, (code, jump_true, jump_false, k) in enumerate(struct.iter_unpack(layout, data)):
        reversed_k = int.from_bytes(k.to_bytes(4, "big"), "little")
        if code == RET_K and k not in answers and reversed_k in answers:
            struct.pack_into(layout, mended, place * INSTRUCTION_BYTES, code, jump_true, jump_false, reversed_k)
    return bytes(mended)


def _check(program: tuple[Instruction, ...]) -> None:
    """Raises FilterError for the first thing that the kernel would refuse."""
    if len(program) > BPF_MAXINSNS:
        raise FilterError(f"bpf: {len(program):,} instructions: the kernel takes {BPF_MAXINSNS:,}: name fewer calls")
    for at, instruction in enumerate(program):
        problem = _problem(instruction, len(program) - at - 1)
        if problem:
            raise FilterError(f"bpf: instruction {at} ({instruction.code:#04x}): {problem}")
    if program[-1].code not in (RET_K, _RET_A):
        raise FilterError("bpf: the last instruction is no return")
    _check_memory(program)


def _problem(instruction: Instruction, behind: int) -> str | None:
    """What is wrong with an instruction that has so many behind it."""
    code, k = instruction.code, instruction.k
    if code in _JUMPS:
        return "jumps out of the program" if max(instruction.jump_true, instruction.jump_false) >= behind else None
    if code in _ARITHMETIC:
        if code == _DIV and k == 0:
            return "divides by 0"
        return "shifts by more than 31" if code in (_LSH, _RSH) and k > 31 else None
    if code not in _OTHERS:
        return "no instruction of a seccomp filter"
    if code == _JA and k >= behind:
        return "jumps out of the program"
    if code == LD_ABS and (k >= _DATA_BYTES or k % 4):
        return "reads what is no word of struct seccomp_data"
    return f"has no word {k}" if code in (_LD_MEM, _LDX_MEM, _ST, _STX) and k >= BPF_MEMWORDS else None


def _check_memory(program: tuple[Instruction, ...]) -> None:
    """No word is read before it is written, on any way through the program (check_load_and_stores)."""
    written = [(1 << BPF_MEMWORDS) - 1] * len(program)
    now = 0
    for at, (code, jump_true, jump_false, k) in enumerate(program):
        now &= written[at]
        if code in (_ST, _STX):
            now |= 1 << k
        elif code in (_LD_MEM, _LDX_MEM) and not now & 1 << k:
            raise FilterError(f"bpf: instruction {at} ({code:#04x}): reads word {k} before it is written")
        elif code == _JA or code in _JUMPS:
            for jump in (k,) if code == _JA else (jump_true, jump_false):
                written[at + 1 + jump] &= now
            now = (1 << BPF_MEMWORDS) - 1


def _run(program: tuple[Instruction, ...], words: tuple[int, ...]) -> int:
    """The value that the program returns; jumps go forward only, so that it ends."""
    a = x = at = 0
    memory = [0] * BPF_MEMWORDS
    while True:
        code, jump_true, jump_false, k = program[at]
        at += 1
        operand = x if code & _X else k
        if code == LD_ABS:
            a = words[k >> 2]
        elif code in _JUMPS:
            at += jump_true if _COMPARED[code & ~_X](a, operand) else jump_false
        elif code == RET_K:
            return k
        elif code == _RET_A:
            return a
        elif code == _JA:
            at += k
        elif code in _ARITHMETIC:
            if code == _DIV | _X and x == 0:
                return 0  # bpf_convert_filter: such a program ends with 0
            a = _CALCULATED[code & ~_X](a, operand) & _MASK
        else:
            a, x = _moved(code, k, a, x, memory)


def _moved(code: int, k: int, a: int, x: int, memory: list[int]) -> tuple[int, int]:
    """The registers A and X after a load, a store or NEG."""
    if code in (_ST, _STX):
        memory[k] = a if code == _ST else x
    elif code == _TAX:
        x = a
    elif code in (_LDX_IMM, _LDX_LEN, _LDX_MEM):
        x = k if code == _LDX_IMM else _DATA_BYTES if code == _LDX_LEN else memory[k]
    elif code in (_LD_IMM, _LD_LEN, _LD_MEM):
        a = k if code == _LD_IMM else _DATA_BYTES if code == _LD_LEN else memory[k]
    else:
        a = x if code == _TXA else -a & _MASK
    return a, x
