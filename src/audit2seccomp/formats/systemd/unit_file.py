"""The assignments in a unit file or drop-in of systemd, with their places.

As config_parse() and parse_line() of src/shared/conf-parser.c read it: lines end with newline, carriage return or NUL;
`#` and `;` begin a comment, also between continued lines; a backslash at the end stands for a space and joins the next
line.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from audit2seccomp.formats.reading.places import Span
from audit2seccomp.named_tuple import NamedTuple

MAX_LINE = 1 << 20
"""LONG_LINE_MAX of src/basic/fileio.h: systemd reads no file with a longer line."""
_BLANK = " \t\n\r"
_LINE_OR_ENDS = re.compile(r"[^\n\r\0]+|[\n\r\0]+")
_LINE_ENDS = ("\n", "\r\n", "\n\r", "\r", "\0")
_WORD = re.compile(r"[^ \t\n\r]+")
_BEFORE = re.compile(r"\ufeff?+(?:[\s\0]++|[#;][^\n\r\0]*+)*+")


class Word(NamedTuple):
    """A word of a value, or a key."""

    text: str
    span: Span


class Fault(NamedTuple):
    """A line that systemd cannot read."""

    span: Span
    text: str
    ignored: bool = False
    """Whether it ignores the line with a warning, rather than the whole file."""


class _Joined:
    """A line with those that continue it."""

    __slots__ = ("_offsets", "_pieces", "_starts", "length")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._offsets: list[int] = []
        self.length = 0

    def add(self, piece: str, offset: int) -> None:
        """Take the next line, which stands at an offset of the file."""
        self._pieces.append(piece)
        self._starts.append(self.length)
        self._offsets.append(offset)
        self.length += len(piece)

    @property
    def text(self) -> str:
        """All of them as one line."""
        return "".join(self._pieces)

    def span(self, start: int, end: int) -> Span:
        """Where a part of the text stands in the file."""
        return Span(self._offset(start), self._offset(end - 1) + 1) if end > start else Span(*[self._offset(start)] * 2)

    def _offset(self, index: int) -> int:
        line = bisect_right(self._starts, index) - 1
        return self._offsets[line] + index - self._starts[line]


class Assignment:
    """`Key=value`."""

    def __init__(self, section: str, key: Word, line: _Joined, start: int, end: int) -> None:
        self.section = section
        """Empty above the first section."""
        self.key = key
        self._line = line
        self._start = start
        self._end = end

    def words(self) -> Iterator[Word]:
        """The value, cut at blanks; none if it is empty."""
        for found in _WORD.finditer(self._line.text, self._start, self._end):
            yield Word(found.group(), self._line.span(*found.span()))


def begins(text: str) -> int:
    """The offset of the first line that says something, or the text's end."""
    found = _BEFORE.match(text)
    return found.end() if found else 0


def assignments(text: str) -> Iterator[Assignment | Fault]:
    """The assignments of all sections, in their order. What is wrong with a line comes in its place."""
    section = ""
    for line in _lines(text):
        content = line.text
        start = len(content) - len(content.lstrip(_BLANK))
        end = len(content.rstrip(_BLANK))
        if end <= start:
            continue
        if line.length > MAX_LINE:
            yield Fault(line.span(start, start + 1), f"a line of {line.length:,} bytes: systemd reads no such file")
        elif content[start] == "[":
            if content[end - 1] != "]":
                yield Fault(line.span(start, end), "a section's name ends with ]: systemd reads no such file")
                continue
            section = content[start + 1 : end - 1]
        else:
            yield _assignment(section, line, content, start, end)


def _assignment(section: str, line: _Joined, content: str, start: int, end: int) -> Assignment | Fault:
    equals = content.find("=", start, end)
    if equals <= start:
        return Fault(line.span(start, end), "no Key=value: systemd ignores the line", ignored=True)
    key_end = len(content[start:equals].rstrip(_BLANK)) + start
    return Assignment(section, Word(content[start:key_end], line.span(start, key_end)), line, equals + 1, end)


def _lines(text: str) -> Iterator[_Joined]:
    """Joined lines without comments. Each holds something."""
    line = _Joined()
    for found in _LINE_OR_ENDS.finditer(text, 1 if text.startswith("\ufeff") else 0):
        piece = found.group()
        if piece[0] in "\n\r\0":
            # The end of the line was seen to; a second one is an empty line, which continues nothing.
            if line.length and piece not in _LINE_ENDS:
                yield line
                line = _Joined()
            continue
        if piece.lstrip(_BLANK)[:1] in ("#", ";"):
            continue
        if (len(piece) - len(piece.rstrip("\\"))) % 2:
            line.add(f"{piece[:-1]} ", found.start())
            continue
        line.add(piece, found.start())
        yield line
        line = _Joined()
    if line.length:
        yield line
