"""`audit2seccomp audit-profile`: the profile to record under, so that only what is new is logged."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import io
from typing import Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.messages import printable, say
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, read_bounded, read_saying
from audit2seccomp.errors import ProfileFileError, UsageError
from audit2seccomp.evidence.stored.recognising import Recogniser
from audit2seccomp.formats import MAX_BYTES, READABLE, WRITERS, known_form, write_profile
from audit2seccomp.formats.docker import is_dockers
from audit2seccomp.profile.audit_profile import RECORDING
from audit2seccomp.profile.audit_profile import audit_profile as audit_profile_of
from audit2seccomp.profile.building.bases import with_architectures
from audit2seccomp.profile.building.choices import oci_arch
from audit2seccomp.profile.model import Profile

EPILOG = """\b
Examples:
  audit2seccomp audit-profile -o audit.json                 # records all calls
  audit2seccomp audit-profile --arch x86 -o audit.json      # also those of 32-bit programs on x86_64
  audit2seccomp audit-profile profile.json -o audit.json    # records what profile.json lacks
  audit2seccomp audit-profile web.evidence.json -o audit.json

\b
The loop: run the program under audit.json, then extend the profile, until nothing new comes:
  audit2seccomp --journal --since -1h --update profile.json
  audit2seccomp audit-profile profile.json -o audit.json

\b
Exit status:
  0  done
  2  the command line is wrong
  3  the profile or the evidence could not be read, or says what the format cannot hold
"""


def audit_profile(
    known: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROFILE|EVIDENCE]",
            help=f"What is known to be needed: a profile, which is {READABLE}; or an evidence file.",
            show_default=False,
        ),
    ] = None,
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
    arch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARCH",
            help="Record programs of that architecture, too, which are killed else; may be repeated.",
            autocompletion=options.arches,
        ),
    ] = None,
    trust: options.TrustLevel = "anchored",
    lenient: Lenient = False,
    quiet: options.Quiet = False,
) -> None:
    """Write the profile to record under: all that is known to be needed stays allowed, the rest is logged."""
    if to is not None:
        known_form(to)
    target = Output(output)
    wanted = [oci_arch(name) for name in arch or ()]
    profile = RECORDING if known is None else _known(known, trust, lenient=lenient, quiet=quiet)
    made = audit_profile_of(with_architectures(profile, wanted))
    written = write_profile(made, to or ("docker" if is_dockers(made) else "oci"))
    if isinstance(written.content, bytes) and target.is_terminal:
        raise UsageError(f"--to {to}: is no text for a terminal: -o FILE names a file")
    for loss in () if quiet else written.losses:
        say(f"loss: {printable(loss)}")
    target.write(written.content)


def _known(path: str, trust: str, *, lenient: bool, quiet: bool) -> Profile:
    """The profile in a file, or that of the evidence in it."""
    name, data = read_bounded(path)
    recogniser = Recogniser()
    if not (recogniser.look(data) or recogniser.end()):
        return read_saying(data, name, lenient=lenient, quiet=quiet).sound()
    from audit2seccomp.evidence.reading import read
    from audit2seccomp.profile.build import build

    if path == "-" and len(data) > MAX_BYTES:
        raise ProfileFileError(f"<stdin>: more than {MAX_BYTES >> 20} MiB of evidence: name the file instead")
    return build(read(io.BytesIO(data) if path == "-" else path, trust=trust)).profile
