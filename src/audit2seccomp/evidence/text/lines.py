"""The fast path over blocks of a text log: the same meaning as reading line by line, measured and proven equal.

Most lines hold no record, and most records repeat an earlier one but for time and serial. So a block is searched for
what every record has; the lines found are matched by one expression for each form of line that this input was seen to
have, and counted by their text. Each different text is read once, and a line that no expression matches is read for
itself: both by `locate`, `parse_record` and `judge`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from audit2seccomp.evidence.carriers import Located, Speaker, Trust, locate
from audit2seccomp.evidence.decide import Decider, Fate, Outcome
from audit2seccomp.evidence.jobs import WORTH_IT
from audit2seccomp.evidence.loss import places_of_signs, sign_in_line
from audit2seccomp.evidence.model import Origin, Progress
from audit2seccomp.evidence.notes import Notes
from audit2seccomp.evidence.once import Channel, millis
from audit2seccomp.evidence.tally import Pile, Tally
from audit2seccomp.evidence.text.blocks import Block
from audit2seccomp.evidence.text.compiled import CompiledScan, compiled_scan
from audit2seccomp.evidence.text.context import Context
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES, TOO_LONG
from audit2seccomp.evidence.text.shapes import Expressions, Shape, learned
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.entries.entry import Found as FoundEntry
    from audit2seccomp.evidence.entries.reader import EntryReader
    from audit2seccomp.evidence.inputs.stretches import Stretch
    from audit2seccomp.evidence.text._scan import Found
    from audit2seccomp.evidence.text.workers import Look, Workers

TOKENS = (b"auid=",)
"""A line without it holds no record: since Linux 2.6 every kernel writes it first. One search must do."""
TOKENS_OF_ANY_TEXT = (b"type=1326", b"SECCOMP ", b'reason="seccomp"', b"UNKNOWN[1326]")
"""Where any text is trusted, records that people shortened count too."""
JSON_STARTS = (b"{", b"data: {", b"\x1e{")
"""How a line begins that is an object of one of journalctl's JSON forms."""
_WHOLE_CODE = re.compile(rb"code=0x[0-9a-f]{8}(?![0-9a-f])")
"""A code that cannot be the beginning of a longer one: SECCOMP_RET_LOG and most others have eight digits."""
CUT_AT_END = "cut: the input ends inside the record, or may do so"
_DENSE = 1500
"""One token in so many bytes: then one pass over all lines is faster than a jump from token to token."""
MIN_BYTES = 1 << 16
"""Smaller blocks come from somebody who is watched while he writes: they are read at once."""
_LESSONS = 8
"""So many lines of a block may teach the compiled scan: each takes as long as reading ten."""
_STAMP = re.compile(rb"audit\((\d{1,20}\.\d{3}):")


def tokens_at(trust: Trust) -> tuple[bytes, ...]:
    """What a line must hold, one of them, to be looked at."""
    return TOKENS_OF_ANY_TEXT if trust is Trust.EMBEDDED else TOKENS


class Matcher(NamedTuple):
    """What matches a line, and where the matches go."""

    match: Callable[[bytes, int], re.Match[bytes] | None]
    known: Expressions
    lean: bool
    found: list[Any]
    places: list[int]


class LineReader:
    """Reads the whole lines of one input, block by block."""

    def __init__(
        self,
        name: str,
        tally: Tally,
        decider: Decider,
        notes: Notes,
        *,
        count_lines: bool,
        workers: Callable[[], Workers | None] = lambda: None,
    ) -> None:
        """Without `count_lines` places are inexact: where records are rare, counting takes a third of the time.
        `workers` look at blocks while others are read."""
        self._name = name
        self._tally = tally
        self._decider = decider
        self._notes = notes
        self._count_lines = count_lines
        self._tokens = tokens_at(decider.trust)
        self._shapes: Sequence[Expressions] = []
        self._regular = False
        self._all_records = False
        self._json: EntryReader | None = None
        self._entries: list[FoundEntry] = []
        """What JSON among the lines of this block says."""
        self._origins: dict[str | None, Origin] = {}
        self._context = Context(foreign_matters=decider.trust is Trust.AUTHENTICATED)
        self._block = Block(b"\n", 0)
        self._lessons = 0
        self._workers = workers
        self._bytes = 0
        self._ahead: deque[Look] = deque()
        """Blocks that workers look at, the first one first."""
        self._compiled = compiled_scan(tally, decider, count_lines=count_lines)
        self.lines = 0
        """How many were read before this block."""

    def read(self, block: bytes) -> None:
        """Read whole lines; `block` begins with a newline that is not of the input. With workers it is read when some
        more were, or with `catch_up`."""
        if not self._look(lambda: block, len(block)):
            self.catch_up()
            self._read(block)

    def read_stretch(self, stretch: Stretch) -> None:
        """Read lines of a file; workers do that, too."""
        if not self._look(stretch.read, stretch.size):
            self.catch_up()
            self._read(stretch.read())

    def _look(self, read: Callable[[], bytes], size: int) -> bool:
        """Have workers look at a block of so many bytes, and read one that they looked at; False if it is not worth
        it."""
        self._bytes += size
        large = size >= MIN_BYTES and self._bytes >= WORTH_IT
        workers = self._workers() if large and self._compiled is not None else None
        if self._compiled is None or workers is None:
            return False
        self._ahead.append(workers.look(self._compiled, read))
        if len(self._ahead) > workers.ahead:
            self._read_next()
        return True

    def catch_up(self) -> None:
        """Read what workers looked at."""
        while self._ahead:
            self._read_next()

    def _read_next(self) -> None:
        look = self._ahead.popleft()
        assert self._compiled is not None
        while not look.is_done:
            mine = next((one for one in (look, *self._ahead) if one.claim()), None)
            if mine is None:
                break
            mine.take(self._compiled.table())
        look.wait()
        self._read(look.block, look)

    def _read(self, block: bytes, look: Look | None = None) -> None:
        """Read a block, at which a worker may have looked."""
        self._block = Block(block, self.lines)
        self._context.start_block(block)
        scanned: list[Found] = []
        if self._compiled is not None:
            scanned += self._scan(self._compiled, look)
            lines = scanned[0].lines if self._count_lines else 0
        else:
            lines = block.count(b"\n") - 1 if self._count_lines or self._regular else 0
            if not (self._regular and self._take_regular(lines)):
                self._take_candidates()
            elif not self._all_records:
                self._take_signs()
        self._note_first()
        if self._compiled is not None:
            self._note_calls(self._compiled, scanned)
            self._tally.settle(self._compiled.parts(scanned))
            self._compiled.commit(scanned)
        else:
            self._tally.settle()
        if self._json is not None:
            self._json.take(self._entries)
            self._entries.clear()
        if self._tally.full or (self._compiled is not None and self._compiled.full):
            self._fold()
        self.lines += lines

    def _scan(self, compiled: CompiledScan, look: Look | None) -> Iterator[Found]:
        """Let the compiled scan take what it can, and read the other lines."""
        block = self._block.data
        bare = not self._context.inside_application
        found = look.found if look is not None else compiled.scan(block, bare=bare)
        if found.bare:
            if found.all_taken:
                self._note_all_records()
            if not bare or self._context.matters():
                bare = False
                found = compiled.scan(block, bare=False)
        yield found
        self._lessons = _LESSONS
        left = found.left()
        # A worker may have looked before anything was learned.
        learned = look is not None and look.known < compiled.outlines.count
        while left:
            if not learned:
                left = left[self._take_lines(left, compiled) :]
            learned = False
            if left:
                # That no bare line was taken above may be because there was no room for its call.
                found = compiled.scan_these(block, left, bare=bare and not self._context.matters())
                yield found
                left = found.left()

    def _note_calls(self, compiled: CompiledScan, scanned: Sequence[Found]) -> None:
        """Look at the new calls, and note where each stands first."""
        for at, outcome, time in compiled.look(scanned):
            if self._is_first(outcome):
                self._note_place(outcome, at - 1, time)

    def _note_all_records(self) -> None:
        """Each line of the block is one of the known shapes. Those with a prefix may begin as an application's do."""
        if all(known.shape.carrier.bare for known in self._shapes):
            self._context.no_application_line()

    def read_last(self, line: bytes) -> None:
        """Read a line that lacks its newline: the input may end inside it."""
        self.catch_up()
        if any(token in line for token in self._tokens) and _WHOLE_CODE.search(line) is None:
            located = locate(line.lstrip(b"\0"))
            if located is not None and located.carrier is not None and located.carrier.trust >= self._decider.trust:
                outcome = Outcome(None, 1, Fate.REJECTED, CUT_AT_END)
                self._notes.outcome(outcome, self._name, lambda: self.lines + 1, line)
                self.skip_line()
                return
        self.read(b"\n" + line + b"\n")

    def go_on(self, progress: Progress) -> None:
        """Lines of the input were read before."""
        self.lines = progress.lines
        self._context.go_on(progress.application, progress.foreign)

    def progress(self) -> Progress:
        """What reading on must know, but for form and segments."""
        self.catch_up()
        return Progress(None, self.lines, *self._context.state)

    @property
    def is_pure(self) -> bool:
        """Whether there is no compiled scan, or it does not do what is asked."""
        return self._compiled is None

    @property
    def foreign(self) -> bool:
        """Whether a line that was read is none of a log that proves anything."""
        self.catch_up()
        return self._context.state[1]

    def note_too_long(self, start: bytes) -> None:
        """The next line, which begins so, is longer than any record, and may hold one."""
        self.catch_up()
        outcome = Outcome(None, 1, Fate.REJECTED, TOO_LONG)
        self._notes.outcome(outcome, self._name, lambda: self.lines + 1, start)

    def skip_line(self) -> None:
        """A line was read elsewhere."""
        self.catch_up()
        self.lines += 1

    def fold(self) -> None:
        """Put what was counted by text under its keys."""
        self.catch_up()
        self._fold()

    def _fold(self) -> None:
        compiled = () if self._compiled is None else self._compiled.fold()
        for outcome in chain(self._tally.fold(), compiled):
            self._notes.outcome(outcome, self._name, lambda: 0, b"")

    def _note_first(self) -> None:
        """Look at the new texts; note where each new key, and each reason for leaving something out, stands first."""
        noted: set[tuple[Pile, str, Fate]] = set()
        at, pile_before = 0, None
        for pile, text, outcome in self._tally.look(self._decider):
            reason = pile, outcome.reason, outcome.fate  # one place for each, in a form and block
            if reason in noted or not self._is_first(outcome):
                continue
            # Texts of a pile stand in the order of their first lines, so that one pass over the block finds all.
            place = pile.places.get(text)
            start = at if pile is pile_before else 0
            at = self._block.find(pile, text, start) if place is None else place - 1
            pile_before = pile
            if outcome.key is None:
                noted.add(reason)
            stamp = _STAMP.search(self._block.data, at, self._block.data.find(b"\n", at + 1))
            self._note_place(outcome, at, millis(stamp[1]) if stamp else None)

    def _is_first(self, outcome: Outcome) -> bool:
        """Whether what is new in this block may stand before what is known of its key, or has none."""
        if outcome.key is None:
            return outcome.fate is not Fate.UNSELECTED
        first = self._tally.first_line(outcome.key)
        return first is None or (self._count_lines and first > self.lines)

    def _note_place(self, outcome: Outcome, at: int, time: int | None) -> None:
        """Note the line behind a newline as the first one of a key, or of those that are left out for a reason."""
        if outcome.key is not None:
            self._tally.note_first(outcome.key, self._block.line_at(at) if self._count_lines else 0, time)
        else:
            line = self._block.data[at + 1 : self._block.data.find(b"\n", at + 1)]
            self._notes.outcome(outcome._replace(events=0), self._name, partial(self._block.line_at, at), line)

    def _usable(self) -> Sequence[Expressions]:
        """The shapes whose lines need no look at the lines above them."""
        if any(known.shape.carrier.bare for known in self._shapes) and self._context.matters():
            return [known for known in self._shapes if not known.shape.carrier.bare]
        return self._shapes

    def _take_regular(self, lines: int) -> bool:
        """Count a block in one pass, if all its lines, or all with a token, match a shape's expression."""
        self._all_records = False
        if self._context.inside_application:
            return False
        taken: list[tuple[Expressions, bool, list[Any]]] = []
        matched = 0
        rest = self._block.data
        for known in self._shapes:
            lean = self._is_lean(known)
            expression = known.lean if lean else known.whole
            found = expression.findall(rest)
            matched += len(found)
            taken.append((known, lean, found))
            if matched == lines:
                self._all_records = True
                self._note_all_records()
                rest = b""
                break
            if rest is self._block.data and len(found) == sum(map(rest.count, self._tokens)):
                rest = b""  # each line that matches holds a token, so no other line does
                break
            rest = expression.sub(b"", rest)  # a line may match two shapes, and counts once
        if any(token in rest for token in self._tokens) or self._usable() != self._shapes:
            return False
        if sum(known.stamped and bool(found) for known, _, found in taken) > 1:
            return False  # or nobody would know which of their serials came first
        for known, lean, found in taken:
            self._count(known, lean, found)
        self._regular = matched * _DENSE > len(self._block.data)
        return True

    def _count(self, known: Expressions, lean: bool, found: list[Any], places: Sequence[int] = ()) -> None:
        for columns in known.columns(found, lean=lean, places=places):
            origin = self._origin(columns.host)
            trusted = known.shape.carrier.trust >= self._decider.trust
            channel, stamped = Channel(columns.host), bool(columns.times)
            pile = self._tally.pile(known, origin, channel, lean=lean, trusted=trusted, stamped=stamped)
            self._tally.count_chosen(pile, columns, self._decider)

    def _is_lean(self, known: Expressions) -> bool:
        return self._tally.lean and known.shape.carrier.trust >= self._decider.trust and not self._decider.by_task

    def _take_candidates(self) -> None:
        """Count a block line by line, for the lines with a token."""
        places = self._block.places(self._tokens)
        self._regular = len(places) * _DENSE > len(self._block.data)
        places += places_of_signs(self._block.data)
        places.sort()
        self._take_lines(places)

    def _take_lines(self, places: Sequence[int], compiled: CompiledScan | None = None) -> int:
        """Count the lines at these places; `compiled` may learn from them, and then wants to see the others first.
        Returns how many were looked at."""
        block = self._block.data
        usable: list[Matcher] | None = None
        end = 0
        done = 0
        for at in places:
            done += 1
            if at < end:
                continue
            if usable is None:
                usable = self._matchers()
            start, end = block.rfind(b"\n", 0, at), block.find(b"\n", at)
            for matcher in usable:
                match = matcher.match(block, start)
                if match is not None:
                    groups = match.groups(b"")
                    matcher.found.append(groups if len(groups) > 1 else groups[0])
                    matcher.places.append(start + 1)
                    break
            else:
                shapes = self._shapes
                self._take_line(start + 1, end)
                if shapes is not self._shapes:
                    self._count_all(usable)
                    usable = None
            if compiled is not None and self._teach(compiled, start, end):
                break
        self._count_all(usable or ())
        return done

    def _teach(self, compiled: CompiledScan, start: int, end: int) -> bool:
        """Whether the compiled scan learns from a line behind that newline."""
        if self._lessons <= 0:
            return False
        for known in self._usable():
            match = known.lean.match(self._block.data, start)
            if match is not None:
                self._lessons -= 1
                host = next(known.columns([match.groups(b"")], lean=True)).host
                return compiled.learn(known, self._block.data[start + 1 : end], self._origin(host))
        return False

    def _take_signs(self) -> None:
        """Look for signs of loss in the lines that are no records."""
        end = 0
        for at in places_of_signs(self._block.data):
            if at >= end:
                start, end = self._block.data.rfind(b"\n", 0, at) + 1, self._block.data.find(b"\n", at)
                if not self._block.holds(self._tokens, start, end):
                    self._take_sign(start, end)

    def _take_sign(self, start: int, end: int) -> None:
        line = self._block.data[start:end]
        sign = sign_in_line(line)
        if sign is not None and not (sign.bare and self._context.continues(start)):
            self._notes.loss(sign.kind, self._name, self._block.line_at(start - 1), line)

    def _matchers(self) -> list[Matcher]:
        """The usable shapes, ready for line by line."""
        found: list[Matcher] = []
        for known in self._usable():
            lean = self._is_lean(known)
            expression = known.lean if lean else known.whole
            found.append(Matcher(expression.match, known, lean, [], []))
        return found

    def _count_all(self, matchers: Iterable[Matcher]) -> None:
        for matcher in matchers:
            self._count(matcher.known, matcher.lean, matcher.found, matcher.places)

    def _take_line(self, start: int, end: int) -> None:
        """Count one line the slow way."""
        if not self._block.holds(self._tokens, start, end):
            self._take_sign(start, end)
            return
        line = self._block.data[start:end].lstrip(b"\0")
        if len(line) > MAX_LINE_BYTES:
            too_long = Outcome(None, 1, Fate.REJECTED, TOO_LONG)
            self._notes.outcome(too_long, self._name, lambda: self._block.line_at(start - 1), line)
            return
        if line.startswith(JSON_STARTS) and self._take_json(line, start):
            return
        located = locate(line)
        if located is None:
            self._take_sign(start, end)  # auditd says `auid=` in such a line
            return
        host = located.prefix.host if located.prefix else None
        bare = located.carrier is not None and located.carrier.bare
        outcome = self._decider.of(
            located,
            self._origin(host),
            continues=bare and self._context.continues(start),
            foreign=bare and self._context.foreign(start),
        )
        if outcome is None:
            return
        number = self._block.line_at(start - 1) if self._count_lines and outcome.key is not None else 0
        self._tally.add(outcome, Channel(host), number, start)
        self._notes.outcome(outcome, self._name, lambda: self._block.line_at(start - 1), line)
        self._learn(located)

    def _take_json(self, line: bytes, start: int) -> bool:
        """Count what a line says that is a JSON object; False if it is none."""
        from audit2seccomp.evidence.entries.json_text import decode_line

        found = decode_line(line, self._block.line_at(start - 1))
        if found is None:
            return False
        if self._context.continues(start):
            from audit2seccomp.evidence.entries.authors import CONTINUATION
            from audit2seccomp.evidence.entries.entry import Entry

            found = [one._replace(carrier=CONTINUATION.carrier) if isinstance(one, Entry) else one for one in found]
        elif self._context.foreign(start):
            from audit2seccomp.evidence.entries.reader import below_others

            found = [below_others(one) for one in found]
        if self._json is None:
            from audit2seccomp.evidence.entries.reader import EntryReader

            self._json = EntryReader(self._name, None, self._tally, self._decider, self._notes, self)
        self._entries += found
        return True

    def _origin(self, host: str | None) -> Origin:
        origin = self._origins.get(host)
        if origin is None:
            origin = self._origins[host] = Origin(self._name, host)
        return origin

    def _learn(self, located: Located) -> None:
        if located.carrier is None or located.prefix is None or located.carrier.speaker is Speaker.AUSEARCH:
            return
        self._shapes = learned(
            self._shapes, Shape(located.carrier, located.prefix.literal, located.prefix.host), located.prefix
        )
