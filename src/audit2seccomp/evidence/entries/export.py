"""`journalctl -o export` → entries (systemd's Journal Export Formats).

`NAME=value` on a line; or, for a value that is no plain text, NAME on a line, its length in 8 bytes, little endian, the
value, and a newline. A blank line ends an entry. A value can hold anything, also what looks like another entry, so no
length is ever guessed.

In most entries all is text: they are found by their blank lines and searched for the few fields that decide. An entry
with a length in it, which never lacks a NUL, is read field by field (export_fields.py). Both give the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from audit2seccomp.evidence.entries.authors import JOURNAL_AUDIT, JOURNAL_KERNEL, Author
from audit2seccomp.evidence.entries.entry import CUT_ENTRY, MAX_ENTRY_BYTES, Entry, Found, problem
from audit2seccomp.evidence.entries.export_fields import LENGTH_BYTES, FieldReader, Fields

_PARTIAL_BYTES = 1 << 16
"""An entry whose end is not there yet waits in memory up to this size; then it is read field by field."""
_CURSOR = b"\n__CURSOR="
_NEXT_ENTRY = b"\n" + _CURSOR
_NOWHERE = b"\n\n"
"""What no entry holds."""
_SEQUENCE = b"s=0123456789abcdef0123456789abcdef;"
"""How a cursor begins: with a random number that every entry of one journal shares."""


class _Shared(NamedTuple):
    """What the entries of one transport have in common."""

    author: Author
    lines: bytes
    """The lines from _BOOT_ID to the last of those that decide about all this, both newlines included."""
    host: str | None
    boot: str | None


class ExportDecoder:
    """Reads the output of `journalctl -o export`."""

    def __init__(self) -> None:
        """At the start of an input."""
        self.lines = 0
        self._buffer = bytearray()
        self._found: list[Found] = []
        self._reader: FieldReader | None = None
        self._sequence = b""
        self._audit = _Shared(JOURNAL_AUDIT, _NOWHERE, None, None)
        self._kernel = _Shared(JOURNAL_KERNEL, _NOWHERE, None, None)

    def feed(self, block: bytes) -> Iterable[Found]:
        """Read one more block."""
        if self._reader is None and b"\0" not in block:
            # The usual case, with one copy less.
            cut = block.rfind(b"\n\n") + 2
            if cut >= 2:
                text = b"".join((b"\n", self._buffer, memoryview(block)[:cut]))
                self._buffer = bytearray(block[cut:])
                self._read_text(text)
                block = b""
        self._buffer += block
        while self._step():
            pass
        return self._take()

    def finish(self) -> Iterable[Found]:
        """The input has ended. Its last entry may lack the blank line, if nothing that decides is missing."""
        while self._step() or self._force():
            pass
        return self._take()

    def pause(self) -> int | None:
        """Entries have many lines."""
        return None

    def _take(self) -> list[Found]:
        found, self._found = self._found, []
        return found

    def _step(self) -> bool:
        """Read what can be read in one way; False where more bytes are needed."""
        if self._reader is None:
            return self._whole_entries()
        ended = self._reader.run()
        self.lines = self._reader.lines
        if ended:
            self._reader = None
        return ended

    def _force(self) -> bool:
        """Read what is left at the end of the input; False when that is done."""
        if self._reader is None:
            if self._buffer:
                self._read_fields()
            return bool(self._buffer)
        if self._reader.give_up():
            return True
        entry = self._reader.entry
        if self._reader.between and not self._buffer and entry.complete:
            self._found += entry.told()
        elif self._reader.between and (self._buffer or entry.begun):
            self._found.append(problem(CUT_ENTRY, entry.line, entry.start or bytes(self._buffer)))
        self.lines += self._buffer.count(b"\n") + (self._buffer[-1:] not in {b"", b"\n"})
        self._buffer.clear()
        self._reader = None
        return False

    def _read_fields(self) -> None:
        self._reader = FieldReader(self._buffer, self.lines, self._found, _NEXT_ENTRY + self._sequence)

    def _whole_entries(self) -> bool:
        """Read the entries that are text and whole; False where more bytes are needed."""
        buffer = self._buffer
        nul = buffer.find(b"\0")
        # A length may begin with newlines.
        end = buffer.rfind(b"\n\n", 0, len(buffer) if nul < 0 else max(0, nul - LENGTH_BYTES)) + 2
        if end >= 2:
            text = b"\n" + buffer[:end]
            del buffer[:end]
            self._read_text(text)
        if buffer and (nul >= 0 or len(buffer) > _PARTIAL_BYTES):
            self._read_fields()
            return True
        return False

    def _read_text(self, text: bytes) -> None:
        """Read whole entries without a NUL; `text` begins with a newline that is not of the input."""
        at = 0
        lines = self.lines + 1
        while True:
            end = text.find(b"\n\n", at) + 1
            if end == 0:
                break
            if end > at + 1:
                entry = text[at:end]
                usual = self._usual(entry, lines)
                if usual is None:
                    self._read_lines(entry, lines)
                else:
                    self._found.append(usual)
                lines += entry.count(b"\n") - 1
            lines += 1
            at = end
        self.lines = lines - 1

    def _read_lines(self, text: bytes, number: int) -> None:
        """Read an entry line by line."""
        fields = Fields(number)
        for line in text[1:-1].split(b"\n"):
            if line.startswith(_CURSOR[1:]) and fields.begun:
                self._found += fields.told()
                fields = Fields(number)
            fields.line_of_text(line)
            number += 1
        self._found += fields.told()

    def _usual(self, text: bytes, line: int) -> Entry | None:
        """What a text of one whole entry says, as `entries_of` would; None where there is anything unusual about it.

        `text` begins with the newline in front of the entry. What nearly all entries of a transport share stands at
        their beginning, what is new with each at its end, since journald sorts by place in its file."""
        if not text.startswith(_CURSOR) or len(text) > MAX_ENTRY_BYTES:
            return None
        at = text.find(b"\n_BOOT_ID=")
        shared = self._audit if text.startswith(self._audit.lines, at) else self._kernel
        if not text.startswith(shared.lines, at):
            found = self._learn(text)
            if found is None:
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
        # Two entries whose blank line is broken have two messages.
        if at < 0 or text.find(b"\nMESSAGE=", 0, at) >= 0 or b"\n_SYSTEMD_" in text:
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
        boot, host = (
            text[at + len(mark) : text.find(b"\n", at + 1)].decode(errors="surrogateescape") if at >= 0 else None
            for at, mark in zip(places[:2], marks[:2], strict=True)
        )
        lines = text[places[0] : text.find(b"\n", max(places) + 1) + 1] if min(places) == places[0] >= 0 else _NOWHERE
        shared = _Shared(author, lines, host, boot)
        if author is JOURNAL_AUDIT:
            self._audit = shared
        else:
            self._kernel = shared
        self._sequence = text[len(_CURSOR) : len(_CURSOR) + len(_SEQUENCE)]
        return shared


def _number(text: bytes, name: bytes) -> int | None:
    """The value of the last line with that name; None where it is no number of 64 bits, or there is no such line."""
    at = text.rfind(name)
    if at < 0:
        return None
    digits = text[at + len(name) : text.find(b"\n", at + len(name))]
    return int(digits) if digits.isdigit() and len(digits) <= 20 else None
