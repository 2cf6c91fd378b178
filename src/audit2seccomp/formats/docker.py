"""Docker's form of JSON, which containers/common (podman, CRI-O, buildah) reads too: OCI's with more (Go's
`seccomp.Seccomp` in docker/profiles/seccomp and in containers/common/pkg/seccomp)."""

from __future__ import annotations

from audit2seccomp.formats import json_profile
from audit2seccomp.formats.files import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Profile


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile with all that it says."""
    return Written(json_profile.write(profile))
