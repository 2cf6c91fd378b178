"""A seccomp profile: all that the JSON of the OCI runtime specification (config-linux.md, "Seccomp") and of Docker and
containers/common (seccomp/types: Go's `Seccomp`, `Syscall`, `Arg`, `Filter`) can say, without loss.

Nothing here judges: a profile that a runtime would refuse is a value too, so that `lint` can say what is wrong with it.
"""

from __future__ import annotations

import errno as errno_numbers
from enum import StrEnum

from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.named_tuple import NamedTuple

MAX_U32 = (1 << 32) - 1
MAX_U64 = (1 << 64) - 1
MAX_ARGS = 6
"""A system call has six arguments: `args` of struct seccomp_data (include/uapi/linux/seccomp.h)."""

FILTER_FLAGS = (
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
)
"""What `flags` may hold (config-linux.md)."""

Extra = tuple[tuple[str, str], ...]
"""Keys that the format does not define, each with its value as JSON text, kept by a lenient reader."""


class RuleAction(StrEnum):
    """What a filter does with a call. KILL is KILL_THREAD's older name."""

    ALLOW = "SCMP_ACT_ALLOW"
    LOG = "SCMP_ACT_LOG"
    ERRNO = "SCMP_ACT_ERRNO"
    KILL = "SCMP_ACT_KILL"
    KILL_PROCESS = "SCMP_ACT_KILL_PROCESS"
    KILL_THREAD = "SCMP_ACT_KILL_THREAD"
    TRAP = "SCMP_ACT_TRAP"
    TRACE = "SCMP_ACT_TRACE"
    NOTIFY = "SCMP_ACT_NOTIFY"

    @property
    def takes_errno(self) -> bool:
        """Whether a number goes with it; crun refuses one beside any other action."""
        return self in (RuleAction.ERRNO, RuleAction.TRACE)


LETS_THROUGH = (RuleAction.ALLOW, RuleAction.LOG)
"""Under which a call runs as it was asked. A tracer or listener may let one through, too, and it may not."""

LARGEST_ERRNO = MAX_ERRNO - 1
"""libseccomp takes only what is less than MAX_ERRNO (src/db.c, db_action_valid), and so do runc and crun."""


class Operator(StrEnum):
    """How a condition compares an argument."""

    NE = "SCMP_CMP_NE"
    LT = "SCMP_CMP_LT"
    LE = "SCMP_CMP_LE"
    EQ = "SCMP_CMP_EQ"
    GE = "SCMP_CMP_GE"
    GT = "SCMP_CMP_GT"
    MASKED_EQ = "SCMP_CMP_MASKED_EQ"

    @property
    def sign(self) -> str | None:
        """As people write it, `!=`; None for MASKED_EQ, which is two operators."""
        return _SIGNS.get(self)


_SIGNS = {
    Operator.NE: "!=",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.EQ: "==",
    Operator.GE: ">=",
    Operator.GT: ">",
}


class ArgCondition(NamedTuple):
    """What one argument of a call must be. Numbers are unsigned and have 64 bits."""

    argument: int
    """Which argument, from 0 to 5."""
    operator: Operator
    value: int
    """What it is compared with; for MASKED_EQ the mask."""
    value_two: int | None = None
    """For MASKED_EQ what must be left of the argument under the mask; None, which means 0, where it is not written."""
    extra: Extra = ()


class Clause(NamedTuple):
    """`includes` or `excludes` of a Docker rule: on which hosts the rule is there.

    A rule is there where all capabilities, one of the architectures and the kernel that it includes are there, and none
    of those that it excludes; `profile.resolve` tells."""

    caps: tuple[str, ...] = ()
    """CAP_* names."""
    arches: tuple[str, ...] = ()
    """libseccomp's names of architectures, but `amd64` and `arm64`."""
    min_kernel: str | None = None
    """`4.8`: that kernel or a newer one."""
    extra: Extra = ()


class Rule(NamedTuple):
    """One action for some calls, by name."""

    names: tuple[str, ...]
    action: RuleAction
    args: tuple[ArgCondition, ...] = ()
    """As the runtimes read them (runc, libcontainer/seccomp; crun, src/libcrun/seccomp.c): all must hold, but where two
    are about one argument, any of them."""
    errno: int | None = None
    """`errnoRet`: what the call fails with (ERRNO), or what the tracer is told (TRACE)."""
    errno_name: str | None = None
    """`errno` of containers/common, such as `EPERM`."""
    comment: str | None = None
    includes: Clause = Clause()
    excludes: Clause = Clause()
    single: bool = False
    """Whether the only name is written as Docker's `name`."""
    extra: Extra = ()


class ArchMapping(NamedTuple):
    """An entry of Docker's `archMap`: the architectures of the filter on hosts of one architecture."""

    architecture: str
    sub_architectures: tuple[str, ...]
    extra: Extra = ()


class Profile(NamedTuple):
    """A default action and the rules that differ from it."""

    default_action: RuleAction
    default_errno: int | None
    """`defaultErrnoRet`: what a call fails with under the default action; None where that is not written."""
    architectures: tuple[str, ...]
    """SCMP_ARCH_* names; none of them, and no `arch_map`: the host's own architecture."""
    rules: tuple[Rule, ...]
    default_errno_name: str | None = None
    """`defaultErrno` of containers/common."""
    arch_map: tuple[ArchMapping, ...] = ()
    flags: tuple[str, ...] = ()
    """SECCOMP_FILTER_FLAG_* names."""
    listener_path: str | None = None
    listener_metadata: str | None = None
    extra: Extra = ()


EPERM = errno_numbers.EPERM
"""What runtimes use where a profile says nothing (runc: libcontainer/specconv; crun: get_errno_value)."""


MAX_DATA = 0xFFFF
"""SECCOMP_RET_DATA of include/uapi/linux/seccomp.h: of a larger errno libseccomp takes the lower 16 bits. The kernel
returns 4095, MAX_ERRNO, for more than that."""


class Outcome(NamedTuple):
    """What becomes of a call: the action, and the number that goes with it."""

    action: RuleAction
    errno: int | None = None
    """None where the action takes none."""


def default_outcome(profile: Profile) -> Outcome:
    """What becomes of a call that no rule speaks of."""
    return _outcome(profile.default_action, profile.default_errno, profile.default_errno_name)


def outcome_of(rule: Rule) -> Outcome:
    """What becomes of a call that the rule speaks of."""
    return _outcome(rule.action, rule.errno, rule.errno_name)


def _outcome(action: RuleAction, number: int | None, name: str | None) -> Outcome:
    """KILL and KILL_THREAD are one. A number goes before a name, as in containers/common (errnoRet before errno)."""
    if action is RuleAction.KILL:
        action = RuleAction.KILL_THREAD
    if not action.takes_errno:
        return Outcome(action)
    if number is None and name is not None:
        number = errno_named(name)
    return Outcome(action, EPERM if number is None else number & MAX_DATA)


def errno_named(name: str) -> int | None:
    """The number of `EPERM` or `eperm`, as x86, ARM and most others have it; None for a name that is none."""
    number = getattr(errno_numbers, name.upper(), None) if name.upper().startswith("E") else None
    return number if isinstance(number, int) else None


def errno_text(number: int) -> str:
    """`EPERM` for 1, and the number itself where it has no name."""
    return errno_numbers.errorcode.get(number, str(number))


def outcome_text(outcome: Outcome) -> str:
    """`SCMP_ACT_ERRNO (EPERM)`."""
    return outcome.action if outcome.errno is None else f"{outcome.action} ({errno_text(outcome.errno)})"
