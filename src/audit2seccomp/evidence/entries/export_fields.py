"""An entry of `journalctl -o export`, field by field."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto

from audit2seccomp.evidence.entries.entry import (
    BROKEN_ENTRY,
    MAX_ENTRY_BYTES,
    RECORD_TOKEN,
    TOO_LONG_ENTRY,
    Found,
    problem,
)
from audit2seccomp.evidence.entries.journal import FIELDS, entries_of

MAX_FIELD_BYTES = 768 << 20
"""DATA_SIZE_MAX of systemd's journal-importer.h: a longer value is a broken length."""
LENGTH_BYTES = 8
NEWLINE = 0x0A
_NAME = re.compile(rb"[A-Z0-9_]{1,64}")
_NAMES = {name.encode(): name for name in FIELDS}
_CURSOR = b"__CURSOR"


class Fields:
    """The fields of one entry that are looked at."""

    def __init__(self, line: int) -> None:
        """Of an entry that begins in that line."""
        self.line = line
        self.values: dict[str, list[bytes]] = {}
        self._kept = 0
        self._too_long = False
        self._garbage = False
        self.start = b""

    @property
    def begun(self) -> bool:
        """Whether a line was taken."""
        return self.start != b""

    def line_of_text(self, line: bytes) -> None:
        """Take `NAME=value`, or what should be that."""
        self.start = self.start or line[:MAX_ENTRY_BYTES]
        name, equals, value = line.partition(b"=")
        if len(line) > MAX_ENTRY_BYTES:
            self.oversized(line)
        elif equals:
            self.add(name, value)
        else:
            self._garbage = True

    def add(self, name: bytes, value: bytes) -> None:
        """Take a field, if it matters."""
        known = _NAMES.get(name)
        if known is None:
            return
        if self._kept + len(value) > MAX_ENTRY_BYTES:
            self.oversized(value)
            return
        self._kept += len(value)
        self.values.setdefault(known, []).append(value)

    def oversized(self, start: bytes) -> None:
        """A value is too long to be kept, of which this is the beginning."""
        self._too_long = self._too_long or RECORD_TOKEN in start[:MAX_ENTRY_BYTES]

    @property
    def cursor(self) -> bytes:
        """What journald calls its place; empty where it has none."""
        return self.values.get("__CURSOR", [b""])[0]

    @property
    def complete(self) -> bool:
        """Whether nothing that decides is missing."""
        return self.values.keys() >= {"MESSAGE", "_TRANSPORT", "SYSLOG_FACILITY"}

    def told(self) -> list[Found]:
        """What the entry says."""
        if self._too_long:
            return [problem(TOO_LONG_ENTRY, self.line, self.start)]
        if self._garbage and not self.values.keys() >= {"MESSAGE", "_TRANSPORT"}:
            return [problem(BROKEN_ENTRY, self.line, self.start)]
        return list(entries_of(self.values, self.line, self.start))


class _Next(Enum):
    """How to go on."""

    ON = auto()
    MORE_BYTES = auto()
    ENTRY_ENDED = auto()


class FieldReader:
    """Reads one entry off the front of a buffer, and what follows a broken one up to the next."""

    def __init__(self, buffer: bytearray, lines: int, found: list[Found], mark: bytes) -> None:
        """The buffer begins with the entry; `lines` were read before. `mark` is how another entry begins, newlines in
        front of it, that no client of the journal can write into a value without having read the journal."""
        self.lines = lines
        self.entry = Fields(lines + 1)
        self._buffer = buffer
        self._found = found
        self._mark = mark
        self._searched = 0
        self._name = b""
        self._value_at = 0
        self._left = 0
        self._read: Callable[[], _Next] = self._line

    def run(self) -> bool:
        """Read on; False where bytes are needed that are not there yet, True at the end of the entry."""
        while True:
            match self._read():
                case _Next.MORE_BYTES:
                    return False
                case _Next.ENTRY_ENDED:
                    return True

    def give_up(self) -> bool:
        """There will be no more bytes. True if what is in the buffer is to be read once more, without the claim of a
        length that it does not hold."""
        if self._read == self._value:
            self._break()
            return True
        return False

    @property
    def between(self) -> bool:
        """Whether this is between two fields, and not lost."""
        return self._read == self._line

    def _drop(self, size: int) -> None:
        self.lines += self._buffer.count(b"\n", 0, size)
        del self._buffer[:size]
        self._searched = 0

    def _line(self) -> _Next:
        """A field as text, the name of one that is none, or the end."""
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            if len(self._buffer) <= MAX_ENTRY_BYTES:
                self._searched = len(self._buffer)
                return _Next.MORE_BYTES
            self.entry.line_of_text(bytes(self._buffer))
            self._read = self._rest_of_line
            return _Next.ON
        self._searched = end
        if end == 0:
            self._drop(1)
            self._found += self.entry.told()
            return _Next.ENTRY_ENDED
        line = bytes(self._buffer[:end])
        if line.startswith(_CURSOR + b"=") and self.entry.begun:
            self._found += self.entry.told()
            return _Next.ENTRY_ENDED
        if _NAME.fullmatch(line):
            return self._length(line, end + 1)
        self.entry.line_of_text(line)
        self._drop(end + 1)
        return _Next.ON

    def _length(self, name: bytes, at: int) -> _Next:
        """The length behind the name of a field that is not text."""
        field = self._buffer[at : at + LENGTH_BYTES]
        if b"\0" not in field:
            if len(field) < LENGTH_BYTES:
                return _Next.MORE_BYTES
            self.entry.line_of_text(name)  # no length that could be
            self._drop(at)
            return _Next.ON
        if len(field) < LENGTH_BYTES:
            return _Next.MORE_BYTES
        self._name = name
        self._left = int.from_bytes(field, "little")
        self._value_at = at + LENGTH_BYTES
        if self._left > MAX_FIELD_BYTES:
            self._break()
        else:
            self._read = self._value
        return _Next.ON

    def _value(self) -> _Next:
        """A value that is not text, and the newline behind it. The name stays in the buffer until then."""
        end = self._value_at + self._left
        if len(self._buffer) <= min(end, self._value_at + MAX_ENTRY_BYTES):
            return _Next.MORE_BYTES
        if self._left > MAX_ENTRY_BYTES:
            if self._name in _NAMES:
                self.entry.oversized(bytes(self._buffer[self._value_at : self._value_at + MAX_ENTRY_BYTES]))
            self._drop(self._value_at)
            self._read = self._rest_of_value
        elif self._buffer[end] != NEWLINE:
            self._break()
        else:
            self.entry.add(self._name, bytes(self._buffer[self._value_at : end]))
            self._drop(end + 1)
            self._read = self._line
        return _Next.ON

    def _rest_of_value(self) -> _Next:
        """A value that is too long to be kept."""
        size = min(self._left, len(self._buffer))
        self._left -= size
        self._drop(size)
        if not self._buffer:
            return _Next.MORE_BYTES
        if self._buffer[0] == NEWLINE:
            self._drop(1)
            self._read = self._line
        else:
            self._break()
        return _Next.ON

    def _rest_of_line(self) -> _Next:
        """A line that is too long to be kept."""
        end = self._buffer.find(b"\n")
        self._drop(len(self._buffer) if end < 0 else end + 1)
        if end < 0:
            return _Next.MORE_BYTES
        self._read = self._line
        return _Next.ON

    def _break(self) -> None:
        """A length is wrong, and so nobody knows where its value ends."""
        self._found.append(problem(BROKEN_ENTRY, self.entry.line, self.entry.start or self._name))
        self._read = self._lost

    def _lost(self) -> _Next:
        """Look for the next entry."""
        at = self._buffer.find(self._mark)
        if at < 0:
            self._drop(max(0, len(self._buffer) - len(self._mark) + 1))
            return _Next.MORE_BYTES
        self._drop(at + 2)
        return _Next.ENTRY_ENDED
