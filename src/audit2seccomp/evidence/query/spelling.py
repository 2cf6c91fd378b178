"""How a query spells conditions and what a field is compared with: text to value, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.evidence.query.condition import (
    KINDS,
    UNSET,
    And,
    Comparison,
    Condition,
    Field,
    Kind,
    Not,
    Operand,
    Operator,
    Or,
)
from audit2seccomp.kernel.abi import Abi, abi_named, all_abis
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.kernel.uapi import Action

if TYPE_CHECKING:
    from datetime import datetime

_TEXT = (Operator.EQ, Operator.NE, Operator.LIKE, Operator.IN)
_ORDER = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE, Operator.IN)
_EQUALITY = (Operator.EQ, Operator.NE, Operator.IN)
_OPERATORS = {
    Kind.BYTES: _TEXT,
    Kind.TEXT: _TEXT,
    Kind.NUMBER: _ORDER,
    Kind.ID: _ORDER,
    Kind.ARCH: _EQUALITY,
    Kind.CALL: _TEXT,
    Kind.ACTION: _EQUALITY,
    Kind.TIME: _ORDER,
}
_NUMBER = re.compile("-?[0-9]{1,20}|0[xX][0-9a-fA-F]{1,16}")
_AGO = re.compile("-([0-9]{1,9})([smhdw])")
_ISO = re.compile("[0-9W-]{8,10}(?:[T ][0-9:.,]{1,20}(?:Z|[+-][0-9:]{2,8})?)?")
"""What `datetime.fromisoformat` is asked about: it takes any character where `T` or a blank belongs."""
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHOWN = 40
"""So many characters of a wrong word are repeated in a message."""


def operator_of(field: Field, text: str) -> Operator:
    """The operator that is written `text`. Raises `UsageError` if there is none, or none that `field` takes."""
    usable = _OPERATORS[KINDS[field]]
    operator = next((one for one in Operator if one == text), None)
    if operator in usable:
        return operator
    wrong = f"no operator {shown(text)}" if operator is None else f"'{text}' is nothing to ask of {field}"
    raise UsageError(f"{wrong}: it takes {' '.join(usable)}")


def operand_of(field: Field, operator: Operator, text: str, now: datetime | None, *, quoted: bool = False) -> Operand:
    """The value that `text` spells, as `Comparison` holds it. Raises `UsageError` if it spells none.

    `now` is what relative times count from; without it they are none.
    """
    text = as_text(text)
    kind = KINDS[field]
    if operator is Operator.LIKE or kind is Kind.TEXT:
        return text
    if kind is Kind.BYTES:
        return text.encode("utf-8", "surrogateescape")
    if kind is Kind.ARCH:
        return _arch(text)
    if kind is Kind.ACTION:
        return _action(text)
    if kind is Kind.TIME:
        return time_of(text, now)
    number = _number(text)
    if kind is Kind.CALL:
        return _call(text) if number is None else _within(number, text, -(2**31), 2**31 - 1)
    if quoted:
        raise UsageError(f"{field} is a number: write it without quotes")
    if kind is Kind.ID:
        number = UNSET if number == -1 or text == "unset" else number
    if number is None:
        spellings = "decimal, 0x… or unset" if kind is Kind.ID else "decimal or 0x…"
        raise UsageError(f"{field} is a number: {shown(text)} is not {spellings}")
    return _within(number, text, 0, UNSET) if kind is Kind.ID else number


def as_text(text: str) -> str:
    """The text with bytes that are no UTF-8 as surrogates, in the one way that decoding gives. Raises `UsageError`."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UsageError("a surrogate that stands for no byte") from None


def shown(text: str) -> str:
    """A word that is wrong, between quotes, as far as a message repeats it."""
    return f"'{plain(text)}'" if len(text) <= _SHOWN else f"'{plain(text[:_SHOWN])}…'"


def plain(text: str) -> str:
    """The text, character for character, with what could move a cursor blotted out."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def _number(text: str) -> int | None:
    if not _NUMBER.fullmatch(text):
        return None
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _within(number: int, text: str, low: int, high: int) -> int:
    if low <= number <= high:
        return number
    raise UsageError(f"{shown(text)} is not within {low} to {high}")


def _arch(text: str) -> Abi:
    abi = abi_named(text)
    if abi is None:
        names = [abi.name for abi in all_abis()]
        raise UsageError(f"no architecture {shown(text)}{did_you_mean(text.lower(), names)}")
    return abi


def _action(text: str) -> Action | int:
    name = text.upper().replace("-", "_")
    if name in Action.__members__:
        return Action[name]
    code = _number(text)
    if code is None:
        names = [action.name.lower() for action in Action]
        hint = did_you_mean(name.lower(), names) or f": one of {', '.join(names)}"
        raise UsageError(f"no action {shown(text)}{hint}")
    return _within(code, text, 0, 0xFFFFFFFF)


def _call(text: str) -> str:
    if any(table_of(abi).number_of(text) is not None for abi in all_abis()):
        return text
    names = {name for abi in all_abis() for _, name in table_of(abi)}
    hint = did_you_mean(text, names)
    raise UsageError(f"no call {shown(text)} on any architecture of Linux {tables_kernel()}{hint}")


def time_of(text: str, now: datetime | None) -> int:
    """ISO 8601, or a time before `now` as in `-2h`, in milliseconds since the epoch. Raises `UsageError`.

    Without a zone it is local time, and a date is its first moment, as in journalctl; parts of a millisecond are cut.
    """
    from datetime import UTC, datetime, timedelta

    ago = _AGO.fullmatch(text)
    try:
        if ago and now is not None:
            moment = now.astimezone(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        elif _ISO.fullmatch(text):
            moment = datetime.fromisoformat(text).astimezone(UTC)
        else:
            raise ValueError
        return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    except (ValueError, OverflowError, OSError):  # the last two from times that no calendar or clock here has
        raise UsageError(f"no time {shown(text)}: write it as 2026-10-04, 2026-10-04T12:30:00Z or -2h") from None


def written(condition: Condition) -> str:
    """The condition with no bracket that it can do without."""
    if isinstance(condition, Comparison):
        kind = KINDS[condition.field]
        operands = ", ".join(_operand_written(one, kind) for one in condition.operands)
        if condition.operator is Operator.IN:
            operands = f"({operands})"
        return f"{condition.field} {condition.operator} {operands}"
    if isinstance(condition, Not):
        return f"not {_bracketed(condition.part, And, Or)}"
    if isinstance(condition, And):
        return " and ".join(_bracketed(part, Or) for part in condition.parts)
    return " or ".join(map(written, condition.parts))


def _bracketed(condition: Condition, *kinds: type[And | Or]) -> str:
    text = written(condition)
    return f"({text})" if isinstance(condition, kinds) else text


def _operand_written(operand: Operand, kind: Kind) -> str:
    if isinstance(operand, Abi):
        return operand.name
    if isinstance(operand, Action):
        return operand.name.lower()
    if isinstance(operand, int):
        return _number_written(operand, kind)
    text = operand.decode("utf-8", "surrogateescape") if isinstance(operand, bytes) else operand
    return '"' + "".join(map(_character_written, text)) + '"'


def _number_written(number: int, kind: Kind) -> str:
    if kind is Kind.TIME:
        from datetime import UTC, datetime, timedelta

        moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=number)
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds" if number % 1000 else "seconds") + "Z"
    if kind is Kind.ID and number == UNSET:
        return "unset"
    return f"{number:#x}" if kind is Kind.ACTION else str(number)


def _character_written(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
