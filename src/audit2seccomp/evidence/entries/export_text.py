"""Whole entries of `journalctl -o export` that are all text, by a search for the fields that decide.

An entry's fields stand in the order in which journald stored their values: first those that entries of a kind share,
at the end what was new with this one. For records, what all share is compared as one string."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from audit2seccomp.evidence.entries.authors import JOURNAL_AUDIT, JOURNAL_KERNEL, PROCESSES, Author, client
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import MAX_ENTRY_BYTES, Entry, Found
from audit2seccomp.evidence.entries.journal import MAX_DIGITS
from audit2seccomp.named_tuple import NamedTuple

CURSOR = b"__CURSOR="
_NEXT = b"\n" + CURSOR
_BLANK = b"\n\n"
_STRAY_BLANK = re.compile(_BLANK + rb"(?!" + CURSOR + rb")")
"""Blank lines stand between entries, and inside of one only where something is broken."""
_SEQUENCE = re.compile(rb"s=[0-9a-f]{32};")
_DECIDING = re.compile(
    rb"\n(MESSAGE|_(?:TRANSPORT|HOSTNAME|BOOT_ID|AUDIT_ID|SOURCE_REALTIME_TIMESTAMP|SYSTEMD_UNIT|SYSTEMD_CGROUP)"
    rb"|SYSLOG_FACILITY|CONTAINER_ID_FULL)=(.*)"
)


_SHARED = b"\n_BOOT_ID="
"""What entries share begins with this, behind the fields that journalctl adds to each."""
_NEW = re.compile(rb"\n(?:MESSAGE|_AUDIT_ID|_PID|_SOURCE_[A-Z]{1,16}_TIMESTAMP)=")
_MESSAGE = b"\nMESSAGE="
_RECORD = _MESSAGE + b"SECCOMP "
_SERIAL = b"\n_AUDIT_ID="
_SPOKEN = b"\n_SOURCE_REALTIME_TIMESTAMP="
_NUMBER = re.compile(rb"[0-9]{1,%d}(?![^\n])" % MAX_DIGITS).match
_MESSAGE_SIZE, _SERIAL_SIZE, _SPOKEN_SIZE = map(len, (_MESSAGE, _SERIAL, _SPOKEN))
_AUDIT, _TAG = JOURNAL_AUDIT
_TRANSPORT = b"\n_TRANSPORT="
_HOST = b"\n_HOSTNAME="
_SYSTEMD = b"\n_SYSTEMD_"


class _Shared(NamedTuple):
    """What all entries of the audit transport have in common, as far as they were seen."""

    text: bytes
    """The lines from _BOOT_ID on, with the newlines at both ends; the transport is among them."""
    size: int
    """Its length, less the newline at the end."""
    host_line: bytes
    """The line that names the host, with both newlines, where it stands behind these."""
    host: str | None
    boot: str | None


_NOWHERE = b"\n\n"
"""What no entry holds."""
_NOTHING_SHARED = _Shared(_NOWHERE, 0, _NOWHERE, None, None)


class TextEntries:
    """Reads the entries of one input."""

    def __init__(self, found: list[Found], unusual: Callable[[bytes, int], None]) -> None:
        """At the start of an input. `found` gets the entries; text with anything unusual is given to `unusual`, without
        the newlines at both ends, with the number of its first line."""
        self.sequence = b""
        """How the cursors of the journal begin, once one was seen: with a number that clients cannot know."""
        self._found = found
        self._unusual = unusual
        self._shared = _NOTHING_SHARED

    def read(self, text: bytes, line: int) -> int:
        """Read entries whose first line has that number; returns the number of the line behind the last.

        `text` begins with a newline that is not of the input, and lacks the one that makes the last line blank."""
        found, shared = self._found, self._shared
        pieces = text.split(_NEXT)
        if pieces[0]:
            self._unusual(pieces[0][1:], line)
            line += pieces[0].count(b"\n")
        # One search through all entries is faster than one through each.
        units, broken = _SYSTEMD in text, _STRAY_BLANK.search(text) is not None
        begin = 0
        for at in range(1, len(pieces)):
            piece = pieces[at]
            same = piece.startswith(shared.text, begin)
            if not same and not piece.startswith(_SHARED, begin):
                begin = max(0, piece.find(_SHARED))
                same = piece.startswith(shared.text, begin)
            if broken and _BLANK in piece:
                same = False
            entry = _record(piece, begin + shared.size, shared, line, units) if same else None
            if entry is not None:
                found.append(entry)
            else:
                self._other(piece, line)
                shared = self._shared = _common(piece[begin:], shared)
            line += piece.count(b"\n") + 1
        return line

    def _other(self, piece: bytes, line: int) -> None:
        """Read an entry of any author."""
        if not self.sequence:
            match = _SEQUENCE.match(piece)
            self.sequence = b"" if match is None else match[0]
        found = _DECIDING.findall(piece)
        fields = dict(found)
        usual = len(fields) == len(found) and len(piece) <= MAX_ENTRY_BYTES and _BLANK not in piece
        entry = _usual(fields, line) if usual else None
        if entry is None:
            self._unusual((CURSOR + piece).rstrip(b"\n"), line)
        else:
            self._found.append(entry)


def _record(piece: bytes, behind: int, shared: _Shared, line: int, units: bool) -> Entry | None:
    """What an entry of the audit transport says; None where anything about it is unusual. `units`: it may name one.

    The shared fields end at `behind`, in front of a newline. What was new with the entry stands at the end, so that the
    search begins there."""
    find, rfind = piece.find, piece.rfind
    at, serial_at, micros_at = rfind(_RECORD, behind), rfind(_SERIAL, behind), rfind(_SPOKEN, behind)
    if at < 0 or serial_at < 0 or micros_at < 0 or len(piece) - behind > MAX_ENTRY_BYTES:
        return None
    serial, micros = _NUMBER(piece, serial_at + _SERIAL_SIZE), _NUMBER(piece, micros_at + _SPOKEN_SIZE)
    # The rest of one entry and the beginning of another, where what stands between them is broken, have two transports.
    if serial is None or micros is None or find(_TRANSPORT, behind) >= 0 or find(shared.host_line, behind) < 0:
        return None
    if units and find(_SYSTEMD, behind) >= 0:
        return None
    at += _MESSAGE_SIZE
    end = find(b"\n", at)
    message = piece[at:end] if end >= 0 else piece[at:]
    millis = int(micros[0]) // 1000
    return _make(Entry, (message, _AUDIT, shared.host, None, None, shared.boot, millis, int(serial[0]), _TAG, line))


def _common(fields: bytes, shared: _Shared) -> _Shared:
    """What an entry of the audit transport has in common with those before it; what it has alone, if that is not
    enough."""
    if b"\n_TRANSPORT=audit\n" not in fields or not fields.startswith(_SHARED):
        return shared
    new = _NEW.search(fields)
    lines = fields[1 : len(fields) if new is None else new.start()].split(b"\n")
    same = 0
    for one, other in zip(lines, shared.text[1:-1].split(b"\n"), strict=False):
        if one != other:
            break
        same += 1
    for common in (lines[:same], lines):
        text = b"\n" + b"\n".join(common) + b"\n"
        if b"\n_TRANSPORT=audit\n" in text and _SYSTEMD not in text:
            known = dict(_DECIDING.findall(fields))
            host = known.get(b"_HOSTNAME", b"")
            host_line = _HOST + host + b"\n"
            line_behind = b"\n" if host_line in text else host_line if host else _NOWHERE
            return _Shared(text, len(text) - 1, line_behind, _text(host), _text(known[b"_BOOT_ID"]))
    return shared


def _usual(fields: Mapping[bytes, bytes], line: int) -> Entry | None:
    """What an entry with these fields says, as `entries_of` would; None where anything about it is unusual."""
    get = fields.get
    author = _usual_author(fields)
    serial, micros = get(b"_AUDIT_ID", b""), get(b"_SOURCE_REALTIME_TIMESTAMP", b"")
    if author is None or not (serial + micros or b"0").isdigit() or not len(serial) <= MAX_DIGITS >= len(micros):
        return None
    cgroup = get(b"_SYSTEMD_CGROUP")
    return _make(
        Entry,
        (
            fields[b"MESSAGE"],
            author.carrier,
            _text(get(b"_HOSTNAME", b"")),
            _text(get(b"_SYSTEMD_UNIT", b"")),
            container_of(_text(cgroup) or "") if cgroup else None,
            _text(get(b"_BOOT_ID", b"")),
            int(micros) // 1000 if micros else None,
            int(serial) if serial else None,
            author.tag,
            line,
        ),
    )


_make = tuple.__new__
"""Makes a NamedTuple in half the time."""


def _usual_author(fields: Mapping[bytes, bytes]) -> Author | None:
    """Who wrote an entry; None where there is anything unusual about it."""
    transport, message = fields.get(b"_TRANSPORT"), fields.get(b"MESSAGE")
    if not message:
        return None
    if transport == b"audit":
        return JOURNAL_AUDIT if message.startswith(b"SECCOMP ") else None
    if b"_AUDIT_ID" in fields:
        return None
    if transport == b"kernel":
        return JOURNAL_KERNEL if fields.get(b"SYSLOG_FACILITY") == b"0" else None
    unit = _text(fields.get(b"_SYSTEMD_UNIT", b""))
    if transport not in _PROCESSES or not unit or b"CONTAINER_ID_FULL" in fields or message.startswith(b"{"):
        return None
    return client(unit, "", "") if message.strip() else None


_PROCESSES = frozenset(transport.encode() for transport in PROCESSES)


@lru_cache(maxsize=1024)
def _text(value: bytes) -> str | None:
    """A field's text; None where it is empty."""
    return value.decode(errors="surrogateescape") or None
