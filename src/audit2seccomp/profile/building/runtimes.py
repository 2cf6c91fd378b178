"""What container runtimes call themselves under the filter that they have loaded, before the program starts.

Measured with runc 1.1.5, 1.3.6, 1.4.3 and crun 1.8.1, 1.28 on Linux 6.18, x86_64, in many runs each: a Go runtime
makes futex and rt_sigreturn only in some of them. With noNewPrivileges (Kubernetes: allowPrivilegeEscalation: false) a
runtime loads the filter just before execve, else earlier; then it makes all of these calls and more. `exec` into a
running container needs more than its start; what runc needs for that is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.named_tuple import NamedTuple


class Release(NamedTuple):
    """What one release calls, or what several do."""

    release: str
    """The first two numbers of each, with commas between."""
    nnp: str
    """With noNewPrivileges."""
    no_nnp: str
    """In addition without."""
    executing: str = ""
    """In addition for `exec`, with noNewPrivileges or without."""
    executing_no_nnp: str = ""
    """In addition for `exec` without."""


_RUNC_NO_NNP = (
    "capget capset chdir faccessat2 fchown fcntl fstat getcwd getppid newfstatat prctl read setgid setgroups setuid"
)
_CRUN_NO_NNP = "capset prctl rt_sigaction rt_sigprocmask setresgid setresuid write"
_CRUN_EXECUTING = "capset fchown ioctl openat prctl read setgroups setresgid setresuid statx write"

RELEASES: Mapping[str, tuple[Release, ...]] = {
    "runc": (
        Release(
            "1.1",
            "close epoll_ctl execve fstatfs futex getdents64 getpid openat rt_sigreturn write",
            _RUNC_NO_NNP,
        ),
        Release(
            "1.3, 1.4",
            "close execve fcntl fstat fstatfs futex getdents64 mmap openat openat2 statx write",
            f"{_RUNC_NO_NNP} close_range openat2 statx tgkill",
            executing_no_nnp="open_tree fsopen fsconfig fsmount faccessat uname",
        ),
    ),
    "crun": (
        Release("1.8", "close execve", _CRUN_NO_NNP, _CRUN_EXECUTING),
        Release("1.28", "close close_range execve", _CRUN_NO_NNP, f"{_CRUN_EXECUTING} fstat umask close_range"),
    ),
}
"""By runtime."""

NOW_AND_THEN = {"runc": ("futex", "rt_sigreturn")}
"""What a runtime calls at some starts only, so that a recording may lack it: Go's scheduler decides."""

ELSEWHERE = {"mmap": "mmap2", "newfstatat": "fstatat64"}
"""What some architectures have instead of a call that they lack (arm, and all of 32 bits): measured was x86_64."""

_NNP, _NO_NNP = "nnp", "no-nnp"
RUNTIMES = (*RELEASES, "any")


class RuntimeChoice(NamedTuple):
    """One value of --runtime, checked."""

    runtimes: tuple[str, ...]
    nnp_only: bool = False
    """Without it both cases are meant: what is called without noNewPrivileges includes what is called with it."""


def runtime_choices(values: Iterable[str]) -> tuple[RuntimeChoice, ...]:
    """The choices in `runc`, `crun:nnp`, `any:no-nnp`, also several with commas between; raises UsageError."""
    return tuple(_choice(word.strip()) for value in values for word in value.split(","))


def _choice(word: str) -> RuntimeChoice:
    name, colon, case = word.partition(":")
    if name not in RUNTIMES:
        raise UsageError(f"--runtime: no runtime '{name}': one of {', '.join(RUNTIMES)}{did_you_mean(name, RUNTIMES)}")
    if colon and case not in (_NNP, _NO_NNP):
        raise UsageError(f"--runtime: '{word}': behind the colon stands {_NNP} or {_NO_NNP} (noNewPrivileges)")
    return RuntimeChoice(tuple(RELEASES) if name == "any" else (name,), case == _NNP)


def runtime_calls(choices: Iterable[RuntimeChoice]) -> dict[str, tuple[str, ...]]:
    """The calls of all releases, each with what makes it, such as `runtime runc, exec`: for each runtime the case in
    which it is needed most often."""
    found: dict[str, dict[str, str]] = {}
    for choice in choices:
        for runtime in choice.runtimes:
            for name, why in _cases(runtime, RELEASES[runtime], nnp_only=choice.nnp_only):
                found.setdefault(name, {}).setdefault(runtime, why)
    return {name: tuple(whys.values()) for name, whys in found.items()}


def _cases(runtime: str, releases: Iterable[Release], *, nnp_only: bool) -> Iterator[tuple[str, str]]:
    why = f"runtime {runtime}"
    yield from _each(why, (release.nnp for release in releases))
    if not nnp_only:
        yield from _each(f"{why}, without noNewPrivileges", (release.no_nnp for release in releases))
    yield from _each(f"{why}, exec", (release.executing for release in releases))
    if not nnp_only:
        yield from _each(f"{why}, exec without noNewPrivileges", (release.executing_no_nnp for release in releases))


def _each(why: str, parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((name, why) for part in parts for name in part.split())


def can_start(names: set[str]) -> bool:
    """Whether a runtime can start containers under a profile that allows these. What crun calls with noNewPrivileges
    is no sign of that: many programs call so much."""
    return names.issuperset(runtime_calls(runtime_choices(["runc:nnp"]))) or names.issuperset(
        name for release in RELEASES["crun"] for name in (*release.nnp.split(), *release.no_nnp.split())
    )
