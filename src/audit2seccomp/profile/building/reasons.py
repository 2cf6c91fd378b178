"""Why a name is in a profile."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from audit2seccomp.named_tuple import NamedTuple

MAX_PROGRAMS = 5
"""So many are named in a reason: whoever runs the recorded programs chooses how many there are, and their names."""
_MAX_NAME = 80


class Source(StrEnum):
    """Where a name comes from."""

    OBSERVED = "observed"
    RUNTIME = "runtime"
    SIBLING = "sibling"
    BASE = "base"
    ALLOW = "--allow"


class Reason(NamedTuple):
    """One reason for one name."""

    source: Source
    text: str
    """For people, on one line, and safe to show on a terminal."""

    def __str__(self) -> str:
        return self.text


Reasons = dict[str, tuple[Reason, ...]]


class Seen(NamedTuple):
    """How often a call was observed, and by whom: names of programs as in `comm`, None where nobody said."""

    events: int
    programs: Counter[bytes | None]

    def reason(self) -> Reason:
        """`observed 12 times: nginx (10), httpd (2)`.

        Events that another record with the same stamp stands for are not counted, so a call may have none."""
        if not self.events:
            return Reason(Source.OBSERVED, "observed, with the stamp of another record")
        times = "once" if self.events == 1 else f"{self.events:,} times"
        shares = sorted(self.programs.items(), key=lambda share: (-share[1], share[0] or b""))
        named = [(name, count) for name, count in shares if name is not None and count]
        who = ", ".join(f"{plain(name)} ({count:,})" for name, count in named[:MAX_PROGRAMS])
        more = f" and {len(named) - MAX_PROGRAMS:,} more" if len(named) > MAX_PROGRAMS else ""
        return Reason(Source.OBSERVED, f"observed {times}" + (f": {who}{more}" if who else ""))


def plain(text: bytes | str) -> str:
    """A stranger's word on one line, not too long, with all that a terminal would not print as escapes."""
    word = text.decode(errors="surrogateescape") if isinstance(text, bytes) else text
    word = printable_line(word)
    return word if len(word) <= _MAX_NAME else f"{word[:_MAX_NAME]}…"


def printable_line(text: str) -> str:
    """The text with all that a terminal would not print as escapes, if there is any."""
    return text if text.isprintable() else ascii(text)[1:-1]


def explained(reasons: tuple[Reason, ...]) -> str:
    """All reasons for a name on one line."""
    return "; ".join(map(str, reasons))
