"""Structured logs: the bytes of an input become entries, each a message and what its carrier proves about it.

docs/inputs.md, "Structured logs", says which forms there are. Only what an input needs is imported."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audit2seccomp.evidence.entries.entry import Decoder


def _json() -> Decoder:
    from audit2seccomp.evidence.entries.json_text import JsonDecoder

    return JsonDecoder()


def _export() -> Decoder:
    from audit2seccomp.evidence.entries.export import ExportDecoder

    return ExportDecoder()


def _verbose() -> Decoder:
    from audit2seccomp.evidence.entries.verbose import VerboseDecoder

    return VerboseDecoder()


FORMS: dict[str, Callable[[], Decoder]] = {"json": _json, "export": _export, "verbose": _verbose}
"""What makes a decoder, by the name of the form."""

HEAD_BYTES = 4096
"""So much of an input is enough to see its form."""
_STARTS = {
    "json": (
        # An object, an array of them, or what stands at the end of one that began before the input did.
        rb'(?:[\0\x1e]|\xef\xbb\xbf|data: )*+(?:\{\s*+(?:["}]|\Z)|\[\s*+(?:[{\]]|\Z))'
        rb'|[ \t]{1,64}+"[^"\n]{0,256}+"[ \t]{0,64}+:[ \t\r\n\[{"\-0-9tfn]|[ \t]{0,64}+\},?\{?[ \t]{0,64}+(?:\n|\Z)'
    ),
    "export": rb"__(?:CURSOR|REALTIME_TIMESTAMP|MONOTONIC_TIMESTAMP|SEQNUM|SEQNUM_ID)=",
    "verbose": (rb"(?:-- [^\n]{1,256}\n)?(?:\x1b\[0m)?[^\n\[]{8,64} \[s=[0-9a-f]{32};i="),
}
_FIRST_BYTES = {"json": b'\0\x1e\xef \t"[{}d', "export": b"_"}
"""What such an input, or a line that only this form has, can begin with: spares others the expressions."""
_NOT_ALONE = re.compile(rb"-- |(?:[\0\x1e\s\[\]{},]|\xef\xbb\xbf|data: )*+\Z")
"""How the first line of an input begins, or all of it that is there, whose form the next line shows."""
_JOURNAL_NAME = rb'"(?:__?[A-Z][A-Z0-9_]{1,63}|MESSAGE|PRIORITY|SYSLOG_[A-Z]{1,32}|dmesg|pri|fac)"[ \t]{0,64}+:'
_HEADERS = {
    "export": rb"__CURSOR=s=[0-9a-f]{32};i=",
    "verbose": rb"(?:\x1b\[0m)?[^ \t\n\[][^\n\[]{7,63} \[s=[0-9a-f]{32};i=",
    "json": (
        rb"(?:(?:data: )?(?:[ \t]{0,64}+(?:\},)?\{[ \t]{0,64}+\n)?|(?:data: |\x1e)?\{)[ \t]{0,64}+" + _JOURNAL_NAME
    ),
}
"""A line that only this form has: an input that began in the middle of an entry goes on with it. Of JSON it is one of
journald's or dmesg's, or its opening bracket, since texts of other programs may hold others."""
_REMAINS = re.compile(rb"(?:[ \t}\]\",\n]|[A-Z_][A-Z0-9_]{0,63}+=)")

_MAY_BE_STRACE = re.compile(rb"[^\n]{0,2000}?(?:\) {1,64}= |<unfinished \.\.\.>|resumed>)|(?:strace: )?Process \d")


def undecided(head: bytes) -> bool:
    """Whether more of the input may show another form than this beginning does. One line decides in most cases, so that
    a live log need not wait."""
    if len(head) >= HEAD_BYTES:
        return False
    start = head.lstrip(b"\0\r\n")
    return b"\n" not in start or _NOT_ALONE.match(start) is not None or may_be_strace(start)


def may_be_strace(head: bytes) -> bool:
    """Whether the first line has what those of strace have: the cheap question before `looks_like_strace`."""
    return _MAY_BE_STRACE.match(head.lstrip(b"\0\r\n")) is not None


def detect(head: bytes) -> Callable[[], Decoder] | None:
    """What makes a decoder for an input with this beginning; None where it is a text log."""
    head = head[:HEAD_BYTES].lstrip(b"\0\r\n")
    for form, pattern in _STARTS.items():
        if _may_begin(form, head[:1]) and re.match(pattern, head):
            return FORMS[form]
    return None


def _may_begin(form: str, first: bytes) -> bool:
    return form not in _FIRST_BYTES or first in _FIRST_BYTES[form]


@cache
def _header(form: str) -> re.Pattern[bytes]:
    return re.compile(_HEADERS[form])


def needs_next_line(line: bytes) -> bool:
    """Whether `header_at` must see the next line too to say something of that one."""
    return line.rstrip(b" \t").endswith(b"{")


def header_at(head: bytes, at: int) -> str | None:
    """The form that has such a line as the one at that place, and no other form has; None for all others."""
    first = head[at : at + 1]
    return next((form for form in _HEADERS if _may_begin(form, first) and _header(form).match(head, at)), None)


def may_be_inside(line: bytes) -> bool:
    """Whether a line may be of an entry that has begun before."""
    return _REMAINS.match(line + b"\n") is not None


def cut_before(form: str, header: bytes, line: bytes, number: int) -> bool:
    """Whether the line above a header, which has that number, is the end of an entry whose beginning is not there. Of a
    header that is inside an entry itself, the decoder tells."""
    inside = form == "json" and header.lstrip(b" \t").startswith(b'"')
    return not inside and number > 0 and (number == 1 or may_be_inside(line))
