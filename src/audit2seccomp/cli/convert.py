"""`audit2seccomp convert`: a profile in one format in, in another one out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from typing import Annotated

import typer

from audit2seccomp.cli.host_options import Cap, HostArch, HostKernel, host_of
from audit2seccomp.cli.messages import complain, printable, say
from audit2seccomp.cli.options import Quiet, arches
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.errors import ExitStatus, UsageError
from audit2seccomp.formats import READABLE, WRITERS, options_of, write_profile
from audit2seccomp.formats.writing.plain import resolved
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions
from audit2seccomp.profile.building.choices import oci_arch
from audit2seccomp.profile.resolve import NOTHING_KNOWN

EPILOG = """\b
Examples:
  audit2seccomp convert profile.json --to kubernetes --name web | kubectl apply -f -
  audit2seccomp convert profile.json --to spo --name web -o web.yaml
  kubectl get seccompprofile web -o yaml | audit2seccomp convert - --to oci
  audit2seccomp convert profile.json --to systemd -o /etc/systemd/system/web.service.d/10-calls.conf
  audit2seccomp convert docker.json --to oci --host-arch amd64 --host-kernel 6.12 --cap none

\b
Exit status:
  0   done; what the format cannot say is told as `loss:`, but for -q
  1   --strict, and something is lost: nothing is written
  2   the command line is wrong
  3   the profile cannot be read, or says what the format cannot hold
"""

_OPTIONS = {
    "name": "--name",
    "architectures": "--arch",
    "pod_annotations": "--pod-annotations",
    "image": "--image",
}
"""How the fields of WriteOptions are said."""


def convert(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help=f"{READABLE}; - for standard input.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="FORM", help=f"The format to write: {', '.join(WRITERS)}.", autocompletion=lambda: list(WRITERS)
        ),
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
    ] = None,
    lenient: Lenient = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail, and write nothing, if something is lost.")] = False,
    quiet: Quiet = False,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What the objects are called.  [default: as in PROFILE, or audit2seccomp]"),
    ] = None,
    arch: Annotated[
        list[str] | None,
        typer.Option(metavar="ARCH", help="Write only for that architecture; may be repeated.", autocompletion=arches),
    ] = None,
    pod_annotations: Annotated[
        bool, typer.Option("--pod-annotations", help="Name the profile as Kubernetes before 1.19 reads it.")
    ] = False,
    image: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help=f"What installs the profile on nodes.  [default: {NO_OPTIONS.image}]"),
    ] = None,
    host_arch: HostArch = None,
    host_kernel: HostKernel = None,
    cap: Cap = None,
) -> None:
    """Write a profile in another format."""
    taken = options_of(to)
    given = {"name": name, "architectures": arch, "pod_annotations": pod_annotations, "image": image}
    for field, value in given.items():
        if value not in (None, False, []) and field not in taken:
            raise UsageError(f"{_OPTIONS[field]}: says nothing about --to {to}")
    options = WriteOptions(
        architectures=tuple(dict.fromkeys(oci_arch(one) for one in arch or ())),
        pod_annotations=pod_annotations,
        image=NO_OPTIONS.image if image is None else image,
    )
    host = host_of(host_arch, host_kernel, cap)
    target = Output(output)
    file = load(profile, lenient=lenient, quiet=quiet)
    made = file.sound()
    if host != NOTHING_KNOWN:
        made = resolved(to, made, host)
    called = file.object_name if name is None else name
    written = write_profile(made, to, options if called is None else options._replace(name=called))
    for loss in () if quiet else written.losses:
        say(f"loss: {printable(loss)}")
    if strict and (file.remarks or written.losses):
        complain("something is lost, and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    if isinstance(written.content, bytes) and target.is_terminal:
        raise UsageError(f"--to {to}: is no text for a terminal: -o FILE names a file")
    target.write(written.content)
