"""`audit2seccomp merge`: one profile of several."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import errno as errno_numbers
from typing import Annotated

import typer

from audit2seccomp.cli import words
from audit2seccomp.cli.messages import printable, say
from audit2seccomp.cli.options import Quiet
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.errors import UsageError
from audit2seccomp.formats import READABLE, WRITERS, known_form, write_profile
from audit2seccomp.formats.docker import is_dockers
from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.profile.algebra.combining import Operand
from audit2seccomp.profile.algebra.merging import merge as merge_profiles
from audit2seccomp.profile.algebra.merging import widening_text
from audit2seccomp.profile.algebra.partitions import Mode
from audit2seccomp.profile.model import Outcome, RuleAction, default_outcome

EPILOG = """\b
Examples:
  audit2seccomp merge web.json worker.json -o both.json
  audit2seccomp merge --intersect mine.json docker-default.json
  audit2seccomp merge --host-arch x86_64 docker-default.json mine.json
  audit2seccomp merge --default-action ERRNO --errno EPERM a.json b.json

\b
Exit status:
  0  done
  2  the command line is wrong
  3  a profile could not be read, or no profile says exactly what was asked for
"""


def merge(
    profiles: Annotated[list[str], typer.Argument(metavar="PROFILE...", help=f"Profiles: each {READABLE}.")],
    intersect: Annotated[
        bool, typer.Option("--intersect", help="Allow only what all profiles allow, instead of what any allows.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the profile there instead of to standard output."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORM",
            help="The format.  [default: oci; docker where only that holds the result]",
            autocompletion=lambda: list(WRITERS),
        ),
    ] = None,
    default_action: Annotated[
        str | None,
        typer.Option(
            metavar="ACTION",
            help="What becomes of calls that no profile names, where the profiles differ in it.",
            autocompletion=lambda: list(RuleAction),
        ),
    ] = None,
    errno: Annotated[
        str | None, typer.Option(metavar="NAME|N", help="What these calls fail with.  [default: as in the profiles]")
    ] = None,
    host_arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH",
            help="Take the architectures that profiles have on such a host, where that depends on it.",
            autocompletion=lambda: [abi.name for abi in oci_abis()],
        ),
    ] = None,
    widen: Annotated[
        bool,
        typer.Option("--widen", help="Allow on all architectures of the result what a profile allows on its own ones."),
    ] = False,
    lenient: Lenient = False,
    quiet: Quiet = False,
) -> None:
    """Unite profiles, or intersect them: exactly, or not at all."""
    if to is not None:
        known_form(to)
    if profiles.count("-") > 1:
        raise UsageError("merge: standard input can be read once: name it once")
    host = None if host_arch is None else words.host_arch(host_arch)
    action = None if default_action is None else words.action_named("--default-action", default_action)
    if errno is not None and (action is None or not action.takes_errno):
        raise UsageError("--errno: goes with --default-action SCMP_ACT_ERRNO or SCMP_ACT_TRACE")
    number = None if errno is None else words.errno_number(errno)
    target = Output(output)
    operands = [Operand(path, load(path, lenient=lenient, quiet=quiet).sound()) for path in profiles]
    merged = merge_profiles(
        operands,
        Mode.INTERSECTION if intersect else Mode.UNION,
        default=None if action is None else _default(action, number, operands),
        host=host,
        widen=widen,
    )
    form = to or ("docker" if is_dockers(merged.profile) else "oci")
    written = write_profile(merged.profile, form)
    if not quiet:
        for line in merged.notes:
            say(printable(line))
        for widening in merged.widened:
            say(f"widened {widening_text(widening, len(widening.names))}")
        for loss in written.losses:
            say(f"loss: {printable(loss)}")
    target.write(written.content)


def _default(action: RuleAction, number: int | None, operands: list[Operand]) -> Outcome:
    """The default outcome that was asked for; its number is that of the first profile with that action, if any."""
    if not action.takes_errno:
        return Outcome(RuleAction.KILL_THREAD if action is RuleAction.KILL else action)
    if number is None:
        own = (default_outcome(operand.profile) for operand in operands)
        number = next((outcome.errno for outcome in own if outcome.action is action), errno_numbers.ENOSYS)
    return Outcome(action, number)
