"""Profile → a drop-in of systemd, for `/etc/systemd/system/NAME.service.d/`.

Each setting is first reset, so that what the unit itself says does not add to the profile. An allow-list of systemd has
the group @default by itself (config_parse_syscall_filter in src/core/load-fragment.c), whatever that is in its version:
the drop-in takes all of it out again, and then names what the profile allows.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from audit2seccomp.errors import FormatError
from audit2seccomp.formats.systemd.groups import DEFAULT
from audit2seccomp.formats.systemd.names import ARCHITECTURES, NATIVE, errno_word
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.writing.reduced import call_list, checked_names, unsaid
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.effects import named_effects
from audit2seccomp.profile.model import LETS_THROUGH, Outcome, Profile, RuleAction, default_outcome

_WIDTH = 100
_NO_CALL = "nfsservctl"
"""A call that no kernel has had since 3.1, and every libseccomp knows: `SystemCallLog=~` logs all calls but those that
it names, and nothing if it names none."""


class _Calls(NamedTuple):
    """The calls of a profile by what becomes of them, sorted."""

    allowed: list[str]
    logged: list[str]
    denied: list[tuple[str, Outcome]]


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile as a drop-in. Raises FormatError for what systemd has no setting for: conditions, actions besides
    ALLOW, LOG, ERRNO and KILL_PROCESS, and some architectures."""
    made, losses = plain("systemd", profile)
    default = default_outcome(made)
    _check(default, "the default action", 1)
    calls = _sorted(made)
    losses = (*losses, *unsaid("systemd", made))
    denial = default
    if default.action in LETS_THROUGH:
        denial = calls.denied[0][1] if calls.denied else Outcome(RuleAction.KILL_PROCESS)
        if default.action is RuleAction.LOG and not calls.allowed:
            losses = (*losses, f"systemd: {_NO_CALL}, which no kernel has had since 3.1, is not logged")
    lines = [
        "[Service]",
        "SystemCallFilter=",
        *_filter_lines(made, denial, calls),
        f"SystemCallErrorNumber={'' if denial.errno is None else errno_word(denial.errno, made.architectures)}",
        "SystemCallArchitectures=",
        f"SystemCallArchitectures={_architectures(made.architectures)}",
        "SystemCallLog=",
        *_log_lines(default, calls),
    ]
    return Written("\n".join(lines) + "\n", losses)


def _filter_lines(profile: Profile, denial: Outcome, calls: _Calls) -> list[str]:
    denied = [
        call
        if outcome == denial
        else f"{call}:{'kill' if outcome.errno is None else errno_word(outcome.errno, profile.architectures)}"
        for call, outcome in calls.denied
    ]
    if profile.default_action in LETS_THROUGH:
        return _assigned("SystemCallFilter=~", denied)
    allowed = sorted((*calls.allowed, *calls.logged))
    first = [f"SystemCallFilter={DEFAULT}", f"SystemCallFilter=~{DEFAULT}"]
    return [*first, *_assigned("SystemCallFilter=", allowed), *_assigned("SystemCallFilter=~", denied)]


def _log_lines(default: Outcome, calls: _Calls) -> list[str]:
    if default.action is RuleAction.LOG:
        return _assigned("SystemCallLog=~", calls.allowed or [_NO_CALL])
    return _assigned("SystemCallLog=", calls.logged)


def _assigned(start: str, words: Iterable[str]) -> list[str]:
    """The words after `start`, which lines that are too long begin with again: systemd puts them together."""
    wrapped = textwrap.wrap(" ".join(words), _WIDTH - len(start), break_long_words=False, break_on_hyphens=False)
    return [f"{start}{line}" for line in wrapped]


def _sorted(profile: Profile) -> _Calls:
    calls = _Calls([], [], [])
    effects = named_effects(profile)
    conditional = [call for call, effect in effects.items() if effect.always is None]
    if conditional:
        raise FormatError(
            f"systemd: has no conditions: {call_list(conditional)}: allow or deny them whatever their arguments are"
        )
    for call, effect in sorted(effects.items()):
        outcome = effect.always or effect.default
        if outcome.action is RuleAction.ALLOW:
            calls.allowed.append(call)
        elif outcome.action is RuleAction.LOG:
            calls.logged.append(call)
        else:
            _check(outcome, call, 0)
            calls.denied.append((call, outcome))
    checked_names("systemd", effects)
    return calls


def _check(outcome: Outcome, what: str, lowest_errno: int) -> None:
    """Raise FormatError for an outcome that systemd has no word for. A single call may fail with errno 0."""
    if outcome.action not in (*LETS_THROUGH, RuleAction.ERRNO, RuleAction.KILL_PROCESS):
        other = " (it kills the process)" if outcome.action is RuleAction.KILL_THREAD else ""
        raise FormatError(
            f"systemd: {what}: no setting for {outcome.action}{other}: change it to ERRNO or KILL_PROCESS"
        )
    if outcome.errno is not None and not lowest_errno <= outcome.errno <= MAX_ERRNO:
        raise FormatError(f"systemd: {what}: no errno {outcome.errno}: a number from {lowest_errno} to {MAX_ERRNO}")


def _architectures(names: tuple[str, ...]) -> str:
    unknown = [name for name in names if name not in ARCHITECTURES]
    if unknown:
        raise FormatError(
            f"systemd: version 252 has no name for {', '.join(unknown)}: take it out of the architectures"
        )
    return " ".join(ARCHITECTURES[name] for name in names) or NATIVE
