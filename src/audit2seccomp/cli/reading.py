"""Inputs → evidence, as a command does it: with a progress bar, signals that end the work, and complaints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING

from audit2seccomp.cli.interrupt import Interrupted, Interruption
from audit2seccomp.cli.messages import complain, listed, printable, say, skipped_files
from audit2seccomp.cli.progress import progress_bar
from audit2seccomp.errors import CutInputError, ExitStatus, InputError, NotTextError, UsageError
from audit2seccomp.evidence.beginning import STRACE
from audit2seccomp.evidence.inputs.expand import expand
from audit2seccomp.evidence.reading import all_traces, scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.cli.choices import Choices
    from audit2seccomp.cli.output import Output
    from audit2seccomp.evidence.inputs.sources import Source
    from audit2seccomp.evidence.model import Evidence, RecordKey
    from audit2seccomp.evidence.parallel.ahead import Ahead, Reach
    from audit2seccomp.evidence.stored.state import State


class Gathered(NamedTuple):
    """What the inputs of a command yield."""

    evidence: Evidence
    unread: bool
    """Whether an input could not be read."""
    interrupted: int | None
    """The exit status that a signal asked for which ended the reading."""
    state: State | None = None
    """What the next run must know, where one was given."""
    lost: bool = False
    """Whether a part of a log was gone before it could be read."""
    inputs: tuple[str, ...] = ()
    """The names of the logs that were opened, in their order."""
    runtime_left_out: bool = False
    """Whether the query leaves out what a container runtime itself called."""
    via: str | None = None
    """The way in which a command was recorded; None where logs were read."""

    @property
    def status(self) -> int:
        """The exit status of a command that did what it could."""
        return self.interrupted or (ExitStatus.NO_RESULT if self.unread else ExitStatus.DONE)


def gather(
    logs: list[str] | None,
    choices: Choices,
    interruption: Interruption,
    on_new: Callable[[RecordKey], None] | None = None,
    *,
    count_lines: bool = True,
    state: State | None = None,
    apart: bool = False,
) -> Gathered:
    """Read all inputs, standard input if none is named; with `state`, what is new in them. A signal ends the reading;
    see `Interruption`. With `apart` an event that is in two inputs counts in each of them."""
    named = input_names(logs, choices)
    files = named if choices.journal else _expanded(named, interruption, choices)
    if len(files) > 1 and choices.form is None and all_traces(files):
        choices = choices._replace(form=STRACE)
    scanner = choices.scanner(on_new, count_lines=count_lines, apart=apart, alone=len(files) == 1)
    alone = len(files) < 2 and not scanner.is_pure
    in_order = alone or on_new or state or choices.journal or choices.form == STRACE
    with (
        nullcontext() if in_order else _ahead(files, choices, count_lines=count_lines, apart=apart) as ahead,
        progress_bar([] if choices.journal else files, choices.quiet) as advance,
    ):
        opener = _Opener(choices, interruption, advance)
        if state is None:

            def read_one(log: str) -> None:
                if ahead is None:
                    scan_source(scanner, opener(log))
                    return
                reach = opener.read_ahead(log, ahead, scanner)
                if not reach.ended:
                    scan_source(scanner, opener(log, reach.bytes), reach.progress)

            unread = _read_all(files, named, opener, read_one, choices.quiet)
            if not choices.quiet:
                for remark in (*map(str, scanner.overlaps()), *about_selection([scanner], choices)):
                    say(printable(remark))
            return Gathered(
                scanner.evidence(),
                unread,
                interruption.exit_status,
                inputs=tuple(scanner.inputs),
                runtime_left_out=bool(scanner.runtimes_left_out()),
            )
        from audit2seccomp.evidence.stored.following import Follower

        follower = Follower(scanner, state, opener, lambda text: None if choices.quiet else say(printable(text)))
        read: Callable[[str], None] = follower.read
        if choices.journal:
            read = partial(follower.read_journal, opener=lambda path, cursor: opener(path, cursor=cursor))
        unread = _read_all(files, named, opener, read, choices.quiet)
    for lost in follower.lost:
        complain(lost)
    new = follower.state()
    return Gathered(new.evidence, unread, interruption.exit_status, new, bool(follower.lost))


_WHO_TELLS = {
    "unit": "journald names none for most of what the kernel writes: select by --comm, --exe or --pid",
    "container": "journald names none for most of what the kernel writes: select by --comm, --exe or subj",
    "host": "syslog, journald and auditd with name_format do",
    "time": "the text of journald's audit transport does not, its _SOURCE_REALTIME_TIMESTAMP and strace -ttt do",
}


def about_selection(scanners: Sequence[Scanner], choices: Choices) -> Iterator[str]:
    """What a user may not expect of the query that these have in common."""
    unknown: dict[str, list[str]] = {}
    for scanner in scanners:
        for field, names in scanner.unknown_fields.items():
            unknown.setdefault(field, []).extend(names)
    for field, names in sorted(unknown.items()):
        hint = f": {_WHO_TELLS[field]}" if field in _WHO_TELLS else ""
        where = "here" if len(names) == sum(scanner.asked for scanner in scanners) else f"in {listed(names)}"
        yield f"selection: no record {where} tells its {field}{hint}"
    runtimes = sorted({name for scanner in scanners for name in scanner.runtimes_left_out()})
    if runtimes and not choices.runtime_added:
        yield (
            f"selection: leaves out what the container runtime itself called ({', '.join(runtimes)}): a container "
            'would not start under this profile: add to the query: or comm ~ "runc:[*" or comm == crun, '
            "or make the profile with --runtime"
        )


def input_names(logs: list[str] | None, choices: Choices) -> list[str]:
    """The inputs: standard input, or this machine's journal, if none is named. Raises UsageError if the former is a
    terminal."""
    if choices.journal:
        from audit2seccomp.evidence.inputs.journal import MACHINE

        if "-" in (logs or ()):
            raise UsageError("--journal: reads files and folders: what journalctl prints is read without it")
        return logs or [MACHINE]
    if not logs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("no input: name log files, pipe a log in, or read the journal: audit2seccomp --journal")
    return logs or ["-"]


def refuse_input_as_output(output: str, logs: list[str] | None) -> None:
    """Raise UsageError if the result would take the place of a log."""
    with suppress(OSError):
        if any(os.path.samefile(output, log) for log in logs or () if log != "-" and os.path.exists(log)):
            raise UsageError(f"-o: {output} is one of the logs: name another file")


def refuse_unread(gathered: Gathered, choices: Choices) -> None:
    """End the command if an input could not be read and nobody asked to go on; raises SystemExit."""
    if gathered.unread and not choices.keep_going:
        complain("an input could not be read: nothing is written (--keep-going writes what the others yield)")
        raise SystemExit(ExitStatus.NO_RESULT)


def write_result(
    target: Output, content: str | bytes, gathered: Gathered, interruption: Interruption, what: str
) -> None:
    """Write a command's result, unless a signal comes meanwhile."""
    write = partial(target.write, content)
    try:
        if target.may_block and not gathered.interrupted:
            interruption.guard(write)()
        else:
            # The signal that ended the reading may come twice: `timeout` sends it to the process and to its group.
            with interruption.blocking() if target.may_block else nullcontext():
                write()
    except Interrupted:
        complain(f"interrupted: the {what} is not written, or not all of it")
        raise SystemExit(interruption.exit_status or ExitStatus.OWN_BUG) from None


class _Opener:
    """Opens inputs so that reading them shows as progress and can be interrupted."""

    def __init__(self, choices: Choices, interruption: Interruption, advance: Callable[[int], object]) -> None:
        """`advance` is told how many more bytes were read."""
        self._choices = choices
        self.interruption = interruption
        self._advance = advance
        self.whole: str | None = None
        """The name of what is being read, if all of it is there already, so that an interrupted reading has read just a
        part."""

    def __call__(self, path: str, offset: int = 0, *, cursor: str = "") -> Source:
        """Open one; raises InputError, and Interrupted, also while it is read."""
        self.whole = None
        opening = partial(self._choices.open, path, offset, cursor=cursor)
        # A FIFO's waits for its writer. journalctl's does not, and in the midst of it nobody knows of the process yet.
        source = opening() if self._choices.journal else self.interruption.guard(opening)()
        if source.whole:
            self.whole = source.name
        read = _counted(self.interruption.guard(source.read, source.descriptor), self._advance)
        pause = self.interruption.guard(source.pause)
        return source._replace(read=read, pause=pause, advance=self._advance)

    def read_ahead(self, path: str, ahead: Ahead, scanner: Scanner) -> Reach:
        """Have a scanner count what other processes found in the next file. Raises Interrupted."""
        self.whole = path
        self.interruption.wait((), 0)  # or a signal that came before would end nothing
        return ahead.read(scanner, self.interruption.wait, self._advance)


def _ahead(files: Sequence[str], choices: Choices, *, count_lines: bool, apart: bool) -> Ahead:
    from audit2seccomp.evidence.parallel.ahead import Ahead

    of_one = choices._replace(jobs=1)
    scanner = partial(of_one.scanner, count_lines=count_lines, apart=apart, alone=len(files) == 1)
    return Ahead(files, choices.jobs, scanner)


def _expanded(named: list[str], interruption: Interruption, choices: Choices) -> list[str]:
    """What to read for what was named; nothing if a signal ends the search."""
    try:
        return interruption.guard(partial(expand, named, recursive=choices.recursive))()
    except Interrupted:
        return []


def _read_all(logs: list[str], named: list[str], opener: _Opener, read: Callable[[str], object], quiet: bool) -> bool:
    """Read all inputs; True if one of them could not be read. What was not named but found is skipped if it is no text.
    A signal ends the reading."""
    unread = False
    skipped: list[str] = []
    for done, log in enumerate(logs):
        try:
            read(log)
        except Interrupted:
            if opener.whole is not None:
                complain(f"{opener.whole}: interrupted: nothing is written")
                raise SystemExit(opener.interruption.exit_status or ExitStatus.OWN_BUG) from None
            for left in logs[done + 1 :]:
                complain(f"{left}: not read: interrupted before")
            break
        except CutInputError as error:
            complain(str(error))  # the evidence tells of it too
        except InputError as error:
            if isinstance(error, NotTextError) and log not in named:
                skipped.append(log)
                continue
            complain(str(error))
            unread = True
    if skipped and not quiet:
        say(skipped_files(skipped))
    return unread


def _counted(read: Callable[[], bytes], advance: Callable[[int], object]) -> Callable[[], bytes]:
    def counted() -> bytes:
        block = read()
        advance(len(block))
        return block

    return counted
