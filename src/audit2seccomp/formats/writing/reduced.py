"""What formats share that say less than the OCI form: what becomes of the rest of a profile."""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit2seccomp.errors import FormatError, shown
from audit2seccomp.profile.model import Profile

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_SHOWN = 8


def call_list(calls: Iterable[str]) -> str:
    """Some calls for a message: `clone, personality`, the first ones and how many more."""
    sure = [call if _NAME.fullmatch(call) else shown(call) for call in sorted(set(calls))]
    more = len(sure) - _SHOWN
    return ", ".join(sure[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def checked_names(form: str, names: Iterable[str]) -> None:
    """Raise FormatError for a name that would be read as something else than a call's: a profile's names are any
    strings, and a line break in one would begin a line of its own."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise FormatError(f"{form}: no name of a call: {shown(name)}: take it out of the profile")


def unsaid(form: str, profile: Profile) -> tuple[str, ...]:
    """The losses of a format that has neither flags, a listener nor keys besides its own."""
    lost = []
    if profile.flags:
        lost.append(f"{form}: flags are left out: {', '.join(profile.flags)}")
    if profile.listener_path is not None or profile.listener_metadata is not None:
        lost.append(f"{form}: listenerPath and listenerMetadata are left out")
    if profile.extra or any(rule.extra or any(one.extra for one in rule.args) for rule in profile.rules):
        lost.append(f"{form}: keys that no format defines are left out")
    return tuple(lost)
