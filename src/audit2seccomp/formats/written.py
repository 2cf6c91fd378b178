"""What writing a profile gives, and what some formats need for it."""

from __future__ import annotations

from audit2seccomp.named_tuple import NamedTuple


class Written(NamedTuple):
    """A profile in one format."""

    content: str | bytes
    """Text, but bytes for `bpf`."""
    losses: tuple[str, ...] = ()
    """What the format cannot hold and what it therefore does not say, a sentence each; such a loss never allows a
    call that the profile denies."""


class WriteOptions(NamedTuple):
    """What some formats need besides the profile."""

    name: str = "audit2seccomp"
    """What Kubernetes calls the objects: a DNS label."""
    architectures: tuple[str, ...] = ()
    """SCMP_ARCH_* names, for `bpf`, `pfc` and `minijail`: only these of the profile's; `minijail` takes one."""
    pod_annotations: bool = False
    """For `kubernetes`: name the profile as clusters before 1.19 read it."""
    image: str = "busybox:1.37"
    """For `kubernetes`: what installs the profile: an image with a shell, cp, mv, rm, cmp and sleep."""


NO_OPTIONS = WriteOptions()
