"""Docker's clauses as regions, and regions as clauses: on which hosts a rule is there."""

from __future__ import annotations

import re

from audit2seccomp.errors import AlgebraError
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.regions import Box, both
from audit2seccomp.profile.algebra.spans import Cell, Names, Span, span
from audit2seccomp.profile.model import Clause, Rule

HOST = "host"
"""The dimension of the host's architecture, by its GOARCH name."""
_KERNEL = "kernel"
_CAPABILITY = "cap "
_MAX_MINOR = 0xFFFF
_MAX_KERNEL = 1 << 32
_RELEASE = re.compile("[0-9]{1,4}[.][0-9]{1,4}")


def guard(rule: Rule) -> Box | None:
    """On which hosts a rule is there; None if on none. Docker, profiles/seccomp/seccomp_linux.go, setupSeccomp: all
    included capabilities, none of the excluded ones; versions are compared by their first two numbers."""
    cells: list[tuple[str, Cell]] = []
    includes, excludes = rule.includes, rule.excludes
    cells += ((_CAPABILITY + name, Span(1, 1, 0, 0, 1)) for name in includes.caps)
    cells += ((_CAPABILITY + name, Span(0, 0, 0, 0, 1)) for name in excludes.caps)
    if includes.arches:
        cells.append((HOST, Names(frozenset(includes.arches), False)))
    if excludes.arches:
        cells.append((HOST, Names(frozenset(excludes.arches), True)))
    if includes.min_kernel:
        cells.append((_KERNEL, Span(_release(includes.min_kernel), _MAX_KERNEL, 0, 0, _MAX_KERNEL)))
    if excludes.min_kernel:
        before = span(0, _release(excludes.min_kernel) - 1, 0, 0, _MAX_KERNEL)
        if before is None:
            return None
        cells.append((_KERNEL, before))
    box: Box | None = ()
    for cell in cells:
        box = None if box is None else both(box, (cell,))
    return box


class Clauses(NamedTuple):
    """On which hosts a box is, as a rule says it."""

    includes: Clause
    excludes: Clause


def clauses_of(box: Box) -> Clauses:
    """The clauses of a rule for a box."""
    cells = dict(box)
    caps = [(name.removeprefix(_CAPABILITY), cell) for name, cell in box if name.startswith(_CAPABILITY)]
    host, kernel = cells.get(HOST), cells.get(_KERNEL)
    names = tuple(sorted(host.names)) if isinstance(host, Names) else ()
    others = isinstance(host, Names) and host.others
    low, high = (kernel.low, kernel.high) if isinstance(kernel, Span) else (0, _MAX_KERNEL)
    present, absent = Span(1, 1, 0, 0, 1), Span(0, 0, 0, 0, 1)
    return Clauses(
        Clause(
            tuple(name for name, cell in caps if cell == present),
            () if others else names,
            _version(low) if low else None,
        ),
        Clause(
            tuple(name for name, cell in caps if cell == absent),
            names if others else (),
            _version(high + 1) if high < _MAX_KERNEL else None,
        ),
    )


def _release(text: str) -> int:
    if not _RELEASE.fullmatch(text):
        raise AlgebraError(f"minKernel {text[:40]!r}: no version of two numbers such as 4.8")
    major, minor = text.split(".")
    return int(major) << 16 | int(minor)


def _version(number: int) -> str:
    return f"{number >> 16}.{number & _MAX_MINOR}"
