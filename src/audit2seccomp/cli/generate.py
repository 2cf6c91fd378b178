"""`audit2seccomp generate`, the default command: logs in, a profile out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from typing import Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli import shape as shapes
from audit2seccomp.cli.generation import make_profile
from audit2seccomp.cli.profile_options import IncludeDenied, Shaping

EPILOG = """\b
Examples:
  audit2seccomp --journal -o profile.json
  audit2seccomp /var/log/kern.log* -o profile.json
  audit2seccomp --trust authenticated /var/log/audit/audit.log
  dmesg | audit2seccomp --errno EPERM --arch x86 --arch x32
  audit2seccomp --follow /var/log/kern.log -o profile.json
  audit2seccomp --journal --boot --per comm -d profiles
  audit2seccomp --runtime runc --portable --never ptrace,mount kern.log -o profile.json
  audit2seccomp --update profile.json --explain-names kern.log

\b
Other commands:
  audit2seccomp explain [LOGS]...     what logs show of each call, or what a line says
  audit2seccomp collect [LOGS]...     keep what logs show, for later
  audit2seccomp audit-profile [FILE]  the profile to record under
  audit2seccomp check PROFILE [LOGS]  which recorded calls it would deny
  audit2seccomp decide PROFILE CALL   what becomes of one call, and by which rule
  audit2seccomp merge, diff           what profiles say together, or differently
  audit2seccomp lint PROFILE...       what is wrong with a profile, and where
  audit2seccomp convert PROFILE       write it in another format
  audit2seccomp record -- COMMAND     run a command, and write the profile of what it called
  audit2seccomp run -- COMMAND        run a command under a profile
  audit2seccomp syscall NAME|NUMBER   look a system call up in the tables
  audit2seccomp --version             this version, that of the tables, and which scan runs
  audit2seccomp --install-completion  complete options in this shell

\b
Exit status:
  0    done
  1    --strict, and the result is incomplete: nothing is written
  2    the command line is wrong
  3    an input could not be read, the output not written, no call was found to allow, or one that --never names
  70   a bug in audit2seccomp
  130  ended by Ctrl-C (143: by SIGTERM); from a stream, the profile of what was read is written
  141  the reader of standard output went away
"""


def generate(
    logs: options.Logs = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the profile there instead of to standard output."),
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option("-d", "--directory", metavar="DIR", help="Write a profile for each log there, or as --per says."),
    ] = None,
    per: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="With -d: a profile for each comm, exe, unit, container, host, subj or file.",
            autocompletion=lambda: ["comm", "exe", "unit", "container", "host", "subj", "file"],
        ),
    ] = None,
    *,
    selection: options.Selection,
    inputs: options.Inputs,
    include_denied: IncludeDenied = False,
    shaping: Shaping,
    follow: options.Follow = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="List each distinct call when it is first seen.")
    ] = False,
) -> None:
    """Read kernel logs and write a profile that allows the system calls recorded in them."""
    choices = options.choices(selection, inputs, quiet=quiet)
    shape = shapes.shape(shaping, include_denied=include_denied, quiet=quiet)
    raise typer.Exit(
        make_profile(logs, choices, shape, output, directory, per, follow=follow, strict=strict, verbose=verbose)
    )
