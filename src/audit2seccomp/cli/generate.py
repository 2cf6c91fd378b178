"""`audit2seccomp generate`, the default command: logs in, a profile out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import errno as errno_numbers
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, NamedTuple

import typer

from audit2seccomp.cli.interrupt import Interrupted, Interruption
from audit2seccomp.cli.messages import complain, first_seen, gaps, say, summary
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.progress import progress_bar
from audit2seccomp.errors import ExitStatus, InputError, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Count, Evidence, RecordKey, observe
from audit2seccomp.evidence.reading import arch_named, scan_source, trust_named
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.sources import from_path
from audit2seccomp.formats import WRITERS
from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.profile.build import MAX_ERRNO, build, counts, oci_arch
from audit2seccomp.profile.model import Profile, RuleAction

EPILOG = """\b
Examples:
  journalctl | audit2seccomp -o profile.json
  audit2seccomp /var/log/kern.log* -o profile.json
  audit2seccomp --trust authenticated /var/log/audit/audit.log
  dmesg | audit2seccomp --errno EPERM --arch x86 --arch x32

\b
Other commands:
  audit2seccomp syscall NAME|NUMBER   look a system call up in the tables
  audit2seccomp --version             this version, and that of the tables
  audit2seccomp --install-completion  complete options in this shell

\b
Exit status:
  0    done
  1    --strict, and the result is incomplete: nothing is written
  2    the command line is wrong
  3    an input could not be read, the output not written, or no call was found to allow
  70   a bug in audit2seccomp
  130  ended by Ctrl-C (143: by SIGTERM); from a stream, the profile of what was read is written
  141  the reader of standard output went away
"""


class Choices(NamedTuple):
    """The options that shape the profile, checked."""

    include_denied: bool
    default_action: RuleAction
    errno: int | None
    action: RuleAction
    architectures: tuple[str, ...]

    def profile(self, evidence: Evidence) -> Profile:
        """The profile of some evidence; see `build`."""
        return build(
            evidence,
            include_denied=self.include_denied,
            default_action=self.default_action,
            errno=self.errno,
            action=self.action,
            architectures=self.architectures,
        )


def _arches() -> list[str]:
    return [abi.name for abi in oci_abis()]


def _actions() -> list[str]:
    return [str(action) for action in RuleAction]


def generate(
    logs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LOGS]...",
            help="Log files, or - for standard input, which is read if none is named.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the profile there instead of to standard output."),
    ] = None,
    trust: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="How far a line must prove the kernel as its author: authenticated, anchored, or embedded (any text).",
            autocompletion=lambda: ["authenticated", "anchored", "embedded"],
        ),
    ] = "anchored",
    assume_arch: Annotated[
        str | None,
        typer.Option(
            metavar="ARCH",
            help="The architecture of records that an old kernel wrote without arch=.",
            autocompletion=_arches,
        ),
    ] = None,
    include_denied: Annotated[
        bool, typer.Option("--include-denied", help="Allow also the calls that a filter denied.")
    ] = False,
    default_action: Annotated[
        str, typer.Option(metavar="ACTION", help="What happens to any other call.", autocompletion=_actions)
    ] = "SCMP_ACT_ERRNO",
    errno: Annotated[
        str | None,
        typer.Option(metavar="NAME|N", help="What any other call fails with, such as EPERM or 1.  [default: ENOSYS]"),
    ] = None,
    action: Annotated[
        str, typer.Option(metavar="ACTION", help="What happens to an observed call.", autocompletion=_actions)
    ] = "SCMP_ACT_ALLOW",
    arch: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARCH",
            help="Add an architecture to the observed ones; may be repeated.",
            autocompletion=_arches,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail, and write nothing, if the result is incomplete.")
    ] = False,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going", help="Write the profile though an input could not be read; the exit status is still 3."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="List each distinct call when it is first seen.")
    ] = False,
) -> None:
    """Read kernel logs and write a profile that allows the system calls recorded in them."""
    choices = Choices(
        include_denied,
        _action("--default-action", default_action),
        None if errno is None else _errno(errno),
        _action("--action", action),
        tuple(oci_arch(name) for name in arch or ()),
    )
    with suppress(NothingFoundError):  # choices that contradict each other show before hours of reading
        choices.profile(Evidence())
    on_new = _announcer() if verbose and not quiet else None
    scanner = Scanner(
        trust_named(trust), None if assume_arch is None else arch_named(assume_arch), on_new, count_lines=not quiet
    )
    if not logs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("no input: name log files, or pipe a log in: journalctl | audit2seccomp -o profile.json")
    target = Output(output)
    with Interruption() as interruption:
        unread = _read_all(scanner, logs or ["-"], interruption, quiet)
        ending = Ending(strict, quiet, unread, keep_going, interruption.exit_status)
        profile = _profile(scanner.evidence(), choices, ending)
        write = partial(target.write, WRITERS["oci"](profile))
        try:
            if target.may_block and not ending.interrupted:
                interruption.guard(write)()
            else:
                # The signal that ended the reading may come twice: `timeout` sends it to the process and to its group.
                with interruption.blocking() if target.may_block else nullcontext():
                    write()
        except Interrupted:
            complain("interrupted: the profile is not written, or not all of it")
            raise typer.Exit(interruption.exit_status or ExitStatus.OWN_BUG) from None
    raise typer.Exit(ending.interrupted or (ExitStatus.NO_RESULT if ending.unread else ExitStatus.DONE))


class Ending(NamedTuple):
    """What decides over the exit status besides the evidence."""

    strict: bool
    quiet: bool
    unread: bool
    keep_going: bool
    interrupted: int | None
    """The exit status that a signal asks for."""


def _read_all(scanner: Scanner, logs: list[str], interruption: Interruption, quiet: bool) -> bool:
    """Scan all inputs; True if one of them could not be read. A signal ends the reading."""
    unread = False
    with progress_bar(logs, quiet) as advance:
        for done, log in enumerate(logs):
            source = None
            try:
                # The opening of a FIFO waits for its writer.
                source = interruption.guard(partial(from_path, log))()
                read = _counted(interruption.guard(source.read, source.descriptor), advance)
                scan_source(scanner, replace(source, read=read))
            except Interrupted:
                if source is not None and source.size is not None:
                    complain(f"{source.name}: interrupted: nothing is written")
                    raise typer.Exit(interruption.exit_status or ExitStatus.OWN_BUG) from None
                for left in logs[done + 1 :]:
                    complain(f"{left}: not read: interrupted before")
                break
            except InputError as error:
                complain(str(error))
                unread = True
    return unread


def _announcer() -> Callable[[RecordKey], None]:
    """What says each distinct call and action once, by whichever program made it first."""
    known: set[object] = set()

    def announce(key: RecordKey) -> None:
        seen = observe(key, Count(1))
        call = (seen.abi.name, seen.nr, seen.action or seen.code)
        if call not in known:
            known.add(call)
            say(first_seen(seen))

    return announce


def _counted(read: Callable[[], bytes], advance: Callable[[int], object]) -> Callable[[], bytes]:
    def counted() -> bytes:
        block = read()
        advance(len(block))
        return block

    return counted


def _profile(evidence: Evidence, choices: Choices, ending: Ending) -> Profile:
    """Say what was found, and make the profile; raises typer.Exit if something speaks against it."""
    seen = evidence.observations()
    used = [one for one in seen if counts(one, choices.include_denied)]
    left_out = [one for one in seen if not counts(one, choices.include_denied)]
    missing = list(gaps(used))
    if not ending.quiet:
        for line in (*summary(evidence, used, left_out), *missing):
            say(line)
    if ending.unread and not ending.keep_going:
        complain("an input could not be read: nothing is written (--keep-going writes what the others yield)")
        raise typer.Exit(ExitStatus.NO_RESULT)
    try:
        profile = choices.profile(evidence)
    except NothingFoundError as error:
        complain(str(error))
        raise typer.Exit(ending.interrupted or ExitStatus.NO_RESULT) from None
    if ending.strict and (missing or evidence.rejected):
        complain("the result is incomplete and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    return profile


def _action(option: str, text: str) -> RuleAction:
    name = text.upper().removeprefix("SCMP_ACT_")
    if name not in RuleAction.__members__:
        raise UsageError(f"{option}: no action '{text}': one of {', '.join(_actions())}")
    return RuleAction[name]


def _errno(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ERRNO)) and int(text) <= MAX_ERRNO:
        return int(text)
    number = getattr(errno_numbers, text.upper(), None)
    if not isinstance(number, int):
        raise UsageError(f"--errno: no errno '{text}': a name such as EPERM, or a number from 0 to {MAX_ERRNO}")
    return number
