"""Reading on in logs where an earlier run stopped, through rotation, truncation and compression.

A file is known again by the content at its start, and by device and inode where that is less than a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from audit2seccomp.errors import CutInputError, InputError, TruncatedError
from audit2seccomp.evidence.inputs.expand import family, rotated
from audit2seccomp.evidence.inputs.sources import Source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored.recognising import Recogniser
from audit2seccomp.evidence.stored.state import HEAD_BYTES, Log, Position, State, is_cursor
from audit2seccomp.named_tuple import NamedTuple

MAX_FILES = 64
"""So many files of each log are known again: logrotate keeps four, and rarely more than 30."""
_TELLING_BYTES = 64
"""Fewer bytes may begin another file too: they may lack the time that a line begins with."""

Opener = Callable[[str, int], Source]
"""Opens a path at an offset; raises InputError."""
JournalOpener = Callable[[str, str], Source]
"""Opens a journal at the entry with that cursor, that one included; at its beginning without one. Raises InputError."""


class _Look(NamedTuple):
    """What a file is, before it is read."""

    path: str
    source: Source
    """Used up."""
    head: bytes
    holds_evidence: bool

    @property
    def identity(self) -> tuple[int | None, int | None]:
        """What it is, whatever its name."""
        return self.source.device, self.source.inode

    def is_still(self, source: Source) -> bool:
        """Whether it is what was opened now; raises InputError."""
        if (source.device, source.inode) != self.identity or (source.size or 0) < (self.source.size or 0):
            return False
        return self.source.compressed or source.begins_with(self.head)

    def is_at(self, position: Position) -> bool:
        """Whether that is the same file."""
        return self.identity == (position.device, position.inode)

    def holds(self, position: Position) -> bool:
        """Whether it begins with the content that was read up to that position."""
        start = self.head[: position.head_bytes]
        long_enough = self.source.compressed or (self.source.size or 0) >= position.offset
        certain = position.head_bytes >= _TELLING_BYTES or (position.head_bytes > 0 and self.is_at(position))
        return certain and long_enough and len(start) == position.head_bytes and _digest(start) == position.head


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


class Follower:
    """Feeds a scanner what is new in logs, and keeps the state."""

    def __init__(self, scanner: Scanner, state: State, opener: Opener, tell: Callable[[str], object]) -> None:
        """The scanner must not have read anything yet; `tell` gets what is worth saying."""
        self._scanner = scanner
        self._logs = {name: replace(log, files=list(log.files)) for name, log in state.logs.items()}
        self._options = state.options
        self._open = opener
        self._tell = tell
        self.lost: list[str] = []
        """Where a part of a log was gone before it could be read: what is to be said of each."""
        scanner.take_over(state.evidence, state.memory)

    def state(self) -> State:
        """The state as it is now."""
        return State(self._scanner.evidence(), self._options, self._logs, self._scanner.memory())

    def read(self, path: str) -> None:
        """Read what is new in a log. Raises InputError."""
        try:
            look = self._look(path)
        except InputError as error:
            # What was rotated can be read even where no new file has come yet.
            if path in self._logs and isinstance(error.__cause__, FileNotFoundError):
                self._catch_up(self._logs[path])
            raise
        if look.holds_evidence:
            raise InputError(
                f"{path}: an evidence file would be merged anew in each run: merge it once, without --state"
            )
        found = self._known(look)
        if found is not None:
            log, position = found
            if position.head_bytes < _TELLING_BYTES and look.path == log.name:
                # Next to nothing had been read: it may have been copied and truncated since, and look the same.
                self._catch_up(log, still_there=True)
                log.files.remove(position)
                log.files.append(position)
            self._read_rest(log, look, position, ended=position is not log.files[-1])
            return
        log = self._logs.setdefault(path, Log(path))
        if log.files:
            self._catch_up(log)
        self._read_rest(log, look)

    def read_journal(self, path: str, opener: JournalOpener) -> None:
        """Read what is new in a journal. Raises InputError."""
        from audit2seccomp.evidence.inputs.journal import behind

        log = self._logs.setdefault(path, Log(path))
        blocks: Iterator[bytes] = opener(path, log.cursor).blocks()
        self._scanner.start_input(path, progress=log.progress)
        try:
            if log.cursor:
                there, blocks = behind(log.cursor, blocks)
                if not there:
                    self.lost.append(
                        f"{path}: what was read before is gone: whatever came just behind it may be missing: "
                        "run this before journald removes entries"
                    )
            for block in blocks:
                self._scanner.feed(block)
        except CutInputError as error:
            self._note_cut(path, error)
        finally:
            self._scanner.finish_input()
        log.progress = self._scanner.progress()
        last = self._scanner.cursor.decode(errors="replace")
        log.cursor = last if is_cursor(last) else log.cursor

    def _look(self, path: str) -> _Look:
        source = self._open(path, 0)
        if source.inode is None:
            source.close()
            raise InputError(f"{path}: is no file, so no place in it can be kept: --state is for files")
        head = b""
        recogniser = Recogniser()
        blocks = source.blocks()
        with suppress(CutInputError):  # it will show again when it is read
            for block in blocks:
                head += block[: HEAD_BYTES - len(head)]
                if recogniser.look(block) is not None and len(head) == HEAD_BYTES:
                    break
        blocks.close()
        return _Look(path, source, head, recogniser.end())

    def _known(self, look: _Look) -> tuple[Log, Position] | None:
        """The log and the position in it of a file that was read before, under whichever name."""
        for log in self._logs.values():
            related = family(look.path) == family(log.name)
            for position in reversed(log.files):
                if (related or look.is_at(position)) and look.holds(position):
                    return log, position
        return None

    def _catch_up(self, log: Log, *, still_there: bool = False) -> None:
        """Another file has taken the log's name, or none: read the rest of the one before, and what came between."""
        last = log.files[-1]
        between: list[_Look] = []
        before: list[_Look] = []
        for path in rotated(log.name):
            try:
                look = self._look(path)
            except InputError as error:
                self._tell(str(error))
                continue
            if look.holds(last):
                before.append(look)
            elif (look.source.modified or 0) > last.modified and self._known(look) is None:
                between.append(look)
        if before:
            self._read_rest(log, min(before, key=lambda look: not look.is_at(last)), last, ended=True)
        elif last.offset == 0:
            log.files.remove(last)
        elif not still_there:
            self.lost.append(
                f"{log.name}: what was read before is gone, also from {log.name}.*: "
                f"whatever was written behind byte {last.offset:,} of it is missing: run this before logs are removed"
            )
        for look in between:
            self._read_rest(log, look, ended=True)

    def _read_rest(self, log: Log, look: _Look, position: Position | None = None, *, ended: bool = False) -> None:
        """Read what stands behind a position. `ended`: nothing more will be written to the file, so that its last line
        has ended too."""
        unchanged = position is not None and look.is_at(position) and look.source.modified == position.modified
        if look.source.compressed and unchanged:
            return
        offset = 0 if position is None else position.offset
        source = self._open(look.path, 0 if look.source.compressed else offset)
        if not look.is_still(source):
            source.close()
            self._tell(f"{look.path}: was rotated just now: the next run reads on")
            return
        self._scanner.start_input(log.name, progress=log.progress)
        skip = offset if look.source.compressed else 0
        fed = 0
        try:
            for block in source.blocks():
                if len(block) > skip:
                    self._scanner.feed(block[skip:])
                    fed += len(block) - skip
                skip = max(0, skip - len(block))
        except CutInputError as error:
            self._note_cut(look.path, error)
        finally:
            if ended or look.source.compressed:
                self._scanner.finish_input()
            log.progress, unended = self._scanner.pause_input()
            if not skip:
                self._keep(log, position, self._position(source, look.head, offset + fed - unended))
        if unended:
            self._tell(f"{look.path}: its last line has not ended yet: the next run reads it")
        if skip:
            self._tell(f"{look.path}: holds less than was read of it before: nothing of it is read")

    def _note_cut(self, path: str, error: CutInputError) -> None:
        """The end of a file could not be read."""
        if isinstance(error, TruncatedError):
            self._tell(f"{path}: was truncated while it was read: the next run reads the rest in the copy")
        else:
            self._scanner.miss_the_rest()
            self.lost.append(str(error))

    @staticmethod
    def _position(source: Source, head: bytes, offset: int) -> Position:
        start = head[:offset]
        assert source.device is not None
        assert source.inode is not None
        return Position(source.device, source.inode, offset, _digest(start), len(start), source.modified or 0)

    @staticmethod
    def _keep(log: Log, old: Position | None, new: Position) -> None:
        if old is None:
            log.files.append(new)
            del log.files[:-MAX_FILES]
        else:
            log.files[log.files.index(old)] = new
