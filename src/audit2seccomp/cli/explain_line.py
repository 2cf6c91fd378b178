"""One line explained: what it travels in, how far it is believed, and what each field means or where it fails."""

from __future__ import annotations

import re
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from itertools import accumulate

from audit2seccomp.cli.clock import utc_time
from audit2seccomp.cli.messages import printable
from audit2seccomp.cli.output import Output
from audit2seccomp.errors import ExitStatus, UsageError
from audit2seccomp.evidence import grammar
from audit2seccomp.evidence.carriers import Located, Trust, locate
from audit2seccomp.evidence.cuts import MAX_LINE_BYTES, TOO_LONG
from audit2seccomp.evidence.decide import UNKNOWN_ARCH
from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.evidence.trust import judge
from audit2seccomp.kernel.abi import abi_of
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.kernel.uapi import Action, action_of

_WINDOW = 96
"""So many columns of a line are shown around the caret."""
_VALUE_CHARACTERS = 60
"""So much of a value is shown."""
MAX_FIELDS = 100
"""So many fields are listed; the kernel writes 14."""
_UNSET = str(2**32 - 1)
"""(uid_t)-1 and its like (include/linux/uidgid.h): no user logged in."""
_CLAIM = re.compile(rb"type=|SECCOMP")
"""What makes a reader think that a record begins."""


def explain_line(arguments: list[str] | None, trust: Trust, assume_arch: int | None) -> int:
    """Explain the line in the arguments, or the first one of standard input; returns the exit status."""
    line = _line_of(arguments)
    sound, lines = explained(line, trust, assume_arch)
    Output(None).write("\n".join((*lines, "")))
    return ExitStatus.DONE if sound else ExitStatus.INCOMPLETE


def _line_of(arguments: list[str] | None) -> bytes:
    if arguments and len(arguments) > 1:
        raise UsageError("--line: takes one line: put it between quotes")
    if arguments and arguments[0] != "-":
        return arguments[0].encode(errors="surrogateescape").split(b"\n", 1)[0]
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("--line: no line: give one, or pipe it in: sed -n 12p kern.log | audit2seccomp explain --line")
    return sys.stdin.buffer.readline(MAX_LINE_BYTES + 2).removesuffix(b"\n")


def explained(line: bytes, trust: Trust, assume_arch: int | None) -> tuple[bool, list[str]]:
    """Whether a line, without its newline, holds a sound record that is trusted enough; and what to say about it."""
    if len(line) > MAX_LINE_BYTES:
        return False, [f"record:  rejected: {TOO_LONG}"]
    located = locate(line)
    if located is None:
        return False, ["carrier: none", *_no_record(line)]
    found = grammar.explain(located.body, assume_arch)
    lines = [f"carrier: {_carrier(located)}"]
    offset = len(line) - len(located.body) if line.endswith(located.body) else 0
    text = line if offset else located.body
    if not found.claims:
        return False, [*lines, "record:  none: the text opens like one, but is of another kind"]
    verdict = found.verdict
    if isinstance(verdict, Parsed) and abi_of(verdict.record.arch, verdict.record.nr) is None:
        verdict = Reject(UNKNOWN_ARCH, next(field.at for field in found.fields if field.name == "arch"))
    if isinstance(verdict, Reject):
        rejected = [f"record:  rejected: {verdict.reason}", *_shown(text, offset + verdict.at)]
        return False, [*lines, *rejected, *_field_rows(found.fields, None)]
    proof = judge(located, verdict.record, verdict.end, continues=False, foreign=False)
    trusted = proof.trust >= trust
    reason = f": {proof.reason}" if proof.reason and located.carrier is not None else ""
    lines.append(f"trust:   {_name_of(proof.trust)}{reason}")
    if located.carrier is not None and located.carrier.bare:
        lines.append("         (in a log, the lines above can make it less)")
    lines.append("record:  sound" if trusted else f"record:  sound, but not trusted: --trust is {_name_of(trust)}")
    return trusted, [*lines, *_field_rows(found.fields, verdict.record)]


def _name_of(trust: Trust) -> str:
    return trust.name.lower()


def _carrier(located: Located) -> str:
    if located.carrier is None:
        return f"none: {located.reason}"
    host = None if located.prefix is None else located.prefix.host
    repeat = f", {located.repeat} times" if located.repeat > 1 else ""
    return located.carrier.name + (f", of host {printable(host)}" if host else "") + repeat


def _no_record(line: bytes) -> Iterator[str]:
    claim = _CLAIM.search(line)
    if claim is None:
        yield "record:  none: nothing in the line opens one"
        return
    verdict = grammar.explain(line[claim.start() :]).verdict
    reason = verdict.reason if isinstance(verdict, Reject) else "it is not the kernel's"
    yield f"record:  none: {reason}"
    yield from _shown(line, claim.start() + (verdict.at if isinstance(verdict, Reject) else 0))


def _shown(line: bytes, at: int) -> list[str]:
    """The line around an offset, with a caret under it. Control bytes are shown as escapes."""
    before = _cells(line[max(at - 4 * _WINDOW, 0) : at])
    behind = _cells(line[at : at + 4 * _WINDOW])
    # Three quarters of the window belong to what led to the place.
    room = _WINDOW - min(sum(map(_width, behind)), _WINDOW // 4)
    left = _fitting(before[::-1], room)[::-1]
    right = _fitting(behind, _WINDOW - sum(map(_width, left)))
    start = "…" if len(left) < len(before) or at > 4 * _WINDOW else ""
    end = "…" if len(right) < len(behind) or at + 4 * _WINDOW < len(line) else ""
    text = start + "".join(left)
    return [f"    {text}{''.join(right)}{end}", f"    {' ' * _width(text)}^"]


def _cells(text: bytes) -> list[str]:
    """Each character, or its escape."""
    return [printable(character) for character in text.decode(errors="surrogateescape")]


def _fitting(cells: list[str], columns: int) -> list[str]:
    """As many from the start as fit."""
    ends = accumulate(map(_width, cells))
    return cells[: sum(1 for end in ends if end <= columns)]


def _width(text: str) -> int:
    """Columns on a terminal."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _field_rows(fields: tuple[grammar.Written, ...], record: SeccompRecord | None) -> Iterator[str]:
    """Name, text and meaning of each field; without a record, the meaning of no field is certain."""
    if not fields:
        return
    rows = [("field", "written", "" if record is None else "meaning")]
    for field in fields[:MAX_FIELDS]:
        meaning = "" if record is None else _meaning(field, record)
        rows.append((field.name or "(no field)", _short(field.text), _short(meaning)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    yield ""
    for name, text, meaning in rows:
        yield f"  {name:{widths[0]}}  {text:{widths[1]}}  {meaning}".rstrip()
    if len(fields) > MAX_FIELDS:
        yield f"  and {len(fields) - MAX_FIELDS:,} more"


def _short(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[: 4 * _VALUE_CHARACTERS].decode(errors="surrogateescape")
    shown = printable(text)
    return shown[:_VALUE_CHARACTERS] + ("…" if len(shown) > _VALUE_CHARACTERS else "")


def _meaning(field: grammar.Written, record: SeccompRecord) -> str:
    if field.read and field.name in _OF_RECORD:
        return _OF_RECORD[field.name](record)
    text = field.text.decode("latin-1")
    if field.name in ("auid", "uid", "gid", "ses"):
        return "unset" if text == _UNSET else "not counted"
    if field.name == "sig" and field.read:
        return "no signal" if text == "0" else _signal(text)
    if field.name == "compat" and field.read:
        return "the kernel's own calling convention" if text == "0" else "the calling convention of another ABI"
    return _ELSEWHERE.get(field.name, "not looked at")


def _signal(text: str) -> str:
    known = {str(number.value): number.name for number in signal.Signals}
    return known.get(text, "no signal that is known here")


_ELSEWHERE = {"type": "a SECCOMP record", "ip": "where in the program; not counted"}
"""The meaning of fields whose value does not change it."""


def _unknown(value: object) -> str:
    return "not known" if value is None else str(value)


def _text(value: bytes | None) -> str:
    return "not known" if value is None else value.decode(errors="surrogateescape")


def _stamp(record: SeccompRecord) -> str:
    return "" if record.millis is None else f"{utc_time(record.millis)}, serial {record.serial}"


def _arch(record: SeccompRecord) -> str:
    abi = abi_of(record.arch, record.nr)
    return "no architecture" if abi is None else f"{abi.name} ({abi.audit_name})"


def _syscall(record: SeccompRecord) -> str:
    abi = abi_of(record.arch, record.nr)
    name = None if abi is None else table_of(abi).name_of(record.nr)
    return name or f"not in the tables of Linux {tables_kernel()}"


def _code(record: SeccompRecord) -> str:
    assert record.code is not None
    action = action_of(record.code)
    if action is None:
        return "no action that the kernel defines"
    if action.let_through:
        return f"{action.name}: the call ran"
    supervised = action in (Action.TRACE, Action.USER_NOTIF)
    return f"{action.name}: {'another program decided about the call' if supervised else 'the call did not run'}"


_OF_RECORD: dict[str, Callable[[SeccompRecord], str]] = {
    "audit": _stamp,
    "uid": lambda record: _unknown(record.uid),
    "pid": lambda record: _unknown(record.pid),
    "subj": lambda record: _text(record.subj),
    "comm": lambda record: _text(record.comm),
    "exe": lambda record: _text(record.exe),
    "arch": _arch,
    "syscall": _syscall,
    "code": _code,
}
"""The meaning of what a record keeps."""
