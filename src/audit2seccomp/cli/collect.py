"""`audit2seccomp collect`: logs and evidence files in, one evidence file out."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import os
from typing import TYPE_CHECKING, Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.choices import Choices
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import collected, complain, say
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.reading import Gathered, gather, refuse_unread, write_result
from audit2seccomp.errors import ExitStatus, UsageError
from audit2seccomp.evidence.stored import files

if TYPE_CHECKING:
    from audit2seccomp.evidence.stored.state import State

EPILOG = """\b
Examples:
  audit2seccomp collect /var/log/kern.log -o web1.evidence.json
  audit2seccomp collect web1.evidence.json web2.evidence.json -o web.evidence.json
  audit2seccomp collect /var/log/kern.log --state /var/lib/a2s/web1.evidence.json
  audit2seccomp collect --journal --state /var/lib/a2s/web1.evidence.json
  audit2seccomp web.evidence.json -o profile.json
"""


def collect(
    logs: options.Logs = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the evidence there instead of to standard output."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Read on where the last run with that file stopped, and keep the evidence and the places there.",
        ),
    ] = None,
    *,
    selection: options.Selection,
    inputs: options.Inputs,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
) -> None:
    """Read kernel logs and write down what they show, for later: every command reads it in place of the logs."""
    choices = options.choices(selection, inputs, quiet=quiet)
    before = None if state is None else _state_at(state, choices, logs, output)
    # The state file holds the evidence, so that nothing else need be written.
    targets = [Output(path) for path in (state, output) if path is not None] or [Output(None)]
    with Interruption() as interruption:
        gathered = gather(logs, choices, interruption, state=before)
        _tell(gathered, choices, strict=strict)
        texts = [files.to_text(gathered.evidence)]
        if gathered.state is not None:
            from audit2seccomp.evidence.stored.state import to_text

            texts.insert(0, to_text(gathered.state))
        for target, text in zip(targets, texts, strict=False):
            write_result(target, text, gathered, interruption, "evidence")
    raise typer.Exit(gathered.status)


def _tell(gathered: Gathered, choices: Choices, *, strict: bool) -> None:
    """Say what was found; raises typer.Exit if something speaks against writing it down."""
    evidence = gathered.evidence
    if not choices.quiet:
        for line in collected(evidence, unread=gathered.unread):
            say(line)
    refuse_unread(gathered, choices)
    if strict and (evidence.rejected or evidence.losses or gathered.lost):
        complain("the result is incomplete and --strict was given: nothing is written")
        raise typer.Exit(ExitStatus.INCOMPLETE)


def _state_at(path: str, choices: Choices, logs: list[str] | None, output: str | None) -> "State":
    """The state in a file, or a new one. Raises UsageError if this run and those before do not go together, and
    EvidenceFileError for evidence of a lower level."""
    from audit2seccomp.evidence.reading import load_state
    from audit2seccomp.evidence.stored.merging import refuse_lower
    from audit2seccomp.evidence.stored.state import State

    if not choices.journal and (not logs or "-" in logs):
        raise UsageError("--state: standard input has no places to keep: name log files")
    if output is not None and _is_one_file(output, path):
        raise UsageError("--state and -o name the same file: the state file is an evidence file: leave -o out")
    asked = {
        "--trust": choices.trust.word,
        "--assume-arch": None if choices.assume_arch is None else f"{choices.assume_arch:x}",
        "--where": None if choices.query is None else choices.query.text,
        "--boot": None if choices.journal is None else choices.journal.boot,
        "--merge": "yes" if choices.journal is not None and choices.journal.merge else None,
    }
    before = load_state(path) if os.path.exists(path) else State()
    for option, value in asked.items():
        earlier = before.options.get(option)
        if before.started and earlier != value:
            raise UsageError(
                f"{path}: was made with {option} {earlier or '(not given)'}, and now it is {value or '(not given)'}: "
                "give the same, or name another file"
            )
    refuse_lower(before.evidence, choices.trust, path)
    before.options = asked
    return before


def _is_one_file(one: str, other: str) -> bool:
    try:
        return os.path.realpath(one) == os.path.realpath(other)
    except OSError:  # the folder that this runs in is gone: opening them says so
        return False
