"""What segments, counts and the other numbers of a file say of each other.

docs/evidence.md lists what must hold, and why no more does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from audit2seccomp.evidence.model import Count, RecordKey, Segment
from audit2seccomp.evidence.once import CHUNK_BITS, MAX_CHUNKS, SLACK_MILLIS
from audit2seccomp.named_tuple import NamedTuple


class Misfit(NamedTuple):
    """What cannot be, and where, as a JSON pointer."""

    what: str
    at: str


def misfit(
    segments: Sequence[Segment], counts: Mapping[RecordKey, Count], repeated: int, unselected: int
) -> Misfit | None:
    """What no scan, merge or query could have left, in segments in the order of the file; None if all fits."""
    for i, one in enumerate(segments):
        what = _wrong_in(one, remembered=_remembered(segments))
        if what is not None:
            return Misfit(what, f"/segments/{i}")
    if repeated and not segments:
        return Misfit("without segments there is no event that was repeated", "/repeated")
    return _unequal(segments, counts, unselected)


def _remembered(segments: Sequence[Segment]) -> bool:
    """Whether no serial can have been forgotten while the logs were read."""
    chunks = ((one.last_serial >> CHUNK_BITS) - (one.first_serial >> CHUNK_BITS) + 1 for one in segments)
    return sum(min(one.events, spanned) for one, spanned in zip(segments, chunks, strict=True)) <= MAX_CHUNKS


def _wrong_in(one: Segment, *, remembered: bool) -> str | None:
    serials = one.last_serial - one.first_serial + 1
    lasted = one.last_time - one.first_time
    if one.events == 1 and (serials > 1 or lasted):
        return "one event has one serial and one time"
    # A machine that starts anew soon uses the same serials again, and that is told from copies by the time alone.
    if one.events > serials and lasted <= SLACK_MILLIS and remembered:
        return f"within a second each of {serials:,} serials is one event, and there are {one.events:,}"
    return None


def _unequal(segments: Sequence[Segment], counts: Mapping[RecordKey, Count], unselected: int) -> Misfit | None:
    """Each event with a serial is in a segment, and has a count, unless it was not selected."""
    there: Counter[str] = Counter()
    for one in segments:
        there[one.file] += one.events
    counted: Counter[str] = Counter()
    for key, count in counts.items():
        counted[key.origin.file] += count.numbered
    for file, events in counted.items():
        if events > there[file]:
            # The name of a log may be long, and is not needed: what is wrong is the sum.
            return Misfit(
                f"of one file they have {there[file]:,} events, and counts has {events:,} numbered", "/segments"
            )
    more = there.total() - counted.total()
    if more > unselected:
        return Misfit(
            f"they have {more:,} events more than counts has numbered, and {unselected:,} are unselected", "/segments"
        )
    return None
