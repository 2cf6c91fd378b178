"""`audit2seccomp run`: a command under a profile."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import sys
from typing import Annotated

import typer

from audit2seccomp.cli.options import Quiet
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.errors import UsageError
from audit2seccomp.formats import READABLE
from audit2seccomp.live.command import Successor, find
from audit2seccomp.live.enforce import enforced

EPILOG = """\b
Examples:
  audit2seccomp run --profile profile.json -- nginx -g 'daemon off;'
  audit2seccomp run --profile audit.json -- ./server        # a profile of audit-profile: new calls are logged
  audit2seccomp audit-profile | audit2seccomp run --profile - -- ls

\b
Exit status: that of the command, which takes this process's place; before that:
  2    the command line is wrong
  3    the profile cannot be read, or not be enforced exactly
  126  the command cannot be executed
  127  there is no such command
"""
TAKES_COMMAND = True

CommandWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND [ARG]...", help="The command, and its arguments.", show_default=False),
]


def run(
    profile: Annotated[str, typer.Option("--profile", metavar="FILE", help=f"The profile to enforce: {READABLE}.")],
    command: CommandWords = None,
    lenient: Lenient = False,
    quiet: Quiet = False,
) -> None:
    """Run a command under a profile: exactly as the profile says, or not at all."""
    if not command:
        raise UsageError("run: no command: audit2seccomp run --profile FILE -- COMMAND")
    successor = Successor(find(command))
    loader = enforced(load(profile, lenient=lenient, quiet=quiet).sound())
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    successor.become_under(loader)
