"""Whole lines of a text log: where something stands in them, and in which line that is."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.evidence.tally import Pile
from audit2seccomp.evidence.text.shapes import Call, Expressions, Fields


class Block:
    """Lines behind one more newline, which ends the line above the first."""

    def __init__(self, data: bytes, lines_before: int) -> None:
        """So many lines of the input stand before it."""
        self.data = data
        self._lines_before = lines_before
        self._counted_to = (0, lines_before)

    def line_at(self, at: int) -> int:
        """The number of the line that begins behind the newline at `at`, or holds that byte."""
        place, number = self._counted_to
        if at < place:
            place, number = 0, self._lines_before
        number += self.data.count(b"\n", place, at + 1)
        self._counted_to = (at + 1, number)
        return number

    def places(self, tokens: Iterable[bytes]) -> list[int]:
        """Where they stand."""
        places: list[int] = []
        for token in tokens:
            at = self.data.find(token)
            while at >= 0:
                places.append(at)
                at = self.data.find(token, at + 1)
        return places

    def holds(self, tokens: Iterable[bytes], start: int, end: int) -> bool:
        """Whether one of them stands between the two."""
        return any(self.data.find(token, start, end) >= 0 for token in tokens)

    def find(self, pile: Pile, text: Fields | Call, start: int) -> int:
        """The newline in front of the first line from `start` on that has a text, which was counted in the pile."""
        form = pile.form
        assert isinstance(form, Expressions)
        expression = form.lean if pile.lean else form.whole
        wanted = form.bytes_of(text)
        bare = isinstance(text, bytes) and not form.shape.any_host
        at = start
        while True:
            at = self.data.find(wanted, at)
            assert at >= 0, "a text that was counted stands in the block"
            before = self.data.rfind(b"\n", 0, at)
            match = expression.match(self.data, before)
            if bare and match is not None and match.start(expression.groups) == at:
                return before
            groups = match and [match.groups(b"") if expression.groups > 1 else match[1]]
            for column in form.columns(groups or (), lean=pile.lean):
                if column.texts[0] == text and (not form.shape.any_host or column.host == pile.origin.host):
                    return before
            at += 1
