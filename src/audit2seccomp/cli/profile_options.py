"""The options that say what a profile is made of and how it is written, for every command that makes one."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from typing import Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.profiles import Lenient
from audit2seccomp.formats import WRITERS
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.choices import GENERATED_ACTIONS
from audit2seccomp.profile.building.runtimes import RUNTIMES


def _actions() -> list[str]:
    return [str(action) for action in GENERATED_ACTIONS]


IncludeDenied = Annotated[bool, typer.Option("--include-denied", help="Allow also the calls that a filter denied.")]


class Shaping(NamedTuple):
    """Those that every such command has, as they were given."""

    default_action: Annotated[
        str | None,
        typer.Option(
            metavar="ACTION",
            help="What happens to any other call; that of --base stays.  [default: SCMP_ACT_ERRNO]",
            autocompletion=_actions,
        ),
    ] = None
    errno: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|N",
            help="What any other call fails with, such as EPERM or 1; that of --base stays.  [default: ENOSYS]",
        ),
    ] = None
    action: Annotated[
        str, typer.Option(metavar="ACTION", help="What happens to an observed call.", autocompletion=_actions)
    ] = "SCMP_ACT_ALLOW"
    arch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARCH",
            help="Add an architecture to the observed ones; may be repeated.",
            autocompletion=options.arches,
        ),
    ] = None
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Add what the container runtime itself calls: runc, crun or any; runc:nnp is less, and enough with "
            "noNewPrivileges. May be repeated.",
            autocompletion=lambda: [name + case for name in RUNTIMES for case in ("", ":nnp", ":no-nnp")],
        ),
    ] = None
    portable: Annotated[
        str | None,
        typer.Option(
            metavar="[=B]",
            help="Add what another libc, kernel or architecture calls instead; =B newer and stronger calls too.",
            autocompletion=lambda: ["A", "B"],
        ),
    ] = None
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Allow these calls too (with commas between); may be repeated."),
    ] = None
    never: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Fail if one of these calls was observed, and never add it; may be repeated."
        ),
    ] = None
    drop_never: Annotated[
        bool, typer.Option("--drop-never", help="Leave out the calls that --never names, instead of failing.")
    ] = False
    base: Annotated[
        list[str] | None,
        typer.Option("--base", metavar="FILE", help="Keep all that this profile says, and add to it; may be repeated."),
    ] = None
    update: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Add what is new to this profile, in place; all else in it stays as it is."),
    ] = None
    lenient: Lenient = False
    explain_names: Annotated[
        bool, typer.Option("--explain-names", help="Say of each name in the profile why it is there.")
    ] = False
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORM",
            help=f"How the profile is written: {', '.join(WRITERS)}.  [default: oci]",
            autocompletion=lambda: list(WRITERS),
        ),
    ] = None
