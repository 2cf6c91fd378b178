"""Edits of a JSON text that leave all else as it stands: items put into arrays in the layout that these have."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from audit2seccomp.formats.reading.places import Span
from audit2seccomp.named_tuple import NamedTuple


class Edit(NamedTuple):
    """Some text in the place of a part of another one."""

    span: Span
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits made that do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits):
        pieces += [text[at : edit.span.start], edit.text]
        at = edit.span.end
    return "".join([*pieces, text[at:]])


def sorted_places(old: Sequence[str], new: Iterable[str]) -> list[tuple[int, str]]:
    """Before which of the old items each new one goes: its place if they are sorted, else the end."""
    in_order = list(old) == sorted(old)
    return [(bisect_right(old, item) if in_order else len(old), item) for item in sorted(new)]


def with_items(old: Sequence[str], places: Iterable[tuple[int, str]]) -> list[str]:
    """The items with new ones in their places."""
    made = list(old)
    for index, item in sorted(places, reverse=True):
        made.insert(index, item)
    return made


def into_array(text: str, array: Span, items: Sequence[Span], places: Iterable[tuple[int, str]]) -> list[Edit]:
    """The edits that put values, as JSON, before some of an array's items, or behind the last. `items` are those that
    it has."""
    by_index: dict[int, list[str]] = {}
    for index, value in places:
        by_index.setdefault(index, []).append(value)
    if not items:
        values = ", ".join(value for index in sorted(by_index) for value in by_index[index])
        return [Edit(Span(array.start + 1, array.start + 1), values)] if values else []
    edits = []
    for index, new in by_index.items():
        gap = _gap(text, array, items, index)
        if index < len(items):
            at = items[index].start
            edits.append(Edit(Span(at, at), "".join(f"{value}{gap}" for value in new)))
        else:
            at = items[-1].end
            edits.append(Edit(Span(at, at), "".join(f"{gap}{value}" for value in new)))
    return edits


def _gap(text: str, array: Span, items: Sequence[Span], index: int) -> str:
    """What stands between two items there: a comma and white space."""
    if len(items) == 1:
        lead = text[array.start + 1 : items[0].start]
        return f",{lead}" if "\n" in lead else ", "
    after = min(max(index, 1), len(items) - 1)
    return text[items[after - 1].end : items[after].start]


def into_object(text: str, whole: Span, members: Sequence[Span], key: str, value: str) -> Edit:
    """The edit that puts a member behind the last one of an object. `members`: from each one's key to its value's
    end."""
    member = f"{json.dumps(key)}: {value}"
    if not members:
        return Edit(Span(whole.start + 1, whole.start + 1), member)
    lead = text[whole.start + 1 : members[0].start]
    gap = lead if "\n" in lead else " "
    return Edit(Span(members[-1].end, members[-1].end), f",{gap}{member}")


def laid_out(value: object, text: str, sample: Span | None) -> str:
    """A value as JSON in the layout of an object in the text: on one line, or on several with its indentation."""
    shown = "" if sample is None else text[sample.start : sample.end]
    if sample is None or "\n" not in shown:
        return json.dumps(value, ensure_ascii=False)
    indent = _white_start(text[text.rfind("\n", 0, sample.start) + 1 : sample.start])
    inner = _white_start(shown.split("\n", 2)[1])
    step = inner.removeprefix(indent) if inner.startswith(indent) else ""
    newline = "\r\n" if "\r\n" in shown else "\n"
    return json.dumps(value, indent=step or "  ", ensure_ascii=False).replace("\n", f"{newline}{indent}")


def _white_start(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
