"""What the profiles that another one is built on lack, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from audit2seccomp.errors import ConflictError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.answering import Answer, Answers
from audit2seccomp.profile.building.bases import Base, Standing, architectures_of
from audit2seccomp.profile.building.choices import Choices
from audit2seccomp.profile.building.reasons import Reason, Reasons, Source, explained
from audit2seccomp.profile.model import Profile

_REFUSED = "denies what should be allowed"


class _Name(NamedTuple):
    """A name that should be allowed, and what the bases say of it."""

    name: str
    reasons: tuple[Reason, ...]
    answer: Answer

    @property
    def standing(self) -> Standing:
        """What the bases say of it."""
        return self.answer.standing

    @property
    def untold(self) -> str:
        """Why a log does not say whether the conditions hold."""
        return f"a log does not tell {' or '.join(self.answer.asks)}"

    @property
    def asked(self) -> bool:
        """Whether the user names it in --allow."""
        return any(reason.source is Source.ALLOW for reason in self.reasons)

    @property
    def denied(self) -> bool:
        """Whether a rule forbids it, or would still do so under conditions after --allow."""
        return self.standing in (Standing.DENIED, Standing.PARTLY_DENIED) or (
            self.standing is Standing.MIXED and self.asked
        )

    @property
    def must_be(self) -> bool:
        """Whether it is an error where it is denied."""
        return self.asked or any(reason.source is Source.OBSERVED for reason in self.reasons)

    def __str__(self) -> str:
        return f"{self.name} ({explained(self.reasons)})"


def extended(
    choices: Choices, frame: Profile, wanted: Reasons, observed: Mapping[str, AbstractSet[Abi]]
) -> tuple[tuple[str, ...], list[str]]:
    """Which of the wanted names the bases lack, and what to say of the others; raises ConflictError where a base denies
    what was observed, on some architectures, or asked for by name."""
    answers = Answers(frame, wanted.keys())
    names = [_Name(name, wanted[name], answers.of(name, observed.get(name, frozenset()))) for name in sorted(wanted)]
    label = ", ".join(base.label for base in choices.bases)
    _refuse(label, [one for one in names if one.denied and one.must_be])
    added: list[str] = []
    notes: dict[str, list[str]] = {}
    for one in names:
        adds, told = _decided(one, in_place=choices.in_place is not None)
        if adds:
            added.append(one.name)
        if told:
            notes.setdefault(told, []).append(str(one) if one.denied else one.name)
    return tuple(added), [f"{label}: {told.format(', '.join(those))}" for told, those in notes.items()]


def wider(bases: Sequence[Base], frame: Profile) -> list[str]:
    """What to say of bases whose rules hold on more architectures than they list."""
    notes = []
    for base in bases:
        listed, now = architectures_of(base.profile), architectures_of(frame)
        # A file without architectures is for the host's own, which a single one is.
        more = sorted(now - listed) if listed or len(now) > 1 else []
        if more and not base.in_place:
            what = "does not list" if listed else "does not list, as it lists none (the host's own)"
            notes.append(f"{base.label}: its rules hold on {', '.join(more)}, too, which it {what}")
    return notes


def _decided(one: _Name, *, in_place: bool) -> tuple[bool, str]:
    """Whether a name is added, and what is said of it, with {} in place of the name."""
    if one.denied:
        return False, "denies {}: left as it is"
    match one.standing:
        case Standing.HANDED_ON:
            return False, "hands {} on to a tracer or listener: left as it is"
        case Standing.MIXED:
            told = "allows {} under conditions and denies it under others: left as it is"
            return False, f"{told} ({one.untold})"
        case Standing.CONDITIONAL if one.asked:
            return True, "allows {} under conditions, the result always (--allow)"
        case Standing.CONDITIONAL if in_place:
            told = f"allows {{}} under conditions: left as it is ({one.untold})"
            return False, f"{told}: --allow NAME allows it always"
        case Standing.CONDITIONAL:
            return True, f"allows {{}} under conditions, the result always ({one.untold})"
    elsewhere = "allows {} on some architectures only, the result on all" if one.answer.elsewhere else ""
    return one.standing is not Standing.ALLOWED, elsewhere


def _refuse(label: str, denied: Sequence[_Name]) -> None:
    """Raises ConflictError if there are any."""
    refusals = []
    for asked, way in (
        (True, "change that file, or take it out of --allow"),
        (False, "change that file, or leave the call out: --never NAME --drop-never"),
    ):
        names = [str(one) for one in denied if one.asked is asked]
        if names:
            refusals.append(f"{_REFUSED}: {', '.join(names)}: {way}")
    if refusals:
        raise ConflictError(f"{label}: {'; and it '.join(refusals)}")
