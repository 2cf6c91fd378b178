"""Trust, decided by structure and here alone: how far a line proves that the kernel wrote the record in it.

- *authenticated*: a process cannot write such a line where it stands. `/dev/kmsg` says kern; only auditd writes
  auditd's file.
- *anchored*: the record is the whole message of a line whose tag is the kernel's, the audit daemon's or that of
  journald's audit transport.
- *embedded*: anything else. Any client of any service can have such a line written.

What kind of line it is, carriers.py says; this module adds what stands behind the record and in the lines above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from audit2seccomp.evidence.carriers import (
    BRACKETS,
    CONTINUES,
    DATES,
    HMS,
    NO_SEVERITY,
    RFC5424,
    Located,
    Speaker,
    Trust,
)
from audit2seccomp.evidence.model import SeccompRecord
from audit2seccomp.named_tuple import NamedTuple


class Verdict(NamedTuple):
    """A level, and what kept it from the next one."""

    trust: Trust
    reason: str


PRINTK_CUT_BYTES = 900
"""From this length of its fields on a record in the kernel log may be the front part of a longer one: printk keeps
about 1,000 bytes of a message. Where a label made from a path ends just there in what looks like a record, the real
end is gone."""

FOREIGN = (
    "other programs' lines stand above it, so any program may have written it (give this log as a file of its own)"
)
_ENDING = re.compile(rb'[ \t\r]*|(?:\x1d| |#035|\^\]|\\u001d)?AUID=".*', re.DOTALL)
_REPEATED_ENDING = re.compile(rb"\][ \t\r]*")


def judge(located: Located, record: SeccompRecord, end: int, *, continues: bool, foreign: bool) -> Verdict:
    """The level of a sound record that ends at offset `end` of the located body.

    `continues`: the lines above are an application's, so a line without prefix may belong to its message.
    `foreign`: an earlier line of this input is none of a log that proves anything.
    """
    carrier = located.carrier
    if carrier is None:
        return Verdict(Trust.EMBEDDED, located.reason)
    ending = _REPEATED_ENDING if located.body[end : end + 1] == b"]" and located.repeat > 1 else _ENDING
    if ending.fullmatch(located.body, end) is None:
        return Verdict(Trust.EMBEDDED, "text stands behind the record")
    if located.pid is not None and located.pid != record.pid:
        return Verdict(Trust.EMBEDDED, "the pid in the tag is not the record's: a process wrote it")
    if carrier.speaker is Speaker.PRINTK and record.subj is not None and _length(located.body, end) >= PRINTK_CUT_BYTES:
        return Verdict(Trust.EMBEDDED, "it is so long that printk may have cut it behind a label that forges its end")
    if carrier.bare and continues:
        return Verdict(Trust.EMBEDDED, CONTINUES)
    if carrier.bare and carrier.trust is Trust.AUTHENTICATED and foreign:
        return Verdict(Trust.ANCHORED, FOREIGN)
    return Verdict(
        carrier.trust,
        f"{carrier.name}: a process can write such a line" if carrier.trust is not Trust.AUTHENTICATED else "",
    )


def _length(body: bytes, end: int) -> int:
    """Of the record's fields, without its opening."""
    return end - body.find(b"): ")


def _dated(dates: Iterable[bytes]) -> bytes:
    """How a line begins with one of these dates, a host and a tag."""
    return (
        rb"(?:<\d{1,3}>)?(?:" + b"|".join(dates) + rb") "
        rb"(?:" + NO_SEVERITY + rb"[^\s]{1,255}(?<!:) )??[^\s:\[\]]{1,128}(?:\[\d{1,10}\])?: "
    )


@cache
def _usual_message() -> re.Pattern[bytes]:
    """Some of `_new_message`: how most logs' lines begin."""
    return re.compile(_dated([DATES["rfc3164"]]))


@cache
def _new_message() -> re.Pattern[bytes]:
    """How a line begins that starts a message of the system log."""
    # dmesg's ISO dates have a comma and microseconds; without that an ISO date is the application's own.
    return re.compile(
        _dated(DATES.values()) + rb"|" + b"|".join(BRACKETS.values())
        + rb"|\d{4}-\d\d-\d\dT" + HMS + rb",\d{6}[+-]|<\d{1,3}>(?:\[|" + RFC5424
        + rb")|\d{1,3},\d{1,20},\d{1,20},[^;]{0,255};|[a-z0-9]{1,8} {0,2}:[a-z]{1,7} {0,3}: |-- |\x1b\["
    )  # fmt: skip


APPLICATION = rb"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|_{0,2}[A-Z][A-Z0-9_]{0,63}="
"""How a line begins that starts an application's message (a date of its own), or a field of journalctl -o export."""


def starts_message_of_application(line: bytes) -> bool | None:
    """Whether a line starts the message of an application that may go on over the next lines.

    False where it starts a message of the system log, whose continuation lines are indented or escaped; None where
    one cannot tell, so that the lines above decide."""
    # The expression for all of them takes long to compile.
    if _usual_message().match(line) or _new_message().match(line):
        return False
    return True if re.match(APPLICATION, line) else None


_FOREIGN_LINE = (
    rb"\n(?!type=|node=|----|time->|#|\n|\Z"  # auditd's file, and ausearch's output of it
    rb"|\d{1,4},\d{1,20},\d{1,20},| [A-Z]{1,32}="  # /dev/kmsg, and the fields below the message of a device
    rb"|[0-9A-Za-z.:-]{1,255}: [a-z0-9]{1,8}: {1,8}[a-z]{1,7}: \[)"  # talosctl dmesg
)


def foreign_line_at(block: bytes) -> int:
    """Where the first line begins that is of no log which keeps processes from writing lines of their own; the block's
    length if there is none.

    Lines count from the newline in front of them, so the block must begin with one.
    """
    match = re.search(_FOREIGN_LINE, block)
    return len(block) if match is None else match.end()
