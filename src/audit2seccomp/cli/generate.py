"""`audit2seccomp generate`, the default command: logs in, a profile out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import errno as errno_numbers
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import complain, first_seen, gaps, say, summary
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.reading import Gathered, gather, refuse_unread, write_result
from audit2seccomp.errors import ExitStatus, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Count, Evidence, RecordKey, observe
from audit2seccomp.formats import write_profile
from audit2seccomp.profile.build import GENERATED_ACTIONS, MAX_ERRNO, build, counts, oci_arch
from audit2seccomp.profile.model import Profile, RuleAction

if TYPE_CHECKING:
    from audit2seccomp.cli.many import Many

EPILOG = """\b
Examples:
  journalctl | audit2seccomp -o profile.json
  audit2seccomp /var/log/kern.log* -o profile.json
  audit2seccomp --trust authenticated /var/log/audit/audit.log
  dmesg | audit2seccomp --errno EPERM --arch x86 --arch x32
  audit2seccomp --follow /var/log/kern.log -o profile.json
  journalctl -o json | audit2seccomp --per comm -d profiles

\b
Other commands:
  audit2seccomp explain [LOGS]...     what logs show of each call, or what a line says
  audit2seccomp collect [LOGS]...     keep what logs show, for later
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


class Shape(NamedTuple):
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


def _actions() -> list[str]:
    return [str(action) for action in GENERATED_ACTIONS]


def generate(
    logs: options.Logs = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the profile there instead of to standard output."),
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option("-d", "--directory", metavar="DIR", help="Write a profile for each log there, or as --per says."),
    ] = None,
    per: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="With -d: a profile for each comm, exe, unit, container, host, subj or file.",
            autocompletion=lambda: ["comm", "exe", "unit", "container", "host", "subj", "file"],
        ),
    ] = None,
    where: options.Where = None,
    comm: options.Comm = None,
    exe: options.Exe = None,
    pid: options.Pid = None,
    uid: options.Uid = None,
    unit: options.Unit = None,
    container: options.Container = None,
    since: options.Since = None,
    until: options.Until = None,
    trust: options.TrustLevel = "anchored",
    assume_arch: options.AssumeArch = None,
    format_in: options.FormatIn = None,
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
            autocompletion=options.arches,
        ),
    ] = None,
    follow: options.Follow = False,
    recursive: options.Recursive = False,
    strict: options.Strict = False,
    keep_going: options.KeepGoing = False,
    quiet: options.Quiet = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="List each distinct call when it is first seen.")
    ] = False,
) -> None:
    """Read kernel logs and write a profile that allows the system calls recorded in them."""
    selection = options.Selection(where, comm, exe, pid, uid, unit, container, since, until)
    choices = options.choices(
        trust,
        assume_arch,
        selection,
        format_in=format_in,
        recursive=recursive,
        keep_going=keep_going,
        quiet=quiet,
    )
    shape = Shape(
        include_denied,
        _action("--default-action", default_action),
        None if errno is None else _errno(errno),
        _action("--action", action),
        tuple(oci_arch(name) for name in arch or ()),
    )
    with suppress(NothingFoundError):  # choices that contradict each other show before hours of reading
        shape.profile(Evidence())
    on_new = _announcer() if (verbose or follow) and not quiet else None
    if follow and (directory or per):
        raise UsageError("--follow: writes one profile: not with --per or -d")
    many = _many(directory, per, output)
    target = None if many else Output(output)
    with Interruption() as interruption:
        if follow and target is not None:
            gathered, written = _follow(logs, choices, shape, target, interruption, on_new, strict=strict)
        else:
            apart = many is not None and many.of_files
            gathered = gather(logs, choices, interruption, on_new, count_lines=not quiet, apart=apart)
            written = None
        profile = _profile(gathered, choices, shape, strict=strict)
        if many is not None:
            raise typer.Exit(many.write(gathered, shape.profile, strict=strict, quiet=quiet))
        if target is not None and profile != written:
            write_result(target, write_profile(profile).content, gathered, interruption, "profile")
    raise typer.Exit(gathered.status)


def _follow(
    logs: list[str] | None,
    choices: options.Choices,
    shape: Shape,
    target: Output,
    interruption: Interruption,
    on_new: Callable[[RecordKey], None] | None,
    *,
    strict: bool,
) -> tuple[Gathered, Profile | None]:
    """Follow the logs to their end; also the last profile that was written meanwhile."""
    from audit2seccomp.cli.follow import LiveProfile, check

    check(target, strict=strict)
    live = LiveProfile(choices, shape.profile, lambda profile: target.write(write_profile(profile).content), on_new)
    return live.run(logs, interruption), live.written


def _many(directory: str | None, per: str | None, output: str | None) -> "Many | None":
    """Where several profiles go, if they are asked for."""
    if directory is None and per is None:
        return None
    from audit2seccomp.cli.many import Many

    if directory is None:
        raise UsageError("--per: writes several profiles: -d DIR says where")
    if output is not None:
        raise UsageError("-o, -d: one of them, please: a profile, or a folder of several")
    return Many(directory, per)


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


def _profile(gathered: Gathered, choices: options.Choices, shape: Shape, *, strict: bool) -> Profile:
    """Say what was found, and make the profile; raises typer.Exit if something speaks against it."""
    evidence = gathered.evidence
    calls = evidence.by_call()
    seen = calls.observations()
    used = [one for one in seen if counts(one, shape.include_denied)]
    left_out = [one for one in seen if not counts(one, shape.include_denied)]
    missing = list(gaps(used))
    if not choices.quiet:
        for line in (*summary(evidence, used, left_out, unread=gathered.unread), *missing):
            say(line)
    refuse_unread(gathered, choices)
    try:
        profile = shape.profile(calls)
    except NothingFoundError as error:
        complain(str(error))
        raise typer.Exit(gathered.interrupted or ExitStatus.NO_RESULT) from None
    if strict and (missing or evidence.rejected or evidence.losses):
        lacking = evidence.rejected or evidence.losses
        why = "the result is incomplete" if lacking else "the profile is incomplete: it lacks calls that were made"
        complain(f"{why}, and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    return profile


def _action(option: str, text: str) -> RuleAction:
    name = text.upper().removeprefix("SCMP_ACT_")
    if name not in RuleAction.__members__ or RuleAction[name] not in GENERATED_ACTIONS:
        raise UsageError(f"{option}: no action '{text}': one of {', '.join(_actions())}")
    return RuleAction[name]


def _errno(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ERRNO)) and int(text) <= MAX_ERRNO:
        return int(text)
    number = getattr(errno_numbers, text.upper(), None)
    if not isinstance(number, int):
        raise UsageError(f"--errno: no errno '{text}': a name such as EPERM, or a number from 0 to {MAX_ERRNO}")
    return number
