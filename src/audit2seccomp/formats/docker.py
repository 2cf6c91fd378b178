"""Docker's form of JSON, which containers/common (podman, CRI-O, buildah) reads too: OCI's with more (Go's
`seccomp.Seccomp` in docker/profiles/seccomp and in containers/common/pkg/seccomp)."""

from __future__ import annotations

from audit2seccomp.formats.writing import json_document
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Clause, Profile


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile with all that it says."""
    return Written(json_document.write(profile))


def is_dockers(profile: Profile) -> bool:
    """Whether the profile says anything that only Docker's and containers/common's form can."""
    return bool(
        profile.arch_map
        or profile.default_errno_name is not None
        or any(
            rule.single
            or rule.errno_name is not None
            or rule.comment is not None
            or rule.includes != Clause()
            or rule.excludes != Clause()
            for rule in profile.rules
        )
    )
