"""What the lines above a line say about it: remembered from block to block, and looked at only where it matters."""

from __future__ import annotations

import re

from audit2seccomp.evidence.trust import APPLICATION, foreign_line_at, starts_message_of_application

_HEADER_BYTES = 1024
"""Enough of a line to see what it starts with."""
_APPLICATION_LINE = rb"\n(?:" + APPLICATION + rb")"


def application_above(lines: bytes) -> bool | None:
    """Whether what stands below these lines may go on with an application's message; None if none of them tells. They
    begin with a line, and end with a newline."""
    end = len(lines)
    while end:
        start = lines.rfind(b"\n", 0, end - 1) + 1
        verdict = starts_message_of_application(lines[start : min(end - 1, start + _HEADER_BYTES)])
        if verdict is not None:
            return verdict
        end = start
    return None


class Context:
    """The context of each line of one input. A block begins with a newline, which ends the line above its first one."""

    def __init__(self, *, foreign_matters: bool) -> None:
        """At the start of an input. `foreign_matters`: whether anybody will ask for foreign lines."""
        self._foreign_matters = foreign_matters
        self._application = False
        self._foreign = False
        self._block = b"\n"
        self._known_to = 1
        self._application_line: bool | None = None
        self._foreign_at: int | None = None

    def start_block(self, block: bytes) -> None:
        """The next lines."""
        # Not before: of the last block nobody asks.
        self._application, self._foreign = self.state
        self._block = block
        self._known_to = 1
        self._application_line = None
        self._foreign_at = None

    def continues(self, start: int) -> bool:
        """Whether the line at `start` may go on with an application's message; `start` may only grow within a block."""
        at = start
        while at > self._known_to:
            previous = self._block.rfind(b"\n", 0, at - 1) + 1
            verdict = starts_message_of_application(self._block[previous : min(at - 1, previous + _HEADER_BYTES)])
            if verdict is not None:
                self._application = verdict
                break
            if not self._any_continues():
                break
            at = previous
        self._known_to = start
        return self._application

    def foreign(self, start: int) -> bool:
        """Whether a line before `start` is none of a log that proves anything."""
        if self._foreign or not self._foreign_matters:
            return self._foreign
        if self._foreign_at is None:
            self._foreign_at = foreign_line_at(self._block)
        return self._foreign_at < start

    def matters(self) -> bool:
        """Whether it makes a difference to any line of the block."""
        return self._any_continues() or self.foreign(len(self._block))

    @property
    def state(self) -> tuple[bool, bool]:
        """Whether the lines above are an application's, and whether one of them is foreign, as the next line sees
        it."""
        return self.continues(len(self._block)), self.foreign(len(self._block))

    def go_on(self, application: bool, foreign: bool) -> None:
        """Lines stand above the first one, of which this is known."""
        self._application, self._foreign = application, foreign

    def no_application_line(self) -> None:
        """The caller has seen that none of the block begins an application's message."""
        self._application_line = False

    @property
    def inside_application(self) -> bool:
        """Whether the lines above, as far as they were looked at, are an application's."""
        return self._application

    def _any_continues(self) -> bool:
        if self._application_line is None:
            self._application_line = re.search(_APPLICATION_LINE, self._block) is not None
        return self._application or self._application_line
