"""`audit2seccomp check`: which recorded calls a profile would deny."""

# No `from __future__ import annotations` here: typer would evaluate each one again, which takes 3 ms.

import json as json_text
from collections.abc import Iterable
from typing import Annotated

import typer

from audit2seccomp.cli import options
from audit2seccomp.cli.choices import Choices
from audit2seccomp.cli.interrupt import Interruption
from audit2seccomp.cli.messages import complain, plural, printable, say, what_is_missing, what_was_read
from audit2seccomp.cli.output import Output
from audit2seccomp.cli.profiles import Lenient, load
from audit2seccomp.cli.reading import Gathered, gather, refuse_unread, write_result
from audit2seccomp.errors import ExitStatus, NothingFoundError, UsageError
from audit2seccomp.evidence.calls import Call, calls_of
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.formats import READABLE
from audit2seccomp.profile.check import Checked
from audit2seccomp.profile.check import check as check_calls
from audit2seccomp.profile.model import Outcome, errno_text

EPILOG = """\b
Examples:
  audit2seccomp check profile.json kern.log
  audit2seccomp check /etc/containers/seccomp.json --journal --comm nginx
  audit2seccomp check profile.json --json web1.evidence.json web2.evidence.json

\b
Exit status:
  0  the profile lets all recorded calls through, at least with some arguments
  1  it denies some, or --strict was given and the log is incomplete
  2, 3, 70, 130, 141  as for generate
"""
_MAX_PROGRAMS = 3


def check(
    profile: Annotated[str, typer.Argument(metavar="PROFILE", help=f"The profile: {READABLE}.")],
    logs: options.Logs = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON array with all calls.")] = False,
    *,
    selection: options.Selection,
    inputs: options.Inputs,
    include_denied: Annotated[
        bool,
        typer.Option("--include-denied", help="Check also the calls that a filter denied when they were recorded."),
    ] = False,
    lenient: Lenient = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
) -> None:
    """Tell which recorded calls a profile would deny, who made them, and on which architecture."""
    choices = options.choices(selection, inputs, quiet=quiet)
    if profile == "-" and not choices.journal and (not logs or "-" in logs):
        raise UsageError("check: the profile and the log cannot both be standard input: name one of them")
    against = load(profile, lenient=lenient, quiet=quiet).sound()
    target = Output(None)
    with Interruption() as interruption:
        gathered = gather(logs, choices, interruption)
        evidence = gathered.evidence
        calls = calls_of(_counted(evidence, include_denied=include_denied))
        _tell(gathered, choices, calls)
        if strict and (evidence.rejected or evidence.losses):
            complain("the log is incomplete, and --strict was given: nothing is checked")
            raise typer.Exit(ExitStatus.INCOMPLETE)
        checked = check_calls(against, calls)
        text = _as_json(checked) if json else "".join(f"{line}\n" for line in _lines(checked))
        write_result(target, text, gathered, interruption, "list")
    denied = sum(one.denied for one in checked)
    if not quiet:
        unsure = sum(not one.denied and not one.allowed for one in checked)
        allowed = len(checked) - denied - unsure
        say(f"checked {plural(len(checked), 'call')}: {allowed:,} allowed, {denied:,} denied, {unsure:,} may be denied")
    raise typer.Exit(gathered.status or (ExitStatus.INCOMPLETE if denied else ExitStatus.DONE))


def _counted(evidence: Evidence, *, include_denied: bool) -> Evidence:
    """The evidence of the calls that are checked."""
    from audit2seccomp.evidence.model import observe
    from audit2seccomp.profile.build import counts

    kept = {key: count for key, count in evidence.counts.items() if counts(observe(key, count), include_denied)}
    return evidence._replace(counts=kept)


def _tell(gathered: Gathered, choices: Choices, calls: list[Call]) -> None:
    """Say what was read; raises typer.Exit or NothingFoundError if there is nothing to check."""
    evidence = gathered.evidence
    if not choices.quiet:
        denied = evidence.sound - sum(call.events for call in calls)
        for line in (what_was_read(evidence, denied), *what_is_missing(evidence, unread=gathered.unread)):
            say(line)
    refuse_unread(gathered, choices)
    if not calls:
        hint = ": --include-denied checks denials too" if evidence.sound else ""
        raise NothingFoundError(f"no recorded call to check{hint}")


def _lines(checked: Iterable[Checked]) -> Iterable[str]:
    for one in checked:
        if one.allowed:
            continue
        call = one.call
        name = call.name or f"call {call.nr}"
        programs = [f"{_shown(comm)} ({_shown(exe)})" for (comm, exe), _ in call.programs[:_MAX_PROGRAMS]]
        more = len(call.programs) - len(programs)
        who = ", ".join(programs) + (f" and {more:,} more" if more else "")
        what = f"{name} on {call.abi.name}: {plural(call.events, 'event')} by {who}"
        if not one.covered:
            yield f"denied (killed): {what}: the profile does not list this architecture"
        elif one.denied:
            yield f"denied ({', '.join(map(_verdict, one.possible))}): {what}"
        else:
            outcomes = ", ".join(map(_verdict, one.possible))
            yield f"may be denied ({outcomes}): {what}: depends on {', '.join(map(printable, one.depends))}"


def _verdict(outcome: Outcome) -> str:
    """`allowed`, `ENOSYS`, or the action's name."""
    action = outcome.action.removeprefix("SCMP_ACT_")
    if action == "ALLOW":
        return "allowed"
    if action == "ERRNO" and outcome.errno is not None:
        return errno_text(outcome.errno)
    return action.lower().replace("_", " ")


def _shown(value: str | None) -> str:
    return "?" if value is None else printable(value)


def _as_json(checked: Iterable[Checked]) -> str:
    return json_text.dumps([_object(one) for one in checked], indent=2, ensure_ascii=False) + "\n"


def _object(one: Checked) -> dict[str, object]:
    call = one.call
    return {
        "arch": call.abi.name,
        "number": call.nr,
        "name": call.name,
        "verdict": "allowed" if one.allowed else "denied" if one.denied else "depends",
        "outcomes": [{"action": outcome.action.value, "errno": outcome.errno} for outcome in one.possible],
        "depends": list(one.depends),
        "arch_covered": one.covered,
        "events": call.events,
        "programs": [
            {
                "comm": None if comm is None else printable(comm),
                "exe": None if exe is None else printable(exe),
                "events": n,
            }
            for (comm, exe), n in call.programs
        ],
    }
