"""Sources that are read on while they grow, each into a scanner of its own: files by name, as `tail -F` does, and
streams."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from audit2seccomp.errors import CutInputError, InputError
from audit2seccomp.evidence.inputs.expand import rotated
from audit2seccomp.evidence.inputs.magic import archive_form
from audit2seccomp.evidence.inputs.sources import BLOCK_BYTES, Source, from_path, reason
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored.recognising import Recogniser

_HEAD_BYTES = 256
"""So much of a file's start tells whether it was truncated and has grown again since: lines begin with their time."""
_TELLING_BYTES = 64
"""A shorter start may be that of another file too: it may lack the time."""

Tell = Callable[[str], object]
"""Gets what is worth saying, for a person."""


class Followed:
    """An input and the scanner that it feeds."""

    def __init__(self, name: str, scanner: Scanner) -> None:
        """The scanner must not have read anything yet."""
        self.name = name
        self.scanner = scanner
        self.caught_up = False
        """Whether all was read that was there when the following began."""
        self.ended = False
        """Whether nothing more can come."""
        self.descriptor: int | None = None
        """What tells that `step` has something to do; None where only looking does."""
        self._started = False
        self._recogniser = Recogniser()

    def step(self) -> bool:
        """Read the next block, if there is one; whether there was. Raises InputError, also for what is no text."""
        raise NotImplementedError

    def finish(self) -> None:
        """Nothing more is to be read: what is left of the last line counts as a line."""
        if self._started:
            self.scanner.finish_input()
            self._started = False

    def close(self) -> None:
        """End what is there for the following alone."""

    def _feed(self, block: bytes) -> None:
        if not self._started:
            self._recogniser = Recogniser()
        # A live log does not wait until this is certain: an evidence file that was fed in part had no record in it.
        if self._recogniser.look(block):
            raise InputError(f"{self.name}: is an evidence file, which does not grow: read it without --follow")
        if not self._started:
            _refuse_no_text(self.name, block)
            self.scanner.start_input(self.name)
            self._started = True
        self.scanner.feed(block)


class Stream(Followed):
    """A pipe, FIFO, terminal, device or journal: `step` must be called when its descriptor has something, and may wait
    otherwise."""

    def __init__(self, source: Source, scanner: Scanner) -> None:
        """Read a source that has a descriptor."""
        super().__init__(source.name, scanner)
        self._source = source
        self.descriptor = source.descriptor
        self.caught_up = True

    def step(self) -> bool:
        """Read what there is; nothing at all is the end."""
        try:
            block = self._source.read()
        except BlockingIOError:
            return False
        except CutInputError:
            self.scanner.miss_the_rest()
            raise
        except OSError as error:
            raise _error(self.name, error) from error
        if block:
            self._feed(block)
        else:
            self.ended = True
            self.finish()
        return bool(block)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class _File:
    """An open regular file, and how far it was read."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        status = os.fstat(self.descriptor)
        self.regular = stat.S_ISREG(status.st_mode)
        self.identity = status.st_dev, status.st_ino
        self.offset = 0
        self._head = b""
        self._looked_at = (0, 0)

    @property
    def modified(self) -> int:
        """When it was written last, nanoseconds since the epoch."""
        return os.fstat(self.descriptor).st_mtime_ns

    def is_copied_in(self, start: bytes) -> bool:
        """Whether a file that starts so is a copy of this one, as one that was compressed is."""
        return len(self._head) >= _TELLING_BYTES and start.startswith(self._head)

    def close(self) -> None:
        """Done with it."""
        os.close(self.descriptor)

    def changed(self) -> bool:
        """Whether it may hold something new since the last look."""
        status = os.fstat(self.descriptor)
        now = status.st_size, status.st_mtime_ns
        changed = now != self._looked_at or status.st_size > self.offset
        self._looked_at = now
        return changed

    def restarted(self) -> bool:
        """Whether it was truncated, though it may have grown again since."""
        shorter = os.fstat(self.descriptor).st_size < self.offset
        return shorter or os.pread(self.descriptor, len(self._head), 0) != self._head

    def restart(self) -> None:
        """Read it from its start."""
        self.offset = 0
        self._head = b""

    def read(self) -> bytes:
        """The next block; empty where there is none."""
        block = os.pread(self.descriptor, BLOCK_BYTES, self.offset)
        if len(self._head) < _HEAD_BYTES:
            self._head += block[: _HEAD_BYTES - len(self._head)]
        self.offset += len(block)
        return block

    def rest_in(self, copy: Iterator[bytes]) -> Iterator[bytes] | None:
        """What stands in a copy, which comes in blocks, behind what was read of this file; None if it is no copy, or
        has less."""
        start = next(copy, b"")
        while len(start) < len(self._head) and (block := next(copy, b"")):
            start += block
        if not start.startswith(self._head):
            return None
        skip = self.offset
        blocks = chain([start], copy)
        for block in blocks:
            if len(block) >= skip:
                return chain([block[skip:]], blocks)
            skip -= len(block)
        return None


class Tail(Followed):
    """A file by its name, whatever file that is: one that took its name is read when the one before has been read to
    its end, and one that was truncated is read from its start."""

    def __init__(self, name: str, scanner: Scanner, tell: Tell) -> None:
        """The file may come later. Raises InputError if it is there and cannot be opened."""
        super().__init__(name, scanner)
        self._tell = tell
        self._said = ""
        self._file: _File | None = None
        try:
            self._file = _File(name)
        except (FileNotFoundError, NotADirectoryError) as error:
            self.caught_up = True
            self._say(f"{reason(error)}: waiting for it")
        except (OSError, ValueError) as error:
            raise _error(name, error) from error

    def step(self) -> bool:
        """Read the next block of the file that has the name, or of the one before."""
        try:
            read = self._read() or self._switch()
        except OSError as error:
            raise _error(self.name, error) from error
        self.caught_up = self.caught_up or not read
        return read

    def _read(self) -> bool:
        file = self._file
        if file is None or not file.changed():
            return False
        if file.restarted():
            self._restart(file)
        block = file.read()
        if block:
            self._feed(block)
        return bool(block)

    def _restart(self, file: _File) -> None:
        """What was written between the last look and the truncation stands in a copy, if anywhere."""
        if not any(self._read_copy(file, path) for path in reversed(rotated(self.name))):
            self._say("was truncated: what was written to it just before may be missing; it is read from its start")
            self.scanner.miss_the_rest()
        self.finish()
        file.restart()

    def _read_copy(self, file: _File, path: str) -> bool:
        """Read the rest of what was in a file in the copy that log rotation made of it, if that is one."""
        try:
            source = from_path(path)
        except InputError:
            return False
        blocks = source.blocks()
        rest = None
        try:
            rest = file.rest_in(blocks)
            if rest is not None:
                self._say("was copied and truncated: it is read from its start, after the rest of the copy")
            for block in rest or ():
                self._feed(block)
        except InputError as error:  # an archive that is being written, say
            self._tell(str(error))
            return False
        finally:
            blocks.close()
        return rest is not None

    def _switch(self) -> bool:
        """Go over to another file that has the name now, if there is one; whether there was something to read."""
        try:
            status = os.stat(self.name)
        except OSError as error:
            self._say(f"{reason(error)}: waiting for it")
            return False
        identity = status.st_dev, status.st_ino
        if self._file is not None and identity == self._file.identity:
            self._said = ""
            return False
        if not stat.S_ISREG(status.st_mode):
            self._say("is no regular file now: waiting for one")
            return False
        # Who writes the log may not know of the rotation yet, and go on in the old file until the new one has a line.
        if self._file is not None and (status.st_size == 0 or self._read()):
            return status.st_size > 0
        return self._open()

    def _open(self) -> bool:
        try:
            new = _File(self.name)
        except OSError as error:
            self._say(f"{reason(error)}: waiting for it")
            return False
        if self._file is None:
            self._say("is there now")
        else:
            self._read_between(self._file, new)
            self._say("is another file now: it is read from its start")
            self._file.close()
        self.finish()
        self._file = new
        self._said = ""
        return self._read()

    def _read_between(self, old: _File, new: _File) -> None:
        """Read the files that had the name after one and before another, each for less than a look."""
        for path in rotated(self.name):
            source = from_path(path)
            known = (source.device, source.inode) in (old.identity, new.identity)
            if known or (source.modified or 0) <= old.modified:
                source.close()
                continue
            try:
                self._read_whole(source, old)
            except CutInputError as error:
                self._tell(str(error))
                self.scanner.miss_the_rest()

    def _read_whole(self, source: Source, old: _File) -> None:
        blocks = source.blocks()
        first = next(blocks, b"")
        if first and not old.is_copied_in(first):
            self._tell(f"{source.name}: was {self.name} in between: it is read")
            self.finish()
            for block in chain([first], blocks):
                self._feed(block)
        blocks.close()

    def _say(self, what: str) -> None:
        """Once, however often it is seen."""
        if what != self._said:
            self._said = what
            self._tell(f"{self.name}: {what}")


def follow(path: str, scanner: Scanner, tell: Tell) -> Followed:
    """What follows a file or a stream; `-` is standard input. Raises InputError for what can be neither."""
    if path == "-":
        if sys.stdin is None:
            raise InputError("<stdin>: is closed: name a file, or pipe a log in")
        descriptor = sys.stdin.fileno()
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError("<stdin>: is a file: --follow needs its name, to see when the log is rotated")
        return Stream(_stream("<stdin>", descriptor), scanner)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        mode = stat.S_IFREG
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a directory: --follow needs the names of the files in it")
    if stat.S_ISREG(mode):
        return Tail(path, scanner, tell)
    try:
        # Without waiting for a writer, who may come later.
        return Stream(_stream(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)), scanner)
    except OSError as error:
        raise _error(path, error) from error


def _stream(name: str, descriptor: int) -> Source:
    return Source(name, partial(os.read, descriptor, BLOCK_BYTES), descriptor=descriptor)


def _refuse_no_text(name: str, block: bytes) -> None:
    """Raise InputError for a beginning that is not that of a log."""
    if archive_form(block) is not None:
        raise InputError(f"{name}: is an archive, which does not grow: read it without --follow")
    blocks = iter([block])
    next(Source(name, lambda: next(blocks, b"")).blocks(), None)


def _error(name: str, error: OSError | ValueError) -> InputError:
    return InputError(f"{name}: {reason(error)}")
