"""`audit2seccomp decide`: what becomes of one call under a profile, and by which rule."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
from typing import Annotated

import typer

from audit2seccomp.cli.decision_text import as_json, as_text
from audit2seccomp.cli.host_options import Cap, HostArch, HostKernel, host_of
from audit2seccomp.cli.options import arches, call_names
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.cli.words import number_named
from audit2seccomp.errors import ExitStatus, UsageError, did_you_mean
from audit2seccomp.formats.writing.plain import refuse_open
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named
from audit2seccomp.kernel.multiplexed import multiplexed
from audit2seccomp.kernel.syscalls import table_of, tables_kernel
from audit2seccomp.profile.building.choices import oci_arch
from audit2seccomp.profile.decision import Asked, asked
from audit2seccomp.profile.decision import decide as decide_call
from audit2seccomp.profile.effects import speaking_of
from audit2seccomp.profile.model import MAX_ARGS, MAX_U32, MAX_U64

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


def decide(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help="A profile file, or - for standard input.")],
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
    """Tell what the loaded filter does with a call, and which rule that comes from. No filter is loaded for that."""
    host = host_of(host_arch, host_kernel, cap)
    if arch is None:
        abi = _own() if host.abi is None else host.abi
        host = host._replace(abi=abi)
    else:
        abi = abi_named(oci_arch(arch)) or _own()
    wanted = _call(call, abi, _arguments(args or []))
    target = Output(None)
    file = load(profile, lenient=lenient, quiet=quiet)
    made = file.sound()
    refuse_open("decide", made, host, speaking_of(wanted.name or ""))
    decision = decide_call(made, wanted, host)
    if not quiet:
        tell = as_json if json else as_text
        target.write(tell(file, wanted, decision))
    raise typer.Exit(ExitStatus.DONE if decision.lets_through else ExitStatus.INCOMPLETE)


def _own() -> Abi:
    """This machine's; raises UsageError where no profile can name it."""
    machine = os.uname().machine
    abi = abi_named(machine)
    if abi is None or abi.scmp_name is None:
        raise UsageError(f"this machine is a {machine}, which profiles cannot name: --arch names another")
    return abi


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
