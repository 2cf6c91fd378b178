"""What the program says on stderr: plain lines, safe to show on a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from audit2seccomp.errors import Audit2SeccompError, UsageError
from audit2seccomp.evidence.loss import all_losses, describe
from audit2seccomp.evidence.model import Evidence, Observation, Sample
from audit2seccomp.kernel.syscalls import tables_kernel

Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
"""The option of commands that write something."""
_LINE_CHARACTERS = 164
_MAX_LISTED_FILES = 5
"""So many are named: a folder of logs may hold hundreds of journal files."""
MAX_LISTED = 50
"""So many numbers without a name are listed: a program can make as many as it likes."""


def say(text: str) -> None:
    """One line of conversation. A stderr that is gone is no reason to fail."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        pass


def complain(text: str) -> None:
    """One line for an error, whatever a file name in it holds."""
    say(f"audit2seccomp: {printable(text)}")


def complain_of(error: Audit2SeccompError) -> None:
    """An error; one in what the user wrote may show that in lines of its own, with a caret under the place."""
    message, *shown = str(error).split("\n") if isinstance(error, UsageError) else [str(error)]
    complain(message)
    for line in shown:
        say(printable(line))


def printable(text: str) -> str:
    """Text that a stranger wrote, with what could move a terminal's cursor or change its colours written as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogateescape").decode("ascii", "replace") for c in text
    )


def plural(count: int, noun: str) -> str:
    """`1 line`, `1,204 lines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def skipped_files(names: list[str]) -> str:
    """What was found in folders, and is no log."""
    return f"skipped: {plural(len(names), 'file')} in folders, no text: {listed(names)}"


def listed(names: list[str]) -> str:
    """The names of some files, the first ones if they are many."""
    shown = ", ".join(printable(name) for name in names[:_MAX_LISTED_FILES])
    return shown + (f" and {len(names) - _MAX_LISTED_FILES:,} more" if len(names) > _MAX_LISTED_FILES else "")


def first_seen(seen: Observation) -> str:
    """One distinct call, for -v."""
    name = seen.name or "(not in the tables)"
    action = seen.action.name if seen.action else "no action" if seen.code is None else f"code {seen.code:#x}"
    who = printable(f"{seen.comm if seen.comm is not None else '?'} ({seen.exe if seen.exe is not None else '?'})")
    return f"new: {seen.abi.name} {seen.nr} {name}, {action}, by {who}"


def what_was_read(evidence: Evidence, denied: int) -> str:
    """How many lines and records there were, and what became of them; of the sound ones, so many are denials."""
    return _read(evidence, f"{evidence.sound - denied:,} used, {denied:,} denied")


def collected(evidence: Evidence, *, unread: bool) -> Iterable[str]:
    """What was read, where all that counts is kept."""
    yield _read(evidence, f"{evidence.sound:,} kept in {plural(len(evidence.counts), 'row')}")
    yield from what_is_missing(evidence, unread=unread)


def _read(evidence: Evidence, used: str) -> str:
    rejected = sum(sample.events for sample in evidence.rejected.values())
    refused = sum(sample.events for sample in evidence.refused.values())
    lines, records = plural(evidence.lines or 0, "line"), plural(evidence.records, "record")
    return (
        f"read {lines}, {records}: {used}, {rejected:,} rejected, {refused:,} not trusted"
        + (f", {evidence.unselected:,} not selected" if evidence.unselected else "")
        + (f", {evidence.copies:,} seen before" if evidence.copies else "")
    )


def summary(
    evidence: Evidence,
    used: list[Observation],
    left_out: list[Observation],
    *,
    unread: bool = False,
    via: str | None = None,
) -> Iterable[str]:
    """What was read or recorded and what became of it. `used` made it into the profile, `left_out` are denials that did
    not; `unread`: an input could not be read; `via`: how a command was recorded."""
    denied = sum(seen.events for seen in left_out)
    yield what_was_read(evidence, denied) if via is None else _recorded(evidence)
    per_arch = Counter(abi for abi, _ in {(seen.abi.name, seen.nr) for seen in used if seen.name})
    if per_arch:
        yield "distinct calls: " + ", ".join(f"{count} on {abi}" for abi, count in sorted(per_arch.items()))
    yield from what_is_missing(evidence, unread=unread, via=via)
    yield from _denials(left_out)


_COMPLETE = {
    "notify": "complete: the kernel held each call until it was counted",
    "audit": "complete: the kernel lost no record",
}
"""What is said of a recording without losses, by its way."""


def _recorded(evidence: Evidence) -> str:
    programs = len({key.comm for key in evidence.counts})
    return (
        f"recorded {plural(evidence.sound, 'call')} by {plural(programs, 'program')}"
        + (f", {sum(sample.events for sample in evidence.rejected.values()):,} rejected" if evidence.rejected else "")
        + (f", {evidence.unselected:,} not selected" if evidence.unselected else "")
    )


def what_is_missing(evidence: Evidence, *, unread: bool, via: str | None = None) -> Iterable[str]:
    """What the log lost, and the records that do not count, by reason, each with an example."""
    losses = all_losses(evidence)
    if unread:
        yield "INCOMPLETE: an input could not be read: see above"
    if not losses and via is not None:
        yield _COMPLETE[via]
    elif losses or not unread:
        yield from (_shortened(line) for line in describe(losses, evidence.segments))
    yield from _samples("rejected", evidence.rejected)
    yield from _samples("not trusted", evidence.refused)


def _samples(what: str, samples: Mapping[str, Sample]) -> Iterable[str]:
    for reason, sample in sorted(samples.items()):
        name, number = sample.place
        yield f"{what}: {printable(name)}:{number}: {reason} ({plural(sample.events, 'record')})"
        yield _shortened(f"    {sample.text.decode(errors='surrogateescape')}")


def _shortened(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LINE_CHARACTERS else f"{shown[:_LINE_CHARACTERS]}…"


def _denials(denied: list[Observation]) -> Iterable[str]:
    if not denied:
        return
    actions = sorted({seen.action.name if seen.action else f"code {seen.code:#x}" for seen in denied})
    calls = plural(len({(seen.abi.name, seen.nr) for seen in denied}), "call")
    hint = "--include-denied allows them" if any(seen.action for seen in denied) else "the kernel defines no such code"
    yield f"left out: {plural(sum(seen.events for seen in denied), 'denial')} of {calls} ({', '.join(actions)}): {hint}"


def gaps(used: Iterable[Observation]) -> Iterable[str]:
    """Observed calls that the profile cannot hold, each by number and architecture."""
    unnamed: Counter[tuple[str, int]] = Counter()
    nameless_arch: Counter[str] = Counter()
    for seen in used:
        if seen.abi.scmp_name is None:
            nameless_arch[seen.abi.audit_name] += seen.events
        elif seen.name is None:
            unnamed[seen.abi.name, seen.nr] += seen.events
    for (abi, nr), count in sorted(unnamed.items())[:MAX_LISTED]:
        tables = f"the tables of Linux {tables_kernel()}"
        yield f"no name: call {nr} on {abi} ({plural(count, 'event')}) is not in {tables}: not in the profile"
    if len(unnamed) > MAX_LISTED:
        yield f"no name: {len(unnamed) - MAX_LISTED:,} more numbers: not in the profile"
    for audit_name, count in sorted(nameless_arch.items()):
        events = plural(count, "event")
        yield f"no OCI name: profiles cannot name {audit_name} ({events}): its calls are not in the profile"
