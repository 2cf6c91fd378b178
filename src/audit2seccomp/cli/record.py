"""`audit2seccomp record`: a command is run, and what it called becomes a profile."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
import signal
import sys
from collections.abc import Callable, Container
from typing import Annotated, NoReturn

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli import shape as shapes
from audit2seccomp.cli.delivery import Delivered, Destination, announcer, deliver
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import complain, complain_of, say
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profile_options import Shaping
from audit2seccomp.cli.profiles import load
from audit2seccomp.cli.reading import Gathered
from audit2seccomp.cli.run import CommandWords
from audit2seccomp.errors import ExitStatus, OutputError, ProfileFileError, UsageError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.live import record as recording
from audit2seccomp.live.descriptors import STDERR, STDOUT
from audit2seccomp.profile.model import Profile

EPILOG = """\b
Examples:
  audit2seccomp record -o profile.json -- ls -laR /usr
  audit2seccomp record --then-verify -o profile.json -- make test
  audit2seccomp record --runtime runc --portable -o profile.json -- nginx -g 'daemon off;'
  audit2seccomp record --known profile.json --update profile.json -- ./server    # only what is new is looked at
  audit2seccomp record --per comm -d profiles -- ./start-all.sh
  audit2seccomp record --evidence run-1.json -o profile.json -- ./server; audit2seccomp explain run-1.json

\b
Exit status: that of the command, or the signal that ended it; but
  1    --strict, and the result is incomplete: nothing is written; or --then-verify, and the command ended differently
  2    the command line is wrong
  3    the command could not be recorded, the output not written, or a call was made that --never names
  126  the command cannot be executed
  127  there is no such command
"""
TAKES_COMMAND = True

_FIELDS = ("comm", "exe", "pid", "uid", "arch", "syscall")
"""What is known of a call, whichever way it is recorded."""
_CRASHES = {
    signal.SIGILL,
    signal.SIGTRAP,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGKILL,
    signal.SIGSEGV,
    signal.SIGXCPU,
    signal.SIGXFSZ,
    signal.SIGSYS,
}
"""Signals by which a command ends that nobody asked to end."""


def record(
    command: CommandWords = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Write the profile there. Without it the profile goes to standard output, and what the command writes "
            "there to standard error.",
        ),
    ] = None,
    via: Annotated[
        str,
        typer.Option(
            metavar="WAY",
            help="notify holds each call until it is counted; audit reads the kernel's records, as root; auto: notify "
            "from Linux 5.5 on.",
            autocompletion=lambda: list(recording.WAYS),
        ),
    ] = recording.AUTO,
    known: Annotated[
        str | None,
        typer.Option(metavar="PROFILE", help="Look only at calls that it denies, and add them to it: hardly slower."),
    ] = None,
    then_verify: Annotated[
        bool, typer.Option("--then-verify", help="Run the command again, under the profile: it must end as before.")
    ] = False,
    evidence: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep what was seen, for explain, or to be read with others.")
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option("-d", "--directory", metavar="DIR", help="Write several profiles there, as --per says."),
    ] = None,
    per: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD", help="With -d: a profile for each comm or exe.", autocompletion=lambda: ["comm", "exe"]
        ),
    ] = None,
    where: options.Where = None,
    comm: options.Comm = None,
    exe: options.Exe = None,
    uid: options.Uid = None,
    *,
    shaping: Shaping,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="List each distinct call when it is first seen.")
    ] = False,
) -> None:
    """Run a command, and write a profile that allows what it and its descendants called."""
    if not command:
        raise UsageError("record: no command: audit2seccomp record -o FILE -- COMMAND")
    _check(via, directory, per, known, shaping.update, then_verify)
    selection = options.Selection(where, comm, exe, None, uid)
    choices = options.choices(selection, options.Inputs(Trust.AUTHENTICATED.word), quiet=quiet)
    unknown = sorted(set() if choices.query is None else choices.query.fields - set(_FIELDS))
    if unknown:
        raise UsageError(f"--where: {unknown[0]}: is not known of a call here: {', '.join(_FIELDS)} are")
    extended = shaping.update is not None
    seen_before = None if known is None else load(known, lenient=shaping.lenient, quiet=quiet or extended)
    # What it lets through is not seen, so it would be missing.
    shape = shapes.shape(shaping, known=None if extended else seen_before, quiet=quiet)
    destination = Destination(shape, output, directory, per)
    kept = _kept(evidence, output, destination)
    outputs = [one for one in (kept, destination.target) if one is not None]
    to_stderr = any(one.is_stdout for one in outputs)
    tell: Callable[[str], None] = (lambda _: None) if quiet else say
    made = recording.record(
        command,
        recording.Choices(
            via,
            None if seen_before is None else seen_before.sound(),
            choices.query,
            announcer() if verbose and not quiet else None,
            to_stderr,
            tell,
            _used_later(outputs, then_verify),
        ),
    )
    with Interruption() as interruption:
        is_kept = kept is None or _keep(made.evidence, kept)
        gathered = Gathered(made.evidence, False, None, via=made.via)
        delivered = deliver(gathered, choices, shape, destination, interruption, strict=strict)
    if delivered.status or not is_kept:
        raise typer.Exit(delivered.status or ExitStatus.NO_RESULT)
    if not quiet and os.WIFSIGNALED(made.status) and os.WTERMSIG(made.status) in _CRASHES:
        say(_cut_short(made))
    if then_verify:
        _verify(command, made.status, _as_written(delivered, tell), tell, to_stderr=to_stderr)
    _end_like(made.status)


def _check(
    via: str, directory: str | None, per: str | None, known: str | None, update: str | None, then_verify: bool
) -> None:
    """What must not show only when the command has run: raises UsageError, and FilterError without libseccomp."""
    if via not in recording.WAYS:
        raise UsageError(f"--via: no way '{via}': one of {', '.join(recording.WAYS)}")
    if directory is not None and per not in ("comm", "exe"):
        raise UsageError("-d: a folder takes several profiles: --per comm or --per exe")
    if known == "-":
        raise UsageError("--known: names a file: - is the command's standard input")
    if known is not None and update is not None and not _is_one_file(known, update):
        raise UsageError("--known, --update: name the same file: what one allows is not seen, and the other lacks it")
    if then_verify:
        if directory is not None:
            raise UsageError("--then-verify: needs one profile: not with -d")
        from audit2seccomp.profile.libseccomp import library_version

        library_version()


def _is_one_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return one == other  # reading it tells what is wrong


def _kept(evidence: str | None, output: str | None, destination: Destination) -> Output | None:
    """Where what was seen goes."""
    if evidence is None:
        return None
    if destination.target is not None and evidence == (output or "-"):
        raise UsageError("--evidence, -o: two places, please: one for what was seen, and one for the profile")
    return Output(evidence)


def _keep(evidence: Evidence, output: Output) -> bool:
    """Write down what was seen; where that fails it is said, and the profile can be had all the same."""
    from audit2seccomp.evidence.stored.files import to_text

    try:
        output.write(to_text(evidence))
    except OutputError as error:
        complain_of(error)
        return False
    return True


def _used_later(outputs: list[Output], again: bool) -> Container[int]:
    """Which of the descriptors that the command is given: all of them for a second run, and any but standard input may
    be what an output is called by, as `-` and /dev/fd/3 are."""
    if again:
        return range(sys.maxsize)
    return range(STDOUT, sys.maxsize) if any(one.may_block for one in outputs) else (STDERR,)


def _as_written(delivered: Delivered, tell: Callable[[str], None]) -> Profile:
    """The profile that the file is, which may have lost something; that before, where the format cannot be read."""
    from audit2seccomp.formats import read_profile

    content = delivered.product.content
    try:
        return read_profile(content.encode() if isinstance(content, str) else content).sound()
    except ProfileFileError:
        tell("--then-verify: runs under the profile itself: what it was written as cannot be read back")
        return delivered.product.built.profile


def _verify(command: list[str], status: int, profile: Profile, tell: Callable[[str], None], *, to_stderr: bool) -> None:
    """Run it again; raises typer.Exit if it ends differently."""
    from audit2seccomp.live.verify import verify

    again = verify(command, profile, tell, output_to_stderr=to_stderr)
    if os.waitstatus_to_exitcode(again) != os.waitstatus_to_exitcode(status):
        complain(f"--then-verify: {_ended(again)} under the profile, and {_ended(status)} when it was recorded")
        raise typer.Exit(ExitStatus.INCOMPLETE)
    tell(f"verified: {_ended(again)} under the profile, as when it was recorded")


def _cut_short(made: recording.Recording) -> str:
    """That what a command does may not all have been seen, and what may have ended it."""
    said = f"{_ended(made.status)}: the profile allows only what was called until then"
    if os.WTERMSIG(made.status) == signal.SIGABRT and made.via == recording.NOTIFY:
        said += "; where calls that fail with EINTR are the reason, --via audit makes none fail"
    return said


def _ended(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"it ended with status {code}"
    names = {one.value: one.name for one in signal.Signals}
    return f"{names.get(-code, f'signal {-code}')} ended it"


def _end_like(status: int) -> NoReturn:
    """End as the command did: a shell that waits for this process then knows that Ctrl-C ended it."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        from audit2seccomp.live.libc import leave_no_core

        leave_no_core()
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
        code = 128 - code  # the signal is blocked
    raise typer.Exit(code)
