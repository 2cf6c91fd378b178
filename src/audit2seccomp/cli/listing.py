"""Calls as a list: JSON, CSV, aligned text, or a table on a terminal. Text that strangers wrote is printable in all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from audit2seccomp.cli.clock import local_time, utc_time
from audit2seccomp.cli.messages import printable
from audit2seccomp.evidence.calls import Call, Shares

_SHARES = ("actions", "comm", "exe", "subj", "host", "unit", "container")
"""What events are divided by, as JSON and CSV name it."""
_CSV = ("arch", "number", "name", "events", "first", "last", *_SHARES, "file", "line")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for the start of a formula; the last four are full-width, for Japanese ones."""
_HEADINGS = ("arch", "number", "name", "events", "first", "last", "actions", "first record", "programs")
_FOLDED = {"actions": 12, "first record": 24, "programs": 20}
"""What goes on in the next line where the terminal is narrow, and the least width for it."""
_LEFT_OUT = ("last", "first", "first record", "programs", "actions")
"""What is not shown where the terminal is too narrow, in this order."""
_GAP = 2
_MAX_VALUES = 3
"""So many programs or actions are listed in a row for people."""


def as_json(calls: Iterable[Call]) -> str:
    """An array with an object for each call; what is not known is null."""
    return json.dumps([_object(call) for call in calls], indent=2, ensure_ascii=False) + "\n"


def _object(call: Call) -> dict[str, object]:
    return {
        **_head(call),
        **{name: _share_objects(getattr(call, name)) for name in _SHARES},
        "file": printable(call.place[0]),
        "line": call.place[1] or None,
    }


def _head(call: Call) -> dict[str, object]:
    return {
        "arch": call.abi.name,
        "number": call.nr,
        "name": call.name,
        "events": call.events,
        "first": None if call.first is None else utc_time(call.first),
        "last": None if call.last is None else utc_time(call.last),
    }


def _share_objects(shares: Shares) -> list[dict[str, object]]:
    return [{"value": None if value is None else printable(value), "events": events} for value, events in shares]


def as_csv(calls: Iterable[Call]) -> str:
    """A row for each call; what is not known is empty, and several values are in one cell, the most frequent first."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for call in calls:
        head = [_harmless(cell) if isinstance(cell, str) else cell for cell in _head(call).values()]
        shares = [_joined(getattr(call, name)) for name in _SHARES]
        writer.writerow([*head, *shares, _harmless(printable(call.place[0])), call.place[1] or None])
    return text.getvalue()


def _joined(shares: Shares) -> str:
    """Values with `; ` between them; a semicolon in one of them is written as an escape, as control bytes are."""
    return "; ".join(_harmless(printable(value)).replace(";", r"\x3b") for value, _ in shares if value is not None)


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: such text gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_text(calls: Sequence[Call]) -> str:
    """Aligned columns, one line for each call."""
    rows = [_HEADINGS, *map(_row, calls)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    lines = []
    for row in rows:
        cells = [
            f"{cell:>{width}}" if heading in ("number", "events") else f"{cell:{width}}"
            for heading, cell, width in zip(_HEADINGS, row, widths, strict=False)
        ]
        lines.append("  ".join((*cells, row[-1])).rstrip())
    return "\n".join((*lines, ""))


def as_table(calls: Iterable[Call]) -> str:
    """A table as wide as the terminal that standard output is."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    rows = [_row(call) for call in calls]
    left_out, fits = _too_wide([_HEADINGS, *rows], console.width)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    for heading in _HEADINGS:
        if heading not in left_out:
            right = heading in ("number", "events")
            fold = heading in _FOLDED or not fits
            table.add_column(heading, justify="right" if right else "left", no_wrap=not fold, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for heading, cell in zip(_HEADINGS, row, strict=True) if heading not in left_out))
    with console.capture() as captured:
        console.print(table)
        if left_out:
            console.print(Text(f"(too wide for this terminal, but not for a file: {', '.join(left_out)})"))
    return captured.get()


def _too_wide(rows: Sequence[tuple[str, ...]], columns: int) -> tuple[list[str], bool]:
    """The columns that must be left out so that the others fit, and whether these do."""
    left = dict(zip(_HEADINGS, (max(map(len, column)) for column in zip(*rows, strict=True)), strict=True))
    for heading, width in _FOLDED.items():
        left[heading] = min(left[heading], width)
    left_out: list[str] = []
    for heading in _LEFT_OUT:
        if sum(left.values()) + _GAP * (len(left) - 1) <= columns:
            return left_out, True
        del left[heading]
        left_out.append(heading)
    return left_out, sum(left.values()) + _GAP * (len(left) - 1) <= columns


def _row(call: Call) -> tuple[str, ...]:
    """A call in the order of the headings."""
    file, line = call.place
    return (
        call.abi.name,
        str(call.nr),
        call.name or "?",
        f"{call.events:,}",
        "?" if call.first is None else local_time(call.first),
        "?" if call.last is None else local_time(call.last),
        _first_few([value or "?" for value, _ in call.actions]),
        printable(file) + (f":{line}" if line else ""),
        _first_few([_program(*program) for program, _ in call.programs]),
    )


def _program(comm: str | None, exe: str | None) -> str:
    return f"{'?' if comm is None else printable(comm)} ({'?' if exe is None else printable(exe)})"


def _first_few(values: Sequence[str]) -> str:
    more = len(values) - _MAX_VALUES
    return ", ".join(values[:_MAX_VALUES]) + (f", and {more:,} more" if more > 0 else "")
