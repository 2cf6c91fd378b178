"""The fast path over blocks of bytes: the same meaning as record.py and carriers.py, measured and proven equal.

Most lines hold no record, and most records repeat an earlier one but for time and serial. So a block is searched for
what every record has; the lines found are matched by one expression for each form of line that this input was seen to
have, and counted by their text. Each different text is read once, and a line that no expression matches is read for
itself: both by `locate`, `parse_record` and `judge`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from audit2seccomp.evidence.carriers import Located, Trust, locate
from audit2seccomp.evidence.context import Context
from audit2seccomp.evidence.model import Evidence, RecordKey, Reject, Sample
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.shapes import Expressions, Fields, Shape, expressions_of
from audit2seccomp.evidence.tally import Outcome, Pile, Tally
from audit2seccomp.evidence.trust import judge

MAX_LINE_BYTES = 1 << 20
"""A longer line is not read. The kernel's records have at most 8,970 bytes (MAX_AUDIT_MESSAGE_LENGTH of linux/audit.h),
and wrappers add a few thousand."""
TOO_LONG = f"line longer than {MAX_LINE_BYTES:,} bytes"
IN_JSON = "it stands in JSON, which is not read"
MAX_SHAPES = 4
"""So many forms of line are looked for in one pass: a log has one or two, a mix of many is read line by line."""
SAMPLE_BYTES = 240
"""How much of a line is kept as an example."""

TOKENS = (b"auid=",)
"""A line without it holds no record: since Linux 2.6 every kernel writes it first. One search must do."""
TOKENS_OF_ANY_TEXT = (b"type=1326", b"SECCOMP ", b'reason="seccomp"', b"UNKNOWN[1326]")
"""Where any text is trusted, records that people shortened count too."""
_DENSE = 1500
"""One token in so many bytes: then one pass over all lines is faster than a jump from token to token."""

Matcher = tuple[Callable[[bytes, int], re.Match[bytes] | None], bool, Counter[Any]]
"""What matches a line, whether it returns a tuple, and where that is counted."""


class _Overlong(IntEnum):
    """Whether the scanner is inside a line that is too long, and has counted it because it holds a token."""

    NO = 0
    YES = 1
    COUNTED = 2


class Scanner:
    """Reads blocks of any number of inputs and counts what it finds.

    `trust` is the level that a record needs; `assume_arch` is for records of old kernels, see `parse_record`. `on_new`
    is told each key when it is first seen. Without `count_lines` the evidence has no number of lines, and the places of
    what is left out are inexact: where records are rare, counting takes a third of the time.
    """

    def __init__(
        self,
        trust: Trust = Trust.ANCHORED,
        assume_arch: int | None = None,
        on_new: Callable[[RecordKey], None] | None = None,
        *,
        count_lines: bool = True,
    ) -> None:
        """Start with nothing seen."""
        self._count_lines = count_lines
        self._trust = trust
        self._assume_arch = assume_arch
        self._tokens = TOKENS_OF_ANY_TEXT if trust is Trust.EMBEDDED else TOKENS
        self._tally = Tally(on_new)
        self._rejected: dict[str, Sample] = {}
        self._refused: dict[str, Sample] = {}
        self._shapes: list[Expressions] = []
        self._regular = False
        self._lines_before = 0
        self._lines = 0
        self.start_input("")

    def start_input(self, name: str) -> None:
        """From here on the blocks are those of another input; `finish_input` must have ended the one before."""
        self._name = name
        self._lines_before += self._lines
        self._lines = 0
        self._carry = bytearray()
        self._unended = False
        self._overlong = _Overlong.NO
        self._overlong_start = b""
        self._context = Context(foreign_matters=self._trust is Trust.AUTHENTICATED)

    def feed(self, block: bytes) -> None:
        """Read one more block; where blocks are cut makes no difference."""
        cut = block.rfind(b"\n") + 1
        if cut == 0:
            self._keep(block)
            return
        start = 0
        if self._overlong:
            start = block.find(b"\n") + 1
            self._keep(block[:start])
            self._lines += 1
            self._carry.clear()
            self._overlong = _Overlong.NO
        if start < cut:
            self._scan(b"".join((b"\n", self._carry, memoryview(block)[start:cut])))
            self._carry.clear()
        self._unended = False
        if cut < len(block):
            self._keep(block[cut:])

    def finish_input(self) -> None:
        """The input has ended; its last line may lack a newline."""
        if self._carry and not self._overlong:
            self._scan(b"".join((b"\n", self._carry, b"\n")))
        elif self._unended:
            self._lines += 1
        self._carry.clear()
        self._unended = False

    def evidence(self) -> Evidence:
        """What was seen so far."""
        self._fold()
        lines = self._lines_before + self._lines if self._count_lines else None
        return Evidence(self._tally.counts(), lines, dict(self._rejected), dict(self._refused))

    def _keep(self, piece: bytes) -> None:
        """Keep the start of a line whose end is to come; of one that is too long, only enough to see a cut token."""
        self._unended = self._unended or bool(piece)
        if not self._carry and not self._overlong:
            piece = piece.lstrip(b"\0")  # a hole after a crash may be as large as the disk
        self._carry += piece
        if not self._overlong:
            if len(self._carry) <= MAX_LINE_BYTES:
                return
            self._overlong = _Overlong.YES
            self._overlong_start = bytes(self._carry[:SAMPLE_BYTES])
        if self._overlong is _Overlong.YES and any(token in self._carry for token in self._tokens):
            self._overlong = _Overlong.COUNTED
            self._leave_out(Outcome(None, 1, TOO_LONG), b"\n", 1, self._overlong_start)
        del self._carry[: -max(map(len, self._tokens))]

    def _scan(self, block: bytes) -> None:
        """Scan whole lines; `block` begins with a newline that is not of the input."""
        self._context.start_block(block)
        lines = block.count(b"\n") - 1 if self._count_lines or self._regular else 0
        if not (self._regular and self._take_regular(block, lines)):
            self._take_candidates(block)
        self._note_first(block)
        if self._tally.full:
            self._fold()
        last = block.rfind(b"\n", 0, -1)
        self._context.end_block(
            any(not known.shape.carrier.bare and known.whole.match(block, last) for known in self._shapes)
        )
        self._lines += lines

    def _note_first(self, block: bytes) -> None:
        """Look at the new texts, and note the first of those that do not count, for each reason."""
        noted: set[tuple[str, bool]] = set()
        for found, outcome in self._tally.look(self._decide):
            # One place for each reason and block: finding it takes a search through the block.
            if (outcome.reason, outcome.trusted) not in noted:
                noted.add((outcome.reason, outcome.trusted))
                at = block.find(found)
                line = block[block.rfind(b"\n", 0, at) + 1 : block.find(b"\n", at)]
                self._leave_out(outcome._replace(events=0), block, at, line)

    def _fold(self) -> None:
        for outcome in self._tally.fold():
            self._leave_out(outcome, b"", 0, b"")

    def _usable(self) -> list[Expressions]:
        """The shapes whose lines need no look at the lines above them."""
        if any(known.shape.carrier.bare for known in self._shapes) and self._context.matters():
            return [known for known in self._shapes if not known.shape.carrier.bare]
        return self._shapes

    def _take_regular(self, block: bytes, lines: int) -> bool:
        """Count a block in one pass, if all its lines, or all with a token, match a shape's expression."""
        if self._context.inside_application:
            return False
        taken: list[tuple[Pile, list[Fields]]] = []
        matched = 0
        rest = block
        for known in self._shapes:
            lean = self._is_lean(known)
            expression = known.lean if lean else known.whole
            found = expression.findall(rest)
            matched += len(found)
            taken.append((self._tally.pile(known, lean=lean), [one[-3:] for one in found] if known.tagged else found))
            if matched == lines:
                self._context.no_application_line()
                rest = b""
                break
            if rest is block and len(found) == sum(map(block.count, self._tokens)):
                rest = b""  # each line that matches holds a token, so no other line does
                break
            rest = expression.sub(b"", rest)  # a line may match two shapes, and counts once
        if any(token in rest for token in self._tokens) or self._usable() != self._shapes:
            return False
        for pile, found in taken:
            pile.texts.update(found)
        self._regular = matched * _DENSE > len(block)
        return True

    def _is_lean(self, known: Expressions) -> bool:
        return self._tally.lean and known.shape.carrier.trust >= self._trust

    def _take_candidates(self, block: bytes) -> None:
        """Count a block line by line, for the lines with a token."""
        places: list[int] = []
        for token in self._tokens:
            at = block.find(token)
            while at >= 0:
                places.append(at)
                at = block.find(token, at + 1)
        self._regular = len(places) * _DENSE > len(block)
        places.sort()
        usable = self._matchers()
        end = 0
        for at in places:
            if at < end:
                continue
            start, end = block.rfind(b"\n", 0, at), block.find(b"\n", at)
            for match_line, is_tuple, texts in usable:
                match = match_line(block, start)
                if match is not None:
                    texts[match.groups()[-3:] if is_tuple else match[1]] += 1
                    break
            else:
                shapes = self._shapes
                self._take_line(block, start + 1, end)
                if shapes is not self._shapes:
                    usable = self._matchers()

    def _matchers(self) -> list[Matcher]:
        """The usable shapes, ready for line by line."""
        found: list[Matcher] = []
        for known in self._usable():
            lean = self._is_lean(known)
            expression = known.lean if lean else known.whole
            found.append((expression.match, lean or known.tagged, self._tally.pile(known, lean=lean).texts))
        return found

    def _take_line(self, block: bytes, start: int, end: int) -> None:
        """Count one line the slow way."""
        line = block[start:end].lstrip(b"\0")
        if len(line) > MAX_LINE_BYTES:
            self._leave_out(Outcome(None, 1, TOO_LONG), block, start, line)
            return
        located = locate(line)
        if located is None:
            return
        bare = located.carrier is not None and located.carrier.bare
        outcome = self._outcome(
            located,
            continues=bare and self._context.continues(start),
            foreign=bare and self._context.foreign(start),
        )
        if outcome is None:
            return
        self._tally.add(outcome)
        if outcome.key is None:
            self._leave_out(outcome, block, start, line)
        self._learn(located)

    def _decide(self, known: Expressions, fields: Fields) -> Outcome:
        """What becomes of the lines of a shape with that text."""
        if known.shape.carrier.trust >= self._trust:
            call = known.call(fields)
            if call is not None:
                return self._tally.of_call(call)
        outcome = self._outcome(known.located(fields), continues=False, foreign=False)
        assert outcome is not None, "an expression took a line that holds no record"
        return outcome

    def _outcome(self, located: Located, *, continues: bool, foreign: bool) -> Outcome | None:
        """What becomes of a line; None where it holds no record."""
        parsed = parse_record(located.body, self._assume_arch)
        if parsed is None:
            return None
        if isinstance(parsed, Reject):
            # Where the record stands inside other text, and that is not trusted, nobody claims that it is one.
            if located.carrier is not None or self._trust is Trust.EMBEDDED:
                return Outcome(None, located.repeat, parsed.reason)
            return Outcome(None, 1, IN_JSON, trusted=False) if b'\\"' in located.body else None
        verdict = judge(located, parsed.record, parsed.end, continues=continues, foreign=foreign)
        if verdict.trust < self._trust:
            return Outcome(None, located.repeat, verdict.reason, trusted=False)
        return self._tally.outcome(parsed.record, located.repeat)

    def _learn(self, located: Located) -> None:
        if located.carrier is None:
            return
        shape = Shape(located.carrier, located.prefix)
        if all(known.shape != shape for known in self._shapes):
            self._shapes = [expressions_of(shape), *self._shapes[: MAX_SHAPES - 1]]

    def _leave_out(self, outcome: Outcome, block: bytes, start: int, line: bytes) -> None:
        """Note events that do not count, with the first line of them; without events, only the line."""
        samples = self._rejected if outcome.trusted else self._refused
        known = samples.get(outcome.reason)
        if known is not None:
            known = samples[outcome.reason] = known._replace(events=known.events + outcome.events)
            # What repeats is looked at when its block is done, and a later line may have been noted already.
            if outcome.events or known.place[0] != self._name or known.place[1] <= self._lines:
                return
        number = self._lines + block.count(b"\n", 0, start)
        if known is None or number < known.place[1]:
            events = outcome.events if known is None else known.events
            samples[outcome.reason] = Sample(events, (self._name, number), bytes(line[:SAMPLE_BYTES]))
