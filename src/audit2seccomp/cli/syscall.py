"""`audit2seccomp syscall`: names and numbers, looked up both ways."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import json as json_text
import os
from collections.abc import Iterable
from typing import Annotated

import typer

from audit2seccomp.cli.options import call_names
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.words import number_named
from audit2seccomp.errors import NothingFoundError, UsageError, did_you_mean
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named, abi_of, all_abis
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.named_tuple import NamedTuple

EPILOG = """\b
Examples:
  audit2seccomp syscall openat
  audit2seccomp syscall 1073742336 --arch x86_64
  audit2seccomp syscall clone3 --arch all --json
"""


class Found(NamedTuple):
    """One call of one ABI."""

    arch: str
    number: int
    name: str
    since: str | None
    """The kernel that brought it; None where that is not known."""


def _arches() -> list[str]:
    return [abi.name for abi in all_abis()]


def syscall(
    call: Annotated[
        str,
        typer.Argument(
            metavar="NAME|NUMBER",
            help="A call's name, or its number as in syscall= (also 0x…).",
            autocompletion=call_names,
        ),
    ],
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH|all",
            help="The architecture to look in.  [default: this machine's]",
            autocompletion=lambda: [*_arches(), "all"],
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Look a system call up by name or number, with the kernel version that brought it."""
    abis = _abis(arch)
    number = number_named(call)
    found = list(_by_name(call, abis) if number is None else _by_number(number, abis))
    if not found:
        raise NothingFoundError(
            f"{call}: no such call {_where(abis)} in the tables of Linux {tables_kernel()}{_hint(call, abis)}"
        )
    if json:
        Output(None).write(json_text.dumps([one._asdict() for one in found], indent=2) + "\n")
        return
    widths = [max(len(str(one[column])) for one in found) for column in range(3)]
    lines = []
    for one in found:
        since = f"since Linux {one.since}" if one.since else ""
        lines.append(f"{one.arch:{widths[0]}}  {one.number:{widths[1]}}  {one.name:{widths[2]}}  {since}".rstrip())
    Output(None).write("\n".join((*lines, "")))


def _abis(arch: str | None) -> list[Abi]:
    if arch == "all":
        return list(all_abis())
    wanted = os.uname().machine if arch is None else arch
    abi = abi_named(wanted)
    if abi is None:
        raise UsageError(f"--arch: no architecture '{wanted}': all, or one of {', '.join(_arches())}")
    return [abi]


def _by_name(name: str, abis: list[Abi]) -> Iterable[Found]:
    for abi in abis:
        number = table_of(abi).number_of(name)
        if number is not None:
            yield Found(abi.name, number, name, table_of(abi).since(number))


def _by_number(number: int, abis: list[Abi]) -> Iterable[Found]:
    for abi in abis:
        # A record with arch=c000003e and bit 30 in its number speaks of x32.
        meant = abi_of(abi.audit_arch, number)
        if meant is not None and (meant is abi or (len(abis) == 1 and number & X32_SYSCALL_BIT)):
            name = table_of(meant).name_of(number)
            if name is not None:
                yield Found(meant.name, number, name, table_of(meant).since(number))


def _where(abis: list[Abi]) -> str:
    return f"on {abis[0].name}" if len(abis) == 1 else "on any architecture"


def _hint(call: str, abis: list[Abi]) -> str:
    return did_you_mean(call, {name for abi in abis for _, name in table_of(abi)})
