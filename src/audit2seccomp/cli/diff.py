"""`audit2seccomp diff`: what two profiles do differently."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from typing import Annotated

import typer

from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.errors import ExitStatus, UsageError
from audit2seccomp.formats import READABLE
from audit2seccomp.profile.algebra.difference import difference

EPILOG = """\b
Examples:
  audit2seccomp diff old.json new.json
  audit2seccomp diff --json deployed.json generated.json
  audit2seccomp diff -q profile.json profile.json.new || echo differs

\b
Exit status:
  0  both profiles mean the same
  1  they do not, or some call could not be compared
  2  the command line is wrong
  3  a profile could not be read
"""


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=f"A profile: {READABLE}.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The one to compare it with.")],
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    lenient: Lenient = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing: the exit status tells.")] = False,
) -> None:
    """Tell what becomes of which calls under one profile, and not under another: what they mean, not how they are
    written."""
    if old == new == "-":
        raise UsageError("diff: standard input can be read once: name it once")
    target = Output(None)
    found = difference(*(load(path, lenient=lenient, quiet=quiet).sound() for path in (old, new)))
    if not quiet:
        from audit2seccomp.cli import difference_text

        text = difference_text.as_json(found) if json else "".join(f"{line}\n" for line in difference_text.lines(found))
        target.write(text)
    raise typer.Exit(ExitStatus.DONE if found.is_none else ExitStatus.INCOMPLETE)
