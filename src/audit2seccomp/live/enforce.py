"""A profile as a filter for this machine, exactly or not at all.

libseccomp makes the program, and seccomp(2) loads it: seccomp_load(3) would call more behind that, under the filter.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.seccomp import FILTER_FLAG_BITS
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.live.host import number_of, own_abi, runnable, this_host
from audit2seccomp.live.loading import Loader
from audit2seccomp.profile.assembly import numbered
from audit2seccomp.profile.libseccomp import LeftOut, build, library_version
from audit2seccomp.profile.model import LETS_THROUGH, Outcome, Profile, RuleAction, outcome_text
from audit2seccomp.profile.resolve import resolve
from audit2seccomp.profile.simulate import Program

_FOR_LISTENERS = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"


def enforced(profile: Profile) -> Loader:
    """The filter of a profile, ready to be loaded, with rules for the architectures that both the profile and this
    kernel have; this process's own is always among them, as with runc and crun. Raises FilterError for whatever would
    not be enforced as the profile says it."""
    here = resolve(profile, this_host())
    _refuse_listeners(here)
    flags = _flags(here.flags)
    program = _program(here, _covered(here))
    _check_start(program)
    return Loader(program, flags)


def _refuse_listeners(profile: Profile) -> None:
    """Nobody would answer: the kernel gives ENOSYS then, which is not what the profile says."""
    if RuleAction.NOTIFY in (profile.default_action, *(rule.action for rule in profile.rules)):
        raise FilterError(f"{RuleAction.NOTIFY}: nobody would answer here: give these calls another action")


def _flags(names: Iterable[str]) -> int:
    bits = 0
    for name in names:
        if name == _FOR_LISTENERS:
            raise FilterError(f"flags: {name}: is for listeners, and run has none: leave it out")
        if name not in FILTER_FLAG_BITS:
            raise FilterError(f"flags: {name}: no flag that can be set")
        bits |= FILTER_FLAG_BITS[name]
    return bits


def _covered(profile: Profile) -> list[Abi]:
    listed = {abi_named(name) for name in profile.architectures}
    return [abi for abi in runnable() if abi is own_abi() or abi in listed]


def _program(profile: Profile, abis: list[Abi]) -> bytes:
    made = build(profile, abis)
    by_abi: dict[Abi, dict[int, Outcome]] = {}
    for left_out in made.left_out:
        for abi in left_out.abis:
            by_abi.setdefault(abi, {}).setdefault(_number(profile, left_out, abi), left_out.outcome)
    program = b"".join(numbered(abi, outcomes) for abi, outcomes in by_abi.items()) + made.bpf()
    Program(program)  # raises for what the kernel would refuse
    return program


def _number(profile: Profile, left_out: LeftOut, abi: Abi) -> int:
    """The number of a call that libseccomp has no name for; raises FilterError where that is not enough."""
    name = left_out.name
    lacks = f"{name}: libseccomp {library_version()} does not know it on {abi.name}"
    number = table_of(abi).number_of(name)
    if number is None:
        raise FilterError(f"{lacks}, and no table does: it cannot be enforced: see audit2seccomp lint")
    if any(name in rule.names and rule.args for rule in profile.rules):
        raise FilterError(f"{lacks}, so conditions on it cannot be enforced: take them out, or use a newer libseccomp")
    return number


def _check_start(program: bytes) -> None:
    outcome = Program(program).outcome(own_abi().audit_arch, number_of("execve"), (0,) * 6)
    if outcome.action not in LETS_THROUGH:
        what = outcome_text(outcome)
        raise FilterError(f"execve: {what} under this profile: no command starts: add it, such as with --allow execve")
