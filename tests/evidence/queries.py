"""Queries and records as Hypothesis makes them, and what a query decides, said a second time."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import strategies as st

from audit2seccomp.evidence.query.condition import (
    KINDS,
    And,
    Comparison,
    Condition,
    Field,
    Kind,
    Not,
    Operand,
    Operator,
    Or,
)
from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import Action

ABIS = [abi_named(name) for name in ("x86_64", "x32", "aarch64", "arm", "c6x")]
FEW: dict[Kind, list[Any]] = {
    Kind.BYTES: [b"", b"a", b"ab", b"b\xff", b"[a]", b"nginx"],
    Kind.TEXT: ["", "a", "ab", "b\udcff", "[a]", "x.service"],
    Kind.NUMBER: [-1, 0, 1, 31],
    Kind.ID: [0, 1, 1000, 0xFFFFFFFF],
    Kind.ARCH: ABIS,
    Kind.CALL: [-1, 0, 1, 56, 257, 0x40000101, 100000],
    Kind.ACTION: [*Action, 0x7FFC0000, 0x50001, 0x12340000],
    Kind.TIME: [-1, 0, 1, 1_790_000_000_123],
}
"""So few values that a record often has the one that a query asks for."""
PATTERNS = ["", "*", "a*", "*b", "?", "a?", "*a*b*", "[a]", "open*", "??*"]
CALLS = ["read", "write", "openat", "_llseek"]
_ORDERED = [Operator.LT, Operator.LE, Operator.GT, Operator.GE]

texts = st.text(max_size=6) | st.binary(max_size=6).map(lambda data: data.decode(errors="surrogateescape"))
_ANY: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.BYTES: texts.map(lambda text: text.encode(errors="surrogateescape")),
    Kind.TEXT: texts,
    Kind.NUMBER: st.integers(-(10**19), 10**19),
    Kind.ID: st.integers(0, 2**32 - 1),
    Kind.ARCH: st.sampled_from(ABIS),
    Kind.CALL: st.sampled_from(CALLS) | st.integers(-(2**31), 2**31 - 1),
    Kind.ACTION: st.sampled_from(Action) | st.integers(0, 2**32 - 1),
    Kind.TIME: st.integers(-62_135_596_800_000, 253_402_300_799_999),
}


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Any comparison that the language can write."""
    field = draw(st.sampled_from(Field))
    kind = KINDS[field]
    operators = [Operator.EQ, Operator.NE, Operator.IN]
    if kind in (Kind.BYTES, Kind.TEXT, Kind.CALL):
        operators.append(Operator.LIKE)
    if kind in (Kind.NUMBER, Kind.ID, Kind.TIME):
        operators += _ORDERED
    operator = draw(st.sampled_from(operators))
    if operator is Operator.LIKE:
        return Comparison(field, operator, (draw(st.sampled_from(PATTERNS) | texts),))
    operand: st.SearchStrategy[Operand] = st.sampled_from(FEW[kind]) | _ANY[kind]
    many = draw(st.lists(operand, min_size=1, max_size=3 if operator is Operator.IN else 1))
    return Comparison(field, operator, tuple(many))


def _grown(smaller: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    def several(kind: type[And | Or]) -> st.SearchStrategy[Condition]:
        parts = smaller.filter(lambda part: not isinstance(part, kind))
        return st.lists(parts, min_size=2, max_size=3).map(lambda found: kind(tuple(found)))

    return smaller.map(Not) | several(And) | several(Or)


conditions: st.SearchStrategy[Condition] = st.recursive(comparisons(), _grown, max_leaves=8)


@st.composite
def values(draw: st.DrawFn) -> dict[Field, Any]:
    """What is known of a record: some fields not given, some None."""
    return {
        field: draw(st.none() | st.sampled_from(FEW[KINDS[field]]))
        for field in Field
        if draw(st.integers(0, 3))  # three of four
    }


def truth(condition: Condition, known: dict[Field, Any]) -> float:
    """1 for true, 0 for false, a half for unknown: `and` is the lowest, `or` the highest."""
    if isinstance(condition, Not):
        return 1 - truth(condition.part, known)
    if isinstance(condition, And):
        return min(truth(part, known) for part in condition.parts)
    if isinstance(condition, Or):
        return max(truth(part, known) for part in condition.parts)
    value = known.get(condition.field)
    if value is None:
        return 0.5
    found: float = max(_holds(condition, operand, value, known) for operand in condition.operands)
    return 1 - found if condition.operator is Operator.NE else found


def _holds(condition: Comparison, operand: Any, value: Any, known: dict[Field, Any]) -> float | bool:
    """One operand; `!=` as `==`."""
    operator, kind = condition.operator, KINDS[condition.field]
    if kind is Kind.CALL and isinstance(operand, str):
        abi = known.get(Field.ARCH)
        if abi is None:
            return 0.5
        names = [name for nr, name in table_of(abi) if nr == value]
        return any(_globbed(name, operand) if operator is Operator.LIKE else name == operand for name in names)
    if operator is Operator.LIKE:
        return _globbed(value.decode(errors="surrogateescape") if isinstance(value, bytes) else value, operand)
    if kind is Kind.ACTION:
        code = value.value if isinstance(value, Action) else value
        return bool(code - code % 0x10000 == operand.value if isinstance(operand, Action) else code == operand)
    if operator in _ORDERED:
        below, above = value < operand, value > operand
        return bool({"<": below, "<=": not above, ">": above, ">=": not below}[operator])
    return bool(value == operand)


def _globbed(text: str, pattern: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


NOW = datetime(2026, 10, 4, 12, 30, 15, 250_000, UTC)
RECORD = {
    Field.COMM: b"nginx",
    Field.EXE: b"/usr/sbin/nginx",
    Field.PID: 4242,
    Field.PPID: 1,
    Field.UID: 33,
    Field.GID: 33,
    Field.AUID: 0xFFFFFFFF,
    Field.SES: 0xFFFFFFFF,
    Field.SUBJ: b"docker-default (enforce)",
    Field.ARCH: abi_named("x86_64"),
    Field.SYSCALL: 257,
    Field.ACTION: 0x7FFC0000,
    Field.SIG: 0,
    Field.COMPAT: 0,
    Field.HOST: "web1",
    Field.UNIT: "docker.service",
    Field.CONTAINER: "4f3c2b1a0d9e",
    Field.FILE: "/var/log/kern.log",
    Field.TIME: 1_791_117_015_250,  # NOW
}
TRUE = """
comm == nginx
comm == "nginx"
comm == 'nginx'
comm=="nginx"and(uid!=0)
comm in (apache2, nginx)
comm in(nginx)
comm ~ ng*
comm ~ "?ginx"
comm != "NGINX"
exe ~ "/usr/*/nginx"
exe == /usr/sbin/nginx
pid == 4242
pid in (1, 0x1092)
pid > 4241 and pid >= 4242 and pid < 4243 and pid <= 4242
ppid == 1
uid == 0x21
uid != 0
gid < 1000
auid == unset
auid == -1
auid == 4294967295
auid == 0xffffffff
auid >= 1000
ses in (1, unset)
subj ~ "docker-default*"
arch == x86_64
arch == amd64
arch == SCMP_ARCH_X86_64
arch == c000003e
arch == "AUDIT_ARCH_X86_64"
arch != x32
arch in (x32, x86_64)
syscall == openat
syscall == 257
syscall in (read, 257)
syscall ~ "open*"
syscall != open
syscall != 258
action == log
action == LOG
action == 0x7ffc0000
action != user-notif
action in (Kill_Process, log)
sig == 0
compat == 0
host == web1
unit == docker.service
container ~ 4f3c*
file == "/var/log/kern.log"
time > -1s
time >= 2026-10-04T12:30:15.250Z
time < 2026-10-04T14:30:16+02:00
time == 2026-10-04T12:30:15.250Z
not uid == 0
not not uid == 33
uid == 0 or uid == 33 and comm == nginx
not (uid == 0 or comm != nginx)
((((comm == nginx))))
"""
