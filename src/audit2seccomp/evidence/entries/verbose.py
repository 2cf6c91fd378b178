"""`journalctl -o verbose` → entries.

A line with the time and, in brackets, the cursor; then each field, indented by four blanks. The further lines of a
value are indented by as much as its first one is behind its name. A value that is not printable, or is long and goes
to a narrow terminal, is only counted: `MESSAGE=[160B blob data]` (output_verbose() of systemd's logs-show.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit2seccomp.evidence.entries.entry import (
    BROKEN_ENTRY,
    CUT_ENTRY,
    MAX_ENTRY_BYTES,
    RECORD_TOKEN,
    TOO_LONG_ENTRY,
    Found,
    TextLine,
    problem,
)
from audit2seccomp.evidence.entries.journal import FIELDS, entries_of
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES, TOO_LONG, Cutter

HEADER = re.compile(
    rb"(?:\x1b\[0m)?[^\n\[]{8,64} \[(s=[0-9a-f]{32};i=[0-9a-f]{1,16};b=([0-9a-f]{32});[^\]\n]{0,128})\]"
)
_FIELD = re.compile(rb"    (?:\x1b\[[0-9;]{1,16}m)?([A-Z_][A-Z0-9_]{0,63})=")
_BLOB = re.compile(rb"\[\d{1,20}B blob data\]")
_COLOURS_END = b"\x1b[0m"


class VerboseDecoder:
    """Reads the output of `journalctl -o verbose`."""

    def __init__(self) -> None:
        """At the start of an input."""
        self.lines = 0
        self.cursor = b""
        self._cutter = Cutter(self._read, self._too_long, self._skip_line, (RECORD_TOKEN,))
        self._found: list[Found] = []
        self._line = 0
        """Where the entry began; 0 where none did."""
        self._header = b""
        self._start_entry(0, b"")

    def feed(self, block: bytes) -> Iterable[Found]:
        """Read one more block."""
        self._cutter.feed(block)
        return self._take()

    def finish(self) -> Iterable[Found]:
        """The input has ended. An entry has no mark at its end, but a newline, and the kernel's have a message."""
        ended = not self._cutter.unended
        self._cutter.finish()
        told = "MESSAGE" in self._values or self._values.get("_TRANSPORT", [b"kernel"]) != [b"kernel"]
        if not ended or (self._line and not told):
            self._found.append(problem(CUT_ENTRY, self._line or self.lines, self._header))
            self._line = 0
        self._end_entry()
        return self._take()

    def pause(self) -> int | None:
        """Entries have many lines."""
        return None

    def _take(self) -> list[Found]:
        found, self._found = self._found, []
        return found

    def _start_entry(self, line: int, header: bytes) -> None:
        self._line = line
        self._header = header
        self._values: dict[str, list[bytes]] = {}
        self._name: str | None = None
        """The field whose further lines may follow; None where it is one that is not kept."""
        self._indent = b""
        self._kept = 0
        self._lost = False
        """Whether it has been told of lines that belong to no entry."""

    def _read(self, block: bytes) -> None:
        """Read whole lines; `block` begins with a newline that is not of the input."""
        for whole in block.split(b"\n")[1:-1]:
            self.lines += 1
            line = whole.lstrip(b"\0")
            if len(line) > MAX_LINE_BYTES:
                if RECORD_TOKEN in line:
                    self._too_long(line, self.lines)
            elif line[:1] == b" ":
                self._field(line.removesuffix(b"\r"))
            elif line.strip():
                self._unindented(line)

    def _unindented(self, line: bytes) -> None:
        """The first line of an entry; or one that is not of this format."""
        self._end_entry()
        header = HEADER.match(line)
        if header is None:
            self._lost = False
            self._found.append(TextLine(line, self.lines))
        else:
            self._start_entry(self.lines, line)
            self._values = {"__CURSOR": [header[1]], "_BOOT_ID": [header[2]]}

    def _field(self, line: bytes) -> None:
        """A field, or one more line of its value."""
        field = _FIELD.match(line)
        if field is None:
            if self._indent and line.startswith(self._indent):
                if self._name is not None:
                    self._add(b"\n" + line[len(self._indent) :].removesuffix(_COLOURS_END))
            else:
                self._garbage(line)
            return
        name = field[1].decode()
        self._indent = b" " * (len(b"    =") + len(name))
        self._name = name if name in FIELDS and self._line else None
        if not self._line:
            self._garbage(line)
        elif self._name is not None:
            # The header's cursor holds the boot too; what the field says is the same.
            held = self._values.setdefault(name, [])
            held[:] = [] if name == "_BOOT_ID" else held
            held.append(b"")
            self._add(line[field.end() :].removesuffix(_COLOURS_END))

    def _garbage(self, line: bytes) -> None:
        """A line that is no field, or has no header above it: what it may have been the first line of is lost."""
        if not self._lost:
            self._found.append(problem(BROKEN_ENTRY, self.lines, line))
        self._end_entry()
        self._lost = True

    def _add(self, text: bytes) -> None:
        self._kept += len(text)
        if self._kept <= MAX_ENTRY_BYTES and self._name is not None:
            self._values[self._name][-1] += text

    def _end_entry(self) -> None:
        """All fields of the entry are there."""
        line, self._line = self._line, 0
        if not line:
            return
        if self._kept > MAX_ENTRY_BYTES:
            self._found.append(problem(TOO_LONG_ENTRY, line, self._header))
            return
        values = {
            name: [None if _BLOB.fullmatch(value) else value for value in held] for name, held in self._values.items()
        }
        self._found += entries_of(values, line, self._header)

    def _too_long(self, start: bytes, line: int = 0) -> None:
        self._found.append(problem(TOO_LONG, line or self.lines + 1, start))

    def _skip_line(self) -> None:
        self.lines += 1
