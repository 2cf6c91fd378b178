"""The host's libseccomp, through pyseccomp: a profile's filter, built as runc and crun build it.

The only module that knows pyseccomp, and the only one of `profile/` that depends on the host: on its libseccomp, and on
its own architecture, whose numbers libseccomp takes for all others. Sources: runc,
libcontainer/seccomp/seccomp_linux.go; crun, src/libcrun/seccomp.c; libseccomp, src/db.c and src/api.c.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from audit2seccomp.errors import FilterError, reason
from audit2seccomp.kernel.abi import Abi, all_abis, oci_abis
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.effects import BAD_ARCH, Conjunction, conjunctions, effects, made_through
from audit2seccomp.profile.model import LARGEST_ERRNO, Outcome, Profile, RuleAction, default_outcome, outcome_of
from audit2seccomp.profile.simulate import BPF_MAXINSNS, encoded, with_returns_mended

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import ModuleType
    from typing import BinaryIO

    import pyseccomp

_X32_TOKEN = 0x4000003E
"""SCMP_ARCH_X32 of seccomp.h, which is no audit number: x32 has that of x86_64."""

_LIBRARY = "libseccomp.so.2"

_LIMITS = {
    "too many open files": "ulimit -n raises the limit",
    "failed to map segment from shared object": "ulimit -v raises the limit",
}
"""What keeps the library from being loaded though it is there."""

_API_LEVEL = 5
"""libseccomp takes that level for all actions (seccomp_api_set(3))."""

_UNKNOWN = -1
"""__NR_SCMP_ERROR: libseccomp has no call of that name. Names that only other architectures have, and calls that are
multiplexed, have numbers below that."""

_TREE_ABOVE = 32
"""With more names than that runc has libseccomp make a binary tree of the calls instead of a list."""
_TREE = 2
"""The value of SCMP_FLTATR_CTL_OPTIMIZE for that (seccomp_attr_set(3))."""


class LeftOut(NamedTuple):
    """A name that the filter has no rule for, because this libseccomp lacks it, as the runtimes ignore it then."""

    name: str
    outcome: Outcome
    """What the rule says; the call gets the default outcome instead."""
    abis: tuple[Abi, ...]
    """Where the call is, or where nobody knows whether it is."""


class Filter:
    """A filter that libseccomp has made and the kernel does not have yet."""

    def __init__(
        self,
        context: pyseccomp.SyscallFilter,
        left_out: tuple[LeftOut, ...] = (),
        answers: frozenset[int] = frozenset(),
        *,
        big_endian: bool = sys.byteorder == "big",
    ) -> None:
        """See `build`; `answers` are what the program may return."""
        self._context = context
        self._answers = answers
        self._big_endian = big_endian
        self.left_out = left_out
        """In the order of the rules."""

    def bpf(self) -> bytes:
        """The program: an array of struct sock_filter, in the byte order of its ABIs."""
        data = _written(self._context.export_bpf)
        if self._big_endian is (sys.byteorder == "big"):
            return data
        # For another byte order libseccomp 2.5.4 reverses what the returns say that it adds for long jumps.
        return with_returns_mended(data, self._answers, big_endian=self._big_endian)

    def pfc(self) -> str:
        """libseccomp's pseudo filter code: the program for people."""
        return _written(self._context.export_pfc).decode()


def _written(export: Callable[[BinaryIO], None]) -> bytes:
    """What libseccomp writes into a file. Raises FilterError."""
    try:
        with os.fdopen(os.memfd_create("filter"), "w+b") as file:
            export(file)
            file.seek(0)
            return file.read()
    except OSError as error:
        raise FilterError(
            f"memfd_create: libseccomp cannot write the filter to memory: {reason(error.errno or 0)}"
        ) from error


def build(profile: Profile, abis: Collection[Abi], bad_arch: Outcome = BAD_ARCH) -> Filter:
    """The filter of a profile for some ABIs, whichever the profile lists; calls of others get `bad_arch`. A runtime's
    filter always covers the host's own, too. Raises FilterError where libseccomp is missing, lacks an ABI, or refuses a
    rule, where the ABIs differ in byte order, and for conditions that libseccomp may build into something else."""
    _check_abis(abis)
    _check_conditions(profile, abis)
    left_out: dict[tuple[str, Outcome], dict[Abi, None]] = {}
    native = native_abi()
    # Each ABI apart. So the host's own can have numbers that libseccomp has no name for, which it needs to find those
    # of other ABIs. And no ABI gets names that it lacks: libseccomp gives them negative numbers, and where it sorts one
    # of those to the front the filter never loads the call's number (2.5.4: gen_bpf.c). The host's comes first, as in
    # the runtimes' filters.
    parts = [_context(profile, abi, bad_arch, left_out) for abi in sorted(abis, key=lambda abi: abi is not native)]
    for part in parts[1:]:
        parts[0].merge(part)
    answers = {bad_arch, default_outcome(profile), *map(outcome_of, profile.rules)}
    return Filter(
        parts[0],
        tuple(LeftOut(*key, tuple(found)) for key, found in left_out.items()),
        frozenset(map(encoded, answers)),
        big_endian=next(iter(abis)).big_endian,
    )


def _check_abis(abis: Collection[Abi]) -> None:
    if not abis:
        raise FilterError("libseccomp: a filter needs an architecture: --arch names one")
    lacking = [abi.name for abi in abis if abi not in buildable_abis()]
    if lacking:
        raise FilterError(f"libseccomp {library_version()}: cannot make filters for {', '.join(lacking)}")
    if len({abi.big_endian for abi in abis}) > 1:
        little = ", ".join(abi.name for abi in abis if not abi.big_endian)
        big = ", ".join(abi.name for abi in abis if abi.big_endian)
        raise FilterError(
            f"one filter has one byte order, {little} and {big} differ: convert --arch names those of one order"
        )


def _check_conditions(profile: Profile, abis: Collection[Abi]) -> None:
    """libseccomp must not even see some of them: with 2.5.4 adding a rule may take forever, and always takes longer the
    more there are for the call."""
    for abi in abis:
        for name, effect in effects(profile, abi).items():
            if len(effect.branches) > BPF_MAXINSNS:  # each takes a jump of its own
                raise FilterError(
                    f"{name} ({abi.name}): {len(effect.branches):,} rules with conditions: the kernel takes "
                    f"{BPF_MAXINSNS:,} instructions: use fewer"
                )
            if not effect.exact:
                raise FilterError(
                    f"{name} ({abi.name}): libseccomp may build its conditions into something else, or not come to an "
                    "end: use fewer rules for it, and EQ or MASKED_EQ where a rule has several conditions"
                )


def _context(
    profile: Profile, abi: Abi, bad_arch: Outcome, left_out: dict[tuple[str, Outcome], dict[Abi, None]]
) -> pyseccomp.SyscallFilter:
    """A filter with the rules of a profile for one ABI. Adds to `left_out`."""
    binding = _pyseccomp()
    default = default_outcome(profile)
    try:
        context = binding.SyscallFilter(encoded(default))
    except OSError as error:
        raise _refused("the default action", default, error) from error
    # It begins with the host's own, and takes no other with another byte order beside it.
    context.remove_arch(binding.system_arch())
    context.add_arch(token_of(abi))
    if bad_arch != BAD_ARCH:
        context.set_attr(binding.Attr.ACT_BADARCH, encoded(bad_arch))
    rules = [(index, rule) for index, rule in enumerate(profile.rules) if outcome_of(rule) != default]
    if sum(len(rule.names) for _, rule in rules) > _TREE_ABOVE:
        context.set_attr(binding.Attr.CTL_OPTIMIZE, _TREE)
    for index, rule in rules:
        outcome, cases = outcome_of(rule), conjunctions(rule)
        for name in rule.names:
            if not has(abi, name) and (abi is not native_abi() or table_of(abi).number_of(name) is None):
                left_out.setdefault((name, outcome), {})[abi] = None
            for number, whens in _numbered(abi, name, cases):
                for when in whens:
                    try:
                        context.add_rule(encoded(outcome), number, *_arguments(binding, when))
                    except OSError as error:
                        raise _refused(f"rule {index} ({name})", outcome, error) from error
    return context


def _numbered(abi: Abi, name: str, cases: list[Conjunction]) -> Iterator[tuple[int, list[Conjunction]]]:
    """A rule for an ABI by the numbers that libseccomp has for the host's own architecture: none where the ABI has no
    such call, or libseccomp no such name."""
    theirs, ours = _resolved(native_abi(), name), table_of(abi).number_of(name)
    through = multiplexed(abi, name)
    if ours is not None and theirs != _UNKNOWN:
        yield theirs, cases  # and libseccomp adds the call that it is made through
    elif through is not None:
        yield _resolved(native_abi(), through.through), made_through(through, cases)
    if ours is not None and not has(abi, name) and abi is native_abi():
        yield ours, cases


def _arguments(binding: ModuleType, case: Conjunction) -> list[pyseccomp.Arg]:
    return [
        binding.Arg(one.argument, getattr(binding, one.operator.name), one.value, one.value_two or 0) for one in case
    ]


def _refused(where: str, outcome: Outcome, error: OSError) -> FilterError:
    reason = (error.strerror or "").lower()
    if error.errno == errno.EEXIST:
        reason = "contradicts an earlier rule"
    elif outcome.action is RuleAction.ERRNO and (outcome.errno or 0) > LARGEST_ERRNO:
        reason = f"errno {outcome.errno} is more than {LARGEST_ERRNO}"
    return FilterError(f"{where}: libseccomp refuses it, as it would in runc and crun: {reason}")


def has(abi: Abi, name: str) -> bool:
    """Whether a rule for the name has all that it needs on the ABI, of which this libseccomp makes filters: nothing,
    where there is no such call. The runtimes ignore a name that lacks it."""
    ours = table_of(abi).number_of(name)
    if ours is None:
        return _resolved(abi, name) != _UNKNOWN or any(table_of(one).number_of(name) is not None for one in all_abis())
    # A call that is multiplexed has a number below 0 here, and its own number the name all the same.
    return _resolved(abi, name) == ours or _name_of(abi, ours) == name


@cache
def _resolved(abi: Abi, name: str) -> int:
    number: int = _pyseccomp().resolve_syscall(token_of(abi), name)
    return number


def _name_of(abi: Abi, number: int) -> str | None:
    try:
        name: bytes = _pyseccomp().resolve_syscall(token_of(abi), number)
    except ValueError:
        return None
    return name.decode("ascii", "replace")


def token_of(abi: Abi) -> int:
    """libseccomp's number of an ABI: the audit number, but for x32."""
    return _X32_TOKEN if abi.name == "x32" else abi.audit_arch


@cache
def native_abi() -> Abi:
    """The host's own ABI, as libseccomp sees it. Raises FilterError where libseccomp is missing."""
    token: int = _pyseccomp().system_arch()
    return next(abi for abi in oci_abis() if token_of(abi) == token)


@cache
def buildable_abis() -> tuple[Abi, ...]:
    """The ABIs for which this libseccomp can make filters. Raises FilterError where it is missing."""
    return tuple(abi for abi in oci_abis() if _resolved(abi, "read") != _UNKNOWN)


def library_version() -> str:
    """The version of the host's libseccomp, such as `2.5.4`. Raises FilterError where it is missing."""
    _pyseccomp()
    # pyseccomp has no seccomp_version().
    version = ctypes.CDLL(_LIBRARY).seccomp_version
    version.restype = ctypes.POINTER(_Version)
    found = version().contents
    return f"{found.major}.{found.minor}.{found.micro}"


class _Version(ctypes.Structure):
    """struct scmp_version of seccomp.h."""

    _fields_ = (("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint))


@cache
def _pyseccomp() -> ModuleType:
    # It asks ldconfig or a compiler for the file names, in processes of their own, which may be denied.
    find_library = ctypes.util.find_library
    ctypes.util.find_library = lambda name: _LIBRARY if name == "seccomp" else None
    try:
        import pyseccomp
    except OSError as error:
        why = str(error).rpartition(": ")[2].lower()  # as dlerror(3) says it: the file, what, why
        way_out = _LIMITS.get(why, "apt-get install libseccomp2, or dnf install libseccomp")
        raise FilterError(f"{_LIBRARY}, which makes filters, cannot be loaded: {why}: {way_out}") from error
    finally:
        ctypes.util.find_library = find_library
    binding: ModuleType = pyseccomp
    with suppress(OSError, NotImplementedError):  # an older one asks the kernel what it has, which a filter may deny
        binding.set_api(_API_LEVEL)
    return binding
