"""Calls that were seen as they were made, not read of: counted like those of a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.decide import Decider, Outcome
from audit2seccomp.evidence.model import Evidence, Origin, RecordKey, SeccompRecord
from audit2seccomp.evidence.notes import Notes
from audit2seccomp.evidence.once import Channel
from audit2seccomp.evidence.tally import Tally

if TYPE_CHECKING:
    from audit2seccomp.evidence.query.language import Query

_UNNUMBERED = Channel(None)


class CallCounter:
    """Evidence that grows by calls; the bounds are those of Tally."""

    def __init__(
        self, name: str, query: Query | None = None, on_new: Callable[[RecordKey], None] | None = None
    ) -> None:
        """`name` stands for the input. Those calls count that `query` takes; `on_new` is told each key when it is first
        seen."""
        self._origin = Origin(name)
        self._tally = Tally(on_new)
        self._decider = Decider(self._tally.key_of, Trust.AUTHENTICATED, query=query)
        self._notes = Notes()

    def outcome(self, record: SeccompRecord) -> Outcome:
        """What becomes of a call; the same for each with the same fields, but for the time."""
        return self._decider.of_record(record, b"", self._origin)

    def add(self, outcome: Outcome, events: int, last: int) -> None:
        """Count calls of which the last was made at that time, in milliseconds since the epoch."""
        outcome = outcome._replace(events=events)
        self._notes.outcome(outcome, self._origin.file, lambda: 0, b"")
        self._tally.add(outcome, _UNNUMBERED, 0)
        if last != outcome.millis:
            self._tally.add(outcome._replace(events=0, millis=last), _UNNUMBERED, 0)

    def evidence(self) -> Evidence:
        """What was counted so far."""
        return Evidence(
            self._tally.counts(), None, dict(self._notes.rejected), unselected=self._tally.unselected, repeated=0
        )
