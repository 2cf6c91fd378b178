"""Logs in which a few lines come again and again with other numbers, as logs are, and what strangers do to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate
from random import Random

from hypothesis import strategies as st

from audit2seccomp.evidence.entries import detect
from audit2seccomp.evidence.text.lines import JSON_STARTS
from tests.writer import CARRIERS, Age, Carrier, KernelRecord, forgeries, noise_lines, records

_ABOVE = (b"2026-05-12 21:47:26,118 ERROR [http-7] rejected name: foo", b"MESSAGE=x", b"hello", b"auid=", b"")
"""Lines below which others may be believed less."""
_BORDERS = b' ="():.[]\x1d'
"""What stands between fields."""
_steps = st.sampled_from((1, 1, 1, 1, 2, 3, 7, 0, -1, 300, -300, 20_000, -20_000)) | st.integers(-3, 9)
"""From one serial, or one time in milliseconds, to the next."""
_starts = st.sampled_from((0, 1, 9_990, 99_990, 2**32 - 3, 10**17 - 2, 10**18 - 2, 10**19)) | st.integers(0, 2**33)


def regular(record: KernelRecord) -> KernelRecord:
    """The record, with nothing unusual about it."""
    label = None if record.subj is None else record.subj.split(b" ")[0]
    return replace(record, subj=label, ppid=None, exe=record.exe or b"/x", arch=0xC000003E, nr=abs(record.nr) % 500)


def regular_records() -> st.SearchStrategy[KernelRecord]:
    """Records of which a log has most."""
    return records([Age.CURRENT]).map(regular)


@st.composite
def runs(draw: st.DrawFn, names: Iterable[str] = tuple(CARRIERS), max_size: int = 8) -> list[bytes]:
    """Lines of one carrier that differ in numbers, and now and then in what made the calls."""
    carrier = CARRIERS[draw(st.sampled_from(tuple(names)))]
    others = regular_records() | records(sorted(carrier.ages, key=lambda age: age.name))
    made = [draw(regular_records()), *draw(st.lists(others, max_size=1))]
    seed = draw(st.integers(0, 5))
    size = draw(st.integers(3, max_size))
    serials = accumulate(draw(st.lists(_steps, min_size=size, max_size=size)), initial=draw(_starts))
    times = accumulate(draw(st.lists(_steps, min_size=size, max_size=size)), initial=draw(_starts))
    return [
        _line(carrier, made[draw(st.integers(0, len(made) - 1))], abs(serial), abs(time), draw(st.integers(0, 3)), seed)
        for serial, time in zip(serials, times, strict=True)
    ]


def _line(carrier: Carrier, record: KernelRecord, serial: int, time: int, number: int, seed: int) -> bytes:
    record = replace(
        record, serial=serial, seconds=time // 1000, millis=time % 1000, pid=record.pid + number, ip=record.ip ^ number
    )
    return carrier.write(record, Random(seed))


@st.composite
def boots(draw: st.DrawFn) -> list[bytes]:
    """A log over several boots of a machine, each with serials from the start; some lines come twice."""
    carriers = [name for name in CARRIERS if CARRIERS[name].stamped]
    carrier = CARRIERS[draw(st.sampled_from(carriers))]
    made = draw(st.lists(regular_records() | records([Age.CURRENT]), min_size=1, max_size=3))
    seed, time = draw(st.integers(0, 5)), 10**12
    log: list[bytes] = []
    for steps in draw(st.lists(st.lists(st.sampled_from((1, 2, 900, 30_000)), max_size=12), min_size=1, max_size=3)):
        time += 10**6
        for serial in accumulate(steps, initial=draw(st.sampled_from((1, 990, 99_000)))):
            time += 1
            log.append(_line(carrier, draw(st.sampled_from(made)), serial, time, serial % 3, seed))
    copied = draw(st.lists(st.integers(0, len(log) - 1), max_size=3))
    return [line for i, line in enumerate(log) for _ in range(1 + copied.count(i))]


@st.composite
def spoiled(draw: st.DrawFn, line: bytes) -> bytes:
    """A line in which a few bytes near the borders of fields were changed, put in or taken away."""
    places = [at for at, byte in enumerate(line) if byte in _BORDERS] or [0]
    for _ in range(draw(st.integers(1, 3))):
        at = max(0, draw(st.sampled_from(places)) + draw(st.integers(-1, 2)))
        put = draw(st.sampled_from((b"", b"0", b"9", b"a", b" ", b'"', b"\x1d", b"\0", b"\n")) | st.binary(max_size=2))
        line = line[:at] + put + line[at + draw(st.integers(0, 2)) :]
    return line


def altered(line: bytes) -> st.SearchStrategy[bytes]:
    """A line with which something happened on its way to the reader."""
    cut = st.integers(0, len(line)).map(lambda end: line[:end])
    around: list[bytes] = [b"\0\0" + line, line + b"\r", b"\xef\xbb\xbf" + line, b" " + line, b"\x1b[0m" + line]
    digits = st.integers(0, 2**64).map(lambda seed: _other_digit(line, Random(seed)))
    return digits | spoiled(line) | cut | st.sampled_from(around)


def _other_digit(line: bytes, chance: Random) -> bytes:
    places = [at for at, byte in enumerate(line[:200]) if b"0"[0] <= byte <= b"9"[0]]
    at = chance.choice(places) if places else 0
    return line[:at] + b"%d" % chance.randrange(10) + line[at + 1 :]


@st.composite
def logs(draw: st.DrawFn, names: Iterable[str] = tuple(CARRIERS)) -> list[bytes]:
    """The lines of a log."""
    found: list[bytes] = []
    for run in draw(st.lists(runs(names), min_size=1, max_size=3)):
        found += [draw(altered(line)) if draw(st.integers(0, 9)) > 6 else line for line in run]
    strays = forgeries() | noise_lines() | st.sampled_from(_ABOVE) | st.binary(max_size=40)
    for stray in draw(st.lists(strays, max_size=4)):
        found.insert(draw(st.integers(0, len(found))), stray)
    if draw(st.booleans()):
        draw(st.randoms(use_true_random=False)).shuffle(found)
    return found


def text_logs(names: Iterable[str] = tuple(CARRIERS)) -> st.SearchStrategy[list[bytes]]:
    """Logs that neither are nor hold JSON or another structured form, which are other tests' matter."""
    return logs(names).filter(is_text)


def is_text(log: list[bytes]) -> bool:
    """Whether nothing in a log is, or begins like, a structured form."""
    data = b"\n".join(log)
    return detect(data) is None and not any(line.lstrip(b"\0").startswith(JSON_STARTS) for line in data.split(b"\n"))
