"""Blocks → JSON objects: one on each line, behind the marks of json-seq and json-sse, or over several lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit2seccomp.evidence.entries.entry import BROKEN_JSON, RECORD_TOKEN, Found, TextLine, problem
from audit2seccomp.evidence.entries.indented import Gatherer
from audit2seccomp.evidence.entries.json_objects import decode_object, decode_usual, decode_wrapped
from audit2seccomp.evidence.entries.json_values import read_array
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES, TOO_LONG, Cutter

_MARKS = re.compile(rb"(?:[\0\x1e]|\xef\xbb\xbf|data: )*+")
"""What json-seq, json-sse, a crash or an editor put in front of an object."""
_CRI = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]{8,18}(?:Z|[+-]\d\d:\d\d) std(?:out|err) [FP] (?=\{)")


class JsonDecoder:
    """Reads JSON in any of the forms in which logs hold it."""

    def __init__(self) -> None:
        """At the start of an input."""
        self.lines = 0
        self.cursor = b""
        self._found: list[Found] = []
        self._cutter = Cutter(self._read, self._too_long, self._skip_line, (RECORD_TOKEN,))
        self._gatherer = Gatherer(self._found)

    def feed(self, block: bytes) -> Iterable[Found]:
        """Read one more block."""
        self._cutter.feed(block)
        return self._take()

    def finish(self) -> Iterable[Found]:
        """The input has ended."""
        self._cutter.finish()
        self._gatherer.cut()
        return self._take()

    def pause(self) -> int | None:
        """Forget the line that has not ended."""
        unended = self._cutter.unended
        self._cutter.drop()
        return None if self._gatherer.unended else unended

    def _take(self) -> list[Found]:
        found = self._found.copy()
        self._found.clear()
        return found

    def _read(self, block: bytes) -> None:
        """Read whole lines; `block` begins with a newline that is not of the input."""
        lines = block.split(b"\n")
        del lines[0], lines[-1]
        first = self.lines + 1
        self.lines += len(lines)
        at = 0
        while at < len(lines):
            if not self._gatherer.inside:
                at = decode_usual(lines, at, first + at, self._found)
                if at < len(lines) and lines[at] == b"{":
                    at = self._gatherer.take_whole(lines, at, first + at)
                    continue
            if at < len(lines):
                self._unusual(lines[at], first + at)
                at += 1

    def _unusual(self, line: bytes, number: int) -> None:
        """Any line."""
        if len(line) > MAX_LINE_BYTES:
            if RECORD_TOKEN in line:
                self._found.append(problem(TOO_LONG, number, line))
            return
        text = _without_marks(line).rstrip(b" \t\r")
        if not text or self._gatherer.take(text, number):
            return
        self._gatherer.cut()
        if text[:1] == b"{":
            if not decode_object(text, number, self._found):
                self._broken(text, number)
        elif text[:1] == b"[":
            self._array(text, number)
        else:
            self._found.append(TextLine(line.lstrip(b"\0"), number))

    def _broken(self, text: bytes, number: int) -> None:
        """A line that is no sound object: an element of an array, or broken."""
        element = text.rstrip(b" \t\r").removesuffix(b",")
        if element == text or not decode_object(element, number, self._found):
            self._found.append(problem(BROKEN_JSON, number, text))

    def _array(self, text: bytes, number: int) -> None:
        """A line that holds an array of objects; or one of a text log, which may begin with a bracket too."""
        elements = read_array(text)
        if elements is None:
            self._found.append(TextLine(text, number))
            return
        for element in elements:
            decode_object(bytes(element), number, self._found)

    def _too_long(self, start: bytes) -> None:
        self._found.append(problem(TOO_LONG, self.lines + 1, start))

    def _skip_line(self) -> None:
        self.lines += 1


def _without_marks(line: bytes) -> bytes:
    marks = _MARKS.match(line)
    return line if marks is None else line[marks.end() :]


def decode_line(line: bytes, number: int = 0) -> list[Found] | None:
    """What a line of a text log says that is a JSON object, by itself or as what a container printed (CRI); None where
    it is none, and to be read as text. `number` is that of the line."""
    printed = _CRI.match(line)
    if printed is not None:
        return decode_wrapped(line[printed.end() :], number) or None
    text = _without_marks(line)
    found: list[Found] = []
    if text[:1] != b"{" or len(text) > MAX_LINE_BYTES:
        return None
    if not decode_object(text, number, found):
        return [problem(BROKEN_JSON, number, text)] if text.startswith(b'{"') and RECORD_TOKEN in text else None
    return found
