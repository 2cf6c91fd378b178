"""Recording: a command runs, and what it and its descendants call becomes evidence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING

from audit2seccomp.errors import LiveError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.counter import CallCounter
from audit2seccomp.evidence.model import Sample
from audit2seccomp.kernel.seccomp import FILTER_FLAG_BITS
from audit2seccomp.live.beginning import Beginning, Courier, Report
from audit2seccomp.live.command import Successor, find
from audit2seccomp.live.descriptors import fill_standard
from audit2seccomp.live.host import check_proc, kernel_version
from audit2seccomp.live.launch import Launch
from audit2seccomp.live.loading import Loader
from audit2seccomp.live.notify import Listener
from audit2seccomp.live.own_filters import filters_that_hand_over
from audit2seccomp.live.tree import ENDED_BEFORE, Tree, Watch
from audit2seccomp.named_tuple import NamedTuple
from audit2seccomp.profile.assembly import always
from audit2seccomp.profile.model import Outcome, Profile, RuleAction

if TYPE_CHECKING:
    from audit2seccomp.evidence.model import Evidence, RecordKey
    from audit2seccomp.evidence.query.language import Query

NOTIFY, AUDIT, AUTO = "notify", "audit", "auto"
WAYS = (AUTO, NOTIFY, AUDIT)
_FIRST_WITH_CONTINUE = (5, 5)
"""SECCOMP_USER_NOTIF_FLAG_CONTINUE came with that kernel."""
_FIRST_WITH_WAIT_KILLABLE = (5, 19)
_NO_SLOWER = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
"""The recording is not to take the command's speed by mitigations that it did not have."""


_GIVE_WAY = (
    "the command has filters of its own: a listener of these is refused, and what they hand to a tracer runs: "
    "--via audit lets them do it"
)
"""USER_NOTIF goes before TRACE and LOG, and a tree has one listener (seccomp(2))."""


_HIDDEN = (
    "selection: of some calls the program is not known (/proc/PID/exe may not be read): they are not selected, "
    "whichever it is: root may read it"
)


class Recording(NamedTuple):
    """What came of it."""

    evidence: Evidence
    status: int
    """The command's wait status, as of os.waitpid."""
    via: str


class Choices(NamedTuple):
    """How a command is recorded."""

    via: str = AUTO
    """One of WAYS."""
    known: Profile | None = None
    """Calls that it lets through are not seen."""
    query: Query | None = None
    """Which calls count."""
    on_new: Callable[[RecordKey], None] | None = None
    """Is told each key when it is first seen."""
    output_to_stderr: bool = False
    """Where the command's standard output goes."""
    say: Callable[[str], None] = lambda _: None
    """Tells the user something meanwhile."""
    kept: Container[int] = range(sys.maxsize)
    """Of the descriptors that the command is given those which this process uses behind its end."""


def way(asked: str) -> str:
    """NOTIFY or AUDIT: for AUTO what this kernel can. Raises LiveError where it cannot do what is asked."""
    can_notify = kernel_version() >= _FIRST_WITH_CONTINUE
    if asked == NOTIFY and not can_notify:
        raise LiveError("--via notify: needs Linux 5.5: --via audit")
    return AUDIT if asked == AUDIT or not can_notify else NOTIFY


def record(words: Sequence[str], choices: Choices) -> Recording:
    """Run a command to its end, and the end of all its descendants. Raises CommandNotFoundError, NotExecutableError,
    LiveError and FilterError; nothing of it is left then."""
    check_proc()
    fill_standard()
    successor = Successor(find(words))
    via = way(choices.via)
    evidence, status = (_notify if via == NOTIFY else _audit)(successor, words[0], choices)
    if choices.known is None and not (evidence.records or evidence.losses):
        raise LiveError(f"cannot record the command: {ENDED_BEFORE}")
    return Recording(evidence, status, via)


def _notify(successor: Successor, name: str, choices: Choices) -> tuple[Evidence, int]:
    courier = Courier()
    program = courier.lets_pass() + _program(RuleAction.NOTIFY, choices.known)
    flags = ["SECCOMP_FILTER_FLAG_NEW_LISTENER", _NO_SLOWER]
    if kernel_version() >= _FIRST_WITH_WAIT_KILLABLE:
        # A signal does not make the call be asked again, as each of Go's preemption signals would.
        flags.append("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
    loader = Loader(program, sum(FILTER_FLAG_BITS[flag] for flag in flags))
    launch = Launch(successor.command)
    counter = CallCounter(name, choices.query, choices.on_new)

    listeners: list[Listener] = []

    def watch(report: Report) -> Watch | None:
        if report.listener is None:
            return None
        listeners.append(Listener(report.listener, counter, launch, choices.say))
        return listeners[-1]

    beginning = Beginning(successor, loader, courier, output_to_stderr=choices.output_to_stderr)
    status = Tree(beginning, watch, choices.say, choices.kept).run()
    seen = counter.evidence()
    interrupted = sum(listener.interrupted for listener in listeners)
    if interrupted:
        seen = seen._replace(losses={"interrupted": Sample(interrupted, (name, 0), b"")})
    if filters_that_hand_over(seen):
        choices.say(_GIVE_WAY)
    if choices.query is not None and "exe" in choices.query.fields and any(one.hidden for one in listeners):
        choices.say(_HIDDEN)
    return seen, status


def _audit(successor: Successor, name: str, choices: Choices) -> tuple[Evidence, int]:
    from audit2seccomp.evidence.scan import Scanner
    from audit2seccomp.live.audit import AuditSocket

    # What comes is what auditd would write into its file.
    scanner = Scanner(Trust.AUTHENTICATED, on_new=choices.on_new, query=choices.query, count_lines=False, form="text")
    records = AuditSocket(scanner, name, Launch(successor.command))
    loader = Loader(_program(RuleAction.LOG, choices.known), FILTER_FLAG_BITS[_NO_SLOWER])

    def watch(report: Report) -> Watch | None:
        if report.session is None:
            return None
        records.of_session(report.session)
        return records

    beginning = Beginning(successor, loader, new_session=True, output_to_stderr=choices.output_to_stderr)
    status = Tree(beginning, watch, choices.say, choices.kept).run()
    return records.evidence(), status


def _program(action: RuleAction, known: Profile | None) -> bytes:
    """The filter that takes an action for each call but those that are known."""
    if known is None:
        return always(Outcome(action))
    from audit2seccomp.live.enforce import unknown_to

    return unknown_to(known, action)
