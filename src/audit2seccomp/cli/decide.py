"""`audit2seccomp decide`: what becomes of one call under a profile, and by which rule."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
from collections.abc import Iterator
from typing import Annotated

import typer

from audit2seccomp.cli.decision_text import as_json, as_text
from audit2seccomp.cli.host_options import Cap, HostArch, HostKernel, host_of
from audit2seccomp.cli.options import arches, call_names
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.cli.words import number_named
from audit2seccomp.errors import Audit2SeccompError, ExitStatus, LiveError, UsageError, did_you_mean
from audit2seccomp.formats import READABLE
from audit2seccomp.formats.writing.plain import refuse_open
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named, kernels_of
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.live.enforce import enforced
from audit2seccomp.live.host import own_abi, this_host
from audit2seccomp.profile.building.choices import oci_arch
from audit2seccomp.profile.decision import Asked, Decision, asked
from audit2seccomp.profile.decision import decide as decide_call
from audit2seccomp.profile.effects import speaking_of
from audit2seccomp.profile.model import MAX_ARGS, MAX_U32, MAX_U64, Profile, outcome_text
from audit2seccomp.profile.resolve import Host
from audit2seccomp.profile.simulate import Program

EPILOG = """\b
Examples:
  audit2seccomp decide profile.json openat
  audit2seccomp decide profile.json socket 2 1 0 --arch x86
  audit2seccomp decide profile.json 0x40000101 && echo let through
  audit2seccomp decide docker.json clone 0x10000000 --host-arch amd64 --cap none

\b
Exit status:
  0  the call is let through
  1  it is not, or not for sure
  2  the command line is wrong
  3  the profile cannot be read, depends on more of the host, or is none that libseccomp takes
"""

_MANY_CONDITIONS = 500
"""So many take libseccomp half a second, and 4,000 can take it minutes."""


def decide(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help=f"{READABLE}; - for standard input.")],
    call: Annotated[
        str,
        typer.Argument(
            metavar="CALL", help="A call's name, or its number as in syscall= (also 0x…).", autocompletion=call_names
        ),
    ],
    args: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARG]...", help="Its arguments, up to six numbers (also 0x…); 0 where none is given."),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH",
            help="The architecture of the program that calls.  [default: the host's]",
            autocompletion=arches,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    host_arch: HostArch = None,
    host_kernel: HostKernel = None,
    cap: Cap = None,
    lenient: Lenient = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing: the exit status tells.")] = False,
) -> None:
    """Tell what the loaded filter does with a call, and which rule that comes from. No filter is loaded for that.

    The filter is the one that runc and crun load on the host, made by this machine's libseccomp: it covers the
    architectures that the profile lists, and the host's own, and kills the thread for a call of any other. The host is
    that of --host-arch; without it this machine, if it runs programs of --arch, else one that does. Where run does
    something else on this machine, or refuses the profile, a note says so.
    """
    host = host_of(host_arch, host_kernel, cap)
    abi = host.abi or _machine() if arch is None else abi_named(oci_arch(arch))
    if abi is None:
        raise UsageError(f"this machine is a {os.uname().machine}, which profiles cannot name: --arch names another")
    host = host._replace(abi=host.abi or _kernel(abi))
    wanted = _call(call, abi, _arguments(args or []))
    target = Output(None)
    file = load(profile, lenient=lenient, quiet=quiet)
    made = file.sound()
    refuse_open("decide", made, host, speaking_of(wanted.name or ""))
    decision = decide_call(made, wanted, host)
    if not quiet:
        tell = as_json if json else as_text
        target.write(tell(file, wanted, decision, _on_run(made, wanted, host, decision)))
    raise typer.Exit(ExitStatus.DONE if decision.lets_through else ExitStatus.INCOMPLETE)


def _machine() -> Abi | None:
    """This machine's architecture; None where no profile can name it."""
    try:
        abi = own_abi()
    except LiveError:
        return None
    return abi if abi.scmp_name is not None else None


def _kernel(abi: Abi) -> Abi | None:
    """That of the host on which a program of an ABI runs: this machine if it can be; None where it may be several."""
    kernels = kernels_of(abi)
    machine = _machine()
    return machine if machine in kernels else kernels[0] if len(kernels) == 1 else None


def _on_run(profile: Profile, call: Asked, host: Host, decision: Decision) -> Iterator[str]:
    """What is to be known of `run`, where the host is this machine."""
    if host.abi is None or host.abi is not _machine():
        return
    if sum(len(rule.args) * len(rule.names) for rule in profile.rules) > _MANY_CONDITIONS:
        yield "whether run takes a profile with so many conditions was not looked at: that takes long"
        return
    here = this_host()
    known = Host(host.abi, host.kernel or here.kernel, here.caps if host.caps is None else host.caps)
    try:
        program = Program(enforced(profile, known).program)
    except Audit2SeccompError as error:
        yield f"run refuses the profile: {error}"
        return
    outcome = program.outcome(call.abi.audit_arch, call.nr, call.all_args)
    if decision.outcomes != (outcome,):
        yield f"under run it is {outcome_text(outcome)}"


def _call(text: str, abi: Abi, args: tuple[int, ...]) -> Asked:
    """The call of a name or number on an ABI; raises UsageError."""
    number = number_named(text)
    if number is None:
        return Asked(abi, _number_of(text, abi), args)
    if not -(1 << 31) <= number <= MAX_U32:
        raise UsageError(f"{text.strip()}: a call's number has 32 bits")
    nr = number - (1 << 32) if number >> 31 == 1 else number
    if abi.name == "x32" and nr >= 0 and not nr & X32_SYSCALL_BIT:
        raise UsageError(f"{text.strip()}: numbers of x32 have bit 30, as in {nr | X32_SYSCALL_BIT:#x}")
    return asked(abi, nr, args)


def _number_of(name: str, abi: Abi) -> int:
    """Raises UsageError for a name that is none."""
    number = table_of(abi).number_of(name)
    if number is not None:
        return number
    made = multiplexed(abi, name)
    if made is not None:
        through = f"{made.through} {made.number}"
        raise UsageError(f"{name}: programs of {abi.name} make it through {made.through}: decide PROFILE {through}")
    hint = did_you_mean(name, (known for _, known in table_of(abi)))
    raise UsageError(f"{name}: no such call on {abi.name} in the tables of Linux {tables_kernel()}{hint}")


def _arguments(texts: list[str]) -> tuple[int, ...]:
    """Numbers of 64 bits, unsigned; raises UsageError."""
    if len(texts) > MAX_ARGS:
        raise UsageError(f"{texts[MAX_ARGS].strip()}: a call has {MAX_ARGS} arguments")
    found = []
    for text in texts:
        number = number_named(text)
        if number is None or not -(1 << 63) <= number <= MAX_U64:
            raise UsageError(f"{text.strip()}: no number of 64 bits: such as 2, 0x7f or -1")
        found.append(number & MAX_U64)
    return tuple(found)
