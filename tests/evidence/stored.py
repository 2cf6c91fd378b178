"""Evidence of every kind, as hypothesis draws it."""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import strategies as st

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.loss import KINDS
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.evidence.once import SLACK_MILLIS
from audit2seccomp.kernel.abi import all_abis

octets = st.sampled_from(
    [b"", b"nginx", b"a b", b"\n", b"\xff\xfe", "zoë".encode(), "\u202e".encode(), b"\xed\xa0\x80"]
)
octets |= st.binary(max_size=12)
names = octets.map(os.fsdecode)
counters = st.integers(0, 2**63 - 1)
millis = st.integers(0, 10**23 - 1)
serials = st.integers(0, 10**20 - 1)


@st.composite
def counts(draw: st.DrawFn) -> Count:
    """A count whose first time is not behind its last."""
    times = sorted([draw(millis), draw(millis)])
    first, last = (draw(st.sampled_from([time, None])) for time in times)
    return Count(draw(st.integers(0, 3) | st.integers(0, 2**60)), draw(counters), draw(counters), first, last)


@st.composite
def segments(draw: st.DrawFn, file: str, events: int) -> Segment:
    """A range that so many events may have; one that does not end before it begins."""
    optional = st.none() | names
    first, last = sorted([draw(serials), draw(serials)])
    begin, end = sorted([draw(millis), draw(millis)])
    if events == 1:
        last, end = first, begin
    elif events > last - first + 1 and end - begin <= SLACK_MILLIS:
        begin, end = 0, SLACK_MILLIS + 1
    return Segment(file, draw(optional), draw(optional), first, last, begin, end, events)


origins = st.builds(Origin, names, st.none() | names, st.none() | names, st.none() | names)
keys = st.builds(
    RecordKey,
    st.sampled_from([abi.audit_arch for abi in all_abis()]),
    st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(0, 2**32 - 1),
    st.none() | octets,
    st.none() | octets,
    st.none() | st.integers(0, 2**32 - 1),
    st.none() | octets,
    origins,
)
samples = st.builds(Sample, counters, st.tuples(names, counters), octets)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Evidence that logs may show."""
    counted = draw(st.dictionaries(keys, counts(), max_size=4))
    numbered: Counter[str] = Counter()
    for key, count in counted.items():
        numbered[key.origin.file] += count.numbered
    drawn = [draw(segments(file, events)) for file, events in numbered.items() if events]
    unselected = draw(counters)
    if unselected and draw(st.booleans()):
        drawn.append(draw(segments(draw(names), draw(st.integers(1, unselected)))))
    return Evidence(
        counted,
        draw(st.none() | counters),
        draw(st.dictionaries(names, samples, max_size=3)),
        draw(st.dictionaries(names, samples, max_size=3)),
        draw(st.dictionaries(st.sampled_from(sorted(KINDS)), samples, max_size=3)),
        tuple(sorted(drawn, key=repr)),
        draw(counters) if drawn else 0,
        unselected,
        draw(st.sampled_from(Trust)),
    )
