"""Evidence of every kind, as hypothesis draws it."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from audit2seccomp.evidence.loss import KINDS
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
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
    return Count(draw(counters), draw(counters), draw(counters), first, last)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """A range that does not end before it begins."""
    first, last = sorted([draw(serials), draw(serials)])
    begin, end = sorted([draw(millis), draw(millis)])
    optional = st.none() | names
    return Segment(
        draw(names), draw(optional), draw(optional), first, last, begin, end, draw(st.integers(1, 2**63 - 1))
    )


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
evidences = st.builds(
    Evidence,
    st.dictionaries(keys, counts(), max_size=4),
    st.none() | counters,
    st.dictionaries(names, samples, max_size=3),
    st.dictionaries(names, samples, max_size=3),
    st.dictionaries(st.sampled_from(sorted(KINDS)), samples, max_size=3),
    st.lists(segments(), max_size=3).map(lambda drawn: tuple(sorted(drawn, key=repr))),
    counters,
    counters,
)
