"""Blocks → whole lines: where an input is cut into blocks makes no difference to what reads its lines."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

MAX_LINE_BYTES = 1 << 20
"""A longer line is not read. The kernel's records have at most 8,970 bytes (MAX_AUDIT_MESSAGE_LENGTH of linux/audit.h),
and wrappers add a few thousand."""
TOO_LONG = f"line longer than {MAX_LINE_BYTES:,} bytes"
_START_BYTES = 240
"""How much of a line that is too long is told."""


class _Overlong(IntEnum):
    """Whether this is inside a line that is too long, and whether that holds a token."""

    NO = 0
    YES = 1
    WITH_TOKEN = 2


class Cutter:
    """Keeps what is left of a block behind its last newline until the rest of that line comes."""

    def __init__(
        self,
        read: Callable[[bytes], None],
        too_long: Callable[[bytes], None],
        skip_line: Callable[[], None],
        tokens: tuple[bytes, ...],
        read_last: Callable[[bytes], None] | None = None,
    ) -> None:
        """`read` gets whole lines behind one more newline, `read_last` a last line that lacks its own. Of a line that
        is too long, `too_long` gets the start, if it holds one of the tokens, and `skip_line` is told of its end."""
        self._read = read
        self._read_last = read_last or (lambda line: read(b"\n" + line + b"\n"))
        self._too_long = too_long
        self._skip_line = skip_line
        self._tokens = tokens
        self._carry = bytearray()
        self.unended = 0
        """How many bytes stand behind the last newline."""
        self._overlong = _Overlong.NO
        self._overlong_start = b""

    def feed(self, block: bytes) -> None:
        """Take one more block."""
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            self._keep(block)
            return
        start = 0
        if self._overlong:
            start = block.find(b"\n") + 1
            self._keep(block[:start])
            self._end_overlong()
            self._carry.clear()
            self._overlong = _Overlong.NO
        if start < cut:
            self._read(b"".join((b"\n", self._carry, memoryview(block)[start:cut])))
            self._carry.clear()
        self.unended = 0
        if cut < len(block):
            self._keep(block[cut:])

    @property
    def overlong(self) -> bool:
        """Whether the line that has not ended is too long already."""
        return self._overlong is not _Overlong.NO

    def finish(self) -> None:
        """The input has ended; its last line may lack a newline."""
        if self._overlong:
            self._end_overlong()
        elif self._carry:
            self._read_last(bytes(self._carry))
        elif self.unended:
            self._skip_line()
        self.drop()

    def drop(self) -> None:
        """Forget the line that has not ended."""
        self._carry.clear()
        self.unended = 0
        self._overlong = _Overlong.NO

    def _end_overlong(self) -> None:
        """A line that is too long is told of when it has ended, as any other is read."""
        if self._overlong is _Overlong.WITH_TOKEN:
            self._too_long(self._overlong_start)
        self._skip_line()

    def _keep(self, piece: bytes) -> None:
        """Keep the start of a line whose end is to come; of one that is too long, only enough to see a cut token."""
        self.unended += len(piece)
        if not self._carry and not self._overlong:
            piece = piece.lstrip(b"\0")  # a hole after a crash may be as large as the disk
        self._carry += piece
        if not self._overlong:
            if len(self._carry) <= MAX_LINE_BYTES:
                return
            self._overlong = _Overlong.YES
            self._overlong_start = bytes(self._carry[:_START_BYTES])
        if self._overlong is _Overlong.YES and any(token in self._carry for token in self._tokens):
            self._overlong = _Overlong.WITH_TOKEN
        del self._carry[: -max(map(len, self._tokens))]
