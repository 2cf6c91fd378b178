"""What the loaded filter does with one call, and which rule it comes from.

Only the rules that speak of the call are looked at, on its architecture: whether a runtime takes the whole profile is
what `lint` tells.
"""

from __future__ import annotations

from audit2seccomp.errors import FilterError
from audit2seccomp.kernel.abi import Abi, abi_of, kernels_of
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.algebra.conditions import when
from audit2seccomp.profile.algebra.regions import TooManyBoxesError, complement
from audit2seccomp.profile.effects import (
    BAD_ARCH,
    Conjunction,
    Effect,
    compared_bits,
    covered,
    effect_of,
    effects,
    holds,
    looks_at,
    outcomes,
    speaking_of,
)
from audit2seccomp.profile.libseccomp import build, buildable_abis, has, library_version
from audit2seccomp.profile.lint.required import border
from audit2seccomp.profile.lint.subject import Subject
from audit2seccomp.profile.model import LETS_THROUGH, MAX_ARGS, Outcome, Profile, Rule, default_outcome, outcome_of
from audit2seccomp.profile.resolve import Host, architectures_on, is_there
from audit2seccomp.profile.simulate import Program


class Asked(NamedTuple):
    """A call, of which not all arguments need be known."""

    abi: Abi
    nr: int
    """Signed, as in a record's `syscall=`."""
    args: tuple[int, ...]
    """The first ones, six at most."""

    @property
    def name(self) -> str | None:
        """None where the ABI has no such call."""
        return table_of(self.abi).name_of(self.nr)

    @property
    def all_args(self) -> tuple[int, ...]:
        """Six of them: 0 for those that are not known."""
        return (*self.args, *[0] * (MAX_ARGS - len(self.args)))


def asked(abi: Abi, nr: int, args: tuple[int, ...]) -> Asked:
    """The call that a kernel sees by a number: on x86_64 that of x32, where its bit is set."""
    return Asked(abi_of(abi.audit_arch, nr) or abi, nr, args)


class Acting(NamedTuple):
    """A rule whose conditions hold."""

    rule: int
    """Its index."""
    outcome: Outcome
    when: Conjunction
    """Those that hold, as the filter has them."""


class Decision(NamedTuple):
    """What becomes of a call."""

    outcomes: tuple[Outcome, ...]
    """One; several where no filter could be asked and the profile alone does not say."""
    rules: tuple[Acting, ...] = ()
    """Those that say so: the first decides, and without it the others would. None: the default action, or a call of
    an architecture that the filter does not look at."""
    covered: bool = True
    """Whether the filter looks at calls of the architecture."""
    listed: bool = True
    """Whether the profile lists the architecture, or none at all; the host's own is covered all the same."""
    own_host: bool = False
    """Whether the filter would on a host of that architecture itself, and nothing is known of the host."""
    overruled: tuple[Acting, ...] = ()
    """Rules whose conditions hold, too, and that say something else."""
    skipped: tuple[int, ...] = ()
    """Rules about the call that say what the default action says: the runtimes skip them."""
    unknown: tuple[int, ...] = ()
    """Rules about the call whose names this libseccomp lacks: the runtimes ignore them."""
    open_args: tuple[int, ...] = ()
    """The arguments that were not given and on which it depends."""
    otherwise: tuple[Outcome, ...] = ()
    """What may become of the call where they are not 0."""
    enosys_above: int | None = None
    """Where runc gives ENOSYS before its filter is asked: above which number."""
    not_built: str | None = None
    """Why no filter was asked."""

    @property
    def lets_through(self) -> bool:
        """Whether the call is certainly let through."""
        return all(outcome.action in LETS_THROUGH for outcome in self.outcomes)


def decide(profile: Profile, call: Asked, host: Host) -> Decision:
    """What the filter does with a call that runc and crun load on a host. It covers the host's own architecture beside
    those that the profile lists; where that is not known, it is taken to be the first of `kernels_of` the call's.

    What the rules about the call ask of the host must be answered (`resolve.unanswered`). Raises FilterError for rules
    that libseccomp refuses."""
    own, *others = (host.abi,) if host.abi is not None else kernels_of(call.abi)
    host = host._replace(abi=own)
    named = covered(profile._replace(architectures=architectures_on(profile, host)))
    is_listed = named is None or call.abi in named
    covers = (named or frozenset()) | {own}
    if not looks_at(covers, call.abi, call.nr):
        own_host = call.abi in others and call.abi not in covers
        return Decision((BAD_ARCH,), covered=False, listed=is_listed, own_host=own_host)
    there = _about(profile, _built_together(call), host)
    lacking = _unbuildable(call.abi)
    known = there if lacking is not None else _known(there, call.abi)
    found = _decide(known, call, covers, lacking)
    names = speaking_of(call.name) if call.name is not None else frozenset()
    speaking = [index for index, rule in enumerate(there.rules) if names.intersection(rule.names)]
    acting = [index for index in speaking if outcome_of(profile.rules[index]) != default_outcome(profile)]
    return found._replace(
        listed=is_listed,
        skipped=tuple(index for index in speaking if index not in acting),
        unknown=tuple(index for index in acting if not names.intersection(known.rules[index].names)),
        enosys_above=None if found.rules else _enosys_above(profile, call, host),
    )


def _built_together(call: Asked) -> frozenset[str]:
    """The names whose rules libseccomp looks at together: those that act on a call, and on the one that it is made
    through. What it refuses of them depends on all."""
    if call.name is None:
        return frozenset()
    outer = multiplexed(call.abi, call.name)
    return speaking_of(call.name) | (frozenset() if outer is None else speaking_of(outer.through))


def _about(profile: Profile, names: frozenset[str], host: Host) -> Profile:
    """What a profile says of some names on a host. Other rules have no names, so that all keep their index."""
    rules = (
        rule._replace(names=tuple(name for name in rule.names if name in names and is_there(rule, index, host)))
        for index, rule in enumerate(profile.rules)
    )
    return profile._replace(rules=tuple(rules))


def _known(profile: Profile, abi: Abi) -> Profile:
    """Without the names that this libseccomp lacks, which the runtimes ignore."""
    rules = (rule._replace(names=tuple(name for name in rule.names if has(abi, name))) for rule in profile.rules)
    return profile._replace(rules=tuple(rules))


def _unbuildable(abi: Abi) -> str | None:
    """Why no filter can be made for an ABI; None if one can."""
    try:
        if abi in buildable_abis():
            return None
        return f"libseccomp {library_version()} cannot make filters for {abi.name}"
    except FilterError as error:
        return str(error)


def _decide(profile: Profile, call: Asked, covers: frozenset[Abi], lacking: str | None) -> Decision:
    """What the rules about a call say of it, which are all that the profile has."""
    bits = compared_bits(call.abi)
    effect = Effect((), default_outcome(profile))
    if call.name is not None:
        effect = effect_of(profile, call.abi, call.name)
    # x86_64 and x32 share one `arch`, and whether both are covered tells how it is read.
    together = [abi for abi in covers if abi.audit_arch == call.abi.audit_arch]
    if lacking is None and not all(one.exact for abi in together for one in effects(profile, abi).values()):
        lacking = "libseccomp may build its conditions into something else"
    known = outcomes(effect, call.all_args, bits)
    verdicts = sorted(known) if lacking is not None else [_answer(profile, call, together)]
    acting = _acting(profile, call, bits)
    open_args, possible = _open(effect, call, bits)
    return Decision(
        tuple(verdicts),
        tuple(one for one in acting if one.outcome in verdicts),
        overruled=tuple(one for one in acting if one.outcome not in verdicts),
        open_args=open_args if possible - set(verdicts) else (),
        otherwise=tuple(sorted(possible - set(verdicts))),
        not_built=lacking,
    )


def _answer(profile: Profile, call: Asked, abis: list[Abi]) -> Outcome:
    """What the filter for some ABIs returns."""
    made = build(profile, abis).bpf()
    return Program(made, big_endian=call.abi.big_endian).outcome(call.abi.audit_arch, call.nr, call.all_args)


def _acting(profile: Profile, call: Asked, bits: int) -> list[Acting]:
    """The rules whose conditions hold, those without any first: these replace the others, and of them the first
    counts."""
    found = []
    for index, rule in enumerate(profile.rules):
        if rule.names and call.name is not None:
            alone = effect_of(profile._replace(rules=(rule,)), call.abi, call.name)
            acts = (one for one in alone.branches if all(holds(part, call.all_args, bits) for part in one.when))
            branch = next(acts, None)
            if branch is not None:
                found.append(Acting(index, branch.outcome, branch.when))
    return sorted(found, key=lambda one: bool(one.when))


def _open(effect: Effect, call: Asked, bits: int) -> tuple[tuple[int, ...], set[Outcome]]:
    """Which arguments that are not given conditions look at, and all that may become of the call if they can be
    anything."""
    given, looked_at, free = len(call.args), set[int](), []
    found: set[Outcome] = set()
    for branch in effect.branches:
        if all(holds(one, call.all_args, bits) for one in branch.when if one.argument < given):
            unknown = tuple(one for one in branch.when if one.argument >= given)
            region = when(Rule((), branch.outcome.action, unknown), bits)
            free += region
            if region:
                found.add(branch.outcome)
                looked_at.update(one.argument for one in unknown)
    try:
        default_too = bool(complement(free))
    except TooManyBoxesError:
        default_too = True
    return tuple(sorted(looked_at)), found | ({effect.default} if default_too else set())


def _enosys_above(profile: Profile, call: Asked, host: Host) -> int | None:
    """The border of runc's stub, where the call is above it whatever else is known of the host."""
    rules = (rule for index, rule in enumerate(profile.rules) if is_there(rule, index, host) is not False)
    last = border(
        Subject(profile._replace(architectures=architectures_on(profile, host), arch_map=(), rules=tuple(rules))),
        call.abi,
    )
    return last if last is not None and call.nr > last else None
