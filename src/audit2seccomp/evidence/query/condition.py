"""What a query asks, as a tree, and what that decides about a record (docs/selection.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Any

from audit2seccomp.kernel.abi import Abi
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import SECCOMP_RET_ACTION_FULL, Action


class Field(StrEnum):
    """What a query can ask for; the type is that of a record's value."""

    COMM = "comm"
    """bytes"""
    EXE = "exe"
    """bytes"""
    PID = "pid"
    PPID = "ppid"
    UID = "uid"
    GID = "gid"
    AUID = "auid"
    SES = "ses"
    SUBJ = "subj"
    """bytes"""
    ARCH = "arch"
    """Abi"""
    SYSCALL = "syscall"
    """int, signed as in `syscall=`"""
    ACTION = "action"
    """int as in `code=`, or the Action where that is all that is known"""
    SIG = "sig"
    COMPAT = "compat"
    HOST = "host"
    """str, as all four that do not come from the record itself; undecodable bytes as surrogates (surrogateescape)"""
    UNIT = "unit"
    CONTAINER = "container"
    FILE = "file"
    TIME = "time"
    """int, milliseconds since the epoch"""


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "~"
    IN = "in"


class Kind(Enum):
    """What the values of a field are, which says how they are compared, read and written."""

    BYTES = auto()
    TEXT = auto()
    NUMBER = auto()
    ID = auto()
    """A number of 32 bits without sign, whose highest value says that it is not set (include/linux/uidgid.h)."""
    ARCH = auto()
    CALL = auto()
    ACTION = auto()
    TIME = auto()


KINDS: Mapping[Field, Kind] = {
    **dict.fromkeys((Field.COMM, Field.EXE, Field.SUBJ), Kind.BYTES),
    **dict.fromkeys((Field.HOST, Field.UNIT, Field.CONTAINER, Field.FILE), Kind.TEXT),
    **dict.fromkeys((Field.PID, Field.PPID, Field.SIG, Field.COMPAT), Kind.NUMBER),
    **dict.fromkeys((Field.UID, Field.GID, Field.AUID, Field.SES), Kind.ID),
    Field.ARCH: Kind.ARCH,
    Field.SYSCALL: Kind.CALL,
    Field.ACTION: Kind.ACTION,
    Field.TIME: Kind.TIME,
}

UNSET = 0xFFFFFFFF
"""INVALID_UID and AUDIT_SID_UNSET, (unsigned int)-1, as the kernel writes them into a record."""

Operand = bytes | str | int | Abi | Action
"""BYTES: bytes; TEXT: str; NUMBER, ID, TIME: int; ARCH: Abi; CALL: int or str; ACTION: Action, or int for a whole code.
The pattern of `~` is a str."""

Values = Mapping[Field, Any]
"""What is known of a record. A field that is not there and one that is None are both unknown."""

Decide = Callable[[Values], bool | None]
"""Whether a record is selected; None where that depends on what is unknown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one operand, or for `in` against one or more."""

    field: Field
    operator: Operator
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of something unknown, unknown."""

    part: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Two or more parts, none of them an And: `all_of` makes them."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more parts, none of them an Or: `any_of` makes them."""

    parts: tuple[Condition, ...]


Condition = Comparison | Not | And | Or


def all_of(parts: list[Condition]) -> Condition:
    """That every part holds; there must be one."""
    flat = tuple(_flat(parts, And))
    assert flat
    return flat[0] if len(flat) == 1 else And(flat)


def any_of(parts: list[Condition]) -> Condition:
    """That one part or more holds; there must be one."""
    flat = tuple(_flat(parts, Or))
    assert flat
    return flat[0] if len(flat) == 1 else Or(flat)


def _flat(parts: list[Condition], kind: type[And | Or]) -> Iterator[Condition]:
    for part in parts:
        if isinstance(part, kind):
            yield from part.parts
        else:
            yield part


def fields_of(condition: Condition) -> frozenset[Field]:
    """Every field that may be looked at. A call's name is that of its number on the record's architecture."""
    if isinstance(condition, Comparison):
        named = condition.field is Field.SYSCALL and any(isinstance(one, str) for one in condition.operands)
        return frozenset((condition.field, Field.ARCH) if named else (condition.field,))
    if isinstance(condition, Not):
        return fields_of(condition.part)
    return frozenset[Field]().union(*map(fields_of, condition.parts))


def earliest(condition: Condition) -> int | None:
    """No record of an earlier time is selected: milliseconds since the epoch; None where any time may be."""
    if isinstance(condition, Comparison):
        if condition.field is not Field.TIME or condition.operator not in _BOUNDED_BELOW:
            return None
        return min(one for one in condition.operands if isinstance(one, int))
    if isinstance(condition, Not):
        return None
    bounds = list(map(earliest, condition.parts))
    known = [bound for bound in bounds if bound is not None]
    if isinstance(condition, And):
        return max(known, default=None)
    return min(known) if len(known) == len(bounds) else None


_BOUNDED_BELOW = (Operator.GE, Operator.GT, Operator.EQ, Operator.IN)


def compiled(condition: Condition) -> Decide:
    """The condition as one function, by Kleene's three-valued logic."""
    if isinstance(condition, Comparison):
        decide = _call_is(condition) if condition.field is Field.SYSCALL else _field_is(condition)
        return _opposite(decide) if condition.operator is Operator.NE else decide
    if isinstance(condition, Not):
        return _opposite(compiled(condition.part))
    # A part that decides alone: one false part of an And, one true part of an Or.
    return _unless([compiled(part) for part in condition.parts], isinstance(condition, Or))


def _opposite(part: Decide) -> Decide:
    def decide(values: Values) -> bool | None:
        found = part(values)
        return None if found is None else not found

    return decide


def _unless(parts: list[Decide], decisive: bool) -> Decide:
    otherwise = not decisive

    def decide(values: Values) -> bool | None:
        result: bool | None = otherwise
        for part in parts:
            found = part(values)
            if found is decisive:
                return decisive
            if found is None:
                result = None
        return result

    return decide


def _field_is(comparison: Comparison) -> Decide:
    field, test = comparison.field, _test(comparison)

    def decide(values: Values) -> bool | None:
        value = values.get(field)
        return None if value is None else test(value)

    return decide


def _call_is(comparison: Comparison) -> Decide:
    numbers = frozenset(one for one in comparison.operands if isinstance(one, int))
    names = [one for one in comparison.operands if isinstance(one, str)]
    if not names:
        return _field_is(comparison)
    known = _like(names[0]) if comparison.operator is Operator.LIKE else frozenset(names).__contains__

    def decide(values: Values) -> bool | None:
        nr = values.get(Field.SYSCALL)
        if nr is None:
            return None
        if nr in numbers:
            return True
        abi = values.get(Field.ARCH)
        if abi is None:
            return None
        name = table_of(abi).name_of(nr)
        return name is not None and known(name)  # a number without a name has none of these names

    return decide


def _test(comparison: Comparison) -> Callable[[Any], bool]:
    """What a known value must be. `!=` is asked as `==`."""
    kind, operator, operands = KINDS[comparison.field], comparison.operator, comparison.operands
    if operator is Operator.LIKE:
        matches = _like(str(operands[0]))
        return matches if kind is Kind.TEXT else lambda value: matches(value.decode("utf-8", "surrogateescape"))
    if operator not in (Operator.EQ, Operator.NE, Operator.IN):
        return _ordered(operator, operands[0], UNSET if kind is Kind.ID else -1)
    wanted = frozenset(operands)
    if kind is Kind.ID:
        return lambda value: value & UNSET in wanted
    if kind is Kind.ACTION:
        whole = frozenset(one for one in wanted if isinstance(one, int))
        actions = frozenset(one.value for one in wanted if isinstance(one, Action))

        def acts(value: int | Action) -> bool:
            code = value if isinstance(value, int) else value.value
            return code & SECCOMP_RET_ACTION_FULL in actions or code in whole

        return acts
    return wanted.__contains__


def _ordered(operator: Operator, limit: Any, mask: int) -> Callable[[Any], bool]:
    return {
        Operator.LT: lambda value: value & mask < limit,
        Operator.LE: lambda value: value & mask <= limit,
        Operator.GT: lambda value: value & mask > limit,
        Operator.GE: lambda value: value & mask >= limit,
    }[operator]


def _like(pattern: str) -> Callable[[str], bool]:
    """A glob, of `*` and `?` alone: `[` stands for itself, as in `runc:[2:INIT]`.

    Each piece between two stars is taken where it first fits and never given back (an atomic group), which is enough:
    the time grows with the text's length, whatever the pattern.
    """
    head, *pieces = ["".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*")]
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[:-1] if piece)
    tail = f".*{pieces[-1]}" if pieces else ""
    match = re.compile(head + middle + tail, re.DOTALL).fullmatch
    return lambda text: match(text) is not None
