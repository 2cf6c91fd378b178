"""The OCI runtime specification's JSON, which runc, crun, containerd, CRI-O, Docker, podman and Kubernetes all load."""

from __future__ import annotations

import re

from audit2seccomp.errors import FormatError
from audit2seccomp.formats import json_places, json_profile
from audit2seccomp.formats.fields import Reading
from audit2seccomp.formats.files import NO_OPTIONS, ProfileFile, WriteOptions, Written
from audit2seccomp.profile.model import Clause, Profile, Rule, errno_named

_BEGINS = re.compile(r"\s*[{\[]")


def recognises(text: str) -> bool:
    """Whether a text is JSON. What Docker adds to the OCI form is read here, too."""
    return _BEGINS.match(text) is not None


def read(name: str, text: str, *, lenient: bool = False) -> ProfileFile:
    """The profile in a JSON text, in the OCI form, Docker's or containers/common's. Raises ProfileFileError for what is
    no JSON."""
    document = json_places.decode(name, text)
    reading = Reading([], lenient)
    profile = json_profile.read(document, reading)
    form = "docker" if profile is not None and json_profile.is_dockers(profile) else "oci"
    return ProfileFile(
        name, text, form, profile, tuple(reading.problems), lambda paths, keys: json_places.find(text, paths, keys=keys)
    )


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile in the OCI form. Comments are lost; raises FormatError for what only Docker resolves."""
    if profile.arch_map:
        raise FormatError("oci: archMap depends on the host: --host-arch says which one, or the format docker keeps it")
    lost = sum(rule.comment is not None for rule in profile.rules)
    plain = profile._replace(
        default_errno=_number(profile.default_errno, profile.default_errno_name),
        default_errno_name=None,
        rules=tuple(_plain(rule, index) for index, rule in enumerate(profile.rules)),
    )
    return Written(
        json_profile.write(plain),
        (f"oci: {lost} {'comment is' if lost == 1 else 'comments are'} left out",) if lost else (),
    )


def _plain(rule: Rule, index: int) -> Rule:
    """The rule as the OCI form says it; its errno is a number there."""
    if rule.includes != Clause() or rule.excludes != Clause():
        raise FormatError(
            f"oci: rule {index} ({rule.names[0]}…) has includes or excludes, which depend on the host: --host-arch, "
            "--host-kernel and --cap say what it is, or the format docker keeps them"
        )
    return rule._replace(
        errno=_number(rule.errno, rule.errno_name),
        errno_name=None,
        comment=None,
        single=False,
    )


def _number(number: int | None, name: str | None) -> int | None:
    if number is not None or name is None:
        return number
    found = errno_named(name)
    if found is None:
        raise FormatError(f"oci: no errno {name!r}")
    return found
