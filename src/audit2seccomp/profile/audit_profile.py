"""The profile for the next recording: what a profile allows runs, and all else is logged and runs, too. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from audit2seccomp.errors import AlgebraError
from audit2seccomp.kernel.abi import Abi
from audit2seccomp.profile.algebra.architectures import listed
from audit2seccomp.profile.algebra.conditions import rules_for
from audit2seccomp.profile.algebra.partitions import ContradictionError, describe_contradiction, partition
from audit2seccomp.profile.algebra.regions import Region, TooManyBoxesError, equal, simplified
from audit2seccomp.profile.algebra.rules_by_call import add_multiplexed, by_name, rule_of, through_on, widths_of
from audit2seccomp.profile.model import Outcome, Profile, Rule, RuleAction, default_outcome, outcome_of

_ALLOWED = Outcome(RuleAction.ALLOW)
_LOGGED = Outcome(RuleAction.LOG)
RECORDING = Profile(RuleAction.LOG, None, (), ())
"""Under it all calls run and are logged."""
_ONLY_WITH_LISTENER = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"


def audit_profile(profile: Profile) -> Profile:
    """The profile under which only calls are logged that a profile does not allow.

    What it allows stays allowed, with its conditions, clauses and comments. All else is logged, also what the profile
    logs itself. Where it allows by default it still does, and calls are logged where a rule speaks of them. Raises
    AlgebraError for a call about which the profile contradicts itself, on one of the architectures that it lists; where
    it lists none, on any, since the host is not known.
    """
    default, abis = default_outcome(profile), listed(profile)
    plain = profile._replace(
        default_errno=None,
        default_errno_name=None,
        listener_path=None,
        listener_metadata=None,
        flags=tuple(flag for flag in profile.flags if flag != _ONLY_WITH_LISTENER),
    )
    if default == _ALLOWED:
        denied = (rule for rule in profile.rules if outcome_of(rule) != _ALLOWED)
        return plain._replace(
            rules=tuple(rule._replace(action=RuleAction.LOG, errno=None, errno_name=None) for rule in denied)
        )
    kept: set[str] = set()
    made: list[Rule] = []
    for name, numbered in by_name(profile).items():
        rules = [one.rule for one in numbered]
        allowing = [rule for rule in rules if outcome_of(rule) == _ALLOWED]
        if len(allowing) == len(rules) or (allowing and _says(name, allowing, rules, default, abis)):
            kept.add(name)
        elif allowing:
            made += _written(name, rules, default, abis)
    own = (
        rule._replace(names=names)
        for rule in profile.rules
        if outcome_of(rule) == _ALLOWED and (names := tuple(name for name in rule.names if name in kept))
    )
    audit = plain._replace(default_action=RuleAction.LOG, rules=(*own, *made))
    _check_multiplexed(profile, audit, abis)
    return audit


def _check_multiplexed(profile: Profile, audit: Profile, abis: Collection[Abi] | None) -> None:
    """Raise AlgebraError where a rule for all of `socketcall` or `ipc` denies what rules for single calls allow: it
    goes before these, and is not there any more."""
    before, after = by_name(profile), by_name(audit)
    through = through_on(abis)
    for rules in (before, after):
        add_multiplexed(rules, through)
    for name in (name for name in through if name in before):
        made, own = ([one.rule for one in some.get(name, ())] for some in (after, before))
        try:
            if not _says(name, made, own, default_outcome(profile), abis):
                raise _unsayable(name)
        except AlgebraError as error:
            if abis is not None:
                raise
            raise AlgebraError(f"{error}, or name the architectures: not all have {name}") from None


def _written(name: str, rules: Sequence[Rule], default: Outcome, abis: Collection[Abi] | None) -> list[Rule]:
    """Rules that allow a call exactly where others do, which also deny it."""
    try:
        allowed = _allowed(name, rules, default, max(widths_of(name, abis)))
        made = rules_for(name, simplified(allowed), rule_of((name,), _ALLOWED))
    except TooManyBoxesError:
        made = []
    if not _says(name, made, rules, default, abis):
        raise _unsayable(name)
    return made


def _unsayable(name: str) -> AlgebraError:
    return AlgebraError(f"{name}: no rules that only allow say exactly where it is allowed")


def _says(
    name: str, made: Sequence[Rule], rules: Sequence[Rule], default: Outcome, abis: Collection[Abi] | None
) -> bool:
    """Whether some rules, with all else logged, allow a call exactly where others do."""
    try:
        return all(
            equal(_allowed(name, made, _LOGGED, bits), _allowed(name, rules, default, bits))
            for bits in widths_of(name, abis)
        )
    except TooManyBoxesError:
        return False


def _allowed(name: str, rules: Sequence[Rule], default: Outcome, bits: int) -> Region:
    """Where a call is allowed, on an ABI whose registers have so many bits."""
    try:
        return partition(rules, default, bits).regions.get(_ALLOWED, [])
    except ContradictionError:
        raise describe_contradiction(name) from None
