"""What profiles are meant for: runtimes, engines and interfaces, and what each of them does not take, or did not before
some version.

A *feature* is a word of the profile: a key (`archMap`), an action, a flag or an architecture. Sources, beside those
named at the tables: runc, libcontainer/specconv and libcontainer/seccomp, CHANGELOG.md; crun, src/libcrun/seccomp.c;
docker/profiles/seccomp; containers/common/pkg/seccomp; containerd/contrib/seccomp, which decodes the OCI type itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.lint.libseccomp_tables import (
    ARCHITECTURES,
    RELEASES,
    Release,
    Version,
    parse_version,
    release_of,
    version_text,
)
from audit2seccomp.profile.lint.registry import Level


class Lack(NamedTuple):
    """A feature that a platform does not have."""

    effect: str
    """What comes of it."""
    is_refused: bool = False
    """Whether the platform takes no profile with it; else it ignores it."""
    level: Level = Level.ERROR
    since: Version | None = None
    """The first version that has it; None: no version."""


class Platform(NamedTuple):
    """Something that takes profiles, in all its versions."""

    name: str
    lacks: Mapping[str, Lack]
    runtimes: tuple[str, ...] = ()
    """Who loads the filter then: `runc`, `crun` or either; none where there is no runtime."""
    of_versions: bool | None = True
    """Whether it is known which version has what; None: it has no versions."""
    newest: Version | None = None
    """The newest one that is known; None where later ones are not told apart."""


class Offers(NamedTuple):
    """What `runc features` or `crun features` lists (OCI runtime specification, features-linux.md, "seccomp"); None
    where it says nothing."""

    actions: frozenset[str] | None
    operators: frozenset[str] | None
    architectures: frozenset[str] | None
    flags: frozenset[str] | None

    def includes(self, feature: str) -> bool:
        """Whether a feature is listed; true for what is neither action, operator, architecture nor flag, and where
        none of that kind is listed."""
        lists = {
            "SCMP_ACT_": self.actions,
            "SCMP_CMP_": self.operators,
            "SCMP_ARCH_": self.architectures,
            "SECCOMP_FILTER_FLAG_": self.flags,
        }
        offered = next((names for prefix, names in lists.items() if feature.startswith(prefix)), None)
        return offered is None or feature in offered


class Target(NamedTuple):
    """A platform in one version; without a version the newest."""

    platform: Platform
    version: Version | None = None
    libseccomp: Release | None = None
    offers: Offers | None = None
    enabled: bool = True
    """Whether it has seccomp at all."""

    @property
    def label(self) -> str:
        """How messages call it: `runc 1.1`."""
        if self.platform is LIBSECCOMP and self.libseccomp is not None:
            return f"libseccomp {self.libseccomp.text}"
        return self.platform.name + (f" {version_text(self.version)}" if self.version is not None else "")

    def lack(self, feature: str) -> Lack | None:
        """What happens to a feature that the target does not have; None if it has it."""
        lack = self.platform.lacks.get(feature)
        if lack is not None and _lacking(lack.since, self.version):
            return lack
        if self.offers is not None and not self.offers.includes(feature):
            return _refused(effect="it is not among its features")
        first = ARCHITECTURES.get(feature)
        if first is not None and self.libseccomp is not None and self.libseccomp.version < first:
            return _refused(effect=f"its libseccomp {self.libseccomp.text} is too old: {version_text(first)} knows it")
        return None


def _lacking(since: Version | None, version: Version | None) -> bool:
    return since is None or (version is not None and version < since)


def _ignored(effect: str, level: Level = Level.WARNING, since: Version | None = None) -> Lack:
    return Lack(effect, level=level, since=since)


def _refused(since: Version | None = None, effect: str = "remove it, or choose another target") -> Lack:
    return Lack(effect, is_refused=True, since=since)


_UNCONDITIONAL = _ignored("the rule is there on every host and in every container", Level.ERROR)
_DOCKERS = {
    "archMap": _ignored("the filter has the host's own architecture alone and kills programs of any other"),
    "includes": _UNCONDITIONAL,
    "excludes": _UNCONDITIONAL,
    "comment": _ignored("nothing is lost but the comment", Level.NOTE),
    "name": _ignored("the rule has no call: write names", Level.ERROR),
    "errno": _ignored("the call fails with EPERM: write errnoRet"),
    "defaultErrno": _ignored("calls fail with EPERM: write defaultErrnoRet"),
}
"""What Docker and containers/common add; whoever decodes the OCI type does not see it."""

_OCI_FORM_ONLY = dict.fromkeys(_DOCKERS, _refused())


def _all(lack: Lack, *features: str) -> dict[str, Lack]:
    return dict.fromkeys(features, lack)


_KILLS = ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD")
_LISTENER = ("SCMP_ACT_NOTIFY", "listenerPath", "listenerMetadata")
_FLAGS = ("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
_WAIT_KILLABLE = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
_NEWER = ("SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB")
_RARE = ("SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", *_NEWER)
_EPERM_INSTEAD = "calls fail with EPERM"


RUNC = Platform(
    "runc",
    {
        **_DOCKERS,
        **_all(_refused((1, 0, 0)), "SCMP_ACT_LOG"),
        **_all(_refused((1, 1, 3)), *_KILLS),
        **_all(_refused((1, 1, 0)), "SCMP_ACT_NOTIFY"),
        **_all(_ignored("there is no listener", since=(1, 1, 0)), "listenerPath", "listenerMetadata"),
        **_all(_ignored(_EPERM_INSTEAD, since=(1, 0, 0)), "errnoRet", "defaultErrnoRet"),
        **_all(_refused((1, 2, 0)), *_FLAGS),
        **_all(_refused((1, 5, 0)), _WAIT_KILLABLE),
        **_all(_refused((1, 1, 8)), "SCMP_ARCH_RISCV64"),
        **_all(_refused((1, 4, 1)), "SCMP_ARCH_LOONGARCH64"),
        **_all(_refused(), *_RARE),
    },
    ("runc",),
    newest=(1, 5, 0),
)
CRUN = Platform(
    "crun",
    {
        **_DOCKERS,
        **_all(_refused(), "name"),
        **_all(_refused((0, 15)), "SCMP_ACT_LOG", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_NOTIFY"),
        **_all(_refused((0, 14)), "SCMP_ACT_KILL_PROCESS"),
        **_all(_ignored("there is no listener", since=(0, 15)), "listenerPath", "listenerMetadata"),
        **_all(_ignored(_EPERM_INSTEAD, since=(0, 14)), "errnoRet"),
        **_all(_ignored(_EPERM_INSTEAD, since=(0, 19)), "defaultErrnoRet"),
        **_all(_refused((0, 9)), "SECCOMP_FILTER_FLAG_LOG"),
        **_all(_refused((1, 6)), _WAIT_KILLABLE),
    },
    ("crun",),
    newest=(1, 28),
)
DOCKER = Platform(
    "docker",
    {
        **_all(_refused((18, 0)), "SCMP_ACT_LOG"),
        **_all(_refused((20, 10)), *_KILLS),
        **_all(_refused((23, 0)), "SCMP_ACT_NOTIFY"),
        **_all(_ignored("there is no listener", since=(23, 0)), "listenerPath", "listenerMetadata"),
        **_all(_ignored(_EPERM_INSTEAD, since=(20, 10, 10)), "errnoRet"),
        **_all(_ignored(_EPERM_INSTEAD, since=(23, 0)), "defaultErrnoRet"),
        **_all(_ignored("the filter has no flags", since=(23, 0)), *_FLAGS),
        **_all(_refused(), _WAIT_KILLABLE, *_RARE),
        "errno": _DOCKERS["errno"],
        "defaultErrno": _DOCKERS["defaultErrno"],
    },
    ("runc",),
)
_COMMON = {
    "minKernel": _ignored("the rule is there whatever the kernel"),
    **_all(_refused(), _WAIT_KILLABLE, "SCMP_ARCH_LOONGARCH64", *_RARE),
}
PODMAN = Platform(
    "podman",
    {
        # containers/common has errnoRet since 0.21, defaultErrnoRet since 0.40, flags since 0.48 and listenerPath
        # since 0.49; podman 3.0 has 0.31, 3.3 0.42, 4.1 0.48 (RELEASE_NOTES.md), and 4.3 0.50 (Debian 12).
        **_COMMON,
        **_all(_refused((4, 2)), "SCMP_ACT_NOTIFY"),
        **_all(_ignored("there is no listener", since=(4, 2)), "listenerPath", "listenerMetadata"),
        **_all(_ignored(_EPERM_INSTEAD, since=(3, 0)), "errnoRet"),
        **_all(_ignored(_EPERM_INSTEAD, since=(3, 3)), "defaultErrnoRet"),
        **_all(_ignored("the filter has no flags", since=(4, 1)), *_FLAGS),
    },
    ("crun", "runc"),
)
CRI_O = Platform("cri-o", _COMMON, ("crun", "runc"), of_versions=False)
CONTAINERD = Platform("containerd", {**_DOCKERS, **_all(_refused(), *_RARE)}, ("runc",))
SPO = Platform(
    # The Security Profiles Operator's SeccompProfile, security-profiles-operator.x-k8s.io/v1beta1. (LOONGARCH64, M68K
    # and SuperH are not in the enumeration of `architectures`.)
    "spo",
    {**_OCI_FORM_ONLY, **_all(_refused(), "defaultErrnoRet", "SCMP_ARCH_LOONGARCH64", *_NEWER)},
    ("runc", "crun"),
    of_versions=None,
)
KEP_6061 = Platform(
    # Kubernetes enhancement proposal 6061: profiles as OCI artifacts, alpha in 1.38.
    "kep-6061",
    {**_OCI_FORM_ONLY, **_all(_refused(), *_LISTENER, _WAIT_KILLABLE)},
    ("runc", "crun"),
    of_versions=None,
)
LIBSECCOMP = Platform(
    # CHANGELOG; the flags are the filter attributes CTL_LOG, CTL_SSB and CTL_WAITKILL.
    "libseccomp",
    {
        **_all(_refused((2, 4, 0)), "SCMP_ACT_LOG", "SCMP_ACT_KILL_PROCESS", "SECCOMP_FILTER_FLAG_LOG"),
        **_all(_refused((2, 5, 0)), "SCMP_ACT_NOTIFY", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
        **_all(_refused((2, 6, 0)), _WAIT_KILLABLE),
    },
    newest=RELEASES[-1].version,
)
PLATFORMS = {
    platform.name: platform for platform in (RUNC, CRUN, DOCKER, PODMAN, CONTAINERD, CRI_O, SPO, KEP_6061, LIBSECCOMP)
}

MAX_ARTIFACT_BYTES = 1 << 20
"""KEP-6061: how large the layer with the profile may be."""
SPO_LISTENER_PREFIX = "/var/run/security-profiles-operator/"
"""What the pattern of SeccompProfile's `listenerPath` starts with."""
SPO_MAX_VALUE = (1 << 63) - 1
"""`value` and `valueTwo` are int64 in SeccompProfile."""


def parse_target(text: str) -> Target:
    """The target in `runc:1.1` or `spo`. Raises UsageError."""
    name, colon, version = text.strip().lower().partition(":")
    platform = PLATFORMS.get(name)
    if platform is None:
        hint = did_you_mean(name, PLATFORMS) or f": one of {', '.join(PLATFORMS)}"
        raise UsageError(f"--target: no target '{text}'{hint}")
    if platform is LIBSECCOMP:
        release = release_of(version) if colon else RELEASES[-1]
        if release is None:
            raise UsageError(f"--target: '{text}': a release of libseccomp from {RELEASES[0].text} on is expected")
        return Target(platform, release.version, release)
    if not colon:
        return Target(platform)
    parsed = parse_version(version)
    if parsed is None:
        raise UsageError(f"--target: '{text}': a version such as {name}:1.2 is expected")
    if platform.of_versions is None:
        raise UsageError(f"--target: '{text}': {name} has no versions: write {name}")
    return Target(platform, parsed)
