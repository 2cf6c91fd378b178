"""Policy files of minijail, as `minijail0 -S` reads them.

Sources: minijail0(5), "Seccomp_Filter Syntax"; syscall_filter.c (compile_policy_line, compile_atom), bpf.c and util.c
(parse_constant) of google/minijail. A policy holds for one architecture; one line speaks of a call, and what no line
speaks of is killed.
"""

from __future__ import annotations

from audit2seccomp.errors import FormatError
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.writing.reduced import call_list, checked_names, unsaid
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.kernel.abi import Abi, abi_named
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.profile.effects import Conjunction, Effect, compared_bits, effects
from audit2seccomp.profile.model import (
    LETS_THROUGH,
    ArgCondition,
    Outcome,
    Profile,
    RuleAction,
    default_outcome,
    errno_text,
)

OPTIONS = ("architectures",)
MAX_LABELS = 512
"""BPF_LABELS_MAX of bpf.h: a line with conditions takes two, and one more for each alternative."""
_ARCHES = (
    *("x86_64", "x86", "aarch64", "arm", "mips", "mips64", "mipsel", "mipsel64", "parisc", "ppc", "ppc64"),
    "riscv64",
)
"""Where minijail can be built: arch.h, and log_syscalls of util.c."""
_KILLS = (RuleAction.KILL_THREAD, RuleAction.KILL_PROCESS)


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The profile as a policy for one architecture: the only one it has, or that of `options`. Raises FormatError for
    what a line cannot say: denials under conditions, actions such as TRAP, and a default action that lets through."""
    made, losses = plain("minijail", profile)
    abi = _abi(made, options)
    default = default_outcome(made)
    if default.action in LETS_THROUGH:
        raise FormatError(
            f"minijail: the profile lets through what it does not name ({default.action}): a policy kills it"
        )
    _checked(default, "the default action")
    named = dict.fromkeys(call for rule in made.rules for call in rule.names)
    checked_names("minijail", named)
    table = table_of(abi)
    here = {call: Effect((), default) for call in named if table.number_of(call) is not None} | effects(made, abi)
    lines = {call: _line(call, effect, abi) for call, effect in here.items()}
    alternatives = [line.count("||") + 3 for line in lines.values() if line is not None and line.startswith("arg")]
    if sum(alternatives) > MAX_LABELS:
        raise FormatError(f"minijail: more than {MAX_LABELS} alternatives in conditions: it loads no such policy")
    content = [f"{call}: {line}\n" for call, line in sorted(lines.items()) if line is not None]
    elsewhere = [call for call in named if call not in here and multiplexed(abi, call) is None]
    lost = [*losses, *unsaid("minijail", made), *_losses(made, abi, here, elsewhere)]
    return Written(f"# {abi.name}\n{''.join(content)}", tuple(lost))


def _abi(profile: Profile, options: WriteOptions) -> Abi:
    asked = options.architectures or profile.architectures
    if len(asked) != 1:
        have = f"the profile has {', '.join(asked)}" if asked else "the profile names none"
        raise FormatError(f"minijail: a policy holds for one architecture, and {have}: convert --arch says which one")
    if profile.architectures and asked[0] not in profile.architectures:
        raise FormatError(f"minijail: the profile is not for {asked[0]}: it has {', '.join(profile.architectures)}")
    abi = abi_named(asked[0])
    if abi is None or abi.name not in _ARCHES:
        raise FormatError(f"minijail: there is none for {asked[0]}: one of {', '.join(_ARCHES)}")
    return abi


def _checked(outcome: Outcome, what: str) -> None:
    if outcome.action not in (*LETS_THROUGH, *_KILLS, RuleAction.ERRNO):
        raise FormatError(f"minijail: {what}: a policy cannot say {outcome.action}: change it to ERRNO or KILL")
    if outcome.errno is not None and outcome.errno > MAX_ERRNO:
        raise FormatError(f"minijail: {what}: no errno {outcome.errno}: a number from 0 to {MAX_ERRNO}")


def _line(call: str, effect: Effect, abi: Abi) -> str | None:
    """What stands behind `call:`; None if the call is killed, as it is without a line."""
    for outcome in (*(branch.outcome for branch in effect.branches), effect.default):
        _checked(outcome, call)
    # As the rules say it, also where libseccomp builds it in another way.
    always = effect._replace(exact=True).always
    if always is None:
        if any(branch.outcome.action not in LETS_THROUGH for branch in effect.branches):
            raise FormatError(
                f"minijail: {call}: a line says when a call is allowed, not when it is denied: say it the other way"
            )
        alternatives = list(dict.fromkeys(_conjunction(branch.when, abi) for branch in effect.branches))
        if "" not in alternatives:
            end = f"; return {effect.default.errno}" if effect.default.errno is not None else ""
            return f"{' || '.join(alternatives)}{end}"
        return "1"
    if always.action in LETS_THROUGH:
        return "1"
    return None if always.errno is None else f"return {always.errno}"


def _conjunction(when: Conjunction, abi: Abi) -> str:
    """What must hold; empty if it always does."""
    return " && ".join(atom for condition in when for atom in _atoms(condition, compared_bits(abi)))


def _atoms(condition: ArgCondition, bits: int) -> list[str]:
    """A condition as atoms that must all hold. `&` holds if any bit of its mask is set, so one bit each is asked for;
    `in` holds if no bit outside its mask is set."""
    everything = (1 << bits) - 1
    argument, value = f"arg{condition.argument}", condition.value & everything
    sign = condition.operator.sign
    if sign is not None:
        return [f"{argument} {sign} {value:#x}"]
    wanted = (condition.value_two or 0) & value  # libseccomp compares no other bits (_db_node_mask_fixup)
    if value == everything:
        return [f"{argument} == {wanted:#x}"]
    set_bits = [f"{argument} & {1 << bit:#x}" for bit in range(bits) if wanted >> bit & 1]
    clear = value & ~wanted
    return [*set_bits, f"{argument} in ~{clear:#x}"] if clear else set_bits


def _losses(profile: Profile, abi: Abi, here: dict[str, Effect], elsewhere: list[str]) -> list[str]:
    lost = []
    default = default_outcome(profile)
    if default.errno is not None:
        lost.append(
            "minijail: calls that the profile does not name are killed, instead of failing with "
            f"{errno_text(default.errno)}"
        )
    if any(outcome.action is RuleAction.KILL_PROCESS for outcome in _all(default, here)):
        lost.append("minijail: only the thread is killed, unless minijail0 synchronizes threads")
    logged = [
        call for call, effect in here.items() if any(one.outcome.action is RuleAction.LOG for one in effect.branches)
    ]
    if logged:
        lost.append(f"minijail: allowed without being logged: {call_list(logged)}")
    if elsewhere:
        lost.append(f"minijail: left out, since {abi.name} has no such call: {call_list(elsewhere)}")
    others = [name for name in profile.architectures if name != abi.scmp_name]
    if others:
        lost.append(f"minijail: calls of other architectures are killed: {', '.join(others)}")
    return lost


def _all(default: Outcome, here: dict[str, Effect]) -> list[Outcome]:
    return [default, *(branch.outcome for effect in here.values() for branch in effect.branches)]
