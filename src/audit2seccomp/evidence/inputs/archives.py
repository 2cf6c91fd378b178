"""Compressed inputs: an archive's bytes become blocks of what it holds.

The members of an archive stand one behind the other, as `cat`, `bgzip` and `pzstd` leave them. However much a few bytes
unpack to, only so much is unpacked at a time.

No thread unpacks ahead of the scanner: a decompressor takes Python's lock several times for each block, and the scanner
holds it meanwhile, so nothing was gained (docs/performance.md).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, cast

from audit2seccomp.errors import ArchiveError, InputError
from audit2seccomp.evidence.inputs.sources import BLOCK_BYTES
from audit2seccomp.named_tuple import NamedTuple

_STEP_BYTES = 1 << 18
"""The most that one step of a decompressor gives: larger ones leave the processor's cache, and take up to twice as
long."""
_PIECE_BYTES = 1 << 16
"""So much of an archive is given to a decompressor at once: at the end of a member it copies what is left."""
_SMALL_PIECE_BYTES = 1 << 10
"""The same in steps of one byte, each of which may copy what is left."""
_NEAR_BYTES = 1 << 20
"""From so far before damage on, an archive is read byte by byte: bzip2 fails before the end of a block of 900 kB comes
out if it was given the damage that stands behind that block."""
_MEMORY_BYTES = 130 << 20
"""What unpacking may take: `xz -9` takes 65 MiB, and `zstd --long` 128 MiB, the most that zstd itself takes unasked."""


class Decompressor(Protocol):
    """Unpacks one member; what bz2, lzma and compression.zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing comes without more data."""

    @property
    def unused_data(self) -> bytes:
        """What stood behind the end of the member."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """The next bytes, at most so many; data that did not fit is kept for the next time."""


class _Codec(NamedTuple):
    new: Callable[[], Decompressor]
    error: type[Exception]
    """What it raises for damage."""


def unpack(
    name: str, form: str, chunks: Iterable[bytes], again: Callable[[], Iterable[bytes]], pause: Callable[[], None]
) -> Iterator[bytes]:
    """Yield what an archive of a form of CODECS holds, in blocks of at most BLOCK_BYTES.

    `chunks` is the archive; `again` gives what was read of it a second time, or nothing; `pause` is called between
    blocks, and may raise.

    Raises ArchiveError where the archive is cut or damaged, behind the last byte that can be read, and InputError if it
    cannot be unpacked here."""
    try:
        codec = CODECS[form]()
    except ImportError as error:
        raise InputError(f"{name}: this Python cannot unpack {form} ({error}): unpack it first") from error
    members = _Members(codec)
    for chunk in chunks:
        # What came of a chunk goes out with it: the next one may be long in coming.
        yield from _joined(members.unpack(_cut(chunk, _PIECE_BYTES), lambda: _STEP_BYTES), pause)
        if members.damage is not None:
            break
    if members.damage is None:
        if members.ended:
            return
        what = "ends early"
    else:
        if "memory" in members.damage.lower():
            limit = _MEMORY_BYTES >> 20
            raise InputError(f"{name}: unpacking it takes more than {limit} MiB of memory: unpack it first")
        what = "is damaged"
        lost = b"".join(_behind(members.count, codec, again()))
        yield from _cut(lost, BLOCK_BYTES)
        members.count += len(lost)
    raise ArchiveError(
        f"{name}: the archive {what}, at byte {members.count:,} of what it holds: only what stands before is read"
    )


class _Members:
    """Unpacks the members of an archive, one after the other."""

    def __init__(self, codec: _Codec) -> None:
        self._codec = codec
        self._current: Decompressor | None = None
        self.count = 0
        """How many bytes came out."""
        self.damage: str | None = None
        """Why nothing more will come out."""

    @property
    def ended(self) -> bool:
        """Whether the archive may end here."""
        return self._current is None

    def unpack(self, pieces: Iterable[bytes], most: Callable[[], int]) -> Iterator[bytes]:
        """Yield what comes out of the next pieces, at most `most()` bytes at a time, up to damage."""
        for piece in pieces:
            data = piece
            while True:
                if self._current is None:
                    data = data.lstrip(b"\0")  # what tapes and file systems fill up with
                    if not data:
                        break
                    self._current = self._codec.new()
                size = most()
                try:
                    out = self._current.decompress(data, size)
                except self._codec.error as error:
                    self.damage = str(error)
                    return
                data = b""
                self.count += len(out)
                if out:
                    yield out
                if self._current.eof:
                    data, self._current = self._current.unused_data, None
                elif self._current.needs_input and len(out) < size:
                    break  # bz2 asks for input though there is more to come, where the last input filled a step


def _joined(steps: Iterable[bytes], pause: Callable[[], None]) -> Iterator[bytes]:
    """Steps put together to blocks, which the scanner reads faster."""
    ready: list[bytes] = []
    size = 0
    for step in steps:
        ready.append(step)
        size += len(step)
        if size > BLOCK_BYTES - _STEP_BYTES:
            yield b"".join(ready)
            ready, size = [], 0
            pause()
    if ready:
        yield b"".join(ready)


def _behind(count: int, codec: _Codec, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What a damaged archive holds behind so many bytes. A step that fails gives nothing of what it had unpacked, so
    this goes there once more, and on byte by byte."""
    members = _Members(codec)

    def pieces() -> Iterator[bytes]:
        for chunk in chunks:
            at = 0
            while at < len(chunk):
                size = _SMALL_PIECE_BYTES if members.count + _NEAR_BYTES < count else 1
                yield chunk[at : at + size]
                at += size

    for out in members.unpack(pieces(), lambda: max(1, min(_STEP_BYTES, count - members.count))):
        if members.count > count:
            yield out
        if members.count == count + _STEP_BYTES:
            return  # what was read has changed meanwhile


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


class _Inflater:
    """A Decompressor for gzip by zlib or zlib-ng."""

    _GZIP = 31
    """Window bits of zlib.h: 15, and 16 for a gzip header and trailer."""

    def __init__(self, library: Any) -> None:
        self._inflate = library.decompressobj(self._GZIP)
        self.eof = False
        self.needs_input = True
        self.unused_data = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """The next bytes, at most so many."""
        out: bytes = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self.eof = self._inflate.eof
        self.needs_input = len(out) < max_length
        self.unused_data = self._inflate.unused_data
        return out


def _gzip() -> _Codec:
    try:
        import zlib_ng.zlib_ng as library
    except ImportError:  # it is not made for every processor
        return _zlib()
    return _Codec(lambda: _Inflater(library), cast(type[Exception], library.error))


def _zlib() -> _Codec:
    import zlib

    return _Codec(lambda: _Inflater(zlib), zlib.error)


def _bzip2() -> _Codec:
    import bz2

    return _Codec(bz2.BZ2Decompressor, OSError)


def _xz() -> _Codec:
    import lzma

    return _Codec(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_BYTES), lzma.LZMAError)


def _zstd() -> _Codec:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return _Codec(zstd.ZstdDecompressor, zstd.ZstdError)


CODECS: dict[str, Callable[[], _Codec]] = {"gzip": _gzip, "bzip2": _bzip2, "xz": _xz, "zstd": _zstd}
"""What unpacks each form, imported when it is needed."""
