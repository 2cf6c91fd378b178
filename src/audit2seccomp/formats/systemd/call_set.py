"""The calls that all `SystemCallFilter=` lines of a unit name together, or all `SystemCallLog=` lines."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.errors import shown
from audit2seccomp.formats.reading.fields import Reading
from audit2seccomp.formats.reading.places import Path, Span
from audit2seccomp.formats.reading.unknown import hint, not_a_call
from audit2seccomp.formats.systemd.groups import DEFAULT, group_names, members
from audit2seccomp.formats.systemd.names import errno_of
from audit2seccomp.formats.systemd.unit_file import Word
from audit2seccomp.kernel.syscalls import is_call
from audit2seccomp.kernel.uapi import MAX_ERRNO
from audit2seccomp.named_tuple import NamedTuple

KILL = -1
"""The suffix `:kill`."""
MAX_STEPS = 2_000_000
"""How many names a file may set, with those in groups: `@known` alone has 500 of them, in 7 bytes."""


class _Item(NamedTuple):
    """`name`, `@group`, `name:errno` or `name:kill`."""

    calls: tuple[str, ...]
    suffix: int | None
    span: Span


class CallSet:
    """As seccomp_parse_syscall_filter() of src/shared/seccomp-util.c keeps it."""

    def __init__(self, key: str, reading: Reading, spans: dict[Path, Span], default: str | None = None) -> None:
        """Start with none. `default` is the group that an allow-list has by itself; `spans` takes the places of
        problems."""
        self._key = key
        self._reading = reading
        self._spans = spans
        self._default = default
        self._steps = 0
        self.listed: bool | None = None
        """Whether the first line names what is in it, rather than, with `~`, what is not; None without a line."""
        self.calls: dict[str, int | None] = {}
        """The calls, each with its suffix."""
        self.places: dict[str, Span] = {}
        """The word that named a call last."""

    def assign(self, words: Iterable[Word]) -> None:
        """Take a line; an empty one forgets all that were before."""
        given = iter(words)
        first = next(given, None)
        if first is None:
            self.listed = None
            self.calls.clear()
            return
        inverted = first.text.startswith("~")
        if self.listed is None:
            self.listed = not inverted
            if self.listed and self._default is not None:
                self._apply(_Item(members(self._default) or (), None, first.span), inverted=False)
        latest: dict[str, Span] = {}  # only the last of equal words matters
        if inverted:
            first = Word(first.text[1:], Span(first.span.start + 1, first.span.end))
        for word in (first, *given):
            latest.pop(word.text, None)
            latest[word.text] = word.span
        for text, span in latest.items():
            item = self._item(Word(text, span), inverted) if text else None
            if item is not None and not self._apply(item, inverted):
                return

    def _apply(self, item: _Item, inverted: bool) -> bool:
        """Add or take away; false if that is too much work."""
        self._steps += len(item.calls)
        if self._steps > MAX_STEPS:
            self._report(item.span, f"more than {MAX_STEPS:,} names: no unit is so large")
            return False
        if inverted != self.listed or (inverted and self.listed and item.suffix is not None):
            for call in item.calls:
                self.calls[call] = item.suffix
                self.places[call] = item.span
        else:
            for call in item.calls:
                self.calls.pop(call, None)
        return True

    def _item(self, word: Word, inverted: bool) -> _Item | None:
        """What a word says; None for what systemd ignores with a warning, which is a problem."""
        name, colon, suffix = word.text.partition(":")
        number = (KILL if suffix == "kill" else errno_of(suffix)) if colon else None
        problem, before = None, len(self._reading.problems)
        if colon and self._default is None:
            problem = f"a logged call takes no errno: {shown(word.text)}: systemd ignores it"
        elif colon and number is None:
            problem = f"no errno: {shown(suffix)}: a name such as EPERM, a number to {MAX_ERRNO}, or kill"
        elif colon and not inverted:
            problem = f"an allowed call takes no errno: {shown(word.text)}: systemd ignores it"
        elif not name:
            problem = f"a name is missing: {shown(word.text)}"
        elif name.startswith("@"):
            calls = members(name)
            if calls is not None:
                return _Item(calls, number, word.span)
            problem = f"no group of systemd: {shown(name)}{hint(name, group_names(), before)}"
        elif not self._reading.lenient and not is_call(name):
            problem = not_a_call(name, before)
        if problem is not None:
            if not self._reading.lenient:
                self._report(word.span, problem)
            return None
        return _Item((name,), number, word.span)

    def _report(self, span: Span, text: str) -> None:
        path = (self._key, len(self._reading.problems))
        self._spans[path] = span
        self._reading.report(path, text)


def filtered(reading: Reading, spans: dict[Path, Span]) -> CallSet:
    """What `SystemCallFilter=` names."""
    return CallSet("SystemCallFilter", reading, spans, DEFAULT)


def logged(reading: Reading, spans: dict[Path, Span]) -> CallSet:
    """What `SystemCallLog=` names."""
    return CallSet("SystemCallLog", reading, spans)
