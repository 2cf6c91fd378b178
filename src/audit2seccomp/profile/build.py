"""Evidence + choices → a profile, every name in it with its reason. Pure: no files, no clock, no host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from audit2seccomp.errors import NothingFoundError
from audit2seccomp.evidence.model import Evidence, Observation
from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.building.bases import Base, architectures_of, base_reasons, with_architectures
from audit2seccomp.profile.building.choices import Choices, checked
from audit2seccomp.profile.building.reasons import Reasons, Seen, explained, printable_line
from audit2seccomp.profile.building.wanted import names_wanted
from audit2seccomp.profile.model import Profile, Rule, RuleAction


class Built(NamedTuple):
    """A profile, and why it is as it is."""

    profile: Profile
    reasons: Reasons
    """For each name in the profile why it is there, what was observed first; always in the order of the names."""
    notes: tuple[str, ...] = ()
    """What a user may not expect of it, a sentence each."""
    added: tuple[str, ...] = ()
    """The names of its last rule, if they are any: those that no base allows already."""

    bases: tuple[Base, ...] = ()
    """What it is built on."""

    @property
    def added_architectures(self) -> tuple[str, ...]:
        """The SCMP_ARCH_* that no base names."""
        named = {name for base in self.bases for name in architectures_of(base.profile)}
        return tuple(sorted(architectures_of(self.profile) - named))

    def commented(self) -> Profile:
        """The profile with comments that are the reasons: a rule for each name that was added, and for rules without a
        comment the bases that they are from."""
        labels: dict[Rule, list[str]] = {}
        for base in self.bases:
            for rule in dict.fromkeys(base.profile.rules):
                labels.setdefault(rule, []).append(base.label)
        added = self.profile.rules[-1:] if self.added else ()
        kept = self.profile.rules[: len(self.profile.rules) - len(added)]
        said = (
            rule if rule.comment else rule._replace(comment=printable_line("; ".join(labels[rule]))) for rule in kept
        )
        alone = (
            rule._replace(names=(name,), comment=explained(self.reasons[name])) for rule in added for name in rule.names
        )
        return self.profile._replace(rules=(*said, *alone))


def build(
    evidence: Evidence,
    *,
    include_denied: bool = False,
    default_action: RuleAction | str | None = None,
    errno: int | None = None,
    action: RuleAction | str = RuleAction.ALLOW,
    architectures: Iterable[str] = (),
    runtimes: Iterable[str] = (),
    portable: str | None = None,
    allow: Iterable[str] = (),
    never: Iterable[str] = (),
    drop_never: bool = False,
    bases: Sequence[Base] = (),
) -> Built:
    """The profile that gives `action` to every call that was observed, and `default_action` to all others.

    Only calls that the kernel let through count; `include_denied` adds those that a filter denied. The default action
    is ERRNO unless given. `errno` goes with one that takes a number, and is ENOSYS unless given: on ENOSYS a libc
    falls back to an older call, on EPERM it gives up. `architectures` are added to the observed ones, in any common
    spelling.

    `runtimes` (`runc`, `crun:nnp`, …) adds what these call themselves, `portable` ("A" or "B") the siblings of observed
    calls, `allow` names. All that `bases` say is kept, their default too. A call that `never` names is in no profile;
    one that was observed is an error, unless `drop_never` leaves it out.

    Raises NothingFoundError where no call was observed, but for a base where that means that nothing is new; UsageError
    for choices that contradict each other, and ConflictError for observed calls that the choices forbid.
    """
    choices = checked(
        include_denied=include_denied,
        default_action=default_action,
        errno=errno,
        action=action,
        architectures=architectures,
        runtimes=runtimes,
        portable=portable,
        allow=allow,
        never=never,
        drop_never=drop_never,
        bases=bases,
    )
    by_call = evidence.by_call()
    used = [seen for seen in by_call.observations() if counts(seen, include_denied)]
    named = [seen for seen in used if seen.name is not None and seen.abi.scmp_name is not None]
    # A log that holds others' records at most has nothing new for a file: what an audit profile records in the end. So
    # has one whose calls have no name, which the caller is told of anyhow; that the log was of no use would be news.
    is_of_use = bool(used) or not (evidence.counts or evidence.rejected or evidence.refused)
    if not named and not (choices.nothing_is_an_answer and is_of_use):
        raise NothingFoundError(_why_nothing(evidence, used))
    frame = _framed(choices, {seen.abi.scmp_name for seen in named if seen.abi.scmp_name})
    abis = _abis(frame, named)
    wanted, notes = names_wanted(choices, seen_by_name(evidence, named), [table_of(abi) for abi in abis])
    added, more_notes = tuple(sorted(wanted)), list[str]()
    if choices.bases:
        from audit2seccomp.profile.building.extending import extended, wider

        added, more_notes = extended(choices, frame, wanted, _abis_by_name(named))
        more_notes += wider(choices.bases, frame)
    profile = frame._replace(rules=(*frame.rules, *((Rule(added, RuleAction(action)),) if added else ())))
    if not profile.rules and choices.in_place is None:
        raise NothingFoundError("no call to allow: --never leaves none of those that were observed")
    if choices.never:
        from audit2seccomp.profile.building.ways_around import ways_around

        more_notes += ways_around(choices.never, profile, abis)
    from_bases = base_reasons(choices.bases)
    mentioned = sorted({name for rule in profile.rules for name in rule.names})
    reasons = {name: (*wanted.get(name, ()), *from_bases.get(name, ())) for name in mentioned}
    return Built(profile, reasons, (*notes, *more_notes), added, choices.bases)


def counts(seen: Observation, include_denied: bool) -> bool:
    """Whether an observation makes its call part of the profile. An action that no kernel defines never does."""
    return seen.let_through or (include_denied and seen.action is not None)


def seen_by_name(evidence: Evidence, named: Iterable[Observation]) -> dict[str, Seen]:
    """How often each call was observed, and by whom, whatever its architecture."""
    calls = {(seen.abi.audit_arch, seen.nr, seen.code): seen.name for seen in named if seen.name is not None}
    programs: dict[str, Counter[bytes | None]] = {name: Counter() for name in sorted(calls.values())}
    for key, count in evidence.counts.items():
        name = calls.get(key[:3])
        if name is not None:
            programs[name][key.comm] += count.events
    return {name: Seen(shares.total(), shares) for name, shares in programs.items()}


def _abis_by_name(named: Iterable[Observation]) -> dict[str, set[Abi]]:
    """Where each call was observed."""
    abis: dict[str, set[Abi]] = {}
    for seen in named:
        if seen.name is not None:
            abis.setdefault(seen.name, set()).add(seen.abi)
    return abis


def _abis(frame: Profile, named: Iterable[Observation]) -> set[Abi]:
    """All that the profile is for."""
    abis = {abi for name in architectures_of(frame) if (abi := abi_named(name)) is not None}
    return abis | {seen.abi for seen in named}


def _framed(choices: Choices, observed: set[str]) -> Profile:
    """What the bases say, for all architectures."""
    frame, wanted = choices.frame, observed.union(choices.architectures)
    # A file without architectures is for the host's own, and so is a log that has one architecture.
    if choices.in_place and not architectures_of(frame) and len(wanted) == 1 and not choices.architectures:
        return frame
    return with_architectures(frame, wanted)


def _why_nothing(evidence: Evidence, used: list[Observation]) -> str:
    """What to say, and what to try, when there is no call to allow."""
    if used:
        return "no call to allow: no observed call has a name and an architecture that a profile can hold"
    if evidence.sound:
        denied = "no call to allow: all records are denials (the calls did not run)"
        known = any(seen.action is not None for seen in evidence.by_call().observations())
        return f"{denied}: --include-denied allows them" if known else f"{denied}, with codes that no kernel defines"
    if evidence.unselected:
        return f"no call to allow: the selection takes none of {evidence.unselected:,} records"
    if evidence.refused:
        return "no call to allow: no record is trusted: give a log that proves more, or lower --trust"
    if evidence.rejected:
        return "no call to allow: no record is sound"
    return (
        'no SECCOMP record found: run the program under the profile {"defaultAction": "SCMP_ACT_LOG"}, '
        "then read journalctl, dmesg or /var/log/audit/audit.log"
    )
