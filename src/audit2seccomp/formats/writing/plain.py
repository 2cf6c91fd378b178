"""The part of a profile that every format but Docker's is written from: the OCI form, without what depends on the
host."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from audit2seccomp.errors import FormatError, shown
from audit2seccomp.profile.model import Clause, Profile, Rule, errno_named

if TYPE_CHECKING:
    from audit2seccomp.profile.resolve import Host


class Plain(NamedTuple):
    """A profile of the OCI form."""

    profile: Profile
    losses: tuple[str, ...]
    """What was left out, for `Written.losses`."""


def plain(form: str, profile: Profile) -> Plain:
    """The profile as the OCI form says it: errnos are numbers, comments are left out. Raises FormatError, with `form`
    in front, for what depends on the host."""
    if profile.arch_map or any(rule.includes != Clause() or rule.excludes != Clause() for rule in profile.rules):
        from audit2seccomp.profile.resolve import NOTHING_KNOWN

        _refuse_open(form, profile, NOTHING_KNOWN)
    lost = sum(rule.comment is not None for rule in profile.rules)
    made = profile._replace(
        default_errno=_number(form, profile.default_errno, profile.default_errno_name),
        default_errno_name=None,
        rules=tuple(_plain(form, rule) for rule in profile.rules),
    )
    return Plain(made, (f"{form}: {lost} {'comment is' if lost == 1 else 'comments are'} left out",) if lost else ())


def resolved(form: str, profile: Profile, host: Host) -> Profile:
    """The profile as it is on a host. Raises FormatError for what must be known of the host besides."""
    from audit2seccomp.profile.resolve import resolve

    _refuse_open(form, profile, host)
    return resolve(profile, host)


def _refuse_open(form: str, profile: Profile, host: Host) -> None:
    """Raises FormatError if the host would have to be known better."""
    from audit2seccomp.profile.resolve import unanswered

    for index, rule in enumerate(profile.rules):
        for key, _ in (*rule.includes.extra, *rule.excludes.extra):
            raise FormatError(f"{form}: rule {index}: nobody knows on which hosts {shown(key)} holds: take it out")
    asked = unanswered(profile, host)
    if any(asked):
        answers = (
            (asked.arch, "--host-arch ARCH"),
            (asked.kernel, "--host-kernel X.Y"),
            (asked.caps, "--cap none or --cap CAP_X…"),
        )
        needed = "; ".join(f"{place}: {option}" for place, option in answers if place is not None)
        way_out = "" if form == "docker" else "; the format docker keeps it open"
        raise FormatError(f"{form}: the profile depends on the host: {needed}{way_out}")


def _plain(form: str, rule: Rule) -> Rule:
    return rule._replace(errno=_number(form, rule.errno, rule.errno_name), errno_name=None, comment=None, single=False)


def _number(form: str, number: int | None, name: str | None) -> int | None:
    if number is not None or name is None:
        return number
    found = errno_named(name)
    if found is None:
        raise FormatError(f"{form}: no errno {shown(name)}")
    return found
