"""Logs in, a profile out: what `generate` does once its options are understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit2seccomp.cli.delivery import Destination, announcer, deliver
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.reading import Gathered, gather, refuse_input_as_output
from audit2seccomp.errors import UsageError

if TYPE_CHECKING:
    from audit2seccomp.cli.choices import Choices
    from audit2seccomp.cli.shape import Shape
    from audit2seccomp.evidence.model import RecordKey


def make_profile(
    logs: list[str] | None,
    choices: Choices,
    shape: Shape,
    output: str | None = None,
    directory: str | None = None,
    per: str | None = None,
    *,
    follow: bool = False,
    strict: bool = False,
    verbose: bool = False,
) -> int:
    """Read the logs, or standard input if none is named, and write the profile or profiles; returns the exit status.
    Raises the errors of what is called, and SystemExit."""
    choices = choices._replace(runtime_added=bool(shape.runtimes))
    on_new = announcer() if (verbose or follow) and not choices.quiet else None
    if follow and (directory or per):
        raise UsageError("--follow: writes one profile: not with --per or -d")
    if choices.journal and directory is not None and per is None and not logs:
        raise UsageError("-d: a journal is one log: -o FILE writes its profile; saved ones are named behind --journal")
    if output is not None:
        refuse_input_as_output(output, logs)
    destination = Destination(shape, output, directory, per)
    with Interruption() as interruption:
        if follow:
            gathered = _follow(logs, choices, shape, destination, interruption, on_new, strict=strict)
        else:
            apart = destination.many is not None and destination.many.of_files
            gathered = gather(logs, choices, interruption, on_new, count_lines=not choices.quiet, apart=apart)
        return deliver(gathered, choices, shape, destination, interruption, strict=strict).status


def _follow(
    logs: list[str] | None,
    choices: Choices,
    shape: Shape,
    destination: Destination,
    interruption: Interruption,
    on_new: Callable[[RecordKey], None] | None,
    *,
    strict: bool,
) -> Gathered:
    """Follow the logs to their end."""
    from audit2seccomp.cli.follow import LiveProfile, check

    assert destination.target is not None, "--follow writes one profile"
    target = destination.target
    check(target, strict=strict)
    live = LiveProfile(
        choices, shape.product, target.write, on_new, written=destination.written, programs=shape.needs_programs
    )
    gathered = live.run(logs, interruption)
    destination.written = live.written
    return gathered
