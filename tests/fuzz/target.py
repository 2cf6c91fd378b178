"""One kind of input: the check that holds of any bytes, what to begin from, and the bounds of a run."""

from __future__ import annotations

import random
import resource
import signal
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.corpus import FIXTURES

MAX_BYTES = 4096
"""The longest input: long enough for several records, short enough for hundreds of inputs a second. What large inputs
cost is measured elsewhere."""
MAX_SEEDS = 200
"""So many of the fixtures begin a run."""
PATIENCE = 20
"""Seconds of work after which an input hangs: none takes a hundredth of that."""
GROWTH_BYTES = 256 << 20
"""So much more than for its first input may a process take: the largest archive of MAX_BYTES takes a half of it."""


class HangsError(BaseException):
    """An input takes longer than PATIENCE. A BaseException, so that no handler for errors takes it for one."""


@dataclass
class Target:
    """A kind of input."""

    name: str
    check: Callable[[bytes], None]
    """Raises, by an assertion or by whatever went wrong, for an input of which something does not hold."""
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    """What inputs are made of."""
    _peak: int = field(default=0, init=False)

    def run(self, data: bytes) -> None:
        """Check one input, in bounded time and memory."""
        with _in_time():
            self.check(data)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._peak = self._peak or peak
        assert peak - self._peak <= GROWTH_BYTES, f"memory has grown by {(peak - self._peak) >> 20} MiB"


@contextmanager
def _in_time() -> Iterator[None]:
    def hangs(_number: int, _frame: FrameType | None) -> None:
        raise HangsError(f"takes more than {PATIENCE} seconds")

    old = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)


def chance(data: bytes) -> random.Random:
    """The choices that a check makes for an input, the same each time."""
    return random.Random(zlib.crc32(data))


def in_pieces(data: bytes, cuts: Iterable[int]) -> Iterator[bytes]:
    """The input, cut at some places."""
    start = 0
    for cut in (*sorted(cuts), len(data)):
        yield data[start:cut]
        start = cut


def some_cuts(data: bytes) -> tuple[int, ...]:
    """A few places to cut at, or all of them where the input is short."""
    if len(data) < 200:
        return tuple(range(len(data)))
    chooser = chance(data)
    return tuple(sorted(chooser.randrange(len(data) + 1) for _ in range(chooser.randrange(1, 6))))


def beginnings(*patterns: str) -> list[bytes]:
    """The beginnings of fixtures whose paths fit, in whole lines where they have any."""
    paths = sorted({path for pattern in patterns for path in FIXTURES.glob(pattern) if path.is_file()})
    assert paths, f"no fixtures are called {patterns}"
    return [_beginning(path) for path in paths[:: -(-len(paths) // MAX_SEEDS)]]


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(MAX_BYTES)
    return start if len(start) < MAX_BYTES else start[: start.rfind(b"\n") + 1] or start


def lines_of(seeds: Iterable[bytes]) -> list[bytes]:
    """Each line once."""
    return sorted({line for seed in seeds for line in seed.split(b"\n") if line})
