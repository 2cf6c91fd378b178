"""libseccomp's pseudo filter code: a filter for people to read."""

from __future__ import annotations

from audit2seccomp.formats.bpf import filter_of
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Profile

OPTIONS = ("architectures",)


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The filter that `bpf` writes, as text. Raises FilterError and FormatError."""
    made, losses = filter_of(profile, options, "pfc")
    return Written(made.pfc(), losses)
