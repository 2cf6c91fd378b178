"""The fast path over blocks of bytes: the same meaning as record.py and carriers.py, measured and proven equal.

Most lines hold no record, and most records differ only in time, serial, pid and ip. So a block is searched for the
words that every record has; the lines found are matched by one expression for each form of line that this input was
seen to have, and counted by the bytes that make them different. Only what no such expression matches *completely* goes
the slow way, line by line, through `locate`, `parse_record` and `judge`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from audit2seccomp.evidence.carriers import Carrier, Located, Speaker, Trust, locate
from audit2seccomp.evidence.model import Evidence, RecordKey, Reject, Sample
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.tally import RawKey, Tally
from audit2seccomp.evidence.trust import APPLICATION, foreign_line_at, judge, starts_message_of_application

MAX_LINE_BYTES = 1 << 20
"""A longer line is not read. The kernel's records have at most 8,970 bytes (MAX_AUDIT_MESSAGE_LENGTH of linux/audit.h),
and wrappers add a few thousand."""
TOO_LONG = f"line longer than {MAX_LINE_BYTES:,} bytes"
MAX_SHAPES = 4
"""So many forms of line are looked for in one pass: a log has one or two, a mix of many is read line by line."""
SAMPLE_BYTES = 240
"""How much of a line is kept as an example."""

TOKENS = (b"type=1326", b"SECCOMP ", b'reason="seccomp"', b"UNKNOWN[1326]")
"""A line without one of these holds no record."""
_LONGEST_TOKEN = max(map(len, TOKENS))
_DENSE = 1500
"""One token in so many bytes: then one pass over all lines is faster than a jump from token to token."""
_HEADER_BYTES = 1024
"""Enough of a line to see what it starts with."""

_STAMP = rb"audit\(\d{1,20}\.\d{3}:\d{1,20}\): "
_OPENINGS = {
    Speaker.PRINTK: rb"(?:audit: )?type=1326 " + _STAMP,
    Speaker.AUDITD: rb"type=SECCOMP msg=" + _STAMP,
    Speaker.JOURNALD: rb"SECCOMP ",
}
_TASK = (
    rb"(auid=\d{1,10} uid=\d{1,10} gid=\d{1,10} ses=\d{1,10}"
    rb"(?: subj=[!-'*-~]++(?: \((?:enforce|complain)\))?)?) pid="
)
_STRING = rb'(?:"[!#-~]*+"|(?:[0-9A-F]{2})++)'
# A number of ten digits fits int32 for certain if it begins with a 1; others are for parse_record to judge.
_FIELDS = (
    rb" (comm=" + _STRING + rb" exe=" + _STRING + rb" sig=-?\d{1,10} arch=[0-9a-f]{1,8}"
    rb" syscall=(?:-?\d{1,9}|1\d{9}) compat=\d{1,10}) ip=0x[0-9a-f]{1,16} code=(0x[0-9a-f]{1,8})"
)
_APPLICATION_LINE = re.compile(rb"\n(?:" + APPLICATION + rb")")


class Shape(NamedTuple):
    """The form of lines that an input was seen to have: a carrier, and a regular expression for its prefixes."""

    carrier: Carrier
    prefix: bytes


@cache
def fast_pattern(shape: Shape) -> re.Pattern[bytes]:
    """A whole line with a regular record, from the newline in front of it; its last three groups are the RawKey."""
    speaker = shape.carrier.speaker
    pid = rb"(?P=pid)" if speaker is Speaker.JOURNALD and not shape.carrier.bare else rb"\d{1,10}"
    ending = rb'(?:\x1dAUID="[^\n]*+)?(?=\n)' if speaker is Speaker.AUDITD else rb"(?=\n)"
    return re.compile(rb"\n" + shape.prefix + _OPENINGS[speaker] + _TASK + pid + _FIELDS + ending)


class _Overlong(IntEnum):
    """Whether the scanner is inside a line that is too long, and has counted it because it holds a token."""

    NO = 0
    YES = 1
    COUNTED = 2


class Scanner:
    """Reads blocks of any number of inputs and counts what it finds.

    `trust` is the level that a record needs; `assume_arch` is for records of old kernels, see `parse_record`. `on_new`
    is told each key when it is first seen.
    """

    def __init__(
        self,
        trust: Trust = Trust.ANCHORED,
        assume_arch: int | None = None,
        on_new: Callable[[RecordKey], None] | None = None,
    ) -> None:
        """Start with nothing seen."""
        self._trust = trust
        self._assume_arch = assume_arch
        self._tally = Tally(on_new)
        self._rejected: dict[str, Sample] = {}
        self._refused: dict[str, Sample] = {}
        self._shapes: list[Shape] = []
        self._regular = False
        self._lines_before = 0
        self._lines = 0
        self.start_input("")

    def start_input(self, name: str) -> None:
        """From here on the blocks are those of another input; `finish_input` must have ended the one before."""
        self._name = name
        self._lines_before += self._lines
        self._lines = 0
        self._carry = bytearray()
        self._overlong = _Overlong.NO
        self._overlong_start = b""
        self._application = False
        self._foreign = False

    def feed(self, block: bytes) -> None:
        """Read one more block; where blocks are cut makes no difference."""
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            self._keep(block)
            return
        start = 0
        if self._overlong:
            start = block.find(b"\n") + 1
            self._keep(block[:start])
            self._lines += 1
            self._carry.clear()
            self._overlong = _Overlong.NO
        if start < cut:
            self._scan(b"".join((b"\n", self._carry, memoryview(block)[start:cut])))
            self._carry.clear()
        if cut < len(block):
            self._keep(block[cut:])

    def finish_input(self) -> None:
        """The input has ended; its last line may lack a newline."""
        if self._overlong:
            self._lines += 1
        elif self._carry:
            self._scan(b"".join((b"\n", self._carry, b"\n")))
        self._carry.clear()

    def evidence(self) -> Evidence:
        """What was seen so far."""
        self._fold()
        return Evidence(
            self._tally.counts(), self._lines_before + self._lines, dict(self._rejected), dict(self._refused)
        )

    def _keep(self, piece: bytes) -> None:
        """Keep the start of a line whose end is to come; of one that is too long, only enough to see a cut token."""
        if not self._carry and not self._overlong:
            piece = piece.lstrip(b"\0")  # a hole after a crash may be as large as the disk
        self._carry += piece
        if not self._overlong:
            if len(self._carry) <= MAX_LINE_BYTES:
                return
            self._overlong = _Overlong.YES
            self._overlong_start = bytes(self._carry[:SAMPLE_BYTES])
        if self._overlong is _Overlong.YES and any(token in self._carry for token in TOKENS):
            self._overlong = _Overlong.COUNTED
            self._sample(self._rejected, TOO_LONG, self._lines + 1, self._overlong_start)
        del self._carry[:-_LONGEST_TOKEN]

    def _scan(self, block: bytes) -> None:
        """Scan whole lines; `block` begins with a newline that is not of the input."""
        self._context_at = 1
        self._foreign_at: int | None = None
        lines = block.count(b"\n") - 1
        if not (self._regular and self._take_regular(block, lines)):
            self._take_candidates(block)
        for raw, reason in self._tally.look():
            at = block.find(raw[1])
            line = block[block.rfind(b"\n", 0, at) + 1 : at + len(raw[1])]
            self._sample(self._rejected, reason, self._line_number(block, at), line, 0)
        if self._tally.full:
            self._fold()
        self._continues(block, len(block))
        self._foreign = self._is_foreign(block, len(block))
        self._lines += lines

    def _fold(self) -> None:
        for reason, events in self._tally.fold().items():
            self._sample(self._rejected, reason, 0, b"", events)

    def _usable(self, block: bytes) -> list[Shape]:
        """The shapes whose lines need no second look here."""
        usable = [shape for shape in self._shapes if shape.carrier.trust >= self._trust]
        if any(shape.carrier.bare for shape in usable) and (
            self._application or _APPLICATION_LINE.search(block) or self._is_foreign(block, len(block))
        ):
            usable = [shape for shape in usable if not shape.carrier.bare]
        return usable

    def _take_regular(self, block: bytes, lines: int) -> bool:
        """Count a block in one pass, if all its lines, or all with a token, match a shape's expression completely."""
        taken: list[list[RawKey]] = []
        matched = 0
        for shape in self._usable(block):
            found = fast_pattern(shape).findall(block)
            matched += len(found)
            taken.append(
                [match[-3:] for match in found] if found and shape.carrier.speaker is Speaker.JOURNALD else found
            )
            if matched == lines:
                break
        if matched not in (lines, sum(map(block.count, TOKENS))):
            return False
        for keys in taken:
            self._tally.raw.update(keys)
        return True

    def _take_candidates(self, block: bytes) -> None:
        """Count a block line by line, for the lines with a token."""
        places: list[int] = []
        for token in TOKENS:
            at = block.find(token)
            while at >= 0:
                places.append(at)
                at = block.find(token, at + 1)
        self._regular = len(places) * _DENSE > len(block)
        places.sort()
        usable = self._usable(block)
        end = 0
        for at in places:
            if at < end:
                continue
            start, end = block.rfind(b"\n", 0, at), block.find(b"\n", at)
            for shape in usable:
                match = fast_pattern(shape).match(block, start)
                if match is not None:
                    task, call, code = match.groups()[-3:]
                    self._tally.raw[task, call, code] += 1
                    break
            else:
                self._take_line(block, start + 1, end)
                usable = self._usable(block)

    def _take_line(self, block: bytes, start: int, end: int) -> None:
        """Count one line the slow way."""
        line = block[start:end].lstrip(b"\0")
        if len(line) > MAX_LINE_BYTES:
            self._reject(TOO_LONG, block, start, line)
            return
        located = locate(line)
        parsed = None if located is None else parse_record(located.body, self._assume_arch)
        if located is None or parsed is None:
            return
        if isinstance(parsed, Reject):
            if located.carrier is not None or self._trust is Trust.EMBEDDED:
                self._reject(parsed.reason, block, start, line)
            return
        bare = located.carrier is not None and located.carrier.bare
        verdict = judge(
            located,
            parsed.record,
            parsed.end,
            continues=bare and self._continues(block, start),
            foreign=bare and self._is_foreign(block, start),
        )
        if verdict.trust < self._trust:
            self._sample(self._refused, verdict.reason, self._line_number(block, start), line, located.repeat)
            return
        reason = self._tally.add(parsed.record, located.repeat)
        if reason is not None:
            self._reject(reason, block, start, line)
        self._learn(located)

    def _learn(self, located: Located) -> None:
        if located.carrier is not None:
            shape = Shape(located.carrier, located.prefix)
            if shape not in self._shapes:
                self._shapes = [shape, *self._shapes[: MAX_SHAPES - 1]]

    def _reject(self, reason: str, block: bytes, start: int, line: bytes) -> None:
        self._sample(self._rejected, reason, self._line_number(block, start), line)

    def _sample(self, samples: dict[str, Sample], reason: str, number: int, line: bytes, events: int = 1) -> None:
        known = samples.get(reason)
        if known is None:
            samples[reason] = Sample(events, (self._name, number), bytes(line[:SAMPLE_BYTES]))
        else:
            samples[reason] = known._replace(events=known.events + events)

    def _line_number(self, block: bytes, start: int) -> int:
        return self._lines + block.count(b"\n", 0, start)

    def _continues(self, block: bytes, start: int) -> bool:
        """Whether the line at `start` may go on with an application's message. The last line that can tell decides."""
        at = start
        while at > self._context_at:
            previous = block.rfind(b"\n", 0, at - 1) + 1
            verdict = starts_message_of_application(block[previous : min(at - 1, previous + _HEADER_BYTES)])
            if verdict is not None:
                self._application = verdict
                break
            at = previous
        self._context_at = start
        return self._application

    def _is_foreign(self, block: bytes, start: int) -> bool:
        """Whether a line before `start` is not of auditd's file; asked only where that makes a difference."""
        if self._foreign or self._trust is not Trust.AUTHENTICATED:
            return self._foreign
        if self._foreign_at is None:
            self._foreign_at = foreign_line_at(block)
        return self._foreign_at < start
