"""A whole entry of `journalctl -o export` that is all text, by searching it for the fields that decide."""

from __future__ import annotations

import re
from typing import NamedTuple

from audit2seccomp.evidence.entries.authors import JOURNAL_AUDIT, JOURNAL_KERNEL, Author, client
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import MAX_ENTRY_BYTES, Entry

CURSOR = b"\n__CURSOR="
_NOWHERE = b"\n\n"
"""What no entry holds."""
_SEQUENCE = re.compile(rb"s=[0-9a-f]{32};")
_UNUSUAL = (b"\n_AUDIT_ID=", b"\nCONTAINER_ID_FULL=")
"""What a process's entry has at times, and is then read field by field."""


class _Shared(NamedTuple):
    """What the entries of one transport have in common."""

    author: Author
    lines: bytes
    """The lines from _BOOT_ID to the last of those that decide about all this, both newlines included."""
    host: str | None
    boot: str | None


class TextEntries:
    """Reads the usual entries of one input."""

    def __init__(self) -> None:
        """At the start of an input."""
        self.sequence = b""
        """How the cursors of the journal begin, once one was seen: with a number that clients cannot know."""
        self._audit = _Shared(JOURNAL_AUDIT, _NOWHERE, None, None)
        self._kernel = _Shared(JOURNAL_KERNEL, _NOWHERE, None, None)

    def read(self, text: bytes, line: int) -> Entry | None:
        """What a text of one whole entry says, as `entries_of` would; None where there is anything unusual about it.

        `text` begins with the newline in front of the entry. What nearly all entries of a transport share stands at
        their beginning, what is new with each at its end, since journald sorts by place in its file."""
        if not text.startswith(CURSOR) or len(text) > MAX_ENTRY_BYTES:
            return None
        self.sequence = self.sequence or _sequence(text)
        head = text.find(b"\n_BOOT_ID=")
        shared = self._audit if text.startswith(self._audit.lines, head) else self._kernel
        if not text.startswith(shared.lines, head):
            found = self._learn(text)
            if found is None:
                return _of_process(text, line)
            if not text.startswith(found.lines, head):
                return None
            shared = found
        serial = spoken = None
        if shared.author is JOURNAL_AUDIT:
            at = text.rfind(b"\nMESSAGE=SECCOMP ")
            serial = _number(text, b"\n_AUDIT_ID=")
            spoken = _number(text, b"\n_SOURCE_REALTIME_TIMESTAMP=")
            if serial is None or spoken is None:
                return None
            spoken //= 1000
        else:
            at = text.rfind(b"\nMESSAGE=")
        # Two entries whose blank line is broken have two transports.
        if at < 0 or text.find(b"\n_TRANSPORT=", head + len(shared.lines) - 1) >= 0 or b"\n_SYSTEMD_" in text:
            return None
        return Entry(
            text[at + 9 : text.find(b"\n", at + 9)],
            shared.author.carrier,
            shared.host,
            None,
            None,
            shared.boot,
            spoken,
            serial,
            shared.author.tag,
            line,
        )

    def _learn(self, text: bytes) -> _Shared | None:
        """Keep what the entries of this one's transport share; None where that is not the audit or kernel transport."""
        marks = [b"\n_BOOT_ID=", b"\n_HOSTNAME=", b"\n_TRANSPORT="]
        if b"\n_TRANSPORT=audit\n" in text:
            author = JOURNAL_AUDIT
        elif b"\n_TRANSPORT=kernel\n" in text and b"\nSYSLOG_FACILITY=0\n" in text:
            author = JOURNAL_KERNEL
            marks.append(b"\nSYSLOG_FACILITY=")
        else:
            return None
        places = [text.find(mark) for mark in marks]
        boot, host = (_value(text, mark) or None for mark in marks[:2])
        lines = text[places[0] : text.find(b"\n", max(places) + 1) + 1] if min(places) == places[0] >= 0 else _NOWHERE
        shared = _Shared(author, lines, host, boot)
        if author is JOURNAL_AUDIT:
            self._audit = shared
        else:
            self._kernel = shared
        self.sequence = _sequence(text)
        return shared


def _of_process(text: bytes, line: int) -> Entry | None:
    """What an entry says that a process wrote, of which the unit is known; None where there is anything unusual."""
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
    spoken = _number(text, b"\n_SOURCE_REALTIME_TIMESTAMP=")
    if message.startswith(b"{") or not message.strip() or (spoken is None and b"\n_SOURCE_REALTIME" in text):
        return None
    author = client(unit, "", "")
    cgroup = _value(text, b"\n_SYSTEMD_CGROUP=")
    return Entry(
        message,
        author.carrier,
        _value(text, b"\n_HOSTNAME=") or None,
        unit,
        container_of(cgroup) if cgroup else None,
        _value(text, b"\n_BOOT_ID=") or None,
        None if spoken is None else spoken // 1000,
        None,
        author.tag,
        line,
    )


def _sequence(text: bytes) -> bytes:
    """How the cursor of an entry begins, which every entry of its journal shares."""
    match = _SEQUENCE.match(text, len(CURSOR))
    return b"" if match is None else match[0]


def _value(text: bytes, name: bytes) -> str:
    """The value of the first line with that name; empty where there is no such line."""
    at = text.find(name)
    return "" if at < 0 else text[at + len(name) : text.find(b"\n", at + 1)].decode(errors="surrogateescape")


def _number(text: bytes, name: bytes) -> int | None:
    """The value of the last line with that name; None where it is no number of 64 bits, or there is no such line."""
    at = text.rfind(name)
    if at < 0:
        return None
    digits = text[at + len(name) : text.find(b"\n", at + len(name))]
    return int(digits) if digits.isdigit() and len(digits) <= 20 else None
