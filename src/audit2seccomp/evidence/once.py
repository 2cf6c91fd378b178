"""Each event counts once: which serials came before, and which ranges they span.

The kernel numbers audit records from boot on, so a machine with time and serial names one event, whatever carries it:
two journald transports, two inputs, the overlap of rotated files. What was seen is kept as one bit for each serial, in
chunks that also know their time, because another boot uses the same numbers again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice, pairwise
from operator import le
from typing import Protocol, cast

from audit2seccomp.evidence.model import Segment
from audit2seccomp.named_tuple import NamedTuple

CHUNK_BITS = 10
_CHUNK = 1 << CHUNK_BITS
MAX_CHUNKS = 1 << 14
"""So many chunks are remembered, about 8 MB: 16 million events in a row. A copy that comes later counts twice."""
MAX_BOOTS = 64
"""So many boots are told apart in a chunk."""
SLACK_MILLIS = 1000
"""How far times may run behind serials: processors take both one after the other, but write them down as it comes."""
RESET_DISTANCE = 10_000
"""Serials run backwards a little where processors race. A fall by more is another boot: a busy machine makes so many
records in a second or two."""
MAX_SEGMENTS = 1000
"""So many boots in one input are told apart."""

Time = bytes | int
"""`SECONDS.MILLIS` as a record spells it, or milliseconds."""


class Channel(NamedTuple):
    """Whose serials they are."""

    host: str | None
    boot: str | None = None
    """journald's boot id, where the host or the time is not known."""


class Boot(NamedTuple):
    """Events of a chunk, of one boot as far as one can tell."""

    first: int
    """The first time, in milliseconds."""
    last: int
    mask: int
    """One bit for each serial."""

    def spans(self, time: int) -> bool:
        """Whether the boot went on at that time."""
        return self.first - SLACK_MILLIS <= time <= self.last + SLACK_MILLIS

    def meets(self, other: Boot) -> bool:
        """Whether both went on at the same time."""
        return other.last >= self.first - SLACK_MILLIS and other.first <= self.last + SLACK_MILLIS

    def fits(self, seen: Boot) -> bool:
        """Whether those can be of this boot: at the same time, or later with higher serials, or before with lower."""
        if self.meets(seen):
            return True
        if seen.first > self.last:
            return seen.mask & -seen.mask > self.mask
        return self.mask & -self.mask > seen.mask


_Chunks = dict[tuple[Channel, int], list[Boot]]


class Chunk(NamedTuple):
    """Serials with the same leading digits in binary, and the boots that used them."""

    channel: Channel
    number: int
    boots: tuple[Boot, ...]


class Placed(NamedTuple):
    """Events of a chunk, as they were seen together."""

    channel: Channel
    chunk: int
    seen: Boot


class Span(NamedTuple):
    """Events with ascending serials of one chunk."""

    start: int
    stop: int
    chunk: int
    seen: Boot


class Events(Protocol):
    """Stamped events of one channel, in the order of the log; there is one at least."""

    def __len__(self) -> int:
        """How many."""

    @property
    def in_a_row(self) -> bool:
        """Whether each serial is the one behind that of the event above, and the times pass as they do in a log."""

    def ends(self) -> tuple[int, int, int, int]:
        """The lowest and the highest serial, the first and the last time."""

    def spans(self) -> Iterable[Span]:
        """Cut into runs in which serials ascend, and times as far as they do in a log, and these by chunk."""

    def among(self, span: Span, boot: Boot) -> list[int]:
        """Which events of the span that boot holds."""

    def without(self, indices: Sequence[int]) -> Events:
        """The others."""

    def stamps(self) -> Iterable[tuple[int, int]]:
        """Time and serial of each."""

    def places(self) -> Sequence[int]:
        """Where each stands in its block; empty where nobody knows."""


class Part(NamedTuple):
    """Those events of a block and a channel that went one way through the program."""

    events: Events
    are_copies: Callable[[list[int]], None]
    """Is told which of them were seen before, in ascending order."""


class ListedEvents:
    """Events as columns."""

    def __init__(self, times: Sequence[Time], serials: list[int], places: Sequence[int] = ()) -> None:
        """All have as many."""
        self._times = times
        self._serials = serials
        self._places = places
        self._in_order = bool(serials) and in_order(times)
        self.in_a_row = bool(serials) and (
            serials == list(range(serials[0], serials[0] + len(serials)))
            and (self._in_order or len(_run_ends(times, serials)) == 1)
        )
        """See `Events`."""

    def __len__(self) -> int:
        return len(self._serials)

    def ends(self) -> tuple[int, int, int, int]:
        """See `Events`."""
        serials = self._serials
        lowest, highest = (serials[0], serials[-1]) if self.in_a_row else (min(serials), max(serials))
        return lowest, highest, *_ends(self._times, in_order=self._in_order)

    def spans(self) -> Iterator[Span]:
        """See `Events`."""
        start = 0
        for stop in [len(self)] if self.in_a_row else _run_ends(self._times, self._serials):
            while start < stop:
                span = self._span(start, stop)
                yield span
                start = span.stop

    def _span(self, start: int, stop: int) -> Span:
        serials = self._serials
        chunk = serials[start] >> CHUNK_BITS
        end = bisect_left(serials, (chunk + 1) << CHUNK_BITS, start, stop)
        width = serials[end - 1] - serials[start] + 1
        if width == end - start:
            mask = ((1 << width) - 1) << (serials[start] & (_CHUNK - 1))
        else:
            mask = sum(map((1).__lshift__, (serial & (_CHUNK - 1) for serial in serials[start:end])))
        return Span(start, end, chunk, Boot(*_ends(self._times[start:end], in_order=self._in_order), mask))

    def among(self, span: Span, boot: Boot) -> list[int]:
        """See `Events`."""
        return [
            i
            for i in range(span.start, span.stop)
            if boot.mask >> (self._serials[i] & (_CHUNK - 1)) & 1 and boot.spans(millis(self._times[i]))
        ]

    def without(self, indices: Sequence[int]) -> ListedEvents:
        """See `Events`."""
        known = set(indices)
        others = [i for i in range(len(self)) if i not in known]
        return ListedEvents([self._times[i] for i in others], [self._serials[i] for i in others])

    def stamps(self) -> Iterator[tuple[int, int]]:
        """See `Events`."""
        return zip(map(millis, self._times), self._serials, strict=True)

    def places(self) -> Sequence[int]:
        """See `Events`."""
        return self._places


class Once:
    """The serials of all inputs, and the segments of each."""

    def __init__(self, beside: Once | None = None) -> None:
        """Start with nothing seen, or with what another one sees, before and after."""
        self.apart = False
        """Whether an event counts once in each input, rather than in all of them together."""
        self.placed: list[Placed] | None = None
        """All that was seen, for another one to see it too; None where nobody asks."""
        self._chunks: _Chunks = {} if beside is None else beside._chunks
        self._open: dict[Channel, list[int]] = {}
        self._file = ""
        self._closed: list[Segment] = []

    def start_input(self, file: str) -> None:
        """The events that follow are of another input."""
        self._closed = self.segments()
        self._open.clear()
        if self.apart:
            self._chunks.clear()
        self._file = file

    def memory(self) -> list[Chunk]:
        """What is remembered, the oldest first."""
        return [Chunk(*key, tuple(boots)) for key, boots in self._chunks.items()]

    def take_over(self, memory: Iterable[Chunk], segments: Iterable[Segment]) -> None:
        """Go on from what an earlier run remembered and from the segments that it found."""
        self._chunks = {(chunk.channel, chunk.number): list(chunk.boots) for chunk in memory}
        self._closed = list(segments)

    def open_segments(self) -> tuple[Segment, ...]:
        """Those that the next events of this input may belong to, sorted."""
        return tuple(sorted((self._segment(*one) for one in self._open.items()), key=repr))

    def reopen(self, segments: Iterable[Segment]) -> None:
        """The input goes on where an earlier run left these open."""
        for segment in segments:
            self._closed.remove(segment)
            self._open[Channel(segment.host, segment.boot)] = list(segment[3:])

    def segments(self) -> list[Segment]:
        """All segments, in no order."""
        return self._closed + [self._segment(channel, span) for channel, span in self._open.items()]

    def take(self, channel: Channel, times: Sequence[Time], serials: Sequence[bytes | int]) -> list[int]:
        """See some events; returns the indices of those that were seen before, in ascending order."""
        return self.take_events(channel, ListedEvents(times, list(map(int, serials))))

    def take_events(self, channel: Channel, events: Events) -> list[int]:
        """The same."""
        again: list[int] = []
        for span in events.spans():
            if self.placed is not None:
                self.placed.append(Placed(channel, span.chunk, span.seen))
            holding = _place(self._chunks, channel, span.chunk, span.seen)
            if holding:
                again += sorted({i for boot in holding for i in events.among(span, boot)})
        if len(self._chunks) > MAX_CHUNKS:
            for key in list(self._chunks)[: MAX_CHUNKS // 8]:
                del self._chunks[key]
        fresh = events.without(again) if again else events
        if len(fresh):
            self._extend(channel, fresh)
        return again

    def take_parts(self, channel: Channel, parts: Sequence[Part]) -> None:
        """See the events of a block, in the order of the log where that makes a difference."""
        if len(parts) == 1 or not self._order_matters(channel, parts):
            for part in parts:
                part.are_copies(self.take_events(channel, part.events))
            return
        rows = sorted(
            (place, time, serial, number, i)
            for number, part in enumerate(parts)
            for i, (place, (time, serial)) in enumerate(zip(part.events.places(), part.events.stamps(), strict=True))
        )
        copies: list[list[int]] = [[] for _ in parts]
        for again in self.take(channel, [time for _, time, *_ in rows], [serial for _, _, serial, *_ in rows]):
            *_, number, i = rows[again]
            copies[number].append(i)
        for part, indices in zip(parts, copies, strict=True):
            part.are_copies(indices)

    def _order_matters(self, channel: Channel, parts: Sequence[Part]) -> bool:
        """Whether one of them has a serial of another one, or a boot begins among them, or seems to."""
        if not all(part.events.places() for part in parts):
            return False  # nobody knows the order
        ends = [part.events.ends() for part in parts]
        lowest, highest = min(low for low, *_ in ends), max(high for _, high, *_ in ends)
        if highest - lowest > RESET_DISTANCE or self._resets(channel, lowest) != self._resets(channel, highest):
            return True
        serials = [{serial for _, serial in part.events.stamps()} for part in parts]
        return any(not one.isdisjoint(other) for one, other in combinations(serials, 2))

    def see_input(
        self, placed: Iterable[Placed], segments: Sequence[Segment], opened: Sequence[Segment], above: Sequence[Segment]
    ) -> tuple[Segment, ...] | None:
        """See an input, or a part of it, that another one has seen, and found no copies in. Some of its segments are
        `opened`, and of the part above it those were `above`. Returns those that are open now; None, and nothing is
        seen, if it would make a difference that this one has seen others before."""
        joined = _joined(segments, opened, above)
        closed = self.segments()
        for segment in above:
            closed.remove(segment)
        if joined is None or len(closed) + len(joined) > MAX_SEGMENTS:
            return None
        seen: _Chunks = {}
        if not self.apart:
            for channel, chunk, events in placed:
                if (channel, chunk) not in seen:
                    seen[channel, chunk] = list(self._chunks.get((channel, chunk), ()))
                if any(map(events.meets, _place(seen, channel, chunk, events))):
                    return None
            if len(self._chunks.keys() | seen.keys()) > MAX_CHUNKS:
                return None
        for key, boots in seen.items():
            self._chunks.pop(key, None)
            self._chunks[key] = boots
        self._open.clear()
        self._closed = [*closed, *joined]
        return tuple(segment for segment in joined if segment in opened or segment not in segments)

    def _extend(self, channel: Channel, events: Events) -> None:
        """Add events to the open segment."""
        lowest, highest, first, last = events.ends()
        # Where they are in a row, only the first can be of another boot.
        if events.in_a_row or (highest - lowest <= RESET_DISTANCE and not self._resets(channel, lowest)):
            self._add(channel, lowest, highest, first, last, len(events))
            return
        for time, serial in events.stamps():
            self._add(channel, serial, serial, time, time, 1)

    def _resets(self, channel: Channel, serial: int) -> bool:
        span = self._open.get(channel)
        return span is not None and serial < span[1] - RESET_DISTANCE

    def _add(self, channel: Channel, lowest: int, highest: int, first: int, last: int, events: int) -> None:
        span = self._open.get(channel)
        if span is None or (self._resets(channel, lowest) and len(self._closed) < MAX_SEGMENTS):
            if span is not None:
                self._closed.append(self._segment(channel, span))
            self._open[channel] = [lowest, highest, first, last, events]
        else:
            ends = min(span[0], lowest), max(span[1], highest), min(span[2], first), max(span[3], last)
            span[:] = *ends, span[4] + events

    def _segment(self, channel: Channel, span: list[int]) -> Segment:
        return Segment(self._file, channel.host, channel.boot, *span)


def _joined(segments: Sequence[Segment], opened: Sequence[Segment], above: Sequence[Segment]) -> list[Segment] | None:
    """The segments of a part of an input, and those that the part above it left open, put together; None where a boot
    begins in between, or may do so."""
    of_channels = {segment[:3]: segment for segment in above}
    if above and (len({segment[:3] for segment in segments}) < len(segments) or len(opened) < len(segments)):
        return None
    others: list[Segment] = []
    for segment in segments:
        before = of_channels.get(segment[:3])
        if before is None:
            others.append(segment)
        elif segment.first_serial < before.last_serial - RESET_DISTANCE:
            return None
        else:
            of_channels[segment[:3]] = Segment(
                *segment[:3],
                min(before.first_serial, segment.first_serial),
                max(before.last_serial, segment.last_serial),
                min(before.first_time, segment.first_time),
                max(before.last_time, segment.last_time),
                before.events + segment.events,
            )
    return [*of_channels.values(), *others]


def _place(chunks: _Chunks, channel: Channel, chunk: int, seen: Boot) -> list[Boot]:
    """Note events of a chunk with the boot that they fit; returns the boots that held some of them before."""
    # The newest chunks stand last, so that the oldest can be forgotten.
    boots = chunks.pop((channel, chunk), [])
    chunks[channel, chunk] = boots
    # Not only the boot that they fit: two boots may have grown towards each other, and a copy is one of either.
    holding = [old for old in boots if old.mask & seen.mask]
    for place in reversed(range(len(boots))):
        old = boots[place]
        if old.fits(seen):
            boots[place] = Boot(min(old.first, seen.first), max(old.last, seen.last), old.mask | seen.mask)
            return holding
    boots.append(seen)
    del boots[:-MAX_BOOTS]
    return holding


def millis(time: Time) -> int:
    """Milliseconds since the epoch."""
    return time if isinstance(time, int) else int(time[:-4]) * 1000 + int(time[-3:])


def in_order(times: Sequence[Time]) -> bool:
    """Whether none is before the one in front of it."""
    return _comparable(times) and all(map(le, times, islice(times, 1, None)))


def _comparable(times: Sequence[Time]) -> bool:
    """Whether they compare as they are: bytes of different lengths do not compare as numbers."""
    return isinstance(times[0], int) or len(set(map(len, cast("Sequence[bytes]", times)))) == 1


def _ends(times: Sequence[Time], *, in_order: bool) -> tuple[int, int]:
    """The first and the last, in milliseconds."""
    if in_order:
        return millis(times[0]), millis(times[-1])
    ordered = sorted(times if _comparable(times) else map(millis, times))
    return millis(ordered[0]), millis(ordered[-1])


def _run_ends(times: Sequence[Time], numbers: list[int]) -> list[int]:
    """Where the runs end in which serials and times ascend."""
    ends = [
        i
        for i, (before, after) in enumerate(pairwise(numbers), 1)
        if after <= before or not _millis_pass(times[i - 1], times[i])
    ]
    return [*ends, len(numbers)]


def _millis_pass(before: Time, after: Time) -> bool:
    """Whether times ascend, as far as they do in a log."""
    return millis(before) <= millis(after) + SLACK_MILLIS
