"""Rules about calls that the profile does not name, and what becomes of them: those that every program needs, those
that programs try first and can do without, and those of other architectures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from errno import ENOSYS

from audit2seccomp.kernel.abi import SUB_ARCHITECTURES, X32_SYSCALL_BIT, Abi, abi_named
from audit2seccomp.kernel.siblings import RESTARTED
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.effects import compared_bits
from audit2seccomp.profile.lint.registry import Hit, Level, lint_rule
from audit2seccomp.profile.lint.subject import DENYING, Subject, listed, told
from audit2seccomp.profile.model import RuleAction

REQUIRED = {
    "execve": "the container does not start: the runtime calls it under the filter",
    "exit_group": "programs cannot end, and may spin a CPU",
    "rt_sigreturn": "a program that takes a signal crashes when its handler returns",
}
"""What every program needs, and what happens without it."""

TRIED_FIRST = ("clone3", "statx", "openat2", "faccessat2", "rseq", "close_range", "epoll_pwait2", "fchmodat2")
"""Calls that C libraries and runtimes try first, to fall back on older ones where the kernel does not have them, which
only ENOSYS says (glibc: clone-internal.c, statx.c, faccessat.c, rseq, closefrom.c, fchmodat.c)."""
TRIED_FIRST_ON_32_BITS = (
    "clock_gettime64",
    "clock_nanosleep_time64",
    "futex_time64",
    "ppoll_time64",
    "pselect6_time64",
)
"""The same, by 32-bit programs whose time has 64 bits."""


@lint_rule("missing-call", Level.WARNING, "a call that every program needs is not allowed, or not always")
def missing_call(subject: Subject) -> Iterator[Hit]:
    """execve, exit_group, rt_sigreturn; nothing is said of a profile that allows nothing."""
    if not subject.is_whole or (subject.default_denies and not subject.let_through):
        return
    for name, consequence in REQUIRED.items():
        yield from _lacking(subject, name, consequence)


@lint_rule("missing-restart", Level.NOTE, "sleeps are allowed, and not that they go on after a stop")
def missing_restart(subject: Subject) -> Iterator[Hit]:
    """The kernel goes on by restart_syscall, of which a recording without a stop shows nothing."""
    lets_sleep = not subject.default_denies or not subject.let_through.isdisjoint(RESTARTED)
    if subject.is_whole and lets_sleep:
        consequence = "a sleep fails if the process is stopped meanwhile (SIGSTOP, a debugger, docker pause)"
        yield from _lacking(subject, "restart_syscall", consequence)


def _lacking(subject: Subject, name: str, consequence: str) -> Iterator[Hit]:
    """That a call is not allowed, or not always."""
    speaking = [(index, path) for index, one, path in subject.names() if one == name]
    denied = [one for one in speaking if subject.outcomes[one[0]].action in DENYING]
    allowed = [one for one in speaking if one not in denied]
    if subject.default_denies and not allowed:
        yield Hit(("syscalls",), f"{name} is not allowed: {consequence}: allow it", of_key=True)
    elif subject.default_denies and all(subject.asks(subject.profile.rules[index]) for index, _ in allowed):
        yield Hit(allowed[0][1], f"{name} is allowed only under conditions, else {consequence}: allow it always")
    elif not subject.default_denies and denied:
        index, path = denied[0]
        how = "under conditions; then" if subject.asks(subject.profile.rules[index]) else "here:"
        yield Hit(path, f"{name} is denied {how} {consequence}: take it out")


def border(subject: Subject, abi: Abi) -> int | None:
    """The largest number that the profile names on an ABI, by any rule: above it runc's filter returns ENOSYS (runc,
    libcontainer/seccomp/patchbpf/enosys_linux.go: findLastSyscalls). None if runc adds nothing: where the default does
    not deny, where no architecture is listed, and where no name has a number."""
    if not subject.is_whole or not subject.default_denies or abi not in subject.abis:
        return None
    table = table_of(abi)
    numbers = [number for name in subject.named if (number := table.number_of(name)) is not None]
    return max(numbers, default=0) or None


@lint_rule(
    "enosys-border", Level.NOTE, "runc gives ENOSYS above the largest number named, and the default action below"
)
def enosys_border(subject: Subject) -> Iterator[Hit]:
    """A name more or less moves the border, and with it what becomes of other calls."""
    if subject.default.errno == ENOSYS or not subject.may_run_with("runc"):
        return
    shared: dict[str, list[str]] = {}
    for abi in subject.abis:
        last = border(subject, abi)
        if last is not None:
            where = f"{_shown(last)} ({table_of(abi).name_of(last)})"
            shared.setdefault(where, []).append(abi.name)
    for where, abis in shared.items():
        what = f"with runc, calls above {where} on {listed(abis)} fail with ENOSYS"
        yield Hit(subject.errno_path, f"{what}, others that no rule names with {told(subject.default)}")


@lint_rule(
    "eperm-hides-fallback",
    Level.WARNING,
    "calls that programs can do without fail with another errno than ENOSYS, or end the program",
)
def eperm_hides_fallback(subject: Subject) -> Iterator[Hit]:
    """With runc those below the border, with crun all."""
    default = subject.default
    if not subject.is_whole or not subject.default_denies or default.errno == ENOSYS:
        return
    if default.action is RuleAction.ERRNO:
        fate = f"these fail with {told(default)}, and programs fall back only on ENOSYS"
        advice = f"set defaultErrnoRet to {ENOSYS}, or allow them"
    else:
        fate = f"these end with {told(default)} programs that would fall back on ENOSYS"
        advice = f"deny them in a rule with SCMP_ACT_ERRNO and errnoRet {ENOSYS}, or allow them"
    for calls, abis in _hidden(subject).items():
        yield Hit(subject.errno_path, f"on {listed(abis)} {fate}: {calls}: {advice}")


def _hidden(subject: Subject) -> dict[str, list[str]]:
    """The calls that get the default action although programs fall back on ENOSYS, with the ABIs of each list."""
    shared: dict[str, list[str]] = {}
    for abi in subject.abis:
        last = border(subject, abi) or 0
        unnamed = list(_unnamed(subject, abi))
        below = [name for name, number in unnamed if number <= last]
        above = [name for name, number in unnamed if number > last]
        if not subject.may_run_with("runc"):
            below, above = below + above, []
        elif not subject.may_run_with("crun"):
            above = []
        calls = [listed(below, 20)] if below else []
        calls += [f"with crun {'also ' if below else ''}{listed(above, 20)}"] if above else []
        if calls:
            shared.setdefault(", ".join(calls), []).append(abi.name)
    unnamed_anywhere = [name for name in TRIED_FIRST if name not in subject.spoken_of]
    if not subject.abis and unnamed_anywhere:
        shared[listed(unnamed_anywhere, 20)] = ["the host's architecture"]  # without a list of them runc has no border
    return shared


def _unnamed(subject: Subject, abi: Abi) -> Iterable[tuple[str, int]]:
    tried = TRIED_FIRST + (TRIED_FIRST_ON_32_BITS if compared_bits(abi) == 32 else ())
    for name in tried:
        number = table_of(abi).number_of(name)
        if number is not None and name not in subject.spoken_of:
            yield name, number


def _shown(number: int) -> str:
    return str(number & ~X32_SYSCALL_BIT) if number & X32_SYSCALL_BIT else str(number)


@lint_rule("clone3-errno", Level.WARNING, "a rule denies clone3, or a call like it, with another errno than ENOSYS")
def clone3_errno(subject: Subject) -> Iterator[Hit]:
    """C libraries fall back to older calls only then: for clone3, without which there are no threads, to clone."""
    for index, name, path in subject.names():
        outcome = subject.outcomes[index]
        is_tried = name in TRIED_FIRST or name in TRIED_FIRST_ON_32_BITS
        if not is_tried or outcome.action not in DENYING or outcome.errno == ENOSYS or outcome == subject.default:
            continue
        consequence = ", so threads cannot be made" if name == "clone3" else ""
        if outcome.action is RuleAction.ERRNO:
            what = f"{name} fails with {told(outcome)}, and programs fall back only on ENOSYS{consequence}"
            yield Hit(path, f"{what}: set errnoRet to {ENOSYS}")
        else:
            what = f"{name} ends with {told(outcome)} programs that would fall back on ENOSYS"
            yield Hit(path, f"{what}: use SCMP_ACT_ERRNO with errnoRet {ENOSYS}")


@lint_rule("missing-sub-architecture", Level.NOTE, "programs of another width than 64 bits are killed")
def missing_sub_architecture(subject: Subject) -> Iterator[Hit]:
    """libseccomp kills what makes calls of an architecture that is not listed (SCMP_FLTATR_ACT_BADARCH)."""
    if not subject.is_whole:
        return
    if subject.profile.arch_map:
        heads = {entry.architecture: ("archMap", index) for index, entry in enumerate(subject.profile.arch_map)}
        places = [(family, heads.get(family[0].scmp_name or "", ("archMap",))) for family in subject.families]
    else:
        places = [(family, ("architectures",)) for family in subject.families]
    for family, path in places:
        names = {abi.name for abi in family}
        for abi in family:
            lacking = [name for name in SUB_ARCHITECTURES.get(abi.name, ()) if name not in names]
            if lacking:
                add = ", ".join(_scmp(name) for name in lacking)
                yield Hit(path, f"programs for {listed(lacking)} are killed: add {add} if there may be any")


@lint_rule("mixed-byte-order", Level.ERROR, "architectures of both byte orders: runtimes refuse the profile")
def mixed_byte_order(subject: Subject) -> Iterator[Hit]:
    """A filter has one (libseccomp, db_col_db_add: EEXIST); runc and crun say that they cannot add the architecture."""
    path = ("archMap",) if subject.profile.arch_map else ("architectures",)
    for family in subject.families:
        big, little = ([abi.name for abi in family if abi.big_endian is is_big] for is_big in (True, False))
        if big and little:
            what = f"{listed(big)} and {listed(little)} differ in byte order, and runc and crun refuse such a profile"
            yield Hit(path, f"{what}: write one for each")


def _scmp(name: str) -> str:
    abi = abi_named(name)
    return "" if abi is None else abi.scmp_name or ""
