"""Logs, and their meaning line by line: what the fast path must agree with."""

from __future__ import annotations

import re
from itertools import count

from hypothesis import strategies as st

from audit2seccomp.evidence.body import parse_body
from audit2seccomp.evidence.carriers import Trust, locate
from audit2seccomp.evidence.decide import UNKNOWN_ARCH
from audit2seccomp.evidence.entries import detect
from audit2seccomp.evidence.loss import sign_in_line
from audit2seccomp.evidence.model import Count, Evidence, Origin, Parsed, RecordKey, Sample
from audit2seccomp.evidence.notes import SAMPLE_BYTES
from audit2seccomp.evidence.once import Channel, Once
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text import lines as lines_module
from audit2seccomp.evidence.text.lines import CUT_AT_END, LineReader
from audit2seccomp.evidence.text.shapes import Expressions, Shape
from audit2seccomp.evidence.trust import foreign_line_at, judge, starts_message_of_application
from audit2seccomp.kernel.abi import abi_of
from tests.writer import forgeries, lines, noise_lines

LINE = (
    b"Jul  6 15:37:40 my-machine kernel: [369128.669452] audit: type=1326 audit(1594067860.484:14536): "
    b'auid=4294967295 uid=0 gid=0 ses=4294967295 pid=29064 comm="http-echo" exe="/http-echo" sig=0 arch=c000003e '
    b"syscall=51 compat=0 ip=0x46fe1f code=0x7ffc0000"
)
trusts = st.sampled_from(Trust)
log_lines = st.lists(
    (lines().map(lambda drawn: drawn[0]) | forgeries() | noise_lines() | st.binary(max_size=40)).filter(
        lambda line: not line.lstrip(b"\0").startswith(lines_module.JSON_STARTS)
    ),
    max_size=8,
).filter(lambda log: detect(b"\n".join(log)) is None)
"""Text logs; JSON among their lines is the matter of test_structured.py."""


def slowly(data: bytes, trust: Trust) -> Evidence:
    """The meaning of a log, line by line: what the scanner must agree with."""
    evidence = Evidence()
    once = Once()
    once.start_input("log")
    continues = foreign = False
    split = data.split(b"\n")
    for number, line in enumerate(split[:-1] if not split[-1] else split, 1):
        if number == len(split) and ends_inside(line, trust):
            evidence = evidence.merge(Evidence(lines=1, rejected={CUT_AT_END: sample(line, number)}))
            break
        evidence = evidence.merge(Evidence(lines=1)).merge(of_line(line, number, trust, continues, foreign, once))
        starts = starts_message_of_application(line)
        continues = continues if starts is None else starts
        block = b"\n" + line + b"\n"
        foreign = foreign or (trust is Trust.AUTHENTICATED and foreign_line_at(block) < len(block))
    return evidence.merge(Evidence(segments=tuple(once.segments()), trust=trust if data else Trust.AUTHENTICATED))


def of_line(line: bytes, number: int, trust: Trust, continues: bool, foreign: bool, once: Once) -> Evidence:
    """The evidence of one line."""
    stripped = line.lstrip(b"\0")
    if not any(token in line for token in lines_module.tokens_at(trust)):
        return sign_of(line, number, continues)
    located = locate(stripped)
    if located is None:
        return sign_of(line, number, continues)
    parsed = parse_body(located.body)
    if parsed is None:
        return Evidence()
    if not isinstance(parsed, Parsed):
        if located.carrier is not None or trust is Trust.EMBEDDED:
            return Evidence(rejected={parsed.reason: sample(stripped, number, located.repeat)})
        return Evidence()
    record = parsed.record
    verdict = judge(located, record, parsed.end, continues=continues, foreign=foreign)
    if verdict.trust < trust:
        return Evidence(refused={verdict.reason: sample(stripped, number, located.repeat)})
    if abi_of(record.arch, record.nr) is None:
        return Evidence(rejected={UNKNOWN_ARCH: sample(stripped, number, located.repeat)})
    host = located.prefix.host if located.prefix else None
    task = record.comm, record.exe, record.uid, record.subj
    key = RecordKey(record.arch, record.nr, record.code, *task, Origin("log", host))
    if record.serial is None or record.millis is None:
        return Evidence({key: Count(0, located.repeat, number)})
    again = bool(once.take(Channel(host), [record.millis], [record.serial]))
    return Evidence({key: Count(1 - again, 0, number, record.millis, record.millis)}, repeated=int(again))


def ends_inside(line: bytes, trust: Trust) -> bool:
    """Whether the input may end inside the record of its last line."""
    located = locate(line.lstrip(b"\0")) if any(token in line for token in lines_module.tokens_at(trust)) else None
    trusted = located is not None and located.carrier is not None and located.carrier.trust >= trust
    return trusted and re.search(rb"code=0x[0-9a-f]{8}(?![0-9a-f])", line) is None


def sign_of(line: bytes, number: int, continues: bool) -> Evidence:
    """The loss that a line tells of."""
    sign = sign_in_line(line)
    if sign is None or (sign.bare and continues):
        return Evidence()
    return Evidence(losses={sign.kind: sample(line, number)})


def sample(line: bytes, number: int, events: int = 1) -> Sample:
    """One line left out."""
    return Sample(events, ("log", number), line[:SAMPLE_BYTES])


def scanned(
    data: bytes, cuts: tuple[int, ...] = (), trust: Trust = Trust.ANCHORED, *, warm: bytes = b"", own: bool = True
) -> Evidence:
    """What the scanner says; it has learned shapes from `warm`. `own`: each record gets its own serial."""
    data = with_own_serials(data) if own else data
    before = Scanner(trust)
    before.start_input("warm")
    before.feed(warm)
    before.finish_input()
    scanner = Scanner(trust)
    scanner.start_input("log")
    scanner._tally.lean = before._tally.lean
    scanner._lines._shapes = before._lines._shapes
    scanner._lines._regular = before._lines._regular
    for line in warm.split(b"\n"):
        teach(scanner._lines, line)
    start = 0
    for cut in (*sorted(cuts), len(data)):
        scanner.feed(data[start:cut])
        start = max(start, cut)
    scanner.finish_input()
    return scanner.evidence()


def teach(reader: LineReader, line: bytes) -> None:
    """Let the compiled scan, if there is one, learn from a line of a known shape."""
    if reader._compiled is None:
        return
    for known in reader._shapes:
        match = known.lean.match(b"\n" + line + b"\n")
        if match is not None:
            (columns,) = known.columns([match.groups(b"")], lean=True)
            reader._compiled.learn(known, line, Origin("log", columns.host))


def with_own_serials(log: bytes) -> bytes:
    """The same log, with another serial for each record."""
    serials = count(1)
    stamp = rb"(audit\(\d{1,20}\.\d{3}:)(\d{1,20})(?=\): )"
    return re.sub(stamp, lambda found: found[1] + str(next(serials)).encode().zfill(len(found[2])), log)


def claims(evidence: Evidence) -> object:
    """All that does not depend on which key a serial counts for."""
    counts = {key: one._replace(numbered=0) for key, one in evidence.counts.items()}
    numbered = sum(one.numbered for one in evidence.counts.values())
    return counts, numbered + evidence.repeated


def without_text(evidence: Evidence) -> Evidence:
    """The fast path knows only the start of an unsound line, so texts are compared elsewhere."""
    return evidence._replace(
        rejected={reason: one._replace(text=b"") for reason, one in evidence.rejected.items()},
        refused={reason: one._replace(text=b"") for reason, one in evidence.refused.items()},
        losses={kind: one._replace(text=b"") for kind, one in evidence.losses.items()},
    )


def expressions(line: bytes) -> tuple[Expressions, bytes]:
    """Those of a line, and its record's body."""
    located = locate(line)
    assert located is not None
    assert located.carrier is not None
    assert located.prefix is not None
    return Expressions(Shape(located.carrier, located.prefix.literal, located.prefix.host)), located.body
