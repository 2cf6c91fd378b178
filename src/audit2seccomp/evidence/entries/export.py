"""`journalctl -o export` → entries (systemd's Journal Export Formats).

`NAME=value` on a line; or, for a value that is no plain text, NAME on a line, its length in 8 bytes, little endian, the
value, and a newline. A blank line ends an entry. A value can hold anything, also what looks like another entry, so no
length is ever guessed.

In most entries all is text: they are found by their blank lines and searched for the few fields that decide
(export_text.py). An entry with a length in it, which never lacks a NUL, is read field by field (export_fields.py). Both
give the same."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.evidence.entries.entry import CUT_ENTRY, Found, problem
from audit2seccomp.evidence.entries.export_fields import LENGTH_BYTES, NEWLINE, FieldReader, Fields
from audit2seccomp.evidence.entries.export_text import CURSOR, TextEntries

_PARTIAL_BYTES = 1 << 16
"""An entry whose end is not there yet waits in memory up to this size; then it is read field by field."""
_NEXT_ENTRY = b"\n\n" + CURSOR


class ExportDecoder:
    """Reads the output of `journalctl -o export`."""

    def __init__(self) -> None:
        """At the start of an input."""
        self.lines = 0
        self.cursor = b""
        self._buffer = bytearray()
        self._found: list[Found] = []
        self._reader: FieldReader | None = None
        self._text = TextEntries(self._found, self._read_lines)

    def feed(self, block: bytes) -> Iterable[Found]:
        """Read one more block."""
        if self._reader is None and b"\0" not in block:
            # The usual case, with one copy less.
            cut = _end_of_text(block)
            if cut > 0:
                text = b"".join((b"\n", self._buffer, memoryview(block)[: cut - 1]))
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
        found = self._found.copy()
        self._found.clear()  # a reader holds it too
        return found

    def _step(self) -> bool:
        """Read what can be read in one way; False where more bytes are needed."""
        if self._reader is None:
            return self._whole_entries()
        ended = self._reader.run()
        self.lines = self._reader.lines
        if ended:
            self.cursor = self._reader.entry.cursor or self.cursor
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
        self.lines += self._buffer.count(b"\n") + (self._buffer != b"" and not self._buffer.endswith(b"\n"))
        self._buffer.clear()
        self._reader = None
        return False

    def _read_fields(self) -> None:
        self._reader = FieldReader(self._buffer, self.lines, self._found, _NEXT_ENTRY + self._text.sequence)

    def _whole_entries(self) -> bool:
        """Read the entries that are text and whole; False where more bytes are needed."""
        buffer = self._buffer
        nul = buffer.find(b"\0")
        # A length may begin with newlines.
        end = _end_of_text(buffer) if nul < 0 else buffer.rfind(b"\n\n", 0, max(0, nul - LENGTH_BYTES)) + 2
        if end >= 2:
            text = b"\n" + buffer[: end - 1]
            del buffer[:end]
            self._read_text(text)
        if buffer and (nul >= 0 or len(buffer) > _PARTIAL_BYTES):
            self._read_fields()
            return True
        return False

    def _read_text(self, text: bytes) -> None:
        """Read whole entries without a NUL, as `TextEntries.read` takes them."""
        self.lines = self._text.read(text, self.lines + 1) - 1
        last = text.rfind(b"\n" + CURSOR) + 1 + len(CURSOR)
        if last > len(CURSOR):
            self.cursor = text[last : text.find(b"\n", last)]

    def _read_lines(self, text: bytes, number: int) -> None:
        """Read entries line by line."""
        fields = Fields(number)
        for line in text.split(b"\n"):
            if not line or (line.startswith(CURSOR) and fields.begun):
                self._found += fields.told()
                fields = Fields(number + (not line))
            if line:
                fields.line_of_text(line)
            number += 1
        self._found += fields.told()


def _end_of_text(data: bytes | bytearray) -> int:
    """Where the last whole entry of data without a NUL ends; 0 where there is none."""
    end = data.rfind(b"\n\n") + 2
    while end > max(1, len(data) - LENGTH_BYTES):
        # Newlines at the end of the data may be the beginning of a length, but not behind a field that is text.
        last = end
        while last > 0 and data[last - 1] == NEWLINE:
            last -= 1
        line = data.rfind(b"\n", 0, last) + 1
        if b"=" in data[line:last]:
            return end
        end = data.rfind(b"\n\n", 0, line) + 2
    return end if end >= 2 else 0
