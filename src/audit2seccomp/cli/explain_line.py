"""One line explained: what it travels in, how far it is believed, and what each field means or where it fails."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

from audit2seccomp.cli.meanings import meaning
from audit2seccomp.cli.messages import printable
from audit2seccomp.cli.output import Output
from audit2seccomp.errors import ExitStatus, UsageError
from audit2seccomp.evidence import grammar
from audit2seccomp.evidence.carriers import Located, Trust, locate
from audit2seccomp.evidence.decide import UNKNOWN_ARCH
from audit2seccomp.evidence.entries.entry import RECORD_TOKEN, Entry, Problem
from audit2seccomp.evidence.interpreted import parse_interpreted
from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES, TOO_LONG
from audit2seccomp.evidence.text.lines import JSON_STARTS
from audit2seccomp.evidence.trust import judge
from audit2seccomp.kernel.abi import abi_of

_WINDOW = 96
"""So many columns of a line are shown around the caret."""
_VALUE_CHARACTERS = 60
"""So much of a value is shown."""
MAX_GRAMMAR_BYTES = 1 << 16
"""A longer body is only parsed as the scanner does it: the grammar takes up to 30 seconds for 1 MB of fields."""
MAX_FIELDS = 100
"""So many fields are listed; the kernel writes 14."""
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
    line, host, located = _located(line)
    if isinstance(located, str):
        return False, [f"record:  rejected: {located}"]
    if located is None:
        return False, ["carrier: none", *_no_record(line)]
    found = _interpreted(located.body) or _explain(located.body, assume_arch)
    lines = [f"carrier: {_carrier(located, host)}"]
    offset = len(line) - len(located.body) if line.endswith(located.body) else 0
    text = line if offset else located.body
    if not found.claims:
        return False, [*lines, "record:  none: the text opens like one, but is of another kind"]
    verdict = found.verdict
    if isinstance(verdict, Parsed) and abi_of(verdict.record.arch, verdict.record.nr) is None:
        verdict = Reject(UNKNOWN_ARCH, next((field.at for field in found.fields if field.name == "arch"), 0))
    if isinstance(verdict, Reject):
        rejected = [f"record:  rejected: {verdict.reason}", *_shown(text, offset + verdict.at)]
        return False, [*lines, *rejected, *_field_rows(found.fields, None)]
    proof = judge(located, verdict.record, verdict.end, continues=False, foreign=False)
    trusted = proof.trust >= trust
    reason = f": {proof.reason}" if proof.reason and located.carrier is not None else ""
    lines.append(f"trust:   {proof.trust.word}{reason}")
    if located.carrier is not None and located.carrier.bare:
        lines.append("         (in a log, the lines above can make it less)")
    lines.append("record:  sound" if trusted else f"record:  sound, but not trusted: --trust is {trust.word}")
    return trusted, [*lines, *_field_rows(found.fields, verdict.record)]


def _located(line: bytes) -> tuple[bytes, str | None, Located | str | None]:
    """The text in which a record may stand, the host, and where it stands; or why that cannot be read."""
    found = None
    if line.lstrip(b"\0").startswith(JSON_STARTS):
        from audit2seccomp.evidence.entries.json_text import decode_line

        found = decode_line(line.lstrip(b"\0"))
    for one in found or ():
        if isinstance(one, Problem):
            return line, None, one.reason
        if isinstance(one, Entry) and RECORD_TOKEN in one.message:
            from audit2seccomp.evidence.entries.reader import locate_in

            return one.message, one.host, locate_in(one.carrier, one.message)
    located = locate(line)
    return line, located.prefix.host if located is not None and located.prefix is not None else None, located


def _explain(body: bytes, assume_arch: int | None) -> grammar.Explained:
    if len(body) <= MAX_GRAMMAR_BYTES:
        return grammar.explain(body, assume_arch)
    verdict = parse_record(body, assume_arch)
    return grammar.Explained(verdict or Reject("no record", 0), verdict is not None, ())


def _interpreted(body: bytes) -> grammar.Explained | None:
    """What there is to say of a record with names in place of numbers, as `ausearch -i` prints it; else None."""
    verdict = parse_interpreted(body)
    if verdict is None:
        return None
    if isinstance(verdict, Reject):
        return grammar.Explained(verdict, True, ())
    opening, _, text = body[: verdict.end].partition(b") : ")
    at = opening.index(b"audit(")
    fields = [
        grammar.Written("type", b"SECCOMP", 0, read=True),
        grammar.Written("audit", opening[at + len("audit(") :], at, read=True),
    ]
    at = len(opening) + len(") : ")
    for word in text.split(b" "):
        name, equals, value = word.partition(b"=")
        if equals:
            fields.append(grammar.Written(name.decode("ascii"), value, at, read=True))
        else:  # AppArmor's mode is the only second word of a value in such a record
            fields[-1] = fields[-1]._replace(text=fields[-1].text + b" " + word)
        at += len(word) + 1
    return grammar.Explained(verdict, True, tuple(fields))


def _carrier(located: Located, host: str | None) -> str:
    if located.carrier is None:
        return f"none: {located.reason}"
    repeat = f", {located.repeat} times" if located.repeat > 1 else ""
    return located.carrier.name + (f", of host {printable(host)}" if host else "") + repeat


def _no_record(line: bytes) -> Iterator[str]:
    claim = _CLAIM.search(line)
    if claim is None:
        yield "record:  none: nothing in the line opens one"
        return
    verdict = _explain(line[claim.start() :], None).verdict
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
        means = "" if record is None else meaning(field, record)
        rows.append((field.name or "(no field)", _short(field.text), _short(means)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    yield ""
    for name, text, means in rows:
        yield f"  {name:{widths[0]}}  {text:{widths[1]}}  {means}".rstrip()
    if len(fields) > MAX_FIELDS:
        yield f"  and {len(fields) - MAX_FIELDS:,} more"


def _short(text: str | bytes) -> str:
    if isinstance(text, bytes):
        text = text[: 4 * _VALUE_CHARACTERS].decode(errors="surrogateescape")
    shown = printable(text)
    return shown[:_VALUE_CHARACTERS] + ("…" if len(shown) > _VALUE_CHARACTERS else "")
