"""The options of every command that reads logs; `choices` checks them."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
from typing import Annotated

import typer

from audit2seccomp.evidence.beginning import FORM_NAMES
from audit2seccomp.kernel.abi import abi_named, oci_abis
from audit2seccomp.kernel.syscalls import table_of


def arches() -> list[str]:
    """The architectures that profiles can name, for completion."""
    return [abi.name for abi in oci_abis()]


def call_names() -> list[str]:
    """The calls of this machine, for completion."""
    abi = abi_named(os.uname().machine)
    return [] if abi is None else sorted(name for _, name in table_of(abi))


Logs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LOGS]...",
        help="Log or evidence files, or - for standard input, which is read if none is named.",
        show_default=False,
    ),
]
TrustLevel = Annotated[
    str,
    typer.Option(
        "--trust",
        metavar="LEVEL",
        help="How far a line must prove the kernel as its author: authenticated, anchored, or embedded (any text).",
        autocompletion=lambda: ["authenticated", "anchored", "embedded"],
    ),
]
AssumeArch = Annotated[
    str | None,
    typer.Option(
        metavar="ARCH",
        help="The architecture of records that an old kernel wrote without arch=, and of strace's output.",
        autocompletion=arches,
    ),
]
Where = Annotated[
    str | None,
    typer.Option(metavar="QUERY", help="Count only records that it selects, such as 'comm == nginx and uid != 0'."),
]


def _selected(name: str, what: str) -> object:
    return typer.Option(f"--{name}", metavar=name.upper(), help=f"{what}; may be repeated.")


Comm = Annotated[list[str] | None, _selected("comm", "Only records of programs of that name (with * and ?)")]
Exe = Annotated[list[str] | None, _selected("exe", "Only records of that executable (with * and ?)")]
Pid = Annotated[list[str] | None, _selected("pid", "Only records of that process")]
Uid = Annotated[list[str] | None, _selected("uid", "Only records of that user's number")]
Unit = Annotated[list[str] | None, _selected("unit", "Only records of that systemd unit (with * and ?)")]
Container = Annotated[list[str] | None, _selected("container", "Only records of that container's id, also a short one")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only records from then on: ISO 8601, or -2h for two hours ago.")
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Only records before that.")]
Recursive = Annotated[bool, typer.Option("-r", "--recursive", help="Read the files in folders.")]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Write the result though an input could not be read; the exit status is still 3."
    ),
]
Follow = Annotated[
    bool,
    typer.Option(
        "--follow", help="Read on while the logs grow, also through rotation; FILE is replaced when a new call comes."
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail, and write nothing, if the result is incomplete.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
FormatIn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The form of the inputs, instead of what they look like: text, json, export, verbose or strace.",
        autocompletion=lambda: list(FORM_NAMES),
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Look at logs with so many threads; the result is the same.  [default: as many as there are cores]",
        show_default=False,
    ),
]
