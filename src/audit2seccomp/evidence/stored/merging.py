"""Evidence that was stored, before it is merged: what a query takes of it, and which events it shares with others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from audit2seccomp.errors import EvidenceFileError, UsageError
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Segment
from audit2seccomp.kernel.abi import abi_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.carriers import Trust
    from audit2seccomp.evidence.query.condition import Field
    from audit2seccomp.evidence.query.language import Query

MAX_PAIRS = 1_000_000
"""So many pairs of overlapping ranges are added up, which takes a second or two; then the smaller of both numbers of
events is the bound."""


def refuse_lower(evidence: Evidence, asked: Trust, name: str) -> None:
    """Raise EvidenceFileError if the records in a file of that name had to prove less than is asked for now: which of
    them would have proved it, no file tells."""
    if evidence.trust < asked:
        level = evidence.trust.word
        raise EvidenceFileError(
            f"{name}: evidence of the level {level}, and this run needs {asked.word}: "
            f"give --trust {level}, or collect it again from the logs"
        )


def select(evidence: Evidence, query: Query, name: str) -> Evidence:
    """What a query takes of the evidence in a file of that name; the rest is counted as not selected. Raises UsageError
    for a query that asks for what evidence does not keep."""
    from audit2seccomp.evidence.query.condition import Field

    kept = _values(RecordKey(0, 0, None, None, None, None, None, Origin("")))
    missing = [field for field in Field if field in query.fields and field not in kept]
    if missing:
        asked = " and ".join(field.value for field in missing)
        raise UsageError(f"{name}: evidence files do not keep {asked}, which the query asks for: give the logs instead")
    counts: dict[RecordKey, Count] = {}
    unselected = evidence.unselected
    for key, count in evidence.counts.items():
        if query.decide(_values(key)) is True:
            counts[key] = count
        else:
            unselected += count.numbered + count.unnumbered
    return evidence._replace(counts=counts, unselected=unselected)


def unknown_to(evidence: Evidence, query: Query) -> frozenset[Field]:
    """Fields that a query looks at and no key of the evidence has."""
    unknown = set(query.fields)
    for key in evidence.counts:
        if not unknown:
            break
        unknown -= {field for field, value in _values(key).items() if value is not None}
    return frozenset(unknown)


def _values(key: RecordKey) -> dict[Field, object]:
    from audit2seccomp.evidence.query.condition import Field

    return {
        Field.COMM: key.comm,
        Field.EXE: key.exe,
        Field.SUBJ: key.subj,
        Field.UID: key.uid,
        Field.ARCH: abi_of(key.arch, key.nr),
        Field.SYSCALL: key.nr,
        Field.ACTION: key.code,
        Field.FILE: key.origin.file,
        Field.HOST: key.origin.host,
        Field.UNIT: key.origin.unit,
        Field.CONTAINER: key.origin.container,
    }


class Overlap(NamedTuple):
    """Two inputs that may hold the same events."""

    one: str
    """The name of the input."""
    other: str
    events: int
    """So many at most."""

    def __str__(self) -> str:
        events = f"{self.events:,} event" + "s" * (self.events != 1)
        return f"{self.one} and {self.other} overlap: up to {events} may be counted twice; calls are not affected"


def overlaps(inputs: Iterable[tuple[str, Sequence[Segment]]]) -> Iterator[Overlap]:
    """Which of these inputs share ranges of serials, of one machine at one time. Without a machine's name, the log's
    must be the same."""
    for (one, mine), (other, theirs) in combinations(list(inputs), 2):
        events = _shared(mine, theirs)
        if events:
            yield Overlap(one, other, events)


def _shared(mine: Sequence[Segment], theirs: Sequence[Segment]) -> int:
    """How many events may be in both."""
    groups: dict[object, list[Segment]] = defaultdict(list)
    for segment in theirs:
        groups[_machine(segment)].append(segment)
    for group in groups.values():
        group.sort(key=lambda segment: segment.first_time)
    most = min(sum(segment.events for segment in segments) for segments in (mine, theirs))
    shared = pairs = 0
    for segment in mine:
        for other in groups[_machine(segment)]:
            if other.first_time > segment.last_time:
                break
            pairs += 1
            if pairs > MAX_PAIRS:
                return most
            if other.last_time >= segment.first_time:
                first = max(segment.first_serial, other.first_serial)
                last = min(segment.last_serial, other.last_serial)
                shared += max(0, min(last - first + 1, segment.events, other.events))
    return min(shared, most)


def _machine(segment: Segment) -> object:
    return (segment.host, segment.boot) if segment.host is not None else (segment.file, segment.boot)
