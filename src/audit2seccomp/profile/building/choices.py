"""What a user chooses of a profile, checked as far as it can be before a log is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from errno import ENOSYS
from typing import TYPE_CHECKING

from audit2seccomp.errors import UsageError, did_you_mean
from audit2seccomp.kernel.abi import abi_named, oci_abis
from audit2seccomp.kernel.syscalls import all_names, is_call
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.bases import Base, names_let_through, united, without
from audit2seccomp.profile.building.runtimes import RuntimeChoice, runtime_choices
from audit2seccomp.profile.model import LARGEST_ERRNO, LETS_THROUGH, Profile, RuleAction, default_outcome, outcome_text

if TYPE_CHECKING:
    from audit2seccomp.kernel.siblings import Tier

GENERATED_ACTIONS = tuple(action for action in RuleAction if action is not RuleAction.NOTIFY)
"""What a profile that is built here can do with a call: NOTIFY needs a listener, which a log cannot name."""


class Choices(NamedTuple):
    """What goes into a profile besides evidence."""

    frame: Profile
    """The default action, and all that the bases say."""
    action: RuleAction
    include_denied: bool
    architectures: tuple[str, ...]
    """SCMP_ARCH_* names."""
    runtimes: tuple[RuntimeChoice, ...]
    tiers: tuple[Tier, ...]
    allow: tuple[str, ...]
    never: frozenset[str]
    drop_never: bool
    bases: tuple[Base, ...]
    """Without what `never` names."""
    taken_out: tuple[str, ...]
    """What `never` took out of them."""

    @property
    def nothing_is_an_answer(self) -> bool:
        """Whether no call at all means that nothing is new."""
        return any(base.in_place or base.known for base in self.bases)

    @property
    def in_place(self) -> Base | None:
        """The file that is extended, if one is."""
        return next((base for base in self.bases if base.in_place), None)


def checked(
    *,
    include_denied: bool,
    default_action: RuleAction | str | None,
    errno: int | None,
    action: RuleAction | str,
    architectures: Iterable[str],
    runtimes: Iterable[str],
    portable: str | None,
    allow: Iterable[str],
    never: Iterable[str],
    drop_never: bool,
    bases: Sequence[Base],
) -> Choices:
    """The choices; see `build`. Raises UsageError for those that contradict each other."""
    if errno is not None and not (isinstance(errno, int) and 0 <= errno <= LARGEST_ERRNO):
        raise UsageError(f"--errno: no errno {errno!r}: a number from 0 to {LARGEST_ERRNO}")
    rule_action = _known("action", action)
    forbidden = frozenset(_named("--never", never))
    taken_out = _allowed_before(forbidden, bases, drop=drop_never)
    bases = tuple(base._replace(profile=without(base.profile, forbidden)) for base in bases)
    frame = _frame(None if default_action is None else _known("default_action", default_action), errno, bases)
    if bases and rule_action is frame.default_action and rule_action in LETS_THROUGH:
        raise UsageError(
            f"{bases[0].label}: {rule_action} is its default action, so nothing can be added: what its rules deny must "
            "be taken out of them by hand: audit2seccomp check tells which recorded calls that is"
        )
    if rule_action is frame.default_action:
        raise UsageError(f"--action: {rule_action} is the default action too: the profile would make no difference")
    choices = Choices(
        frame,
        rule_action,
        include_denied,
        tuple(oci_arch(name) for name in architectures),
        runtime_choices(runtimes),
        _tiers(portable),
        tuple(_named("--allow", allow)),
        forbidden,
        drop_never,
        bases,
        taken_out,
    )
    _check_together(choices)
    return choices


def _allowed_before(never: frozenset[str], bases: Sequence[Base], *, drop: bool) -> tuple[str, ...]:
    """What the bases let through though it is in `never`; raises UsageError if it must not be taken out of them."""
    found: set[str] = set()
    for base in bases:
        names = sorted(never.intersection(names_let_through(base.profile)))
        if names and (base.in_place or not drop):
            way = "take it out of the file" if base.in_place else "--drop-never takes it out"
            raise UsageError(f"--never: {base.label} allows {', '.join(names)}: {way}")
        found.update(names)
    return tuple(sorted(found))


def _check_together(choices: Choices) -> None:
    if choices.drop_never and not choices.never:
        raise UsageError("--drop-never: says what becomes of calls that --never names")
    both = sorted(choices.never.intersection(choices.allow))
    if both:
        raise UsageError(f"--never, --allow: both name {', '.join(both)}: which of them is meant?")
    if choices.never and choices.frame.default_action in LETS_THROUGH:
        raise UsageError(f"--never: the default action {choices.frame.default_action} lets every call through")
    adds = {
        "--runtime": choices.runtimes,
        "--portable": choices.tiers,
        "--allow": choices.allow,
        "--never": choices.never,
        "--base, --update": choices.bases,
    }
    for option, given in adds.items():
        if given and choices.action not in LETS_THROUGH:
            raise UsageError(f"{option}: is about calls that are allowed, and --action {choices.action} allows none")


def _frame(default: RuleAction | None, errno: int | None, bases: Sequence[Base]) -> Profile:
    """The profile before a call is added; the bases' default where the user has chosen none."""
    if not bases:
        default = default or RuleAction.ERRNO
        if errno is not None and not default.takes_errno:
            raise UsageError(f"--errno: {default} takes none: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE do")
        return Profile(default, (ENOSYS if errno is None else errno) if default.takes_errno else None, (), ())
    frame, label = united(bases), bases[0].label
    for option, chosen, has in (
        ("--default-action", default, frame.default_action),
        ("--errno", errno, default_outcome(frame).errno),
    ):
        if chosen is not None and chosen != has:
            raise UsageError(
                f"{option}: {label} has another default, {outcome_text(default_outcome(frame))}: leave {option} out to "
                "keep that, or change the file"
            )
    return frame


def _known(option: str, action: str) -> RuleAction:
    try:
        known = RuleAction(action)
    except ValueError:
        raise UsageError(f"--{option}: no action {action!r}: one of {', '.join(GENERATED_ACTIONS)}") from None
    if known not in GENERATED_ACTIONS:
        raise UsageError(f"--{option}: {known} needs a listener, which a profile from a log cannot name")
    return known


def _tiers(portable: str | None) -> tuple[Tier, ...]:
    if portable is None:
        return ()
    from audit2seccomp.kernel.siblings import Tier

    if portable not in Tier.__members__:
        raise UsageError(f"--portable: no tier '{portable}': A (as --portable alone) or B")
    return (Tier.A,) if portable == Tier.A else (Tier.A, Tier.B)


def _named(option: str, values: Iterable[str]) -> list[str]:
    """The names of calls in `open,close`, also several; raises UsageError for a name that no ABI has."""
    names = [name.strip() for value in values for name in value.split(",")]
    for name in names:
        if not is_call(name):
            raise UsageError(f"{option}: no system call '{name}'{did_you_mean(name, all_names())}")
    return names


def oci_arch(name: str) -> str:
    """The SCMP_ARCH_* name of an architecture in any common spelling; raises UsageError."""
    abi = abi_named(name)
    if abi is None or abi.scmp_name is None:
        problem = "no architecture" if abi is None else "profiles have no name for"
        raise UsageError(f"--arch: {problem} '{name}': one of {', '.join(known.name for known in oci_abis())}")
    return abi.scmp_name
