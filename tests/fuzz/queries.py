"""The selection language: a query is refused with its place, or means what its own text means."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.query.condition import Field, Operator
from audit2seccomp.evidence.query.language import MAX_LENGTH, parse
from tests.evidence.queries import RECORD, TRUE, truth
from tests.fuzz.target import Target

NOW = datetime(2026, 11, 22, 9, 7, 14, tzinfo=UTC)
_WORDS = ("and", "or", "not", "(", ")", ",", '"', "'", "\\x41", "\\n", "nginx", "unset", "-1", "0x10")
WORDS = tuple(word.encode() for word in (*Field, *Operator, *_WORDS))


def check_query(data: bytes) -> None:
    """A query that is read has one way to be written, which means the same; its decisions are those of the oracle."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        query = parse(text, NOW)
    except UsageError as refusal:
        message = str(refusal)
        assert message
        assert re.fullmatch(r"[^\n]+(\n    [^\n]*\n    [^\n]*\^)?", message), message
        return
    for lacking in ((), tuple(Field), (Field.ARCH,)):
        known: dict[Field, Any] = {field: value for field, value in RECORD.items() if field not in lacking}
        decided = query.decide(known)
        assert decided in (True, False, None)
        assert {True: 1, False: 0, None: 0.5}[decided] == truth(query.condition, known)
    if len(query.text) <= MAX_LENGTH:
        again = parse(query.text, NOW)
        assert again == query
        assert again.text == query.text


def queries() -> list[bytes]:
    """Those of the tests."""
    return [line.encode() for line in TRUE.splitlines() if line]


TARGETS = (Target("query", check_query, queries, WORDS),)
