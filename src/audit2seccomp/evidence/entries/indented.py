"""JSON objects over several lines, found by how they are indented.

So journalctl, dmesg, jq and Python print them. A string holds no newline, so a line that begins with a bracket is one
of structure, and an object ends where a bracket stands as far to the left as its first. What is broken inside one
object costs no other."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from audit2seccomp.evidence.entries.entry import (
    BROKEN_JSON,
    CUT_ENTRY,
    MAX_ENTRY_BYTES,
    RECORD_TOKEN,
    TOO_LONG_ENTRY,
    Found,
    problem,
)
from audit2seccomp.evidence.entries.json_objects import decode_element, decode_object

_STRUCTURE = re.compile(rb"([ \t]*)([\]}\[{][\[\]{}, \t]*)")
_NAME = re.compile(rb'[ \t]*"[^"]{0,256}"[ \t]*:')
_DMESG = re.compile(rb'[ \t]*"dmesg"[ \t]*:[ \t]*\[[ \t]*')
_UNUSUAL = (b'"dmesg"', b"},{", b"\r", b" \n", b"\t\n")
_NO_MEMBER = re.compile(rb'\n(?![ \t"])')
_DMESG_INDENT = 6
"""Where util-linux puts the brackets of an element."""
_DMESG_BEGIN = b"\n      {\n"


class _Place(Enum):
    """Of what the next object is an element."""

    NOTHING = "none"
    ARRAY = "an array of objects that stand for themselves"
    DMESG = "dmesg's array"


@dataclass(slots=True)
class _Object:
    """An object that has begun."""

    line: int
    indent: int
    element: bool
    """Nothing but one of dmesg's, whatever its members say: what stands around it is not known, or is dmesg's."""
    text: bytearray = field(default_factory=bytearray)
    too_long: bool = False
    holds_token: bool = False

    def add(self, line: bytes) -> None:
        """One more line."""
        self.holds_token = self.holds_token or RECORD_TOKEN in line
        if self.too_long:
            return
        self.text += line
        self.text += b"\n"
        if len(self.text) > MAX_ENTRY_BYTES:
            self.too_long = True
            del self.text[MAX_ENTRY_BYTES:]


class Gatherer:
    """Puts the objects of one input together, from lines without their newline."""

    def __init__(self, found: list[Found]) -> None:
        """`found` gets what they say."""
        self._found = found
        self._open: _Object | None = None
        self._place = _Place.NOTHING
        self._stray = False

    @property
    def inside(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._open is not None

    @property
    def unended(self) -> bool:
        """Whether more lines may come of an object that has begun, or whose beginning is not there."""
        return self.inside or self._stray

    def take_whole(self, lines: list[bytes], at: int, number: int) -> int:
        """Read the object that begins with the line at that index, a lone bracket, and return the index behind what was
        read: of a usual object that is all, if all of it is there."""
        members = None
        with suppress(ValueError):
            end = lines.index(b"}", at)
            members = b"\n".join(lines[at + 1 : end])
        if members is None or len(members) >= MAX_ENTRY_BYTES or any(mark in members for mark in _UNUSUAL):
            self.take(lines[at], number)
            return at + 1
        if _NO_MEMBER.search(b"\n" + members) or not decode_object(b"{\n%b\n}" % members, number, self._found):
            self.take(lines[at], number)
            return at + 1
        self._stray = False
        self._place = _Place.ARRAY if self._place is _Place.ARRAY else _Place.NOTHING
        return end + 1

    def take(self, line: bytes, number: int) -> bool:
        """Read a line that is not empty; False where it belongs to no such object."""
        structure = _STRUCTURE.fullmatch(line) if line[-1] in b"{}[]," else None
        if structure is not None:
            self._stray = False
            self._bracket(line, number, len(structure[1]), structure[2])
            return True
        if self._open is None:
            return self._stray_member(line, number)
        if line[:1] not in b' \t"':
            return False
        if not self._open.text and self._open.indent == 0 and _DMESG.fullmatch(line):
            self._open, self._place = None, _Place.DMESG
        else:
            self._open.add(line)
        return True

    def cut(self) -> None:
        """The object that has begun ends here, unfinished."""
        if self._open is not None:
            self._found.append(problem(CUT_ENTRY, self._open.line, b"{\n" + self._open.text))
            self._open = None

    def _stray_member(self, line: bytes, number: int) -> bool:
        """A member of an object whose beginning is not there."""
        if not (_NAME.match(line) or (self._stray and line[:1] in b" \t")):
            self._stray = False
            return False
        if not self._stray:
            self._found.append(problem(CUT_ENTRY, number, line))
        self._stray = True
        return True

    def _bracket(self, line: bytes, number: int, indent: int, brackets: bytes) -> None:
        opens = brackets.rstrip(b", \t").endswith(b"{")
        closes = brackets[:1] in b"]}"
        current = self._open
        if current is None:
            self._between(number, indent, brackets, opens=opens)
        elif closes and indent <= current.indent:
            if brackets[:1] == b"}" and indent == current.indent:
                self._close(current)
            else:
                self.cut()
            self._between(number, indent, brackets, opens=opens)
        elif opens and indent <= current.indent:
            self.cut()
            self._between(number, indent, brackets, opens=opens)
        elif brackets == b"},{" and indent == _DMESG_INDENT and self._place is not _Place.ARRAY:
            self._dmesg_after_all(current, number)
        else:
            current.add(line)

    def _between(self, number: int, indent: int, brackets: bytes, *, opens: bool) -> None:
        """Brackets outside of any object."""
        if indent == 0 and self._place is not _Place.NOTHING and brackets.rstrip(b", \t").endswith(b"]"):
            self._place = _Place.NOTHING
        if indent == 0 and brackets[:1] == b"[":
            self._place = _Place.ARRAY
        if opens:
            if indent == 0 and self._place is _Place.DMESG:
                self._place = _Place.NOTHING
            self._open = _Object(number, indent, element=indent > 0 and self._place is not _Place.ARRAY)

    def _close(self, current: _Object) -> None:
        self._open = None
        if current.too_long:
            if current.holds_token:
                self._found.append(problem(TOO_LONG_ENTRY, current.line, b"{\n" + current.text))
            return
        data = b"{\n%b}" % bytes(current.text)
        decode = decode_element if current.element else decode_object
        if not decode(data, current.line, self._found):
            self._found.append(problem(BROKEN_JSON, current.line, data))

    def _dmesg_after_all(self, current: _Object, number: int) -> None:
        """The line that says `"dmesg": [` is broken or gone, but nothing else prints such brackets."""
        text = b"\n" + current.text
        start = text.rfind(_DMESG_BEGIN)
        if start >= 0:
            element = _Object(current.line + 1 + text.count(b"\n", 0, start), _DMESG_INDENT, element=True)
            element.text = bytearray(text[start + len(_DMESG_BEGIN) :])
            del current.text[start:]
            self.cut()
            self._close(element)
        else:
            self.cut()
        self._place = _Place.DMESG
        self._open = _Object(number, _DMESG_INDENT, element=True)
