"""The fast way to read a large evidence file: msgspec decodes the rows of `counts`, one by one, into typed structs.

It takes nothing that `checking` would not take, and makes the same of it. What it does not take, `checking` reads anew
and says what is wrong with it; so it need know neither place nor reason, and may be wary."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from audit2seccomp.evidence.model import Count, Origin, RecordKey
from audit2seccomp.evidence.stored.checking import Rows, code_of, known_arch
from audit2seccomp.evidence.stored.values import MAX_COUNT, MAX_UID, hexadecimal, octets, parsed

_MAX_NAMES = 1 << 14
"""So many names are kept once for all rows: most rows share some."""

_Number = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
"""A time is no larger either: one that is comes from no clock, and is left to the other reader."""
_ABSENT: Any = None
"""No member can have this value, since null is none of its types."""


class NotTakenError(Exception):
    """This file is for the other reader."""


class _Hex(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    hex: str


_Name = str | _Hex


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row, in the order of the names below."""

    origin: _Number
    arch: str
    syscall: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
    code: str = _ABSENT
    comm: _Name = _ABSENT
    exe: _Name = _ABSENT
    uid: Annotated[int, Meta(ge=0, le=MAX_UID)] = _ABSENT
    subj: _Name = _ABSENT
    numbered: _Number = _ABSENT
    unnumbered: _Number = _ABSENT
    line: _Number = _ABSENT
    first: _Number = _ABSENT
    last: _Number = _ABSENT


_MEMBERS = len(_Row.__struct_fields__)
_members_of = msgspec.json.Decoder(dict[str, Raw]).decode
_rows_of = msgspec.json.Decoder(list[Raw]).decode
_row_of = msgspec.json.Decoder(_Row).decode
_ERRORS = (msgspec.MsgspecError, UnicodeError, RecursionError)


def document(data: bytes, name: str) -> dict[str, Any]:
    """The members of a file, with counts that are not read yet. Raises NotTakenError, and what `parsed` raises."""
    # msgspec does not say that a member stands twice. But each has a colon, so that they can be counted in the bytes:
    # there must be one for each member that was read, and those in strings, none of them in disguise.
    if b"\\u003a" in data or b"\\u003A" in data:
        raise NotTakenError
    try:
        members = _members_of(data)
        rows = _rows_of(members.pop("counts"))
    except (*_ERRORS, KeyError):
        raise NotTakenError from None
    texts = {member: bytes(raw) for member, raw in members.items()}
    colons = data.count(b":") - sum(text.count(b":") for text in texts.values()) - len(texts) - 1
    return {
        **{member: parsed(text, name) for member, text in texts.items()},
        "counts": _Rows(rows, colons),
    }


class _Rows(Rows):
    """The rows of a file as they stand there."""

    def __init__(self, rows: list[Raw], colons: int) -> None:
        """`colons`: how many of them are in the rows, if no member stands twice."""
        self._rows = rows
        self._colons = colons
        self._names: dict[str, bytes] = {}
        self._arches: dict[tuple[str, int], int] = {}
        self._codes: dict[str, int] = {}

    def read(self, origins: list[Origin]) -> dict[RecordKey, Count]:
        """The counts. Raises NotTakenError or WrongError."""
        counts: dict[RecordKey, Count] = {}
        try:
            for raw in self._rows:
                key, count = self._row(_row_of(raw), origins)
                counts[key] = count
        except (*_ERRORS, IndexError):
            raise NotTakenError from None
        if self._colons or len(counts) != len(self._rows):
            raise NotTakenError
        return counts

    def _row(self, row: _Row, origins: list[Origin]) -> tuple[RecordKey, Count]:
        values: tuple[Any, ...] = msgspec.structs.astuple(row)
        self._colons -= _MEMBERS - values.count(_ABSENT)
        origin, arch, syscall, code, comm, exe, uid, subj, numbered, unnumbered, line, first, last = values
        if first is not None and last is not None and first >= last:
            if first > last:
                raise NotTakenError
            last = first  # one object, where there are many
        key = RecordKey(
            self._arch(arch, syscall),
            syscall,
            None if code is None else self._code(code),
            None if comm is None else self._name(comm),
            None if exe is None else self._name(exe),
            uid,
            None if subj is None else self._name(subj),
            origins[origin],
        )
        return key, Count(numbered or 0, unnumbered or 0, line or 0, first, last)

    def _name(self, value: str | _Hex) -> bytes:
        if isinstance(value, _Hex):
            self._colons -= 1
            return octets({"hex": value.hex})
        self._colons -= value.count(":")
        name = self._names.get(value)
        if name is None:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            name = self._names[value] = octets(value)
        return name

    def _arch(self, text: str, syscall: int) -> int:
        arch = self._arches.get((text, syscall))
        if arch is None:
            arch = self._arches[text, syscall] = known_arch(hexadecimal(text), syscall)
        return arch

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = code_of(text)
        return code
