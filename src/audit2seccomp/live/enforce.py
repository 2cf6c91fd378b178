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
from audit2seccomp.profile.audit_profile import audit_profile
from audit2seccomp.profile.libseccomp import LeftOut, build, library_version
from audit2seccomp.profile.model import LETS_THROUGH, Clause, Outcome, Profile, RuleAction, outcome_of, outcome_text
from audit2seccomp.profile.resolve import Host, refuse_unknown, resolve
from audit2seccomp.profile.simulate import Program

_POINTER = 0x7FFD_0000_1000
"""What arguments of execve are like; where a condition asks for another one, the command starts by chance."""
_FOR_LISTENERS = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"


def enforced(profile: Profile, host: Host | None = None) -> Loader:
    """The filter of a profile, ready to be loaded, with rules for the architectures that both the profile and this
    kernel have; this process's own is always among them, as with runc and crun. A profile in Docker's form is taken for
    `this_host`, or another one of its architecture. Raises FilterError and FormatError for whatever would not be
    enforced as the profile says it."""
    here = _on(profile, host or this_host())
    _refuse_listeners(here)
    _refuse_contradictions(profile)
    flags = _flags(here.flags)
    made = build(here, _covered(here))
    numbers = [(abi, one.outcome, _number(here, one, abi)) for one in made.left_out for abi in one.abis]
    program = _with_numbers(numbers, made.bpf())
    _check_start(program)
    return Loader(program, flags)


def unknown_to(profile: Profile, action: RuleAction) -> bytes:
    """The filter that takes an action, LOG or NOTIFY, for each call that a profile does not let through, those of other
    architectures among them, and those by names that libseccomp does not know. Raises FilterError, FormatError and
    AlgebraError."""
    audit = audit_profile(_on(profile, this_host()))
    rules = (rule._replace(action=action) if rule.action is RuleAction.LOG else rule for rule in audit.rules)
    default = action if audit.default_action is RuleAction.LOG else audit.default_action
    made = build(audit._replace(rules=tuple(rules), default_action=default), _covered(audit), Outcome(action))
    left_out = ((abi, table_of(abi).number_of(one.name)) for one in made.left_out for abi in one.abis)
    return _with_numbers([(abi, Outcome(action), nr) for abi, nr in left_out if nr is not None], made.bpf())


def _on(profile: Profile, host: Host) -> Profile:
    refuse_unknown(profile)
    return resolve(profile, host)


def _refuse_listeners(profile: Profile) -> None:
    """Nobody would answer: the kernel gives ENOSYS then, which is not what the profile says."""
    if RuleAction.NOTIFY in (profile.default_action, *(rule.action for rule in profile.rules)):
        raise FilterError(f"{RuleAction.NOTIFY}: nobody would answer here: give these calls another action")


def _refuse_contradictions(profile: Profile) -> None:
    """libseccomp refuses those of conditions; of two rules without any it takes the first and drops the other. With
    rules for some hosts that is what profiles in Docker's form are written for, in the order of which it counts."""
    said: dict[str, Outcome] = {}
    for rule in profile.rules:
        outcome = outcome_of(rule)
        is_meant = bool(rule.args) or rule.includes != Clause() or rule.excludes != Clause()
        for name in rule.names if not is_meant else ():
            if said.setdefault(name, outcome) != outcome:
                both = f"{outcome_text(said[name])} and {outcome_text(outcome)}"
                raise FilterError(f"{name}: rules that contradict each other: {both}: take one out")


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


def _with_numbers(numbers: list[tuple[Abi, Outcome, int]], program: bytes) -> bytes:
    """A program, and calls by their numbers in front of it; of two rules for one call the first counts."""
    by_abi: dict[Abi, dict[int, Outcome]] = {}
    for abi, outcome, number in numbers:
        by_abi.setdefault(abi, {}).setdefault(number, outcome)
    return b"".join(numbered(abi, outcomes) for abi, outcomes in by_abi.items()) + program


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
    # Program() raises for what the kernel would refuse.
    filtered = Program(program)
    for argument in (0, _POINTER):
        outcome = filtered.outcome(own_abi().audit_arch, number_of("execve"), (argument,) * 6)
        if outcome.action not in LETS_THROUGH:
            what = outcome_text(outcome)
            raise FilterError(f"execve: {what} under this profile: no command starts: allow execve always")
