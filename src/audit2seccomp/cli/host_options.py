"""The options that say on which host a profile in Docker's form is looked at."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import re
from typing import Annotated

import typer

from audit2seccomp.cli.options import arches
from audit2seccomp.cli.words import host_arch as host_arch_named
from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.kernel.capabilities import CAPABILITIES, capability_named
from audit2seccomp.profile.resolve import Host, Version

_KERNEL = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})([.+-].*)?")
_NO_CAPS = "none"

HostArch = Annotated[
    str | None,
    typer.Option(metavar="ARCH", help="Resolve archMap, includes and excludes for it.", autocompletion=arches),
]
HostKernel = Annotated[str | None, typer.Option(metavar="X.Y", help="Resolve minKernel for it.")]
Cap = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CAP_X|none",
        help="Resolve includes.caps and excludes.caps for a container with it; may be repeated.",
        autocompletion=lambda: [*CAPABILITIES, _NO_CAPS],
    ),
]


def host_of(arch: str | None, kernel: str | None, caps: list[str] | None) -> Host:
    """What the options say of the host; raises UsageError."""
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
