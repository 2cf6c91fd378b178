"""`audit2seccomp generate`, the default command: logs in, a profile out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli import profile_options as shaping
from audit2seccomp.cli import shape as shapes
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import complain, first_seen, gaps, say, summary
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient
from audit2seccomp.cli.reading import Gathered, gather, refuse_input_as_output, refuse_unread, write_result
from audit2seccomp.errors import ExitStatus, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Count, RecordKey, observe
from audit2seccomp.profile.build import counts

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
  audit2seccomp --runtime runc --portable --never ptrace,mount kern.log -o profile.json
  audit2seccomp --update profile.json --explain-names kern.log

\b
Other commands:
  audit2seccomp explain [LOGS]...     what logs show of each call, or what a line says
  audit2seccomp collect [LOGS]...     keep what logs show, for later
  audit2seccomp audit-profile [FILE]  the profile to record under
  audit2seccomp check PROFILE [LOGS]  which recorded calls it would deny
  audit2seccomp merge, diff           what profiles say together, or differently
  audit2seccomp lint PROFILE...       what is wrong with a profile, and where
  audit2seccomp convert PROFILE       write it in another format
  audit2seccomp syscall NAME|NUMBER   look a system call up in the tables
  audit2seccomp --version             this version, and that of the tables
  audit2seccomp --install-completion  complete options in this shell

\b
Exit status:
  0    done
  1    --strict, and the result is incomplete: nothing is written
  2    the command line is wrong
  3    an input could not be read, the output not written, no call was found to allow, or one that --never names
  70   a bug in audit2seccomp
  130  ended by Ctrl-C (143: by SIGTERM); from a stream, the profile of what was read is written
  141  the reader of standard output went away
"""


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
    include_denied: shaping.IncludeDenied = False,
    default_action: shaping.DefaultAction = None,
    errno: shaping.Errno = None,
    action: shaping.Action = "SCMP_ACT_ALLOW",
    arch: shaping.Arch = None,
    runtime: shaping.Runtime = None,
    portable: shaping.Portable = None,
    allow: shaping.Allow = None,
    never: shaping.Never = None,
    drop_never: shaping.DropNever = False,
    base: shaping.BaseFiles = None,
    update: shaping.Update = None,
    lenient: Lenient = False,
    explain_names: shaping.ExplainNames = False,
    form: shaping.Format = None,
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
    shape = shapes.shape(
        action=action,
        include_denied=include_denied,
        default_action=default_action,
        errno=errno,
        arch=arch,
        form=form,
        runtime=runtime,
        portable=portable,
        allow=allow,
        never=never,
        drop_never=drop_never,
        base=base,
        update=update,
        explain_names=explain_names,
        lenient=lenient,
        quiet=quiet,
    )
    choices = choices._replace(runtime_added=bool(shape.runtimes))
    on_new = _announcer() if (verbose or follow) and not quiet else None
    if follow and (directory or per):
        raise UsageError("--follow: writes one profile: not with --per or -d")
    if update is not None and (directory or per):
        raise UsageError("--update: extends one profile: not with --per or -d")
    if output is not None:
        refuse_input_as_output(output, logs)
    many = _many(directory, per, output)
    in_place = shape.updated if output is None else None
    target = None if many else Output(output) if in_place is None else shapes.ExtendedFile(in_place)
    # What stands in the file already need not be written.
    written: str | bytes | None = None if in_place is None else in_place.text
    with Interruption() as interruption:
        if follow and target is not None:
            gathered, written = _follow(logs, choices, shape, target, interruption, on_new, written, strict=strict)
        else:
            apart = many is not None and many.of_files
            gathered = gather(logs, choices, interruption, on_new, count_lines=not quiet, apart=apart)
        product = _product(gathered, choices, shape, strict=strict, many=many is not None)
        if many is not None:
            raise typer.Exit(many.write(gathered, shape, strict=strict, quiet=quiet))
        _tell(product, shape, output, quiet=quiet)
        if strict and product.losses:
            complain("something is lost, and --strict was given: nothing is written")
            raise typer.Exit(ExitStatus.INCOMPLETE)
        if target is not None and isinstance(product.content, bytes) and target.is_terminal:
            raise UsageError(f"--format {shape.form}: is no text for a terminal: -o FILE names a file")
        if target is not None and product.content != written:
            write_result(target, product.content, gathered, interruption, "profile")
    raise typer.Exit(gathered.status)


def _follow(
    logs: list[str] | None,
    choices: options.Choices,
    shape: shapes.Shape,
    target: Output,
    interruption: Interruption,
    on_new: Callable[[RecordKey], None] | None,
    written: str | bytes | None,
    *,
    strict: bool,
) -> tuple[Gathered, str | bytes | None]:
    """Follow the logs to their end; also what was written last."""
    from audit2seccomp.cli.follow import LiveProfile, check

    check(target, strict=strict)
    live = LiveProfile(choices, shape.product, target.write, on_new, written=written, programs=shape.needs_programs)
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


def _product(
    gathered: Gathered, choices: options.Choices, shape: shapes.Shape, *, strict: bool, many: bool
) -> shapes.Product:
    """Say what was found, and make the profile; raises typer.Exit if something speaks against it."""
    evidence = gathered.evidence
    seen = evidence.by_call().observations()
    used = [one for one in seen if counts(one, shape.include_denied)]
    left_out = [one for one in seen if not counts(one, shape.include_denied)]
    missing = list(gaps(used))
    if not choices.quiet:
        for line in (*summary(evidence, used, left_out, unread=gathered.unread), *missing):
            say(line)
    refuse_unread(gathered, choices)
    try:
        product = shape.product(evidence)
    except NothingFoundError as error:
        complain(str(error))
        raise typer.Exit(gathered.interrupted or ExitStatus.NO_RESULT) from None
    if not (choices.quiet or many or gathered.runtime_left_out) and shape.lacks_runtime(evidence):
        say(f"container: the log holds no call of a container runtime: {shapes.NO_RUNTIME}")
    if strict and (missing or evidence.rejected or evidence.losses):
        lacking = evidence.rejected or evidence.losses
        why = "the result is incomplete" if lacking else "the profile is incomplete: it lacks calls that were made"
        complain(f"{why}, and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    return product


def _tell(product: shapes.Product, shape: shapes.Shape, output: str | None, *, quiet: bool) -> None:
    """Say what a user may not expect of a profile, and what was asked for."""
    for line in shape.remarks(product, output) if not quiet else ():
        say(line)
    for line in shape.explanations(product.built):
        say(line)
