"""The only opener of inputs: standard input, files and lines become blocks of bytes.

A source never parses. It does refuse what is certainly no text, because a search through a compressed file would find
nothing and say nothing."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from audit2seccomp.errors import InputError

BLOCK_BYTES = 1 << 20
"""How much is read at once: reading gets no faster beyond a mebibyte (docs/performance.md), and memory stays small."""

_MAGIC = (
    (b"\x1f\x8b", "it is compressed by gzip: zcat {0} | audit2seccomp"),
    (b"BZh", "it is compressed by bzip2: bzcat {0} | audit2seccomp"),
    (b"\xfd7zXZ\0", "it is compressed by xz: xzcat {0} | audit2seccomp"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd: zstdcat {0} | audit2seccomp"),
    (b"LPKSHHRH", "it is a journal file: journalctl --file {0} | audit2seccomp"),
)
# NUL (a hole after a crash), tab, line ends, escape and auditd's and journald's separators do stand in logs.
_CONTROL_BYTES = bytes({*range(1, 0x20), 0x7F} - set(b"\t\n\v\f\r\x1b\x1d\x1e"))
# What logrotate and auditd put behind a name: .1, -20260801, -20260801-1785542400, and then the compressor's.
_ROTATED = re.compile(r"[.-]\d{1,10}(?:-\d{1,10}){0,3}(?:\.(?:gz|bz2|xz|zst))?\Z")
_CONTROL_SHARE = 20
"""An input is binary with more than one control byte in so many others: logs have next to none, noise has one in
ten."""


@runtime_checkable
class Reader(Protocol):
    """An open file, binary or text."""

    def read(self, size: int, /) -> bytes | str | None:
        """At most `size` bytes or characters; nothing at the end."""


@dataclass(frozen=True, slots=True)
class Source:
    """One named input. Iterating reads it, block by block; it may raise InputError while it does."""

    name: str
    read: Callable[[], bytes]
    """The next block, empty at the end."""
    size: int | None = None
    """Bytes in all, for a regular file."""
    descriptor: int | None = None
    """What to wait for, where a read may block."""
    close: Callable[[], None] = field(default=lambda: None)
    device: int | None = None
    """With the inode what a regular file is, whatever its name."""
    inode: int | None = None
    modified: int | None = None
    """When it was written last, nanoseconds since the epoch."""
    offset: int = 0
    """Where the reading starts; behind the start nobody asks again whether it is text."""
    compressed: bool = False
    """Whether the blocks are what its bytes stand for, so that neither size nor offset is one of the content."""

    def __iter__(self) -> Generator[bytes]:
        """Yield the blocks, and close the source at the end. Binary data raises InputError before anything is
        yielded."""
        try:
            block = self.read()
            # A pipe may give the first bytes one by one.
            while any(len(block) < len(magic) and magic.startswith(block or b"?") for magic, _ in _MAGIC):
                more = self.read()
                if not more:
                    break
                block += more
            if not self.offset:
                _refuse_binary(self.name, block)
            while block:
                yield block
                block = self.read()
        except OSError as error:
            raise InputError(f"{self.name}: {_reason(error)}") from error
        except ValueError as error:
            # What file objects raise that are closed, or that decode what is no text of their encoding.
            raise InputError(f"{self.name}: {error}: give it open, and in binary mode") from error
        finally:
            self.close()


def from_path(path: str | os.PathLike[str], offset: int = 0) -> Source:
    """A file, FIFO or device, or standard input for `-`. `offset`: start behind so many bytes of a regular file. Raises
    InputError if it cannot be opened or is a directory."""
    name = os.fsdecode(path)
    if name == "-":
        if sys.stdin is None:
            raise InputError("<stdin>: is closed: name a file, or pipe a log in")
        return _from_descriptor("<stdin>", sys.stdin.fileno(), lambda: None)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {_reason(error)}") from error
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{name}: is a directory: name the files in it")
    return _from_descriptor(name, descriptor, lambda: os.close(descriptor), offset)


def family(path: str) -> str:
    """The name of the log that a file of that name is, or was before it was rotated."""
    return _ROTATED.sub("", path)


def rotated(log: str) -> list[str]:
    """The files beside a log that are called like older parts of it, the one that was written last standing last."""
    folder = os.path.dirname(log)
    found: list[tuple[int, str]] = []
    with suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if path != log and family(path) == log and entry.is_file():
                found.append((entry.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def _from_descriptor(name: str, descriptor: int, close: Callable[[], None], offset: int = 0) -> Source:
    status = os.fstat(descriptor)
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    if size is not None:
        if offset:
            os.lseek(descriptor, offset, os.SEEK_SET)
        with suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    waiting = descriptor if size is None else None
    read = partial(os.read, descriptor, BLOCK_BYTES)
    if size is None:
        return Source(name, read, size, waiting, close)
    return Source(name, read, size, waiting, close, status.st_dev, status.st_ino, status.st_mtime_ns, offset)


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

    return Source("<lines>", read)


def _bytes(text: bytes | str) -> bytes:
    if not isinstance(text, str):
        return text
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _refuse_binary(name: str, block: bytes) -> None:
    for magic, advice in _MAGIC:
        if block.startswith(magic):
            from shlex import quote

            file = "FILE" if name.startswith("<") else quote(name)
            raise InputError(f"{name}: not a text log: {advice.format(file)}")
    text = block.replace(b"\0", b"")
    control = len(text) - len(text.translate(None, _CONTROL_BYTES))
    if control * _CONTROL_SHARE > len(text) - control:
        raise InputError(f"{name}: binary data, not a text log")


def _reason(error: OSError | ValueError) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error)).lower()
