"""One line or one record: two readers that agree, and an explanation that fits what the scanner does."""

from __future__ import annotations

from audit2seccomp.cli.explain_line import MAX_FIELDS, explained
from audit2seccomp.evidence.beginning import TEXT
from audit2seccomp.evidence.body import parse_body
from audit2seccomp.evidence.carriers import Trust, locate
from audit2seccomp.evidence.model import Parsed, Reject
from audit2seccomp.evidence.text.lines import tokens_at
from tests.evidence.bodies import ARM, BODY, same
from tests.fuzz.logs import TEXTS, WORDS, scanned
from tests.fuzz.target import Target, beginnings, chance, lines_of

INTERPRETED = ("recorded/ausearch*-i.txt", "recorded/ausearch*interpret*.txt")
MAX_ROWS = MAX_FIELDS + 20


def check_record(data: bytes) -> None:
    """The parser and the grammar agree, and a sound record ends where reading it again ends."""
    assume_arch = chance(data).choice((None, ARM))
    found = same(data, assume_arch)
    if isinstance(found, Parsed):
        assert 0 < found.end <= len(data)
    for read in (found, parse_body(data, assume_arch)):
        if isinstance(read, Reject):
            assert read.reason
            assert 0 <= read.at <= len(data)


def check_line(data: bytes) -> None:
    """What is said of a line can be shown on a terminal, is bounded, and says of the record what the scanner does."""
    line = data.split(b"\n")[0]
    trust = chance(data).choice(list(Trust))
    sound, said = explained(line, trust, None)
    assert 1 <= len(said) <= MAX_ROWS
    assert all(row.isprintable() and len(row) < 2000 for row in said), said
    if any(token in line for token in tokens_at(trust)):  # others are not looked at in a log
        # What is broken JSON as a log of its own may hold a record in a text log.
        assert sound in [bool(scanned([line + b"\n"], trust, form).counts) for form in (None, TEXT)]


def bodies() -> list[bytes]:
    """Those of the recorded lines."""
    located = [locate(line) for line in lines_of(beginnings(*TEXTS, *INTERPRETED))]
    return [BODY, *sorted({one.body for one in located if one is not None})][:1000]


TARGETS = (
    Target("record", check_record, bodies, WORDS),
    Target("explain-line", check_line, lambda: lines_of(beginnings(*TEXTS, *INTERPRETED, "recorded/*json*")), WORDS),
)
