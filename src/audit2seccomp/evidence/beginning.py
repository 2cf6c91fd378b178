"""Which form an input has: its first bytes tell, or, where it begins in the middle of an entry, a line that no other
form has."""

from __future__ import annotations

from audit2seccomp.evidence.entries import (
    FORMS,
    HEAD_BYTES,
    cut_before,
    detect,
    header_at,
    may_be_inside,
    may_be_strace,
    needs_next_line,
    undecided,
)
from audit2seccomp.evidence.trust import starts_message_of_application
from audit2seccomp.named_tuple import NamedTuple

TEXT = "text"
"""The form of an input that is no structured log."""
STRACE = "strace"
FORM_NAMES = (TEXT, *FORMS, STRACE)
"""All forms."""
WATCHED_BYTES = 1 << 16
"""Lines that begin in so much of an input may show that it is no text: journald's entries have a tenth of it."""


class Start(NamedTuple):
    """What is known of an input so far."""

    text: bytes = b""
    """Whole lines of text that were not told of before."""
    form: str | None = None
    """The form of all that follows; None while more must be seen."""
    rest: bytes = b""
    """The first bytes of that form."""
    cut: bytes | None = None
    """A line of an entry whose beginning is not there: the one above them, of a trace the first, of text the only."""


class Beginning:
    """Looks at the blocks of one input until its form is known. Where they are cut makes no difference, and a live log
    need not wait: what is text for now is given out line by line."""

    def __init__(self) -> None:
        """At the start of an input."""
        self._held = bytearray()
        self._told = 0
        self._looks_like_text = False
        self._line = b""
        self.lines = 0
        """How many lines of text were told of."""

    def take(self, block: bytes, *, ended: bool = False) -> Start:
        """See one more block; `ended`: there is none behind it."""
        self._held += block
        head = bytes(self._held)
        if not self._looks_like_text:
            if not ended and undecided(head[:HEAD_BYTES]):
                return Start()
            first = _form_of(head)
            if first != TEXT:
                return Start(form=first, rest=head, cut=_cut_trace(head) if first == STRACE else None)
            self._looks_like_text = True
        at = 0
        while self._told + at < WATCHED_BYTES:
            end = head.find(b"\n", at)
            if (end if end >= 0 else len(head)) - at > WATCHED_BYTES:
                break
            if end < 0 or (needs_next_line(head[at:end]) and head.find(b"\n", end + 1) < 0):
                if ended:
                    break
                del self._held[:at]
                self._told += at
                return Start(head[:at])
            form = header_at(head, at)
            if form is not None:
                cut = cut_before(form, head[at:end], self._line, self.lines)
                return Start(head[:at], form, head[at:], self._line if cut else None)
            self._line = head[at:end]
            if not may_be_inside(self._line) and starts_message_of_application(self._line) is not None:
                break  # A text log; what stands below may be part of a message, and whoever wrote that chose it.
            self.lines += 1
            at = end + 1
        return Start(form=TEXT, rest=head, cut=self._end_of_object(head) if ended else None)

    def _end_of_object(self, last: bytes) -> bytes | None:
        """The only line of an input that has ended, if it is what is left of a JSON object."""
        line = self._line if self.lines else last
        ends = self.lines + bool(last) == 1 and line.rstrip().endswith((b'"}', b'"},'))
        return line if ends and line[:1] != b"{" and starts_message_of_application(line) is None else None

    def drop(self) -> int:
        """Forget what was not told of; returns its bytes."""
        size = len(self._held)
        self._held.clear()
        return size


def _cut_trace(head: bytes) -> bytes | None:
    from audit2seccomp.evidence.entries.strace import begins_inside

    first = head[: head.find(b"\n")]
    return first if begins_inside(first) else None


def _form_of(head: bytes) -> str:
    made_by = detect(head)
    form = next((form for form, make in FORMS.items() if make is made_by), TEXT)
    if form == TEXT and may_be_strace(head):
        from audit2seccomp.evidence.entries.strace import looks_like_strace

        form = STRACE if looks_like_strace(head) else TEXT
    return form
