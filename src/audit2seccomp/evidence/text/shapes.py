"""What a scanner learns from a line: the form that the other lines of its log will have.

A shape has two regular expressions for a whole line. `whole` takes any text where the record's fields are: most lines
of a log repeat those to the byte, and each different text is then read once, by the one parser. `lean` takes only
records that have nothing unusual about them, and leaves pid and ip out of what it returns: for logs in which every
record has another pid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar

from audit2seccomp.evidence.carriers import Carrier, Located, Prefix, Speaker, host_name
from audit2seccomp.evidence.once import Time
from audit2seccomp.named_tuple import NamedTuple

T = TypeVar("T")

Fields = bytes | tuple[bytes, bytes, bytes]
"""What is counted of a line: what follows the stamp, for journald's audit transport behind pid and repetitions."""
Call = tuple[bytes, bytes, bytes]
"""What is counted of a regular line where texts hardly repeat: auid= to the label, comm= to compat=, and the code."""

MAX_SHAPES = 4
"""So many forms of line are looked for in one pass: a log has one or two, a mix of many is read line by line."""
MAX_HOSTS = 2
"""With more machines in one log, a form is for any of them: slower, but one for all."""
MAX_TEXT_BYTES = 1024
"""A longer text is not kept to be compared with others: whoever writes a log could fill memory with them."""

_STAMP = rb"audit\((\d{1,20}\.\d{3}):(\d{1,20})\): "
_OPENINGS = {
    Speaker.PRINTK: rb"(?:audit: )?type=1326 " + _STAMP,
    Speaker.AUDITD: rb"type=SECCOMP msg=" + _STAMP,
    Speaker.JOURNALD: rb"SECCOMP ",
}
_BLANK_OPENINGS = {
    Speaker.PRINTK: b"type=1326 audit(0.000:0): ",
    Speaker.AUDITD: b"type=SECCOMP msg=audit(0.000:0): ",
    Speaker.JOURNALD: b"SECCOMP ",
}
_TASK = (
    rb"(auid=\d{1,10} uid=\d{1,10} gid=\d{1,10} ses=\d{1,10}"
    rb"(?: subj=[!-'*-~]{1,200}+(?: \((?:enforce|complain)\))?)?) pid="
)
# Short enough to stay below trust.PRINTK_CUT_BYTES in all, so that nothing regular needs a second look.
_STRING = rb'(?:"[!#-~]{0,200}+"|(?:[0-9A-F]{2}){1,100}+)'
# A number of ten digits fits int32 for certain if it begins with a 1; others are for the parser to judge.
_FIELDS = (
    rb" (comm=" + _STRING + rb" exe=" + _STRING + rb" sig=-?\d{1,10} arch=[0-9a-f]{1,8}"
    rb" syscall=(?:-?\d{1,9}|1\d{9}) compat=\d{1,10}) ip=0x[0-9a-f]{1,16} code=(0x[0-9a-f]{1,8})"
)
_TEXT = rb"(auid=[^\n]{0,%d}+)(?=\n)" % MAX_TEXT_BYTES
# What auditd adds when it enriches a record. Nothing else may stand there: it may be the rest of another record, of
# which the beginning was lost.
_ENDING = rb'(?:\x1dAUID="[^"=\n]*+"(?: [A-Z]{2,8}=(?:"[^"=\n]*+"|[\w()-]++))*+)?'
_REGULAR = _TASK + rb"(?P<pid>\d{1,10})" + _FIELDS + _ENDING


class Shape(NamedTuple):
    """A carrier, and a regular expression for its prefixes as this log has them."""

    carrier: Carrier
    prefix: bytes
    host: str | None
    """The machine that the prefix names."""
    any_host: bool = False
    """Whether the prefix is for all machines, as its first group."""


class Columns(NamedTuple):
    """What an expression found in lines of one machine."""

    host: str | None
    texts: Sequence[Fields | Call]
    times: Sequence[Time]
    """Empty where the speaker writes no stamp."""
    serials: Sequence[bytes | int]
    places: Sequence[int] = ()
    """Where the lines stand in a block, if anybody asks."""

    def rows(self, indices: Sequence[int]) -> Columns:
        """Some of the lines."""
        return Columns(
            self.host,
            _some(self.texts, indices),
            _some(self.times, indices),
            _some(self.serials, indices),
            _some(self.places, indices),
        )


class Outline(NamedTuple):
    """How lines with a regular record begin that differ from one another in digits alone."""

    text: bytes
    """Up to the record's fields."""
    free: bytes
    """A 1 for each byte of it that may be any digit, else a 0."""
    seconds: tuple[int, int] | None
    """Where the stamp's seconds stand, without the milliseconds."""
    serial: tuple[int, int] | None
    pid: tuple[int, int] | None
    """Where the tag's pid stands."""


class Expressions:
    """The two expressions of a shape, compiled when they are needed."""

    def __init__(self, shape: Shape) -> None:
        """For that shape."""
        self.shape = shape
        self._speaker = shape.carrier.speaker
        self.stamped = self._speaker is not Speaker.JOURNALD
        """Whether its lines have time and serial."""
        self._tagged = not self.stamped and b"(?P<pid>" in shape.prefix
        """Whether a line has a pid in its tag, which is that of the record if journald wrote it."""

    @cached_property
    def whole(self) -> re.Pattern[bytes]:
        """A line, from the newline in front of it."""
        return re.compile(rb"\n" + self.shape.prefix + _OPENINGS[self._speaker] + _TEXT)

    @cached_property
    def lean(self) -> re.Pattern[bytes]:
        """A line with a regular record, from the newline in front of it."""
        pid = rb"(?P=pid)" if self._tagged else rb"\d{1,10}"
        ending = (_ENDING if self._speaker is Speaker.AUDITD else b"") + rb"(?=\n)"
        return re.compile(rb"\n" + self.shape.prefix + _OPENINGS[self._speaker] + _TASK + pid + _FIELDS + ending)

    def outline(self, line: bytes) -> Outline | None:
        """That of a line which `lean` takes; None for others, where the line stands for several events, and where more
        bytes follow than the compiled scan takes.

        Any digits will do where both 0 and 9 do by themselves: what a prefix has there is one class of characters, or a
        word that is fixed. What names the machine stays as it is."""
        line = b"\n" + line + b"\n"
        match = self.lean.match(line)
        if match is None or match.groupdict().get("repeat"):
            return None
        groups = self.lean.groups
        end = match.start(groups - 2)  # of the task, which the fields and the code follow
        if match.end() - end > MAX_TEXT_BYTES:
            return None  # or each of its digits would be tried with a megabyte behind it
        pid = match.span("pid") if self._tagged else None
        fixed = [match.span(name) for name in self.lean.groupindex if name not in ("pid", "repeat")]
        free = bytearray(end)
        for at in range(1, end):
            if not line[at : at + 1].isdigit() or any(start <= at < stop for start, stop in fixed):
                continue
            if pid is not None and pid[0] <= at < pid[1]:
                free[at] = True  # the compiled scan compares it with the record's
                continue
            others = (self.lean.match(line[:at] + digit + line[at + 1 :]) for digit in (b"0", b"9"))
            free[at] = all(other is not None and other.regs == match.regs for other in others)
        seconds = serial = None
        if self.stamped:
            (first, stop), serial = match.span(groups - 4), match.span(groups - 3)
            seconds = first, stop - len(b".000")
        spans = (span and (span[0] - 1, span[1] - 1) for span in (seconds, serial, pid))  # without the newline
        return Outline(line[1:end], bytes(free[1:]), *spans)

    def columns(self, found: Sequence[Any], *, lean: bool, places: Sequence[int] = ()) -> Iterator[Columns]:
        """Put apart what `findall` found, at these places."""
        if not found:
            return
        if not self.shape.any_host:
            yield self._columns(self.shape.host, found, lean)._replace(places=places)
            return
        by_host: dict[bytes, list[int]] = {}
        for i, one in enumerate(found):
            by_host.setdefault(one[0], []).append(i)
        bare = not self.stamped and not self._tagged and not lean
        for host, rows in by_host.items():
            of_host = [found[i][1] if bare else found[i][1:] for i in rows]
            yield self._columns(host_name(host), of_host, lean)._replace(places=_some(places, rows))

    def _columns(self, host: str | None, found: Sequence[Any], lean: bool) -> Columns:
        if not self.stamped:
            return Columns(host, [one[-3:] for one in found] if self._tagged or lean else found, (), ())
        if lean:
            return Columns(host, [one[2:] for one in found], [one[0] for one in found], [one[1] for one in found])
        texts, times, serials = _by_column(found)
        return Columns(host, texts, times, serials)

    def bytes_of(self, text: Fields | Call) -> bytes:
        """Bytes that stand so in the line."""
        if isinstance(text, bytes):
            return text + b"\n"
        return text[1] + b" ip=" if text[0].startswith(b"auid=") else text[2] + b"\n"

    def call(self, fields: Fields) -> Call | None:
        """What `lean` would return of the line; None where it would not match."""
        match = re.fullmatch(_REGULAR, fields if isinstance(fields, bytes) else fields[-1])
        if match is None or (match.end() > match.end(4) and self._speaker is not Speaker.AUDITD):
            return None
        if isinstance(fields, tuple) and (fields[0] != match["pid"] or fields[1]):
            return None
        return match[1], match[3], match[4]

    def located(self, fields: Fields | Call) -> Located:
        """What `locate` says of the line, but for the stamp."""
        opening = _BLANK_OPENINGS[self._speaker]
        if isinstance(fields, bytes):
            return Located(self.shape.carrier, opening + fields)
        if fields[0].startswith(b"auid="):
            return Located(self.shape.carrier, record_text(fields))
        return Located(self.shape.carrier, opening + fields[-1], None, int(fields[0]), int(fields[1] or 1))


def _by_column(found: Sequence[tuple[bytes, bytes, bytes]]) -> tuple[Sequence[bytes], ...]:
    """Texts, times, serials."""
    times, serials, texts = zip(*found, strict=True)
    return texts, times, serials


def _some(column: Sequence[T], indices: Iterable[int]) -> Sequence[T]:
    """Those of a column, if it has any."""
    return [column[i] for i in indices] if column else ()


@cache
def expressions_of(shape: Shape) -> Expressions:
    """The expressions of a shape; there are as many shapes as carriers have choices, some thousand."""
    return Expressions(shape)


def learned(known: Sequence[Expressions], shape: Shape, prefix: Prefix) -> Sequence[Expressions]:
    """The shapes to look for after one more was met, with that prefix; the newest first. The same object if it is no
    news."""
    general = Shape(shape.carrier, prefix.any_host(), None, any_host=True) if shape.host is not None else shape
    if any(one.shape in (shape, general) for one in known):
        return known
    alike = [one for one in known if one.shape.carrier is shape.carrier and one.shape.host]
    if shape.host is not None and len(alike) >= MAX_HOSTS:
        shape = general
        known = [one for one in known if one not in alike]
    return [expressions_of(shape), *known[: MAX_SHAPES - 1]]


def record_text(call: Call) -> bytes:
    """A record's body that says what the call says."""
    return b"SECCOMP %b pid=0 %b ip=0x0 code=%b" % call
