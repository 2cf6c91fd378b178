"""The selection language of docs/selection.md: which records count.

The grammar says what a query looks like, but has no recursion: brackets are tokens, which `_Reader` pairs up. So no
part is read twice, and how deep they nest can be bounded. `spelling` says what each value means.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, NoReturn

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.evidence.query.condition import (
    KINDS,
    Comparison,
    Condition,
    Decide,
    Field,
    Kind,
    Not,
    Operator,
    all_of,
    any_of,
    compiled,
    earliest,
    fields_of,
)
from audit2seccomp.evidence.query.spelling import as_text, operand_of, operator_of, plain, shown, time_of, written
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pyparsing import ParserElement, ParseResults

MAX_LENGTH = 65_536
"""Characters of a query: half of what Linux takes as one argument (MAX_ARG_STRLEN), and read in about a second."""

MAX_DEPTH = 64
"""Brackets and `not`s around each other: more than anybody writes, and far from the end of Python's stack."""

_WINDOW = 100
"""So many characters of a wrong query are shown around the caret, one line on most terminals."""

_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "'": b"'", "\\": b"\\"}
_BARE = r"""[^\s"'(),=!<>~&|\\]"""
"""A character that neither separates, nor quotes, nor is part of an operator."""


@dataclass(frozen=True)
class Query:
    """Which records count."""

    condition: Condition

    @cached_property
    def fields(self) -> frozenset[Field]:
        """Which fields it looks at; `arch` too where it asks for a call's name."""
        return fields_of(self.condition)

    @cached_property
    def earliest(self) -> int | None:
        """No record of an earlier time is selected: milliseconds since the epoch; None where any time may be."""
        return earliest(self.condition)

    @cached_property
    def text(self) -> str:
        """The one way to write it, with times in UTC. `parse` makes an equal query of it, within its bounds."""
        return written(self.condition)

    @cached_property
    def decide(self) -> Decide:
        """Takes a record's values and returns whether it is selected.

        The result is None where that depends on a field that is not among the values, or is None there: True and False
        stay whatever the field turns out to be. A record of which nothing more can be learned counts if it is True.
        """
        return compiled(self.condition)

    def __reduce__(self) -> tuple[type[Query], tuple[Condition]]:
        return Query, (self.condition,)  # a compiled condition does not travel


def both(*queries: Query) -> Query:
    """What all of them select; there must be one."""
    return Query(all_of([query.condition for query in queries]))


_SHORT_ID = re.compile(r"[0-9a-f]{12,63}")
"""The beginning of a container's id, as `docker ps` shows it."""


def equals(field: Field, values: Sequence[str]) -> Query:
    """That a field has one of the values, of which there must be one; a text with `*` or `?` is a glob, and the first
    digits of a container's id stand for the whole of it.

    Values are as a user writes them, without quotes or escapes; of `time` only absolute ones. Raises `UsageError`.
    """
    if field is Field.CONTAINER:
        values = [f"{value}*" if _SHORT_ID.fullmatch(value) else value for value in values]
    textual = KINDS[field] in (Kind.BYTES, Kind.TEXT, Kind.CALL)
    globs = [value for value in values if textual and _has_wildcard(value)]
    exact = [value for value in values if not (textual and _has_wildcard(value))]
    parts: list[Condition] = []
    if exact:
        operator = Operator.EQ if len(exact) == 1 else Operator.IN
        parts.append(Comparison(field, operator, tuple(operand_of(field, operator, value, None) for value in exact)))
    parts.extend(Comparison(field, Operator.LIKE, (operand_of(field, Operator.LIKE, one, None),)) for one in globs)
    return Query(any_of(parts))


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text


def since(text: str, now: datetime) -> Query:
    """Records of that time and later; `text` as in `time_of`. Raises `UsageError`."""
    return Query(Comparison(Field.TIME, Operator.GE, (time_of(text, now),)))


def until(text: str, now: datetime) -> Query:
    """Records up to that time, its millisecond included; `text` as in `time_of`. Raises `UsageError`."""
    return Query(Comparison(Field.TIME, Operator.LE, (time_of(text, now),)))


def parse(text: str, now: datetime) -> Query:
    """The query that is written `text`; relative times count from `now`.

    Raises `UsageError` with three lines: what is wrong and what would be right, the query, and a caret under the place.
    """
    import pyparsing as pp

    if len(text) > MAX_LENGTH:
        raise UsageError(f"a query of {len(text):,} characters: it may have {MAX_LENGTH:,}")
    try:
        text.encode("utf-8", "surrogateescape")
        found = _grammar().parse_string(text)
    except UnicodeEncodeError as failure:
        _fail("a surrogate that stands for no byte", text, failure.start)
    except pp.ParseBaseException as failure:
        _fail(failure.msg[:1].lower() + failure.msg[1:], text, failure.loc)
    return Query(_Reader(found, text, now).whole())


def _fail(message: str, text: str, at: int) -> NoReturn:
    """Shows the line of `text` that holds `at`, or the part of it around there."""
    from unicodedata import combining, east_asian_width

    begin = max(text.rfind("\n", 0, at) + 1, at - _WINDOW // 2)
    line = plain(text[begin : begin + _WINDOW].split("\n", 1)[0])
    columns = sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in line[: at - begin])
    raise UsageError(f"{message}\n    {line}\n    {' ' * columns}^")


class _Word(NamedTuple):
    """A word or a quoted text, as it is meant and where it begins."""

    text: str
    quoted: bool
    at: int


class _Mark(NamedTuple):
    """An operator, a bracket, or one of `and`, `or` and `not`."""

    text: str
    at: int


class _Written(NamedTuple):
    """A comparison that is well formed; whether it makes sense is not looked at yet."""

    field: _Word
    operator: _Mark
    operands: list[_Word]


class _Reader:
    """Makes a condition of the marks and comparisons of a query."""

    def __init__(self, parts: Iterable[_Mark | _Written], text: str, now: datetime) -> None:
        self._parts = deque(parts)
        self._text = text
        self._now = now

    def whole(self) -> Condition:
        """The condition that all of them are."""
        condition = self._alternatives(0)
        if self._parts:
            self._fail("this bracket closes nothing", self._parts[0])
        return condition

    def _alternatives(self, depth: int) -> Condition:
        found = [self._conjunction(depth)]
        while self._take("or"):
            found.append(self._conjunction(depth))
        return any_of(found)

    def _conjunction(self, depth: int) -> Condition:
        found = [self._single(depth)]
        while self._take("and"):
            found.append(self._single(depth))
        return all_of(found)

    def _single(self, depth: int) -> Condition:
        part = self._parts.popleft()
        if isinstance(part, _Written):
            return _comparison(part, self._text, self._now)
        if depth == MAX_DEPTH:
            self._fail(f"more than {MAX_DEPTH} brackets and nots around each other", part)
        if part.text == "not":
            return Not(self._single(depth + 1))
        condition = self._alternatives(depth + 1)
        if not self._take(")"):
            self._fail("this bracket is never closed", part)
        return condition

    def _take(self, text: str) -> bool:
        """Whether that mark comes next, which is then taken."""
        part = self._parts[0] if self._parts else None
        if not isinstance(part, _Mark) or part.text != text:
            return False
        self._parts.popleft()
        return True

    def _fail(self, message: str, part: _Mark | _Written) -> NoReturn:
        _fail(message, self._text, part.at if isinstance(part, _Mark) else part.field.at)


def _comparison(written: _Written, text: str, now: datetime) -> Comparison:
    """What a comparison means; this is where names and types are looked at."""
    at = written.field.at
    try:
        field = _field(written.field)
        at = written.operator.at
        operator = operator_of(field, written.operator.text)
        operands = []
        for word in written.operands:
            at = word.at
            if not word.quoted and operator is not Operator.LIKE and _has_wildcard(word.text):
                raise UsageError("a glob needs the operator ~, and a text that holds * or ? needs quotes")
            operands.append(operand_of(field, operator, word.text, now, quoted=word.quoted))
    except UsageError as wrong:
        _fail(str(wrong), text, at)
    return Comparison(field, operator, tuple(operands))


def _field(word: _Word) -> Field:
    if word.text in Field.__members__.values():
        return Field(word.text)
    hint = did_you_mean(word.text.lower(), Field) or f": one of {', '.join(Field)}"
    raise UsageError(f"no field {shown(word.text)}{hint}")


@cache
def _grammar() -> ParserElement:
    """A query as a row of `_Mark` and `_Written`: brackets need not pair up."""
    import pyparsing as pp

    def mark(element: ParserElement) -> ParserElement:
        return element.set_parse_action(lambda _, at, found: _Mark(found[0], at))

    def word(element: ParserElement) -> ParserElement:
        return element.set_parse_action(lambda _, at, found: _Word(as_text(found[0]), False, at))

    def ahead(pattern: str, name: str) -> ParserElement:
        """What of several alternatives comes next, so that none of it is said under one name in any pyparsing."""
        return pp.FollowedBy(pp.Regex(pattern).set_name(name))

    unquoted = rf"(?!(?:and|or|not|in)(?!{_BARE})){_BARE}+"
    field = word(pp.Regex(unquoted)).set_name("a field, 'not' or '('")
    value = ahead(rf"[\"']|{unquoted}", "a value") + (_quoted('"') | _quoted("'") | word(pp.Regex(unquoted)))
    symbol = mark(pp.Regex("[=!<>~&|]+"))
    among = mark(pp.Keyword("in")) - _bracket("(") - value - pp.ZeroOrMore(pp.Suppress(",") - value) - _bracket(")")
    operator = ahead(rf"[=!<>~&|]|in(?!{_BARE})", "an operator: == != < <= > >= ~ in") + (among | symbol - value)
    comparison = field - operator
    comparison.set_parse_action(lambda found: _Written(found[0], found[1], list(found[2:])))

    opening = mark(pp.Keyword("not")) | mark(pp.Literal("("))
    part = pp.ZeroOrMore(opening) + comparison + pp.ZeroOrMore(mark(pp.Literal(")")))
    joint = mark(pp.Keyword("and") | pp.Keyword("or"))
    end = pp.StringEnd().set_name("'and', 'or' or the end of the query")
    query = part - pp.ZeroOrMore(joint - part) - end
    return query.parse_with_tabs()


def _bracket(bracket: str) -> ParserElement:
    import pyparsing as pp

    return pp.Suppress(bracket).set_name(f"'{bracket}'")


def _quoted(quote: str) -> ParserElement:
    """Text between two of these, with what it stands for."""
    import pyparsing as pp

    text = pp.Regex(rf"(?:[^{quote}\\]|\\.)*", re.DOTALL).leave_whitespace()
    text.set_parse_action(_unescaped)
    closing = pp.Suppress(quote).leave_whitespace().set_name(f"closing {quote}")
    whole = pp.Suppress(quote) - text - closing
    return whole.set_parse_action(lambda _, at, found: _Word(found[0], True, at))


def _unescaped(source: str, at: int, found: ParseResults) -> str:
    import pyparsing as pp

    data = bytearray()
    for piece in re.finditer(r"\\x([0-9a-fA-F]{2})|\\(.)|[^\\]+", found[0], re.DOTALL):
        if piece[1]:
            data.append(int(piece[1], 16))
        elif piece[2]:
            if piece[2] not in _ESCAPES:
                known = r"\" \' \\ \n \r \t and \xHH"
                message = f"no escape \\{plain(piece[2])}: there are {known}"
                raise pp.ParseFatalException(source, at + piece.start(), message)
            data += _ESCAPES[piece[2]]
        else:
            data += piece[0].encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")
