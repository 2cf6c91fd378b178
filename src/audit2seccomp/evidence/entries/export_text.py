"""Whole entries of `journalctl -o export` that are all text, by one search for the fields that decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from audit2seccomp.evidence.entries.authors import JOURNAL_AUDIT, JOURNAL_KERNEL, PROCESSES, Author, client
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import MAX_ENTRY_BYTES, Entry, Found
from audit2seccomp.evidence.entries.journal import MAX_DIGITS

CURSOR = b"__CURSOR="
_NEXT = b"\n" + CURSOR
_SEQUENCE = re.compile(rb"s=[0-9a-f]{32};")
_DECIDING = re.compile(
    rb"\n(MESSAGE|_(?:TRANSPORT|HOSTNAME|BOOT_ID|AUDIT_ID|SOURCE_REALTIME_TIMESTAMP|SYSTEMD_UNIT|SYSTEMD_CGROUP)"
    rb"|SYSLOG_FACILITY|CONTAINER_ID_FULL)=(.*)"
)


class TextEntries:
    """Reads the entries of one input."""

    def __init__(self, found: list[Found], unusual: Callable[[bytes, int], None]) -> None:
        """At the start of an input. `found` gets the entries; text with anything unusual is given to `unusual`, without
        the newlines at both ends, with the number of its first line."""
        self.sequence = b""
        """How the cursors of the journal begin, once one was seen: with a number that clients cannot know."""
        self._found = found
        self._unusual = unusual

    def read(self, text: bytes, line: int) -> int:
        """Read entries whose first line has that number; returns the number of the line behind the last.

        `text` begins with a newline that is not of the input, and lacks the one that makes the last line blank."""
        pieces = text.split(_NEXT)
        if pieces[0]:
            self._unusual(pieces[0][1:], line)
            line += pieces[0].count(b"\n")
        for at in range(1, len(pieces)):
            piece = pieces[at]
            found = _DECIDING.findall(piece)
            fields = dict(found)
            entry = _usual(fields, line) if len(fields) == len(found) and len(piece) <= MAX_ENTRY_BYTES else None
            if entry is None:
                self._unusual((CURSOR + piece).rstrip(b"\n"), line)
            else:
                self._found.append(entry)
            line += piece.count(b"\n") + 1
        if not self.sequence and len(pieces) > 1:
            match = _SEQUENCE.match(pieces[1])
            self.sequence = b"" if match is None else match[0]
        return line


def _usual(fields: Mapping[bytes, bytes], line: int) -> Entry | None:
    """What an entry with these fields says, as `entries_of` would; None where anything about it is unusual."""
    get = fields.get
    author = _usual_author(fields)
    serial, micros = get(b"_AUDIT_ID", b""), get(b"_SOURCE_REALTIME_TIMESTAMP", b"")
    if author is None or not (serial + micros or b"0").isdigit() or not len(serial) <= MAX_DIGITS >= len(micros):
        return None
    cgroup = get(b"_SYSTEMD_CGROUP")
    return _make(
        Entry,
        (
            fields[b"MESSAGE"],
            author.carrier,
            _text(get(b"_HOSTNAME", b"")),
            _text(get(b"_SYSTEMD_UNIT", b"")),
            container_of(_text(cgroup) or "") if cgroup else None,
            _text(get(b"_BOOT_ID", b"")),
            int(micros) // 1000 if micros else None,
            int(serial) if serial else None,
            author.tag,
            line,
        ),
    )


_make = tuple.__new__
"""Makes a NamedTuple in half the time."""


def _usual_author(fields: Mapping[bytes, bytes]) -> Author | None:
    """Who wrote an entry; None where there is anything unusual about it."""
    transport, message = fields.get(b"_TRANSPORT"), fields.get(b"MESSAGE")
    if not message:
        return None
    if transport == b"audit":
        return JOURNAL_AUDIT if message.startswith(b"SECCOMP ") else None
    if b"_AUDIT_ID" in fields:
        return None
    if transport == b"kernel":
        return JOURNAL_KERNEL if fields.get(b"SYSLOG_FACILITY") == b"0" else None
    unit = _text(fields.get(b"_SYSTEMD_UNIT", b""))
    if transport not in _PROCESSES or not unit or b"CONTAINER_ID_FULL" in fields or message.startswith(b"{"):
        return None
    return client(unit, "", "") if message.strip() else None


_PROCESSES = frozenset(transport.encode() for transport in PROCESSES)


@lru_cache(maxsize=1024)
def _text(value: bytes) -> str | None:
    """A field's text; None where it is empty."""
    return value.decode(errors="surrogateescape") or None
