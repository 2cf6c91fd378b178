"""Which names of system calls each release of libseccomp knows.

Its tables (src/syscalls.csv) follow the kernel's, and its CHANGELOG says up to which one: a release knows the names
that a kernel of that version had, on the architectures that the release knows. The tests hold the row of Debian 12
against the library itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple

Version = tuple[int, ...]
NEWEST_OF_LINE = 1 << 30
"""Stands behind a version that is cut short: `1.1` means the newest 1.1."""


class Release(NamedTuple):
    """A release of libseccomp."""

    text: str
    version: Version
    kernel: Version
    """Its tables have the calls up to this kernel."""
    lacks: frozenset[str] = frozenset()
    """Names that it does not know all the same."""


def _release(text: str, kernel: Version, lacks: frozenset[str] = frozenset()) -> Release:
    version = parse_version(text)
    assert version is not None
    return Release(text, version, kernel, lacks)


def parse_version(text: str) -> Version | None:
    """`1.1.5` of `v1.1.5+ds1`, for comparing; None for what is no version. One that is cut short is the newest of its
    line."""
    match = re.match(r"v?([0-9]{1,6}(?:\.[0-9]{1,6}){0,3})(?![0-9])", text)
    if match is None:
        return None
    numbers = tuple(int(number) for number in match[1].split("."))
    return numbers if len(numbers) > 2 else (*numbers, NEWEST_OF_LINE)


def version_text(version: Version) -> str:
    """The version as it is written."""
    return ".".join(str(number) for number in version if number != NEWEST_OF_LINE)


RELEASES = (
    _release("2.2.0", (3, 19)),
    _release("2.3.0", (4, 5)),
    _release("2.3.2", (4, 10)),
    _release("2.3.3", (4, 15)),
    _release("2.4.0", (5, 0)),
    _release("2.4.2", (5, 4)),
    _release("2.5.0", (5, 8)),
    _release("2.5.2", (5, 14)),
    _release("2.5.3", (5, 15)),
    _release("2.5.4", (5, 17)),
    _release("2.5.5", (6, 7)),
    _release("2.5.6", (6, 13)),
    _release("2.6.0", (6, 13)),
    _release("2.6.1", (7, 1)),
)
"""From its CHANGELOG ("Update the syscall table for Linux v…"); those between have the tables of the one before."""

DISTRIBUTED = (
    # debian/changelog: "Add support for syscalls up to Linux 6.7"; the patch has no riscv_hwprobe (measured).
    _release("2.5.4-1+deb12u1", (6, 7), frozenset({"riscv_hwprobe"})),
)
"""Packages whose tables were brought up to date by the distribution."""

ARCHITECTURES = {
    "SCMP_ARCH_AARCH64": (2, 2, 0),
    "SCMP_ARCH_MIPS": (2, 2, 0),
    "SCMP_ARCH_PPC": (2, 3, 0),
    "SCMP_ARCH_PPC64": (2, 3, 0),
    "SCMP_ARCH_PPC64LE": (2, 3, 0),
    "SCMP_ARCH_S390": (2, 3, 0),
    "SCMP_ARCH_S390X": (2, 3, 0),
    "SCMP_ARCH_PARISC": (2, 4, 0),
    "SCMP_ARCH_PARISC64": (2, 4, 0),
    "SCMP_ARCH_RISCV64": (2, 5, 0),
    "SCMP_ARCH_LOONGARCH64": (2, 6, 0),
    "SCMP_ARCH_M68K": (2, 6, 0),
    "SCMP_ARCH_SH": (2, 6, 0),
    "SCMP_ARCH_SHEB": (2, 6, 0),
}
"""The first release with an architecture (CHANGELOG); all others are older than RELEASES."""


def release_of(text: str) -> Release | None:
    """The release that a version, or a distribution's version, names. None if it is none, or too old to be known."""
    for release in DISTRIBUTED:
        if release.text == text:
            return release
    version = parse_version(text)
    if version is None:
        return None
    before = [release for release in RELEASES if release.version <= version]
    return before[-1]._replace(text=text, version=version) if before else None


def knows(release: Release, name: str) -> bool:
    """Whether a release of libseccomp knows the name of a call, on whatever architecture."""
    return name not in release.lacks and any(kernel <= release.kernel for kernel in _first_kernels(name, release))


def _first_kernels(name: str, release: Release) -> Iterator[Version]:
    """The first kernel with a call of that name, for each architecture that a release has; () where nobody knows,
    which are old calls. One by one: most names are known by the first table, and the others need not be read then."""
    for abi in oci_abis():
        table = table_of(abi)
        number = table.number_of(name)
        if number is not None and ARCHITECTURES.get(abi.scmp_name or "", ()) <= release.version:
            since = table.since(number)
            yield () if since is None else _kernel(since)


@cache
def _kernel(since: str) -> Version:
    return tuple(int(part) for part in since.removeprefix("<=").split("."))
