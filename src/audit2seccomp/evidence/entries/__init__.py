"""Structured logs: the bytes of an input become entries, each a message and what its carrier proves about it.

docs/inputs.md, "Structured logs", says which forms there are. Only what an input needs is imported."""

from __future__ import annotations

import re
from collections.abc import Callable

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
_INSIDE = {
    # Input that begins in the middle of an entry.
    "export": rb"[A-Z_][A-Z0-9_]{0,63}=[^\n]{0,4096}\n(?:[^\n]{0,4096}\n){0,64}?\n__CURSOR=s=[0-9a-f]{32};i=",
    "verbose": rb" {4,}[^\n]{1,4096}\n(?: {4}[^\n]{1,4096}\n){0,64}?[^ \n][^\n\[]{8,64} \[s=[0-9a-f]{32};i=",
}


_MAY_BE_INSIDE = re.compile(rb"[A-Z_][A-Z0-9_]{0,63}+=| {4}|-- ")
"""How the first line of an input begins whose form its next lines show."""


_MAY_BE_STRACE = re.compile(rb"[^\n]{0,2000}?(?:\) {1,64}= |<unfinished \.\.\.>|resumed>)|(?:strace: )?Process \d")


def undecided(head: bytes) -> bool:
    """Whether more of the input may show another form than this beginning does. One line decides in most cases, so that
    a live log need not wait."""
    if len(head) >= HEAD_BYTES:
        return False
    start = head.lstrip(b"\0\r\n")
    return b"\n" not in start or _MAY_BE_INSIDE.match(start) is not None or may_be_strace(start)


def may_be_strace(head: bytes) -> bool:
    """Whether the first line has what those of strace have: the cheap question before `looks_like_strace`."""
    return _MAY_BE_STRACE.match(head.lstrip(b"\0\r\n")) is not None


def detect(head: bytes) -> Callable[[], Decoder] | None:
    """What makes a decoder for an input with this beginning; None where it is a text log."""
    head = head[:HEAD_BYTES].lstrip(b"\0\r\n")
    for patterns in (_STARTS, _INSIDE):
        for form, pattern in patterns.items():
            if re.match(pattern, head):
                return FORMS[form]
    return None
