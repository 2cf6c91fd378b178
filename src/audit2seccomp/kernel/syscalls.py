"""Names and numbers of system calls, from the tables in audit2seccomp.syscall_tables (docs/tables.md).

A table is read when the first record needs it: a log rarely speaks of more than two of the thirty.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit2seccomp.kernel.abi import Abi


class Table:
    """The system calls of one ABI, by the numbers of a record's `syscall=`: x32's have bit 30, o32's start at 4000."""

    __slots__ = ("_names", "_numbers", "_since")

    def __init__(self, rows: list[list[str]]) -> None:
        """Take rows of number, name, since, since_source, in the order of their numbers."""
        self._names = {int(row[0]): row[1] for row in rows}
        self._numbers = {name: number for number, name in self._names.items()}
        self._since = {row[1]: row[2] for row in rows}

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Each call's number and name, in the order of the numbers."""
        return iter(self._names.items())

    def __len__(self) -> int:
        return len(self._names)

    def name_of(self, nr: int) -> str | None:
        """The kernel's name of call `nr`, which is libseccomp's too; None if the ABI has no such call."""
        return self._names.get(nr)

    def number_of(self, name: str) -> int | None:
        """The number of the call of that exact name; None if the ABI has no such call."""
        return self._numbers.get(name)

    def since(self, nr: int) -> str | None:
        """The first kernel with call `nr` on this ABI: `5.6`, or `<=4.0` for that one or an older one.

        None where nobody knows and where the ABI has no such call. How sure the version is: docs/tables.md, "since".
        """
        name = self._names.get(nr)
        return None if name is None else self._since[name] or None


def table_of(abi: Abi) -> Table:
    """The table of `abi`, read once a process; an empty one for architectures that the kernel dropped long ago."""
    return _EMPTY if abi.table is None else _load(abi.table)


@cache
def all_names() -> frozenset[str]:
    """The names of all system calls, of whichever ABI."""
    from audit2seccomp.kernel.abi import all_abis

    return frozenset(name for abi in all_abis() for _, name in table_of(abi))


def is_call(name: str) -> bool:
    """Whether any ABI has a call of that name. The other tables are not read where one table is enough."""
    return _load("x86_64").number_of(name) is not None or name in all_names()


def tables_kernel() -> str:
    """The version of the kernel tree that the tables were made from, such as `7.2.13`."""
    # One line of a file that we write ourselves: tomllib would cost more than all the tables of a run.
    for line in _packaged_text("MANIFEST.toml").splitlines():
        key, _, value = line.partition(" = ")
        if key == "kernel":
            return value.strip('"')
    raise ValueError("MANIFEST.toml says no kernel version")


_EMPTY = Table([])


@cache
def _load(table: str) -> Table:
    lines = _packaged_text(f"{table}.csv").splitlines()
    return Table([line.split(",") for line in lines[1:]])


def _packaged_text(name: str) -> str:
    # importlib.resources would say the same and takes several milliseconds to import.
    with open(os.path.join(_tables_folder(), name), encoding="ascii") as file:
        return file.read()


@cache
def _tables_folder() -> str:
    try:
        return import_module("audit2seccomp.syscall_tables").__path__[0]
    except ModuleNotFoundError:
        # The source tree, not installed: only an installation maps the top-level folder into the package.
        return os.path.join(os.path.dirname(__file__), *[os.pardir] * 3, "syscall_tables")
