"""`audit2seccomp convert`: a profile in one format in, in another one out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import re
from typing import Annotated

import typer

from audit2seccomp.cli.messages import complain, printable, say
from audit2seccomp.cli.options import arches
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.cli.words import host_arch as host_arch_named
from audit2seccomp.errors import ExitStatus, UsageError, did_you_mean
from audit2seccomp.formats import WRITERS, options_of, write_profile
from audit2seccomp.formats.files import NO_OPTIONS, WriteOptions
from audit2seccomp.formats.writing.plain import resolved
from audit2seccomp.kernel.capabilities import CAPABILITIES, capability_named
from audit2seccomp.profile.building.choices import oci_arch
from audit2seccomp.profile.resolve import NOTHING_KNOWN, Host, Version

EPILOG = """\b
Examples:
  audit2seccomp convert profile.json --to kubernetes --name web | kubectl apply -f -
  audit2seccomp convert profile.json --to spo --name web -o web.yaml
  kubectl get seccompprofile web -o yaml | audit2seccomp convert - --to oci
  audit2seccomp convert profile.json --to systemd -o /etc/systemd/system/web.service.d/10-calls.conf
  audit2seccomp convert docker.json --to oci --host-arch amd64 --host-kernel 6.12 --cap none

\b
Exit status:
  0   done; what the format cannot say is told as `loss:`
  1   --strict, and something is lost: nothing is written
  2   the command line is wrong
  3   the profile cannot be read, or says what the format cannot hold
"""

_KERNEL = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})([.+-].*)?")
_NO_CAPS = "none"
_OPTIONS = {
    "name": "--name",
    "architectures": "--arch",
    "pod_annotations": "--pod-annotations",
    "image": "--image",
}
"""How the fields of WriteOptions are said."""


def convert(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="A profile file, or - for standard input.")],
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
    host_arch: Annotated[
        str | None,
        typer.Option(metavar="ARCH", help="Resolve archMap, includes and excludes for it.", autocompletion=arches),
    ] = None,
    host_kernel: Annotated[str | None, typer.Option(metavar="X.Y", help="Resolve minKernel for it.")] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CAP_X|none",
            help="Resolve includes.caps and excludes.caps for a container with it; may be repeated.",
            autocompletion=lambda: [*CAPABILITIES, _NO_CAPS],
        ),
    ] = None,
) -> None:
    """Write a profile in another format; read are the OCI form, Docker's, the Security Profiles Operator's, units of
    systemd, and plain lists of calls."""
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
    host = _host(host_arch, host_kernel, cap)
    target = Output(output)
    file = load(profile, lenient=lenient)
    made = file.sound()
    if host != NOTHING_KNOWN:
        made = resolved(to, made, host)
    called = file.object_name if name is None else name
    written = write_profile(made, to, options if called is None else options._replace(name=called))
    for loss in written.losses:
        say(f"loss: {printable(loss)}")
    if strict and (file.remarks or written.losses):
        complain("something is lost, and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    if isinstance(written.content, bytes) and target.is_terminal:
        raise UsageError(f"--to {to}: is no text for a terminal: -o FILE names a file")
    target.write(written.content)


def _host(arch: str | None, kernel: str | None, caps: list[str] | None) -> Host:
    return Host(
        None if arch is None else host_arch_named(arch),
        None if kernel is None else _version(kernel),
        frozenset(_capabilities(caps)) if caps else None,
    )


def _version(text: str) -> Version:
    match = _KERNEL.fullmatch(text)
    if match is None:
        raise UsageError(f"--host-kernel: no version '{text}': such as 6.12, or what uname -r prints")
    return int(match[1]), int(match[2])


def _capabilities(texts: list[str]) -> list[str]:
    if _NO_CAPS in texts:
        if len(texts) > 1:
            raise UsageError("--cap none: and others: one of them, please")
        return []
    found = []
    for text in texts:
        name = capability_named(text)
        if name is None:
            raise UsageError(f"--cap: no capability '{text}'{did_you_mean(text.upper(), CAPABILITIES)}")
        found.append(name)
    return found
