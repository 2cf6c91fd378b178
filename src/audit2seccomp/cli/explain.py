"""`audit2seccomp explain`: what logs show of each call, or what a single line says."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import shutil
import sys
from typing import Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import say, what_is_missing, what_was_read
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.reading import gather, refuse_unread, write_result
from audit2seccomp.errors import NothingFoundError, UsageError, did_you_mean
from audit2seccomp.evidence.calls import ORDERS, Call, calls_of, in_order
from audit2seccomp.evidence.model import Evidence

EPILOG = """\b
Examples:
  audit2seccomp explain kern.log
  audit2seccomp explain --sort rarest /var/log/audit/audit.log
  audit2seccomp explain --journal --comm nginx --json
  audit2seccomp explain --csv kern.log > calls.csv

\b
What is wrong with a line:
  sed -n 8812p kern.log | audit2seccomp explain --line
  audit2seccomp explain --line 'type=SECCOMP msg=audit(1594067860.484:1): …'

\b
Exit status: as for generate; with --line, 0 if the line holds a sound and trusted record, else 1.
"""


def explain(
    logs: options.Logs = None,
    line: Annotated[
        bool, typer.Option("--line", help="Explain one line, given in place of LOGS or on standard input.")
    ] = False,
    sort: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help=f"How to sort the calls: {', '.join(ORDERS)}.",
            autocompletion=lambda: list(ORDERS),
        ),
    ] = "name",
    json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    *,
    selection: options.Selection,
    inputs: options.Inputs,
    quiet: options.Quiet = False,
) -> None:
    """Show each system call that logs hold: how often, when, by which programs, and how complete the list may be."""
    choices = options.choices(selection, inputs, quiet=quiet)
    if sort not in ORDERS:
        raise UsageError(f"--sort: no order '{sort}': one of {', '.join(ORDERS)}{did_you_mean(sort, ORDERS)}")
    if line:
        from audit2seccomp.cli.explain_line import explain_line

        if json or csv or choices.journal or any(part not in (None, []) for part in selection):
            raise UsageError("--line: explains what is written there: it has no other form, and selects nothing")
        raise typer.Exit(explain_line(logs, choices.trust, choices.assume_arch))
    if json and csv:
        raise UsageError("--json, --csv: one of them, please")
    target = Output(None)
    with Interruption() as interruption:
        gathered = gather(logs, choices, interruption)
        if not quiet:
            _tell(gathered.evidence, unread=gathered.unread)
        refuse_unread(gathered, choices)
        calls = in_order(calls_of(gathered.evidence), sort)
        if not calls:
            raise NothingFoundError(_why_nothing(gathered.evidence))
        write_result(target, _listed(calls, json=json, csv=csv), gathered, interruption, "listing")
    raise typer.Exit(gathered.status)


def _tell(evidence: Evidence, *, unread: bool) -> None:
    denied = sum(seen.events for seen in evidence.by_call().observations() if not seen.let_through)
    for line in (what_was_read(evidence, denied), *what_is_missing(evidence, unread=unread)):
        say(line)


def _why_nothing(evidence: Evidence) -> str:
    if evidence.unselected:
        return "nothing to explain: no record is selected"
    if evidence.refused:
        return "nothing to explain: no record is trusted: give a log that proves more, or lower --trust"
    if evidence.rejected:
        return "nothing to explain: no record is sound: explain --line shows what is wrong with a line"
    return "nothing to explain: no SECCOMP record found"


def _listed(calls: list[Call], *, json: bool, csv: bool) -> str:
    from audit2seccomp.cli import listing

    if json:
        return listing.as_json(calls)
    if csv:
        return listing.as_csv(calls)
    on_terminal = sys.stdout.isatty()
    text = listing.as_table(calls) if on_terminal else listing.as_text(calls) + "\n"
    return text + "\n".join((*_completeness(calls), ""))


def _completeness(calls: list[Call]) -> list[str]:
    """How calls came in over time, and what that says of those to come."""
    from audit2seccomp.cli.chart import chart
    from audit2seccomp.evidence.coverage import Seen, curve, describe

    seen = [Seen(call.events, call.first) for call in calls]
    last = max((call.last for call in calls if call.last is not None), default=None)
    drawn = [] if last is None else chart(curve(seen), last, shutil.get_terminal_size().columns)
    title = ["distinct calls over time", *drawn, ""] if drawn else []
    return [*title, *describe(seen, last)]
