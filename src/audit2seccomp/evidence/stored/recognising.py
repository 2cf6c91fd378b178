"""Is an input an evidence file or a log? That is seen before anything is read, whatever the order of the members.

Whatever writes JSON may have written the file anew: with sorted names, `counts` stands first, and `format` up to
100 MB behind it. So the first object is gone through, name by name. A log's first entry ends soon, or begins with what
no evidence file has."""

from __future__ import annotations

import re
from collections.abc import Generator

FORMAT = "audit2seccomp evidence"
"""What an evidence file says it is."""
LOOK_BYTES = 64 << 10
"""An object that is longer is no entry of a log, if it looks like evidence: then it must be sound evidence."""
_SAMPLE = "reason events file line text"
ELEMENTS = {
    "rejected": _SAMPLE,
    "refused": _SAMPLE,
    "losses": _SAMPLE,
    "segments": "file host boot first_serial last_serial first_time last_time events",
    "origins": "file host unit container",
    "counts": "origin arch syscall code comm exe uid subj numbered unnumbered line first last",
    "options": "option value",
    "logs": "name form lines application foreign segments files cursor",
    "seen": "host boot number boots",
}
"""The arrays of an evidence file, and the members of the objects in each."""
OTHERS = ("format", "version", "trust", "lines", "repeated", "unselected")
"""What else a file has."""


def _quoted(name: str) -> bytes:
    return f'"{name}"'.encode()


_ELEMENTS = {_quoted(array): frozenset(map(_quoted, names.split())) for array, names in ELEMENTS.items()}
_NAMES = _ELEMENTS.keys() | set(map(_quoted, OTHERS))
_MARK = b"\xef\xbb\xbf"
"""What some editors put in front of UTF-8."""
_BLANKS = b" \t\r\n"
# Compiled when there is an object to look at: most logs begin otherwise.
_TOKEN = rb'[ \t\r\n]*+("(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+"|[{}\[\],:]|[-+.\w]++(?!\Z))'
_MAY_BE_TOKEN = rb'[ \t\r\n]*+(?:"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+\\?|[-+.\w]++)?\Z'

_Walk = Generator[None, None, bool]
"""Yields where more of the text must be seen, and returns whether it is evidence."""


class Recogniser:
    """Looks at the first bytes of one input, as they come."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._text = bytearray()
        self._at = 0
        self._ended = False
        self._walk = self._walk_input()
        self._verdict: bool | None = None

    def look(self, block: bytes) -> bool | None:
        """Whether the input holds evidence, which may be broken; None if more of it must be seen."""
        if self._verdict is None and block:
            self._text += block[: LOOK_BYTES - len(self._text)]
            self._go_on(ended=len(self._text) == LOOK_BYTES)
        return self._verdict

    def end(self) -> bool:
        """The same when nothing more comes."""
        if self._verdict is None:
            self._go_on(ended=True)
        return self._verdict is True

    def _go_on(self, *, ended: bool) -> None:
        self._ended = ended
        try:
            next(self._walk)
        except StopIteration as stop:
            self._verdict = stop.value
            self._text.clear()

    def _walk_input(self) -> _Walk:
        while _MARK.startswith(rest := bytes(self._text).removeprefix(_MARK).lstrip(_BLANKS)):
            if self._ended:
                return False
            yield
        if rest[0] not in b"{[":
            return False
        self._at = len(self._text) - len(rest)
        token = yield from self._token()
        if token == b"[":
            token = yield from self._token()  # several files in an array are none, which is to be said
        return token == b"{" and (yield from self._walk_object())

    def _walk_object(self) -> _Walk:
        likely = strange = False
        comma = b","
        while comma == b",":
            name = yield from self._token()
            colon = yield from self._token()
            if name[:1] != b'"' or colon != b":":
                return self._judged(name and colon, likely=likely, strange=strange)
            value = yield from self._token()
            if name == b'"format"' and value == _quoted(FORMAT):
                return True
            strange = strange or name not in _NAMES
            if value == b"[" and name in _ELEMENTS:
                element = yield from self._element()
                if element in _ELEMENTS[name]:
                    likely = True
                    yield from self._leave(2)
                elif element != b"]":
                    return likely
            elif value in (b"[", b"{"):
                return False
            comma = yield from self._token()
        return self._judged(comma, likely=likely, strange=strange)

    def _judged(self, token: bytes, *, likely: bool, strange: bool) -> bool:
        """Whether an object that goes no further is evidence, though no format was seen: with other members, and an
        end, it is an entry of a log. `token`: nothing where there is no more to see."""
        return likely and (not strange or (self._ended and not token))

    def _element(self) -> Generator[None, None, bytes]:
        """The first name in the object that an array begins with; the bracket if it is empty."""
        token = yield from self._token()
        return (yield from self._token()) if token == b"{" else token

    def _leave(self, depth: int) -> Generator[None, None, None]:
        """Go on behind so many brackets that are open."""
        while depth:
            token = yield from self._token()
            if not token:
                return
            depth += (token in (b"{", b"[")) - (token in (b"}", b"]"))

    def _token(self) -> Generator[None, None, bytes]:
        """The next bracket, comma, colon, string or bare word; nothing where the text ends or is no JSON."""
        while (token := re.compile(_TOKEN).match(self._text, self._at)) is None:
            if self._ended or not re.compile(_MAY_BE_TOKEN).match(self._text, self._at):
                return b""
            yield
        self._at = token.end()
        return token[1]
