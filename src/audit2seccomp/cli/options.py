"""The options of every command that reads logs, and what they ask for."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
from typing import TYPE_CHECKING, Annotated

import typer

from audit2seccomp.cli.choices import Choices
from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.beginning import FORM_NAMES
from audit2seccomp.evidence.reading import arch_named, trust_named
from audit2seccomp.kernel.abi import abi_named, oci_abis
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.query.language import Query


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
Follow = Annotated[
    bool,
    typer.Option(
        "--follow", help="Read on while the logs grow, also through rotation; FILE is replaced when a new call comes."
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Strict = Annotated[bool, typer.Option("--strict", help="Fail, and write nothing, if the result is incomplete.")]


class Selection(NamedTuple):
    """The options that select records, as they were given."""

    where: Where = None
    comm: Comm = None
    exe: Exe = None
    pid: Pid = None
    uid: Uid = None
    unit: Unit = None
    container: Container = None
    since: Since = None
    until: Until = None

    def query(self) -> "Query | None":
        """What they ask for together; raises UsageError."""
        # An option that was given empty, such as by a variable that is not set, is no choice of everything.
        if all(part is None or part == [] for part in self):
            return None
        from datetime import datetime

        from audit2seccomp.evidence.query import language as query
        from audit2seccomp.evidence.query.condition import Field

        now = datetime.now().astimezone()
        parts = [query.parse(self.where, now)] if self.where is not None else []
        parts += [
            query.equals(field, values)
            for field in (Field.COMM, Field.EXE, Field.PID, Field.UID, Field.UNIT, Field.CONTAINER)
            if (values := getattr(self, field.value))
        ]
        parts += [query.since(self.since, now)] if self.since is not None else []
        parts += [query.until(self.until, now)] if self.until is not None else []
        return query.both(*parts)


class Inputs(NamedTuple):
    """The options that say how inputs are read, as they were given."""

    trust: TrustLevel = "anchored"
    assume_arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH",
            help="The architecture of records that an old kernel wrote without arch=, and of strace's output.",
            autocompletion=arches,
        ),
    ] = None
    format_in: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The form of the inputs, instead of what they look like: text, json, export, verbose or strace.",
            autocompletion=lambda: list(FORM_NAMES),
        ),
    ] = None
    journal: Annotated[
        bool,
        typer.Option(
            "--journal",
            help="Ask journalctl: for this machine's journal, or for saved ones, which LOGS are: files or folders.",
        ),
    ] = False
    boot: Annotated[
        str | None,
        typer.Option(metavar="[=BOOT]", help="With --journal: only this boot; =-1 the one before it, =ID any."),
    ] = None
    merge: Annotated[
        bool, typer.Option("--merge", help="With --journal: also the journals of other machines that are stored here.")
    ] = False
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Read the files in folders.")] = False
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going", help="Write the result though an input could not be read; the exit status is still 3."
        ),
    ] = False
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Read logs with so many threads or processes; the result is the same.  [default: one for each core]",
            show_default=False,
        ),
    ] = None


def choices(selection: Selection, inputs: Inputs, *, quiet: bool = False) -> Choices:
    """Check them; raises UsageError."""
    arch = None if inputs.assume_arch is None else arch_named(inputs.assume_arch)
    form = inputs.format_in
    if form is not None and form not in FORM_NAMES:
        raise UsageError(f"--format-in: no form '{form}': one of {', '.join(FORM_NAMES)}")
    trust = trust_named(inputs.trust)
    if inputs.jobs is not None and inputs.jobs < 1:
        raise UsageError(f"--jobs: {inputs.jobs}: 1 is the least")
    chosen = Choices(trust, arch, selection.query(), inputs.recursive, inputs.keep_going, quiet, form, jobs=inputs.jobs)
    if inputs.journal:
        return chosen.of_journals(inputs.boot, merge=inputs.merge)
    if inputs.boot is not None or inputs.merge:
        raise UsageError(f"{'--merge' if inputs.boot is None else '--boot'}: is for --journal")
    return chosen
