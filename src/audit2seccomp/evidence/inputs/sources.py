"""The only opener of inputs: standard input, files and lines become blocks of bytes.

A source never parses. It unpacks what is compressed, going by its first bytes and not by its name, and refuses what is
certainly no text, because a search through that would find nothing and say nothing."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import cache, partial
from itertools import chain
from typing import Protocol, runtime_checkable

from audit2seccomp.errors import InputError, TruncatedError
from audit2seccomp.evidence.inputs.magic import archive_form, beginning, refuse_binary
from audit2seccomp.named_tuple import NamedTuple

BLOCK_BYTES = 1 << 19
"""How much is read at once: reading gets hardly faster beyond that (docs/performance.md), and with a whole mebibyte
takes 5 MB more memory."""
_PIPE_BYTES = 1 << 20
"""What anybody may have a pipe hold (fs.pipe-max-size)."""
_HEAD_BYTES = 256
"""So much of a file's start tells whether it was truncated and has grown again: lines begin with their time."""
_KEPT_BYTES = 8 << 20
"""So much of an archive that cannot be read twice is kept, to lose nothing that stands before damage in it: 100 MB of
log. In a longer one up to 256 KiB before the damage are lost."""


@runtime_checkable
class Reader(Protocol):
    """An open file, binary or text."""

    def read(self, size: int, /) -> bytes | str | None:
        """At most `size` bytes or characters; nothing at the end."""


def _nothing() -> None:
    """For what need not be closed, or never pauses."""


def _ignore(_count: int) -> None:
    """For what nobody wants to know."""


def _never() -> None:
    """For what cannot be truncated."""


class Source(NamedTuple):
    """One named input."""

    name: str
    read: Callable[[], bytes]
    """The next bytes as they stand in the input, so of an archive the packed ones; empty at the end."""
    size: int | None = None
    """Bytes in all, for a regular file."""
    descriptor: int | None = None
    """What to wait for, where a read may block."""
    close: Callable[[], None] = _nothing
    device: int | None = None
    """With the inode what a regular file is, whatever its name."""
    inode: int | None = None
    modified: int | None = None
    """When it was written last, nanoseconds since the epoch."""
    offset: int = 0
    """Where the reading starts; behind the start nobody asks again whether it is text."""
    compressed: bool = False
    """Whether the blocks are what its bytes stand for, so that neither size nor offset is one of the content. Known of
    a regular file."""
    once_more: Callable[[int], bytes] | None = None
    """Of a regular file the bytes that stand so far behind the start, at most BLOCK_BYTES."""
    truncated_at: Callable[[], int | None] = _never
    """Whether a file was truncated since, though it may have grown again: how far it was read."""
    pause: Callable[[], None] = _nothing
    """Called between blocks of an archive, of which a few bytes may hold many; it may raise to end the reading."""
    file: int | None = None
    """The descriptor of a regular file that is not compressed, for those who read it by place."""
    end: int | None = None
    """Where they stop, in the file; None for its end."""
    advance: Callable[[int], object] = _ignore
    """Is told how many bytes were read by place."""
    whole: bool = False
    """Whether all of it is there already, so that an interrupted reading has read just a part."""
    lines: bool = False
    """Whether it is given in lines, which no archive is put together from."""

    def blocks(self) -> Generator[bytes]:
        """Read it, and close it at the end. Raises InputError meanwhile: binary data NotTextError before anything is
        yielded, a cut or damaged archive ArchiveError at the end, and a file that was truncated meanwhile
        TruncatedError."""
        try:
            blocks = iter(self.read, b"")
            first = beginning(blocks)
            form = None
            if not self.offset:
                form = None if self.lines else archive_form(first)
                if form is not None:
                    blocks = self._unpack(form, chain([first], blocks))
                    first = beginning(blocks)
                refuse_binary(self.name, first, packed=form is not None)
            if first:
                yield first
            yield from blocks
            at = None if form is not None else self.truncated_at()
            if at is not None:
                raise TruncatedError(
                    f"{self.name}: was truncated while it was read: what stood behind byte {at:,} is not read: "
                    "read the copy that log rotation made, too"
                )
        except OSError as error:
            raise InputError(f"{self.name}: {reason(error)}") from error
        except ValueError as error:
            # What file objects raise that are closed, or that decode what is no text of their encoding.
            raise InputError(f"{self.name}: {error}: give it open, and in binary mode") from error
        finally:
            self.close()

    def begins_with(self, head: bytes) -> bool:
        """Whether the bytes of a regular file begin so. Raises InputError, and closes the source then."""
        try:
            return self.once_more is None or self.once_more(0).startswith(head)
        except OSError as error:
            self.close()
            raise InputError(f"{self.name}: {reason(error)}") from error

    def _unpack(self, form: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        from audit2seccomp.evidence.inputs.archives import unpack

        kept: list[bytes] = []

        def again() -> Iterator[bytes]:
            if self.once_more is None:
                yield from kept
                return
            at = 0
            while chunk := self.once_more(at):
                at += len(chunk)
                yield chunk

        packed = _keeping(chunks, kept) if self.once_more is None else chunks
        return unpack(self.name, form, packed, again, self.pause)


def from_path(path: str | os.PathLike[str], offset: int = 0) -> Source:
    """A file, FIFO or device, or standard input for `-`. `offset`: start behind so many bytes of a regular file that is
    not compressed. Raises InputError if it cannot be opened or is a directory."""
    name = os.fsdecode(path)
    if name == "-" and sys.stdin is None:
        raise InputError("<stdin>: is closed: name a file, or pipe a log in")
    try:
        if name == "-":
            return _from_descriptor("<stdin>", sys.stdin.fileno(), lambda: None)
        return _opened(name, offset)
    except (OSError, ValueError) as error:
        raise InputError(f"{'<stdin>' if name == '-' else name}: {reason(error)}") from error


def _opened(name: str, offset: int) -> Source:
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise InputError(f"{name}: is a directory: --recursive reads the files in it")
        return _from_descriptor(name, descriptor, partial(_close, descriptor), offset)
    except BaseException:
        _close(descriptor)
        raise


def _close(descriptor: int) -> None:
    with suppress(OSError):  # what was read was read
        os.close(descriptor)


def peek(path: str) -> bytes | None:
    """The first block of a regular file; None where there is none, or where it cannot be read twice."""
    with suppress(OSError, ValueError, InputError):
        if stat.S_ISREG(os.stat(path).st_mode):
            blocks = from_path(path).blocks()
            first = next(blocks, b"")
            blocks.close()
            return first
    return None


def _from_descriptor(name: str, descriptor: int, close: Callable[[], None], offset: int = 0) -> Source:
    """Raises OSError."""
    _keep_freed_memory()
    read = partial(os.read, descriptor, BLOCK_BYTES)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        if stat.S_ISFIFO(status.st_mode):
            _widen(descriptor)
        return Source(name, read, None, descriptor, close)
    start = os.lseek(descriptor, 0, os.SEEK_CUR)  # standard input may have been read before
    with suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    head = os.pread(descriptor, _HEAD_BYTES, start)
    compressed = archive_form(head) is not None
    if compressed:
        offset = 0
    elif offset:
        os.lseek(descriptor, offset, os.SEEK_SET)

    def truncated_at() -> int | None:
        if not status.st_size:
            return None  # what the kernel makes up as it is read has no size
        shorter = os.fstat(descriptor).st_size < status.st_size
        if shorter or os.pread(descriptor, len(head), start) != head:
            return os.lseek(descriptor, 0, os.SEEK_CUR)
        return None

    return Source(
        name,
        read,
        status.st_size,
        close=close,
        whole=True,
        device=status.st_dev,
        inode=status.st_ino,
        modified=status.st_mtime_ns,
        offset=offset,
        compressed=compressed,
        file=None if compressed else descriptor,
        once_more=lambda at: os.pread(descriptor, BLOCK_BYTES, start + at),
        truncated_at=truncated_at,
    )


def _widen(pipe: int) -> None:
    """Let whoever writes go on while what is there is read: that takes half the time of a pipe of 64 KiB."""
    from fcntl import F_SETPIPE_SZ, fcntl

    with suppress(OSError):  # the kernel may not want to (pipe(7))
        fcntl(pipe, F_SETPIPE_SZ, _PIPE_BYTES)


@cache
def _keep_freed_memory() -> None:
    """Have the C library keep the memory of a block for the next one.

    glibc gives memory that was freed back to the kernel, and faults in new pages for each block, which is a fifth of
    the time that a log with few records takes. Once a large piece is freed, it keeps twice as much (mallopt(3),
    M_MMAP_THRESHOLD)."""
    bytes(16 * BLOCK_BYTES)


def from_file(file: Reader) -> Source:
    """An open file object; it is read to its end and not closed. Text is encoded as UTF-8."""
    name = getattr(file, "name", None)

    def read() -> bytes:
        return _bytes(file.read(BLOCK_BYTES) or b"")

    return Source(name if isinstance(name, str) else "<file>", read)


def from_lines(lines: Iterable[bytes | str]) -> Source:
    """Lines, with or without their newline."""
    iterator = iter(lines)

    def read() -> bytes:
        # Few lines at a time keep a live stream live.
        for line in iterator:
            data = _bytes(line)
            return data if data.endswith(b"\n") else data + b"\n"
        return b""

    return Source("<lines>", read, lines=True)


def _bytes(text: bytes | str) -> bytes:
    if not isinstance(text, str):
        return text
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _keeping(chunks: Iterable[bytes], kept: list[bytes]) -> Iterator[bytes]:
    """Keep the chunks that pass, as long as they are few."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > _KEPT_BYTES:
            kept.clear()
        else:
            kept.append(chunk)
        yield chunk


def reason(error: OSError | ValueError) -> str:
    """What went wrong, for a message."""
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error)).lower()
