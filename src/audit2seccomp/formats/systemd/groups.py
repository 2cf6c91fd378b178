"""systemd's groups of system calls, `@system-service` and others, as systemd 252 has them (groups.txt)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

DEFAULT = "@default"
"""What every allow-list has without being asked (config_parse_syscall_filter in src/core/load-fragment.c)."""


def group_names() -> tuple[str, ...]:
    """All groups, in systemd's order."""
    return tuple(_groups())


@cache
def members(group: str) -> tuple[str, ...] | None:
    """The calls of a group and of the groups in it, each once; None if there is no such group."""
    return tuple(dict.fromkeys(_expanded(group))) if group in _groups() else None


def _expanded(group: str) -> Iterator[str]:
    for member in _groups()[group]:
        if member.startswith("@"):
            yield from _expanded(member)
        else:
            yield member


@cache
def _groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    inside: list[str] = []
    with open(os.path.join(os.path.dirname(__file__), "groups.txt"), encoding="ascii") as file:
        for line in file:
            if line.startswith("@"):
                inside = groups[line.strip()] = []
            elif line.startswith(" "):
                inside.append(line.strip())
    return groups
