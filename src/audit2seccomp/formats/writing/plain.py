"""The part of a profile that every format but Docker's is written from: the OCI form, without what depends on the
host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit2seccomp.errors import FormatError, shown
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.model import Clause, Profile, Rule, errno_named

if TYPE_CHECKING:
    from collections.abc import Container

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

        refuse_open(form, profile, NOTHING_KNOWN, way_out=_KEPT_OPEN)
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

    refuse_open(form, profile, host, way_out="" if form == "docker" else _KEPT_OPEN)
    return resolve(profile, host)


_KEPT_OPEN = "; the format docker keeps it open"


def refuse_open(
    what: str, profile: Profile, host: Host, names: Container[str] | None = None, *, way_out: str = ""
) -> None:
    """Raises FormatError, with `what` in front, if the host would have to be known better; with `names`, for the rules
    about these alone."""
    from audit2seccomp.profile.resolve import refuse_unknown, unanswered

    refuse_unknown(profile, names)
    asked = unanswered(profile, host, names)
    if any(asked):
        answers = (
            (asked.arch, "--host-arch ARCH"),
            (asked.kernel, "--host-kernel X.Y"),
            (asked.caps, "--cap none or --cap CAP_X…"),
        )
        needed = "; ".join(f"{place}: {option}" for place, option in answers if place is not None)
        raise FormatError(f"{what}: the profile depends on the host: {needed}{way_out}")


def _plain(form: str, rule: Rule) -> Rule:
    return rule._replace(errno=_number(form, rule.errno, rule.errno_name), errno_name=None, comment=None, single=False)


def _number(form: str, number: int | None, name: str | None) -> int | None:
    if number is not None or name is None:
        return number
    found = errno_named(name)
    if found is None:
        raise FormatError(f"{form}: no errno {shown(name)}")
    return found
