"""A filter as the kernel takes it: an array of struct sock_filter, which `bwrap --seccomp` reads, too."""

from __future__ import annotations

from audit2seccomp.errors import FormatError, UsageError
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.writing.reduced import unsaid
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.profile.libseccomp import Filter, LeftOut, build, library_version, native_abi
from audit2seccomp.profile.model import LETS_THROUGH, Profile, RuleAction, default_outcome
from audit2seccomp.profile.simulate import Program

OPTIONS = ("architectures",)

_MAY_RUN = (*LETS_THROUGH, RuleAction.TRACE, RuleAction.NOTIFY)


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The program for the profile's architectures, or those of them that the options name. Raises FilterError for what
    libseccomp or the kernel would not take, and FormatError for what depends on the host and for what would make the
    filter weaker than the profile."""
    made, losses = filter_of(profile, options, "bpf")
    content = made.bpf()
    Program(content, big_endian=abis_of(profile, options, "bpf")[0].big_endian)  # raises for what the kernel refuses
    return Written(content, losses)


def filter_of(profile: Profile, options: WriteOptions, form: str) -> tuple[Filter, tuple[str, ...]]:
    """The filter of a profile, and what it cannot say."""
    made, losses = plain(form, profile)
    filtered = build(made, abis_of(made, options, form))
    return filtered, (*losses, *unsaid(form, made), *(_loss(made, name, form) for name in filtered.left_out))


def abis_of(profile: Profile, options: WriteOptions, form: str) -> tuple[Abi, ...]:
    """The ABIs of the filter: the profile's, or those that were chosen of them; for a profile that names none those
    that were chosen, or the host's own. Raises UsageError for a choice that the profile lacks."""
    asked = profile.architectures or options.architectures
    abis = dict.fromkeys([abi for abi in map(abi_named, asked) if abi is not None] or [native_abi()])
    chosen = [abi_named(name) for name in options.architectures]
    lacking = [name for name, abi in zip(options.architectures, chosen, strict=True) if abi not in abis]
    if lacking:
        known = ", ".join(abi.name for abi in abis)
        raise UsageError(f"--arch: {', '.join(lacking)}: {form} makes a filter for the profile's: {known}")
    return tuple(abi for abi in abis if not chosen or abi in chosen)


def _loss(profile: Profile, left_out: LeftOut, form: str) -> str:
    """What a missing name means. Raises FormatError where the call may run although the profile denies it."""
    default = default_outcome(profile)
    where = ", ".join(abi.name for abi in left_out.abis)
    lacks = f"{form}: libseccomp {library_version()} lacks {left_out.name} on {where}"
    if default.action in _MAY_RUN and left_out.outcome.action not in LETS_THROUGH:
        raise FormatError(f"{lacks}: the filter would not deny it: use a newer libseccomp, or convert --arch")
    return f"{lacks}: the call gets the default action, {default.action}"
