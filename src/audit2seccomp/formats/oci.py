"""The OCI runtime specification's JSON, which runc, crun, containerd, CRI-O, Docker, podman and Kubernetes all load."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit2seccomp.formats.docker import is_dockers
from audit2seccomp.formats.writing import json_document
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Profile

if TYPE_CHECKING:
    from audit2seccomp.formats.files import ProfileFile

_BEGINS = r"\s*(?:\{|\[\s*[\[\]{\"])"  # a log line may begin with a bracket, too


def recognises(text: str) -> bool:
    """Whether a text is JSON. What Docker adds to the OCI form is read here, too."""
    return re.match(_BEGINS, text) is not None


def read(name: str, text: str, *, lenient: bool = False) -> ProfileFile:
    """The profile in a JSON text, in the OCI form, Docker's or containers/common's. Raises ProfileFileError for what is
    no JSON."""
    from audit2seccomp.formats.files import ProfileFile
    from audit2seccomp.formats.reading import json_places, json_profile
    from audit2seccomp.formats.reading.fields import Reading

    document = json_places.decode(name, text)
    reading = Reading([], lenient)
    profile = json_profile.read(document, reading)
    form = "docker" if profile is not None and is_dockers(profile) else "oci"
    return ProfileFile(
        name, text, form, profile, tuple(reading.problems), lambda paths, keys: json_places.find(text, paths, keys=keys)
    )


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile in the OCI form. Comments are lost; raises FormatError for what only Docker resolves."""
    made, losses = plain("oci", profile)
    return Written(json_document.write(made), losses)
