"""The selection language: what it decides, what it takes, and what it says about mistakes (docs/selection.md)."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.query.condition import Condition, Field
from audit2seccomp.evidence.query.language import MAX_DEPTH, MAX_LENGTH, Query, both, equals, parse, since, until
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.uapi import Action
from tests.evidence.queries import NOW, RECORD, TRUE, conditions, truth, values

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parent.parent.parent / "docs" / "selection.md"


def asked(text: str, **other: Any) -> bool | None:
    """What a query decides about RECORD with these fields changed."""
    return parse(text, NOW).decide({**RECORD, **{Field(name): value for name, value in other.items()}})


@pytest.mark.parametrize("text", TRUE.strip().splitlines())
def test_a_record_is_selected(text: str) -> None:
    assert asked(text) is True
    assert asked(f"not ({text})") is False


@pytest.mark.parametrize(
    ("text", "other", "decision"),
    [
        # Precedence: `and` before `or`, `not` before both.
        ("uid == 33 or uid == 0 and comm == x", {}, True),
        ("(uid == 33 or uid == 0) and comm == x", {}, False),
        ("not uid == 33 and comm == x", {}, False),
        # A name is that of the record's own table: 257 is openat on x86_64, 56 on aarch64, where 257 is nothing.
        ("syscall == openat", {"arch": abi_named("aarch64")}, False),
        ("syscall == openat", {"arch": abi_named("aarch64"), "syscall": 56}, True),
        ("syscall == openat", {"arch": abi_named("x32"), "syscall": 0x40000101}, True),
        ("syscall != openat", {"syscall": 100000}, True),
        ("syscall ~ '*'", {"syscall": 100000}, False),
        ("syscall == -1", {"syscall": -1}, True),
        # x32 shares x86_64's audit number and is another ABI.
        ("arch == x86_64", {"arch": abi_named("x32")}, False),
        ("arch == 0xc000003e", {"arch": abi_named("x32")}, False),
        # An action's name holds whatever its data, a number is the whole code.
        ("action == errno", {"action": 0x50001}, True),
        ("action == 0x50000", {"action": 0x50001}, False),
        ("action == 0x50001", {"action": 0x50001}, True),
        ("action == kill_process", {"action": 0x80000000}, True),
        ("action == kill_thread", {"action": 0}, True),
        ("action == 0", {"action": Action.KILL_THREAD}, True),
        ("action == trap", {"action": Action.TRAP}, True),
        ("action != log", {"action": 0x12340000}, True),
        # A number that is not set, however it is given.
        ("uid == unset", {"uid": -1}, True),
        ("uid < 1000", {"uid": -1}, False),
        # Bytes that are no text.
        (r'comm == "caf\xc3\xa9"', {"comm": "café".encode()}, True),
        (r'comm == "a\xff"', {"comm": b"a\xff"}, True),
        ('comm == "a\udcff"', {"comm": b"a\xff"}, True),
        ("comm ~ 'a?'", {"comm": b"a\xff"}, True),
        ("comm ~ 'caf?'", {"comm": "café".encode()}, True),
        (r'host == "a\xff"', {"host": "a\udcff"}, True),
        (r'comm == "\"\'\\\n\r\t "', {"comm": b"\"'\\\n\r\t "}, True),
        ('comm == " a "', {"comm": b" a "}, True),
        ('comm == "a\tb"', {"comm": b"a\tb"}, True),
        # Brackets are no classes, and only ~ is a glob.
        ("comm == runc:[2:INIT]", {"comm": b"runc:[2:INIT]"}, True),
        ("comm ~ 'runc:[2:*'", {"comm": b"runc:[2:INIT]"}, True),
        ("comm ~ '[a-z]'", {"comm": b"b"}, False),
        ("comm == '*'", {"comm": b"nginx"}, False),
        ("comm ~ '*'", {"comm": b"a\nb"}, True),
        ("comm ~ 'a*a'", {"comm": b"a"}, False),
        # Words of the language as values.
        ("comm == 'in'", {"comm": b"in"}, True),
        ("comm == in.tftpd or comm == not-x", {"comm": b"in.tftpd"}, True),
        ("comm == 4242", {"comm": b"4242"}, True),
    ],
)
def test_what_a_comparison_means(text: str, other: dict[str, Any], decision: bool) -> None:
    assert asked(text, **other) is decision


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ("pid == 1", None),
        ("pid != 1", None),
        ("not pid == 1", None),
        ("pid == 1 or not pid == 1", None),
        ("pid in (1, 2)", None),
        ("exe ~ '*'", None),
        ("pid == 1 and comm == a", None),
        ("pid == 1 and comm == b", False),
        ("comm == b and pid == 1", False),
        ("pid == 1 or comm == a", True),
        ("comm == a or pid == 1", True),
        ("pid == 1 or comm == b", None),
        ("syscall == 1", True),
        ("syscall == write", None),
        ("syscall in (1, read)", True),
        ("syscall in (2, read)", None),
        ("time > -1h", None),
    ],
)
def test_unknown_is_neither_equal_nor_unequal(text: str, decision: bool | None) -> None:
    decide = parse(text, NOW).decide
    assert decide({Field.COMM: b"a", Field.SYSCALL: 1}) is decision
    assert decide({Field.COMM: b"a", Field.SYSCALL: 1, Field.PID: None, Field.EXE: None, Field.ARCH: None}) is decision


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_time_without_zone_is_local(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = {"Europe/Berlin": (1, 2), "America/New_York": (-5, -4)}[zone]
    monkeypatch.setenv("TZ", zone)
    try:
        time.tzset()
        found = [parse(f"time > '{day}'", NOW).text for day in ("2026-01-10", "2026-07-10 12:00", "2026-07-10T12:00Z")]
    finally:
        monkeypatch.undo()
        time.tzset()
    winter, summer = (datetime(2026, month, 10, 12 * later, tzinfo=UTC) for month, later in ((1, 0), (7, 1)))
    stamps = [winter.timestamp() - hours[0] * 3600, summer.timestamp() - hours[1] * 3600, summer.timestamp()]
    assert found == [f"time > {datetime.fromtimestamp(one, UTC):%Y-%m-%dT%H:%M:%SZ}" for one in stamps]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("-90s", "2026-10-04T12:28:45.250Z"),
        ("-15m", "2026-10-04T12:15:15.250Z"),
        ("-2h", "2026-10-04T10:30:15.250Z"),
        ("-7d", "2026-09-27T12:30:15.250Z"),
        ("-1w", "2026-09-27T12:30:15.250Z"),
        ("-0s", "2026-10-04T12:30:15.250Z"),
        ("2026-10-04T12:30:15.2509Z", "2026-10-04T12:30:15.250Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ("20261004T1230+0100", "2026-10-04T11:30:00Z"),
    ],
)
def test_times(text: str, meant: str) -> None:
    assert since(text, NOW).text == f"time >= {meant}"
    assert until(text, NOW).text == f"time <= {meant}"
    assert parse(f"time >= {text}", NOW) == since(text, NOW)


NO_TIMES = ["", "yesterday", "-2", "-2y", "+2h", "2h", "-9999999999s", "-999999999w", "1791117015", "2026-13-01"]
NO_TIMES += ["26-10-04", "2026-10-04x12:00", "2026-10-04T25:00", "0001-01-01T00:00+14:00", "2026-10-04T12:00Zulu"]
NO_TIMES += ["1" * 40, "\udc80"]


@pytest.mark.parametrize("text", NO_TIMES)
def test_no_times(text: str) -> None:
    for read in (since, until):
        with pytest.raises(UsageError, match=r"^no time '.*': write it as 2026-10-04, 2026-10-04T12:30:00Z or -2h$"):
            read(text, NOW)


@pytest.mark.parametrize(
    ("field", "given", "text"),
    [
        (Field.COMM, ["nginx"], 'comm == "nginx"'),
        (Field.COMM, ["nginx", "php"], 'comm in ("nginx", "php")'),
        (Field.COMM, ["ng*", "php", "a?", "b"], 'comm in ("php", "b") or comm ~ "ng*" or comm ~ "a?"'),
        (Field.COMM, ['"\\x41"'], r'comm == "\"\\x41\""'),
        (Field.EXE, ["/a\udcff"], r'exe == "/a\xff"'),
        (Field.PID, ["1", "0x10"], "pid in (1, 16)"),
        (Field.UID, ["-1"], "uid == unset"),
        (Field.UNIT, ["*.service"], 'unit ~ "*.service"'),
        (Field.CONTAINER, ["4f3c"], 'container == "4f3c"'),
        (Field.CONTAINER, ["4f3c2b1a0d9e"], 'container ~ "4f3c2b1a0d9e*"'),
        (Field.CONTAINER, ["4f3c2b1a0d9e" * 5 + "4f3c"], f'container == "{"4f3c2b1a0d9e" * 5}4f3c"'),
        (Field.SYSCALL, ["openat", "clone*"], 'syscall == "openat" or syscall ~ "clone*"'),
        (Field.ARCH, ["amd64"], "arch == x86_64"),
    ],
)
def test_shortcuts(field: Field, given: list[str], text: str) -> None:
    assert equals(field, given).text == text
    assert parse(text, NOW) == equals(field, given)


def test_a_shortcut_with_a_wrong_value() -> None:
    with pytest.raises(UsageError, match=r"^pid is a number: 'a\*' is not decimal or 0x…$"):
        equals(Field.PID, ["1", "a*"])


def test_a_shortcut_with_what_is_no_text() -> None:
    with pytest.raises(UsageError, match=r"^a surrogate that stands for no byte$"):
        equals(Field.COMM, ["\ud800"])


def test_both_is_what_all_select() -> None:
    one, other = parse("uid == 0 or uid == 33", NOW), parse("comm == nginx and pid == 1", NOW)
    assert both(one) == one
    assert both(one, other).text == '(uid == 0 or uid == 33) and comm == "nginx" and pid == 1'
    assert both(one, other).fields == {Field.UID, Field.COMM, Field.PID}


def test_a_query_knows_the_fields_that_it_looks_at() -> None:
    text = 'comm == "nginx" and uid != 0 and not exe ~ "/usr/lib/*"'
    assert parse(text, NOW).fields == {Field.COMM, Field.UID, Field.EXE}
    assert parse("syscall == 1", NOW).fields == {Field.SYSCALL}
    assert parse("syscall in (1, read)", NOW).fields == {Field.SYSCALL, Field.ARCH}


MISTAKES = [
    ("", "expected a field, 'not' or '('", 0),
    ("not", "expected a field, 'not' or '('", 3),
    ("in == 3", "expected a field, 'not' or '('", 0),
    ('"nginx" == comm', "expected a field, 'not' or '('", 0),
    ("comm", "expected an operator: == != < <= > >= ~ in", 4),
    ("comm nginx", "expected an operator: == != < <= > >= ~ in", 5),
    ("comm == ", "expected a value", 8),
    ("comm == and", "expected a value", 8),
    ("comm in nginx", "expected '('", 8),
    ("comm in ()", "expected a value", 9),
    ("comm in (a b)", "expected ')'", 11),
    ("comm == a b", "expected 'and', 'or' or the end of the query", 10),
    ("comm == a && uid == 0", "expected 'and', 'or' or the end of the query", 10),
    ("comm == a and", "expected a field, 'not' or '('", 13),
    ('comm == "a', 'expected closing "', 10),
    ("comm == 'a", "expected closing '", 10),
    (r'comm == "a\q"', r"no escape \q: there are \" \' \\ \n \r \t and \xHH", 10),
    (r'comm == "\x4"', r"no escape \x: there are \" \' \\ \n \r \t and \xHH", 9),
    ("(comm == a", "this bracket is never closed", 0),
    ("comm == a or (uid == 0 and (pid == 1)", "this bracket is never closed", 13),
    ("comm == a)", "this bracket closes nothing", 9),
    ("com == a", "no field 'com': did you mean comm, compat?", 0),
    ("uid == 0 and EXE == a", "no field 'EXE': did you mean exe?", 13),
    ("nr == 1", f"no field 'nr': one of {', '.join(Field)}", 0),
    ("comm = a", "no operator '=': it takes == != ~ in", 5),
    ("exe !~ a", "no operator '!~': it takes == != ~ in", 4),
    ("comm < a", "'<' is nothing to ask of comm: it takes == != ~ in", 5),
    ("uid ~ 1*", "'~' is nothing to ask of uid: it takes == != < <= > >= in", 4),
    ("arch > x86", "'>' is nothing to ask of arch: it takes == != in", 5),
    ("comm == ng*", "a glob needs the operator ~, and a text that holds * or ? needs quotes", 8),
    ('uid == "0"', "uid is a number: write it without quotes", 7),
    ("uid == root", "uid is a number: 'root' is not decimal, 0x… or unset", 7),
    ("uid == -2", "'-2' is not within 0 to 4294967295", 7),
    ("uid in (1, 4294967296)", "'4294967296' is not within 0 to 4294967295", 11),
    ("pid == unset", "pid is a number: 'unset' is not decimal or 0x…", 7),
    ("pid == " + "1" * 50, f"pid is a number: '{'1' * 40}…' is not decimal or 0x…", 7),
    ("syscall == 0xffffffff", "'0xffffffff' is not within -2147483648 to 2147483647", 11),
    ("arch == x86-64", "no architecture 'x86-64': did you mean x86_64, x86?", 8),
    ("action == lgo", "no action 'lgo': did you mean log?", 10),
    (
        "action == kill",
        "no action 'kill': one of kill_process, kill_thread, trap, errno, user_notif, trace, log, allow",
        10,
    ),
    ("action == 0x100000000", "'0x100000000' is not within 0 to 4294967295", 10),
    ("time > noon", "no time 'noon': write it as 2026-10-04, 2026-10-04T12:30:00Z or -2h", 7),
    ("arch == 'a\tb'", "no architecture 'a b'", 8),
    ("comm == \ud800", "a surrogate that stands for no byte", 8),
    ("comm == '\ud800'", "a surrogate that stands for no byte", 9),
]


@pytest.mark.parametrize(("text", "message", "at"), MISTAKES)
def test_a_mistake_is_shown_where_it_is(text: str, message: str, at: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, NOW)
    shown = text.replace("\ud800", "?").replace("\t", " ")
    assert str(caught.value).split("\n") == [message, f"    {shown}", f"    {' ' * at}^"]


@pytest.mark.parametrize(
    ("text", "line", "caret"),
    [
        ("comm == a\nor uid == x\nor pid == 1", "or uid == x", 10),
        ("comm == a\nor", "or", 2),
        ("comm == '\x1b[0m' or uid == x", "comm == '?[0m' or uid == x", 25),
        ("comm == '漢字' or uid == x", "comm == '漢字' or uid == x", 25),
        ("comm == 'e\u0301' or uid == x", "comm == 'e\u0301' or uid == x", 22),
        (f"comm == {'a' * 200} or uid == x or {'pid == 1 or ' * 20} pid == 2", None, 50),
    ],
)
def test_one_line_of_a_query_is_shown(text: str, line: str | None, caret: int) -> None:
    if line is None:
        line = text[text.index("x") - 50 : text.index("x") + 50]
    with pytest.raises(UsageError) as caught:
        parse(text, NOW)
    assert str(caught.value).split("\n")[1:] == [f"    {line}", f"    {' ' * caret}^"]


def test_the_bounds() -> None:
    assert asked("(" * MAX_DEPTH + "comm == nginx" + ")" * MAX_DEPTH) is True
    assert asked("not " * MAX_DEPTH + "comm == nginx") is True
    assert asked("(pid == 4242) and " * 1000 + "not not comm == nginx") is True
    deep = "(uid == 0 or not (comm == a and " * (MAX_DEPTH // 3) + "pid == 1" + "))" * (MAX_DEPTH // 3)
    assert parse(parse(deep, NOW).text, NOW) == parse(deep, NOW)
    too_deep = f"more than {MAX_DEPTH} brackets and nots around each other"
    for text in ("(" * 1000 + "comm == nginx" + ")" * 1000, "not " * 1000 + "comm == nginx", "not (" * 33 + "pid == 1"):
        with pytest.raises(UsageError, match=too_deep):
            parse(text, NOW)
    assert asked("comm == " + "a" * (MAX_LENGTH - 8)) is False
    with pytest.raises(UsageError, match=r"^a query of 65,537 characters: it may have 65,536$"):
        parse("comm == " + "a" * (MAX_LENGTH - 7), NOW)


@given(condition=conditions)
def test_what_is_written_is_read_back(condition: Condition) -> None:
    query = Query(condition)
    assert parse(query.text, NOW) == query
    assert parse(query.text, NOW).text == query.text


@given(condition=conditions, known=values())
def test_decisions_are_those_of_three_valued_logic(condition: Condition, known: dict[Field, Any]) -> None:
    expected = {0: False, 0.5: None, 1: True}[truth(condition, known)]
    assert Query(condition).decide(known) is expected


@given(condition=conditions, known=values(), more=values())
def test_what_is_decided_stays_so(condition: Condition, known: dict[Field, Any], more: dict[Field, Any]) -> None:
    query = Query(condition)
    decision = query.decide(known)
    if decision is not None:
        assert (
            query.decide({**more, **{field: value for field, value in known.items() if value is not None}}) is decision
        )
    assert query.decide({field: value for field, value in known.items() if field in query.fields}) is decision


@given(condition=conditions, known=values())
def test_no_record_before_the_earliest_time_is_selected(condition: Condition, known: dict[Field, Any]) -> None:
    query = Query(condition)
    if query.earliest is not None and query.decide(known):
        assert known[Field.TIME] >= query.earliest


@pytest.mark.parametrize(
    ("text", "earliest"),
    [
        ("time >= 2026-10-04T00:00:00Z and comm == a", 1_791_072_000_000),
        ("time > 2026-10-04T00:00:00Z and time == 2026-10-05T00:00:00Z", 1_791_158_400_000),
        ("time in (2026-10-04T00:00:00Z, 2026-10-05T00:00:00Z) or time >= 2026-10-06T00:00:00Z", 1_791_072_000_000),
        ("time >= 2026-10-04T00:00:00Z or comm == a", None),
        ("not time >= 2026-10-04T00:00:00Z", None),
        ("time <= 2026-10-04T00:00:00Z", None),
    ],
)
def test_the_earliest_time(text: str, earliest: int | None) -> None:
    assert parse(text, NOW).earliest == earliest


@given(condition=conditions, known=values())
def test_a_query_travels_to_another_process(condition: Condition, known: dict[Field, Any]) -> None:
    query = Query(condition)
    decision = query.decide(known)
    arrived = pickle.loads(pickle.dumps(query))  # noqa: S301
    assert arrived == query
    assert arrived.decide(known) is decision


plain = st.text(alphabet="ab*?.\\^$+(){}|\n/-", max_size=12)


@given(text=plain, pattern=plain)
@example("aab", "*a*b")
@example("ab", "*ab*b")
def test_a_glob_is_that_of_fnmatch(text: str, pattern: str) -> None:
    assert equals(Field.HOST, [pattern + "*"]).decide({Field.HOST: text}) is fnmatchcase(text, pattern + "*")
    assert equals(Field.COMM, ["*" + pattern]).decide({Field.COMM: text.encode()}) is fnmatchcase(text, "*" + pattern)


PIECES = [*Field, "and", "or", "not", "in", "(", ")", ",", "==", "!=", "<", ">=", "~", "=", " ", "  ", "\n", "a", "*"]
PIECES += [
    '"',
    "'",
    "\\",
    "\\x4",
    "\\xff",
    "-1",
    "0x",
    "unset",
    "-2h",
    "2026-10-04",
    "openat",
    "arm",
    "log",
    "\ud800",
    "é",
]


@given(text=st.lists(st.sampled_from(PIECES) | st.characters(), max_size=20).map("".join))
def test_any_text_is_a_query_or_a_mistake_with_a_place(text: str) -> None:
    try:
        query = parse(text, NOW)
    except UsageError as mistake:
        message, line, caret = str(mistake).split("\n")
        assert message
        assert line.startswith("    ")
        assert re.fullmatch("    ( *)\\^", caret)
    else:
        assert parse(query.text, NOW) == query


@given(
    field=st.sampled_from([field for field in Field if field is not Field.TIME]), given=st.lists(st.text(), min_size=1)
)
def test_any_value_of_a_shortcut_is_one_or_a_mistake(field: Field, given: list[str]) -> None:
    with suppress(UsageError):
        query = equals(field, given)
        assert parse(query.text, NOW) == query


LARGE: dict[str, Callable[[int], str]] = {
    "brackets": lambda size: "(" * size,
    "closing brackets": lambda size: "comm == a" + ")" * size,
    "nots": lambda size: "not " * (size // 4),
    "nested": lambda size: "(comm == a and " * (size // 16) + "comm == a" + ")" * (size // 16),
    "in a row": lambda size: "(comm == a) and " * (size // 16) + "comm == a",
    "alternatives": lambda size: "comm == a or " * (size // 13) + "comm == a",
    "list": lambda size: f"uid in ({'1, ' * (size // 3)}1)",
    "word": lambda size: "a" * size,
    "value": lambda size: "syscall == " + "a" * size,
    "digits": lambda size: "time == " + "1" * size,
    "blanks": lambda size: "comm == a" + " " * size,
    "open quote": lambda size: "comm == '" + "a" * size,
    "escapes": lambda size: "comm == '" + r"\x41" * (size // 4) + "'",
    "backslashes": lambda size: "comm == '" + "\\" * size,
    "stars": lambda size: "comm ~ '" + "*a" * (size // 2) + "'",
}


@pytest.mark.parametrize("kind", LARGE)
def test_the_time_to_read_grows_with_the_length(kind: str) -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()
        with suppress(UsageError):
            parse(text, NOW)
        return time.process_time() - begin

    small, large = (LARGE[kind](size) for size in (6_000, 60_000))
    little = max(min(seconds(small) for _ in range(3)), 0.0002)
    assert any(seconds(large) <= 30 * little for _ in range(5))


@pytest.mark.parametrize(
    "pattern", ["*a*a*a*b", "*a" * 1000 + "*b", "*" * 1000 + "b", "*" + "?" * 100 + "b", "*ab" * 20]
)
def test_the_time_to_match_grows_with_the_length(pattern: str) -> None:
    decide = equals(Field.EXE, [pattern]).decide

    def seconds(size: int) -> float:
        begin = time.process_time()
        assert decide({Field.EXE: b"a" * size}) is False
        return time.process_time() - begin

    little = max(min(seconds(10_000) for _ in range(3)), 0.0002)
    assert any(seconds(100_000) <= 30 * little for _ in range(5))


def blocks(kind: str) -> list[str]:
    """What docs/selection.md shows between fences of one kind."""
    found = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_queries_on_the_page_are_queries() -> None:
    for line in "".join(blocks("query")).splitlines():
        parse(line, NOW)


def test_the_mistakes_on_the_page_are_told_so() -> None:
    for block in blocks("text"):
        with pytest.raises(UsageError) as caught:
            parse(block.split("\n")[1].strip(), NOW)
        assert f"{caught.value}\n" == block


def test_the_page_says_what_is_unknown() -> None:
    rows = re.findall(r"^\| `([^`]+)`.* \| (true|false|unknown) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == 10
    said = {"true": True, "false": False, "unknown": None}
    for text, decision in rows:
        assert parse(text, NOW).decide({Field.COMM: b"a", Field.SYSCALL: 257}) is said[decision], text


def test_the_page_names_every_field_and_its_operators() -> None:
    rows = re.findall(r"^\| (`[a-z`\x20]+`) \|.*\| (`[^|]+`) \|$", PAGE.read_text(), re.MULTILINE)
    named = {
        Field(field): operators.replace("`", "") for fields, operators in rows for field in re.findall(r"\w+", fields)
    }
    assert set(named) == set(Field)
    for field, operators in named.items():
        with pytest.raises(UsageError) as caught:
            parse(f"{field} = 1", NOW)
        assert str(caught.value).startswith(f"no operator '=': it takes {operators}\n")


def test_the_shortcuts_need_no_grammar() -> None:
    code = (
        "import sys; from datetime import datetime, UTC; from audit2seccomp.evidence.query.language import *;"
        "both(equals(Field.COMM, ['a*', 'b']), since('-2h', datetime.now(UTC))).decide({});"
        "assert not {'pyparsing', 'difflib', 'unicodedata'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
