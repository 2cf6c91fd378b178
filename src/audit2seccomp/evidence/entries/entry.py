"""What comes out of a structured log: entries, and what is wrong with the log itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from audit2seccomp.evidence.carriers import Carrier
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES
from audit2seccomp.named_tuple import NamedTuple

MAX_ENTRY_BYTES = MAX_LINE_BYTES
"""An object over several lines, or what is kept of an entry's fields, is not longer than a line may be."""
RECORD_TOKEN = b"auid="
"""What every record holds: the kernel writes it first. What is left out unread is told of where it holds this."""
SAMPLE_BYTES = 240
"""How much of something broken is kept as an example."""

TOO_LONG_ENTRY = f"entry longer than {MAX_ENTRY_BYTES:,} bytes"
BROKEN_JSON = "broken JSON"
WRONG_TYPE = "wrong type in a field"
CUT_ENTRY = "entry cut before its end"
MALFORMED_FIELDS = "record with missing or malformed fields"
BROKEN_ENTRY = "broken journal entry"
NO_MESSAGE = "journalctl left out a message that may hold a record (give it --all, or take -o export)"


class Entry(NamedTuple):
    """One message of a structured log, and what its carrier proves about it."""

    message: bytes
    """The text in which a record may stand, without the newline at its end. Where a carrier spells the fields of a
    record out, it is the record with these fields, written as its speaker would."""
    carrier: Carrier
    """Of the authors in authors.py."""
    host: str | None
    unit: str | None
    """The systemd unit that the entry names."""
    container: str | None
    """The container's id, 64 hex digits."""
    boot: str | None
    """journald's boot id, 32 hex digits."""
    millis: int | None
    """Milliseconds since the epoch, where the entry says when the kernel or the program spoke."""
    serial: int | None
    """The serial of the audit event, where the entry and not its message says it."""
    tag: str
    """Who speaks: `kernel`, `systemd-journald`, `rsyslogd`, `auditd` and the like, where a line of text with such a tag
    would prove no more; else empty. It is for signs of loss, and says nothing about a record in the message."""
    line: int
    """The line of the input, from 1 on, where the entry begins."""


class Problem(NamedTuple):
    """Something that could not be read as the entry that it seems to be."""

    reason: str
    """One of the constants above, with no part that varies."""
    line: int
    text: bytes
    """Its start."""


class TextLine(NamedTuple):
    """A line among JSON that is no JSON, and may be one of a text log."""

    text: bytes
    line: int


class Call(NamedTuple):
    """A call that a process under strace started."""

    pid: int | None
    arch: int
    """An AUDIT_ARCH_* number."""
    nr: int
    """As in a record's `syscall=`."""
    millis: int | None
    """Milliseconds since the epoch, of strace -ttt; the other clocks name no day."""
    line: int


Found = Entry | Problem | TextLine | Call


class Decoder(Protocol):
    """Turns the blocks of one input into what is in them. Where they are cut makes no difference."""

    lines: int
    """How many lines were read so far."""
    cursor: bytes
    """journald's name for the place of the last entry that was read; empty in forms in which nobody asks."""

    def feed(self, block: bytes) -> Iterable[Found]:
        """Read one more block."""

    def finish(self) -> Iterable[Found]:
        """The input has ended; its last line may lack a newline."""

    def pause(self) -> int | None:
        """The input goes on another time: forget the line that has not ended, and return its bytes. None where more
        than a line has not ended, or may not have."""


def problem(reason: str, line: int, text: bytes) -> Problem:
    """A problem with the start of the text as its example."""
    return Problem(reason, line, bytes(text[:SAMPLE_BYTES]))
