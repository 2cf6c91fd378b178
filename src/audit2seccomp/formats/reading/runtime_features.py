"""What `runc features` and `crun features` print (OCI runtime specification, features.md and features-linux.md), as a
target of lint."""

from __future__ import annotations

from audit2seccomp.errors import ProfileFileError
from audit2seccomp.formats import MAX_BYTES
from audit2seccomp.formats.reading import json_places
from audit2seccomp.formats.reading.fields import Fields, Reading
from audit2seccomp.formats.reading.places import file_error, nearest, pointer, with_parents
from audit2seccomp.profile.lint.libseccomp_tables import parse_version, release_of
from audit2seccomp.profile.lint.targets import CRUN, RUNC, Offers, Platform, Target

_LIBSECCOMP = "io.github.seccomp.libseccomp.version"
_VERSIONS = ((RUNC, "org.opencontainers.runc.version"), (CRUN, "run.oci.crun.version"))
"""The annotations of features.md that tell versions. crun has those of runc's that are about capabilities, too."""


def read(name: str, data: bytes) -> Target:
    """The target. Raises ProfileFileError with the place of what is wrong."""
    if len(data) > MAX_BYTES:
        raise ProfileFileError(f"{name}: more than {MAX_BYTES >> 20} MiB: no runtime has so many features")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProfileFileError(f"{name}: no text: byte {error.start:,} is not UTF-8") from None
    reading = Reading([], lenient=True)
    document = Fields(json_places.decode(name, text), (), reading)
    linux = document.nested("linux")
    seccomp = None if linux is None else linux.nested("seccomp")
    if seccomp is None and not reading.problems:
        document.problem(None, "no linux.seccomp in it: the output of `runc features` or `crun features` is expected")
    target = _target(document.nested("annotations"), seccomp)
    if reading.problems:
        problem = reading.problems[0]
        found = json_places.find(text, with_parents([problem.path]))
        where = pointer(problem.path)
        what = f"{where}{': ' if where else ''}{problem.text}"
        raise file_error(name, text, nearest(found, problem.path).start, what)
    return target


def _target(annotations: Fields | None, seccomp: Fields | None) -> Target:
    platform = Platform("the runtime", {})
    version = None
    for candidate, key in _VERSIONS:
        told = None if annotations is None else annotations.text(key)
        if told is not None:
            platform, version = candidate, parse_version(told)
    told = None if annotations is None else annotations.text(_LIBSECCOMP)
    release = None if told is None else release_of(told)
    if seccomp is None:
        return Target(platform, version, release)
    enabled = seccomp.take("enabled")
    # `archs` are SCMP_ARCH_* names. `supportedFlags` are those that the kernel has, too.
    flags = _names(seccomp, "supportedFlags") or _names(seccomp, "knownFlags")
    offers = Offers(_names(seccomp, "actions"), _names(seccomp, "operators"), _names(seccomp, "archs"), flags)
    return Target(platform, version, release, offers, enabled=enabled is not False)


def _names(fields: Fields, key: str) -> frozenset[str] | None:
    return frozenset(fields.texts(key)) or None
