"""Inputs → evidence, as a command does it: with a progress bar, signals that end the work, and complaints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import typer

from audit2seccomp.cli.interrupt import Interrupted, Interruption
from audit2seccomp.cli.messages import complain
from audit2seccomp.cli.progress import progress_bar
from audit2seccomp.errors import ExitStatus, InputError, UsageError
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.sources import from_path

if TYPE_CHECKING:
    from audit2seccomp.cli.options import Choices
    from audit2seccomp.cli.output import Output
    from audit2seccomp.evidence.model import Evidence, RecordKey


class Gathered(NamedTuple):
    """What the inputs of a command yield."""

    evidence: Evidence
    unread: bool
    """Whether an input could not be read."""
    interrupted: int | None
    """The exit status that a signal asked for which ended the reading."""

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
) -> Gathered:
    """Read all inputs, standard input if none is named. A signal ends the reading; see `Interruption`."""
    if not logs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("no input: name log files, or pipe a log in: journalctl | audit2seccomp -o profile.json")
    scanner = Scanner(choices.trust, choices.assume_arch, on_new, query=choices.query, count_lines=count_lines)
    unread = _read_all(scanner, logs or ["-"], interruption, choices.quiet)
    interrupted = interruption.exit_status
    return Gathered(scanner.evidence(), unread, interrupted)


def refuse_unread(gathered: Gathered, choices: Choices) -> None:
    """End the command if an input could not be read and nobody asked to go on; raises typer.Exit."""
    if gathered.unread and not choices.keep_going:
        complain("an input could not be read: nothing is written (--keep-going writes what the others yield)")
        raise typer.Exit(ExitStatus.NO_RESULT)


def write_unless_interrupted(target: Output, text: str, gathered: Gathered, interruption: Interruption) -> None:
    """Write what a command yields, unless a signal comes after the reading has ended; raises typer.Exit then."""
    write = partial(target.write, text)
    try:
        if target.may_block and not gathered.interrupted:
            interruption.guard(write)()
        else:
            # The signal that ended the reading may come twice: `timeout` sends it to the process and to its group.
            with interruption.blocking() if target.may_block else nullcontext():
                write()
    except Interrupted:
        complain("interrupted: the result is not written, or not all of it")
        raise typer.Exit(interruption.exit_status or ExitStatus.OWN_BUG) from None


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


def _counted(read: Callable[[], bytes], advance: Callable[[int], object]) -> Callable[[], bytes]:
    def counted() -> bytes:
        block = read()
        advance(len(block))
        return block

    return counted
