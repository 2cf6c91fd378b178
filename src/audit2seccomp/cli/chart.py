"""A curve as rows of block characters."""

from __future__ import annotations

from collections.abc import Sequence

from audit2seccomp.cli.clock import local_time

_BLOCKS = " ▁▂▃▄▅▆▇█"
"""From nothing to a full cell, in eighths."""
_HEIGHT = 8
_MARGIN = 4
_SHORT_MILLIS = 10_000
"""In less time seconds are too coarse to say when something was."""
MAX_WIDTH = 76


def chart(points: Sequence[tuple[int, int]], end: int, columns: int) -> list[str]:
    """Rows for steps (time in milliseconds, level from there on), in the order of their times, which go on until `end`.

    `columns` is the width of the terminal. Nothing where the level is the same all the time."""
    if len(points) < 2:
        return []
    begin, top = points[0][0], points[-1][1]
    axis = f"{top:,}"
    exactly = end - begin < _SHORT_MILLIS
    labels = local_time(begin, exactly=exactly), local_time(end, exactly=exactly)
    width = max(min(columns, MAX_WIDTH) - len(axis) - _MARGIN, sum(map(len, labels)) + 1)
    cells = [_eighths(level, top) for level in _levels(points, begin, end, width)]
    rows = [
        "".join(_BLOCKS[min(max(eighths - 8 * row, 0), 8)] for eighths in cells) for row in reversed(range(_HEIGHT))
    ]
    side = [axis, *[" " * len(axis)] * (_HEIGHT - 2), f"{0:>{len(axis)}}"]
    between = " " * (width - sum(map(len, labels)))
    bottom = " " * (len(axis) + 3) + labels[0] + between + labels[1]
    return [f"{label} │{row}".rstrip() for label, row in zip(side, rows, strict=True)] + [bottom[1:]]


def _levels(points: Sequence[tuple[int, int]], begin: int, end: int, width: int) -> list[int]:
    """The level at the end of each of `width` equal parts of the time."""
    levels: list[int] = []
    at = 0
    for column in range(1, width + 1):
        while at + 1 < len(points) and (points[at + 1][0] - begin) * width <= (end - begin) * column:
            at += 1
        levels.append(points[at][1])
    return levels


def _eighths(level: int, top: int) -> int:
    """What is there is seen, and only the top reaches it."""
    return max(level * _HEIGHT * 8 // top, 1)
