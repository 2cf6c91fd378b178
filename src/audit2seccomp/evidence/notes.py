"""What is to be told besides what counts: what was left out and what is missing, each with its first place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from audit2seccomp.evidence.decide import Fate, Outcome
from audit2seccomp.evidence.model import Evidence, Sample, merge_samples

SAMPLE_BYTES = 240
"""How much of a line is kept as an example."""


class Notes:
    """Samples of all inputs, by reason; the one in the first line counts, of the input whose name sorts first."""

    def __init__(self, evidence: Evidence | None = None) -> None:
        """Nothing to tell, but for what was told before."""
        told = evidence or Evidence()
        self.rejected = dict(told.rejected)
        self.refused = dict(told.refused)
        self.losses = dict(told.losses)

    def takes(self, evidence: Evidence) -> bool:
        """Whether `add` says what would have been noted: places tell which example is the first."""
        return all(
            samples[reason].place[1] and others[reason].place[1]
            for samples, others in self._beside(evidence)
            for reason in samples.keys() & others
        )

    def add(self, evidence: Evidence, name: str, lines_above: int) -> None:
        """Note what was noted of an input of that name, below so many lines of it."""
        self.rejected, self.refused, self.losses = (
            merge_samples(samples, {reason: _below(other, name, lines_above) for reason, other in others.items()})
            for samples, others in self._beside(evidence)
        )

    def _beside(self, evidence: Evidence) -> Iterator[tuple[Mapping[str, Sample], Mapping[str, Sample]]]:
        yield self.rejected, evidence.rejected
        yield self.refused, evidence.refused
        yield self.losses, evidence.losses

    def outcome(self, outcome: Outcome, file: str, line: Callable[[], int], text: bytes) -> None:
        """Note events that do not count; without events, only the line is noted."""
        if outcome.fate is Fate.REJECTED:
            note(self.rejected, outcome.reason, outcome.events, file, line, text)
        elif outcome.fate is Fate.REFUSED:
            note(self.refused, outcome.reason, outcome.events, file, line, text)

    def loss(self, kind: str, file: str, line: int, text: bytes, signs: int = 1) -> None:
        """Note signs that records are missing."""
        note(self.losses, kind, signs, file, lambda: line, text)


def _below(sample: Sample, name: str, lines: int) -> Sample:
    number = sample.place[1]
    return sample._replace(place=(name, number + lines if number else 0))


def note(samples: dict[str, Sample], reason: str, events: int, file: str, line: Callable[[], int], text: bytes) -> None:
    """Add events to a sample, whose place is the first one; `line` may take long and is asked only if it matters.

    Without events only the place is noted, and without a place (line 0) only the events."""
    known = samples.get(reason)
    if known is not None:
        samples[reason] = known = known._replace(events=known.events + events)
        if known.place[0] < file and known.place[1]:
            return
    number = line()
    if number and (known is None or not known.place[1] or (file, number) < known.place):
        samples[reason] = Sample(events if known is None else known.events, (file, number), bytes(text[:SAMPLE_BYTES]))
    elif known is None:
        samples[reason] = Sample(events, (file, 0), b"")
