"""Whole entries of `journalctl -o export` that are all text, without a look at each of their fields.

An entry's fields stand in the order in which journald stored their values: first what all entries of a journal and a
transport share, in the middle what some do, and at the end what was new with this one, which for a record are its
serial and its message."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from audit2seccomp.evidence.entries.authors import JOURNAL_AUDIT, JOURNAL_KERNEL, Author, client
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import Entry, Found
from audit2seccomp.evidence.entries.export_fields import NEWLINE
from audit2seccomp.evidence.entries.journal import MAX_DIGITS

CURSOR = b"__CURSOR="
_NEXT = b"\n" + CURSOR
_SEQUENCE = re.compile(rb"s=[0-9a-f]{32};")
_SHARED = b"\n_BOOT_ID="
"""What all share begins with this, behind the fields that journalctl adds to each entry."""
_HOST = b"\n_HOSTNAME="
_TRANSPORT = b"\n_TRANSPORT="
_FACILITY = b"\nSYSLOG_FACILITY="
_SERIAL = b"\n_AUDIT_ID="
_SPOKEN = b"\n_SOURCE_REALTIME_TIMESTAMP="
_MESSAGE = b"\nMESSAGE="
_NOWHERE = b"\n\n"
"""What no entry holds."""
_UNUSUAL = (b"\n_AUDIT_ID=", b"\nCONTAINER_ID_FULL=")
"""What a process's entry has at times, and is then read field by field."""


class _Shared(NamedTuple):
    """What all entries of a transport have in common."""

    author: Author
    text: bytes
    """The lines from _BOOT_ID to the last of those that decide about all this, with both newlines."""
    message: bytes
    """How the line with the message begins."""
    host: str | None
    boot: str | None


class TextEntries:
    """Reads the usual entries of one input."""

    def __init__(self, found: list[Found], unusual: Callable[[bytes, int], None]) -> None:
        """At the start of an input. `found` gets the entries; those that have anything unusual are given to `unusual`,
        without the newlines at both ends, with the number of the first line."""
        self.sequence = b""
        """How the cursors of the journal begin, once one was seen: with a number that clients cannot know."""
        self._found = found
        self._unusual = unusual
        self._audit = _Shared(JOURNAL_AUDIT, _NOWHERE, _MESSAGE + b"SECCOMP ", None, None)
        self._kernel = _Shared(JOURNAL_KERNEL, _NOWHERE, _MESSAGE, None, None)
        self._begin = 0

    def read(self, text: bytes, line: int) -> int:
        """Read entries whose first line has that number; returns the number of the line behind the last.

        `text` begins with a newline that is not of the input, and lacks the one that makes the last line blank."""
        found, begin = self._found, self._begin
        pieces = text.split(_NEXT)
        if pieces[0]:
            self._unusual(pieces[0][1:], line)
            line += pieces[0].count(b"\n")
        for at in range(1, len(pieces)):
            piece = pieces[at]
            if not piece.startswith(_SHARED, begin):
                begin = self._begin = max(0, piece.find(_SHARED))
            entry = None
            if piece.startswith(self._audit.text, begin):
                entry = _usual(piece, begin, self._audit, line)
            elif piece.startswith(self._kernel.text, begin):
                entry = _usual(piece, begin, self._kernel, line)
            if entry is None:
                self._other(piece, line)
            else:
                found.append(entry)
            line += piece.count(b"\n") + 1
        return line

    def _other(self, piece: bytes, line: int) -> None:
        """Read one entry, and see what others may share with it."""
        if not self.sequence:
            match = _SEQUENCE.match(piece)
            self.sequence = b"" if match is None else match[0]
        text = b"\n" + CURSOR + piece.rstrip(b"\n") + b"\n"
        if b"\n_TRANSPORT=audit\n" in text:
            self._audit = _learn(text, self._audit, _TRANSPORT)
        elif b"\n_TRANSPORT=kernel\n" in text and b"\nSYSLOG_FACILITY=0\n" in text:
            self._kernel = _learn(text, self._kernel, _TRANSPORT, _FACILITY)
        entry = _of_process(text, line)
        if entry is None:
            self._unusual(text[1:-1], line)
        else:
            self._found.append(entry)


def _usual(piece: bytes, begin: int, shared: _Shared, line: int) -> Entry | None:
    """What an entry says of which all but the lines behind the shared ones is known; None where anything is unusual.

    What was new with the entry stands at its end, so the search begins there."""
    fields = piece[begin + len(shared.text) - 1 :]
    at = fields.rfind(shared.message) + len(_MESSAGE)
    # The rest of one entry and the beginning of another, where both a blank line and a cursor are broken, have another
    # transport.
    if at < len(_MESSAGE) or fields[-1] != NEWLINE or _TRANSPORT in fields or b"\n_SYSTEMD_" in fields:
        return None
    millis = serial = None
    if shared.author is JOURNAL_AUDIT:
        serial = _number(fields, _SERIAL)
        micros = _number(fields, _SPOKEN)
        if serial is None or micros is None:
            return None
        millis = micros // 1000
    return _make(
        Entry,
        (
            fields[at : fields.find(b"\n", at)],
            shared.author.carrier,
            shared.host,
            None,
            None,
            shared.boot,
            millis,
            serial,
            shared.author.tag,
            line,
        ),
    )


_make = tuple.__new__
"""Makes a NamedTuple in half the time."""


def _number(fields: bytes, name: bytes) -> int | None:
    """The value of the last line with that name; None where it is no number of 64 bits, or there is no such line."""
    at = fields.rfind(name)
    digits = fields[at + len(name) : fields.find(b"\n", at + 1)]
    return int(digits) if at >= 0 and digits.isdigit() and len(digits) <= MAX_DIGITS else None


def _learn(text: bytes, known: _Shared, *decide: bytes) -> _Shared:
    """What the entries of this one's transport share, as far as the last of the fields that decide; what was known
    where these do not stand as they should."""
    begin = text.find(_SHARED)
    places = [text.find(name) for name in (_SHARED, _HOST, *decide)]
    if min(places) < begin or begin < 0:
        return known
    end = text.find(b"\n", max(places) + 1) + 1
    return known._replace(text=text[begin:end], host=_value(text, _HOST) or None, boot=_value(text, _SHARED) or None)


def _of_process(text: bytes, line: int) -> Entry | None:
    """What an entry says that a process wrote, of which the unit is known; None where there is anything unusual.

    `text` has a newline at both ends."""
    at = text.find(b"\n_TRANSPORT=")
    if at < 0 or text.find(b"\n_TRANSPORT=", at + 1) >= 0 or any(name in text for name in _UNUSUAL):
        return None
    if text.startswith((b"audit\n", b"kernel\n", b"driver\n", b"\n"), at + len(b"\n_TRANSPORT=")):
        return None
    at = text.find(b"\nMESSAGE=")
    unit = _value(text, b"\n_SYSTEMD_UNIT=")
    if at < 0 or not unit or text.find(b"\nMESSAGE=", at + 1) >= 0:
        return None
    message = text[at + 9 : text.find(b"\n", at + 1)]
    spoken = _value(text, b"\n_SOURCE_REALTIME_TIMESTAMP=")
    if (
        message.startswith(b"{")
        or not message.strip()
        or (spoken and (not spoken.isdecimal() or len(spoken) > MAX_DIGITS))
    ):
        return None
    author = client(unit, "", "")
    cgroup = _value(text, b"\n_SYSTEMD_CGROUP=")
    return Entry(
        message,
        author.carrier,
        _value(text, _HOST) or None,
        unit,
        container_of(cgroup) if cgroup else None,
        _value(text, _SHARED) or None,
        int(spoken) // 1000 if spoken else None,
        None,
        author.tag,
        line,
    )


def _value(text: bytes, name: bytes) -> str:
    """The value of the first line with that name; empty where there is no such line."""
    at = text.find(name)
    return "" if at < 0 else text[at + len(name) : text.find(b"\n", at + 1)].decode(errors="surrogateescape")
