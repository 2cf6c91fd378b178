"""Inputs become blocks: what is compressed is unpacked, to the last byte before damage, and files say what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import ArchiveError, InputError, NotTextError, TruncatedError
from audit2seccomp.evidence.inputs.archives import CODECS
from audit2seccomp.evidence.inputs.sources import BLOCK_BYTES, Source, from_file, from_lines, from_path
from tests.archives import PACK

FORMS = sorted(PACK)
_RANDOM = random.Random(1326)
LONG = b"".join(b"%d the quick brown fox %x\n" % (n, _RANDOM.getrandbits(64)) for n in range(30_000))
"""1.3 MB that shrink to a third and do not repeat."""
TEXT = LONG[: LONG.index(b"3000 the")]
LONG_PACKED = {form: pack(LONG) for form, pack in PACK.items()}
LINES = st.lists(st.binary(max_size=40).map(lambda line: line.hex().encode() + b"\n"), max_size=30).map(b"".join)


class Pieces:
    """An open file that gives its bytes in pieces of other people's choice, as pipes do."""

    def __init__(self, data: bytes, sizes: Iterable[int]) -> None:
        self._file, self._sizes = io.BytesIO(data), iter(sizes)

    def read(self, size: int) -> bytes:
        """The next piece."""
        return self._file.read(min(size, next(self._sizes, size)))


def held(source: Source) -> tuple[bytes, str | None]:
    """All that a source gives, and what it says about damage; no block is too large."""
    blocks: list[bytes] = []
    try:
        for block in source.blocks():
            assert 0 < len(block) <= BLOCK_BYTES
            blocks.append(block)
    except ArchiveError as error:
        return b"".join(blocks), str(error)
    return b"".join(blocks), None


def as_path(packed: bytes, folder: Path) -> Source:
    """In a file."""
    (folder / "x").write_bytes(packed)
    return from_path(folder / "x")


def as_stream(packed: bytes, folder: Path) -> Source:
    """In something that cannot be read twice."""
    return from_file(Pieces(packed, [1000] * 10))


def test_the_forms_that_are_tested_are_those_that_are_read() -> None:
    assert set(CODECS) == set(PACK)


@given(data=st.data())
def test_members_one_behind_the_other_in_any_pieces_give_what_was_packed(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMS))
    members = data.draw(st.lists(LINES, min_size=1, max_size=4))
    padding = data.draw(st.sampled_from([0, 1, 4, 512]))
    packed = b"".join(PACK[form](member) + bytes(padding) for member in members)
    sizes = data.draw(st.lists(st.integers(1, 50), max_size=60))
    assert held(from_file(Pieces(packed, sizes))) == (b"".join(members), None)


@pytest.mark.parametrize("make", [as_path, as_stream])
@pytest.mark.parametrize("form", FORMS)
def test_a_large_archive_comes_in_large_blocks(
    tmp_path: Path, form: str, make: Callable[[bytes, Path], Source]
) -> None:
    blocks = list(make(LONG_PACKED[form], tmp_path).blocks())
    assert b"".join(blocks) == LONG
    assert max(map(len, blocks)) > BLOCK_BYTES // 2


def test_an_archive_of_nothing_is_an_empty_input(tmp_path: Path) -> None:
    for form in FORMS:
        assert held(as_path(PACK[form](b""), tmp_path)) == (b"", None)


def _inflated(packed: bytes) -> bytes:
    """What zlib makes of it, byte by byte, up to an error."""
    inflate, out = zlib.decompressobj(31), b""
    try:
        for at in range(len(packed)):
            out += inflate.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return out


@pytest.fixture(params=["zlib-ng", "zlib"])
def _either_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "zlib_ng.zlib_ng", None)
    else:
        pytest.importorskip("zlib_ng", reason="there is no zlib-ng for this processor")


@pytest.mark.usefixtures("_either_library")
@pytest.mark.parametrize("make", [as_path, as_stream])
def test_of_a_cut_gzip_archive_comes_what_zlib_can_read(tmp_path: Path, make: Callable[[bytes, Path], Source]) -> None:
    packed = PACK["gzip"](TEXT) + PACK["gzip"](b"")
    whole = len(packed) - 20
    for size in [*range(2, 40), 5000, 30_001, whole - 9, whole - 8, whole - 1, *range(whole + 1, len(packed))]:
        got, said = held(make(packed[:size], tmp_path))
        assert got == (_inflated(packed[:size]) if size < whole else TEXT)
        assert said is not None
        assert f" ends early, at byte {len(got):,} of what it holds: " in said


@pytest.mark.usefixtures("_either_library")
@pytest.mark.parametrize("make", [as_path, as_stream])
def test_of_a_damaged_gzip_archive_comes_what_zlib_can_read(
    tmp_path: Path, make: Callable[[bytes, Path], Source]
) -> None:
    packed = PACK["gzip"](TEXT)
    for at in [3, 10, 12, 100, 5000, 30_001, len(packed) - 8, len(packed) - 1]:
        bad = packed[:at] + b"\xff" * 6 + packed[at + 6 :]
        got, said = held(make(bad[: len(packed)], tmp_path))
        assert got == _inflated(bad)
        assert said is not None
        assert f" at byte {len(got):,} of what it holds: " in said


@pytest.mark.parametrize("make", [as_path, as_stream])
@pytest.mark.parametrize("form", FORMS)
def test_a_cut_archive_gives_more_the_more_there_is(
    tmp_path: Path, form: str, make: Callable[[bytes, Path], Source]
) -> None:
    packed = LONG_PACKED[form]
    lengths = []
    for tenth in range(1, 11):
        got, said = held(make(packed[: len(packed) * tenth // 10 - (tenth == 10)], tmp_path))
        assert LONG.startswith(got)
        assert said is not None
        assert f" ends early, at byte {len(got):,} of what it holds: " in said
        lengths.append(len(got))
    assert lengths == sorted(lengths)
    assert lengths[8] > len(LONG) // 3
    assert lengths[-1] == len(LONG)


@pytest.mark.parametrize("make", [as_path, as_stream])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [b"one line\n", LONG], ids=["small", "large"])
def test_nothing_before_damage_is_lost(
    tmp_path: Path, form: str, text: bytes, make: Callable[[bytes, Path], Source]
) -> None:
    sound = LONG_PACKED[form] if text is LONG else PACK[form](text)
    flipped = sound[:-1] + bytes([sound[-1] ^ 0xFF])
    for bad in (flipped, sound + b"this is no archive\n", sound + sound[:4] + b"\xff" * 40):
        got, said = held(make(bad, tmp_path))
        assert got == text
        assert said is not None
        assert f" is damaged, at byte {len(text):,} of what it holds: only what stands before is read" in said


def test_of_a_long_stream_little_is_lost(tmp_path: Path) -> None:
    text = random.Random(1).randbytes(9 << 20).hex().encode()
    packed = gzip.compress(text, 1)
    assert len(packed) > 8 << 20, "more than is kept"
    at = len(packed) - 100_000
    bad = packed[:at] + b"\xff" * 100 + packed[at + 100 :]
    all_of_it, _ = held(as_path(bad, tmp_path))
    most_of_it, said = held(as_stream(bad, tmp_path))
    assert all_of_it[: at + at // 2].startswith(text[: at + at // 2])
    assert all_of_it.startswith(most_of_it)
    assert len(all_of_it) - (1 << 18) <= len(most_of_it)
    assert said is not None
    assert f" is damaged, at byte {len(most_of_it):,} of what it holds: " in said


def test_headers_in_pieces_with_all_that_gzip_allows() -> None:
    fields = struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0"
    header = b"\x1f\x8b\x08" + bytes([2 | 4 | 8 | 16]) + bytes(6) + fields
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    packed = header + PACK["gzip"](TEXT)[10:]
    assert held(from_file(Pieces(packed, [1] * 100))) == (TEXT, None)


def test_skippable_frames_of_zstd() -> None:
    skippable = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 3) + b"abc"
    packed = skippable + PACK["zstd"](TEXT) + skippable
    assert held(from_file(io.BytesIO(packed))) == (TEXT, None)


@pytest.mark.parametrize(
    "command",
    [
        ["gzip", "-9"], ["gzip", "--rsyncable"], ["bzip2"], ["xz", "-9", "-T2", "--block-size=10000"],
        ["xz", "-C", "none"], ["zstd", "-19", "--long=27"], ["zstd", "--no-check", "-T0"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_the_programs_write(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    packed = subprocess.run([*command, "-c"], input=TEXT * 10, capture_output=True, check=True).stdout
    assert held(from_file(io.BytesIO(packed))) == (TEXT * 10, None)


def _xz_of_a_gigabyte() -> bytes:
    packed = bytearray(PACK["xz"](TEXT))
    size = (packed[12] + 1) * 4  # the block header, .xz file format 3.1
    assert packed[14:16] == b"\x21\x01", "LZMA2, one byte of properties"
    packed[16] = 36  # 1 GiB of dictionary, 5.3.1
    packed[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(packed[12 : 12 + size - 4]))
    return bytes(packed)


def _zstd_of_a_gigabyte() -> bytes:
    window = bytes([0, (30 - 10) << 3])  # RFC 8878, 3.1.1.1.2
    return b"\x28\xb5\x2f\xfd" + window + struct.pack("<I", 1 | 5 << 3)[:3] + b"text\n"


@pytest.mark.parametrize("packed", [_xz_of_a_gigabyte(), _zstd_of_a_gigabyte()], ids=["xz", "zstd"])
def test_an_archive_that_asks_for_a_gigabyte_of_memory_is_refused(packed: bytes) -> None:
    with pytest.raises(InputError, match=r"^<file>: unpacking it takes more than 130 MiB of memory: unpack it first$"):
        held(from_file(io.BytesIO(packed)))


def test_a_python_without_a_library_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(InputError, match=r"^<file>: this Python cannot unpack xz \(.*lzma.*\): unpack it first$"):
        held(from_file(io.BytesIO(PACK["xz"](TEXT))))


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (from_file(io.BytesIO(PACK["gzip"](PACK["xz"](TEXT)))), "not a text log: it holds an archive: unpack it first"),
        (from_file(io.BytesIO(PACK["zstd"](b"LPKSHHRH" + bytes(99)))), "not a text log: it holds a journal file: "),
        (from_file(io.BytesIO(PACK["zstd"](bytes(range(256)) * 9))), "binary data, not a text log"),
        (
            from_file(io.BytesIO(b"LPKSHHRH" + bytes(99))),
            "not a text log: it is a journal file: give --journal FILE",
        ),
        (from_lines([PACK["bzip2"](TEXT)]), "not a text log: it is an archive: give it as a file"),
    ],
)
def test_what_is_no_text(source: Source, what: str) -> None:
    with pytest.raises(NotTextError, match=f"^<(?:file|lines)>: {what}"):
        next(source.blocks())


def test_a_pause_between_the_blocks_of_an_archive_may_end_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACK["gzip"](bytes(20 << 20)))
    pauses: list[int] = []

    def pause() -> None:
        pauses.append(len(pauses))
        if len(pauses) == 3:
            raise KeyboardInterrupt

    source = from_path(path)
    blocks: list[bytes] = []
    with pytest.raises(KeyboardInterrupt):
        blocks.extend(source._replace(pause=pause).blocks())
    assert len(blocks) == 3


def test_a_regular_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\ntwo\n")
    source = from_path(path)
    status = path.stat()
    assert (source.device, source.inode, source.modified) == (status.st_dev, status.st_ino, status.st_mtime_ns)
    assert (source.size, source.offset, source.descriptor, source.compressed) == (8, 0, None, False)
    assert held(source) == (b"one\ntwo\n", None)
    again = from_path(path, offset=4)
    assert again.offset == 4
    assert held(again) == (b"two\n", None)
    assert held(from_path(path, offset=100)) == (b"", None)


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_is_always_read_whole(tmp_path: Path, form: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACK[form](TEXT))
    source = from_path(path, offset=9)
    assert (source.offset, source.compressed) == (0, True)
    assert held(source) == (TEXT, None)


def test_what_stands_in_the_middle_of_a_file_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"text\n" + PACK["gzip"](TEXT)[:4] + b" more text\n" * 50)
    assert held(from_path(path, offset=5)) == (path.read_bytes()[5:], None)


def test_a_fifo_is_read_whole_and_has_no_identity(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", f"printf 'one\\ntwo\\n' > {path}"]):
        source = from_path(path, offset=4)
        assert (source.device, source.inode, source.size, source.offset) == (None, None, None, 0)
        assert source.descriptor is not None
        assert held(source) == (b"one\ntwo\n", None)


def test_what_bzip2_holds_back_is_not_lost_at_damage_behind_it() -> None:
    packed = bytearray(bz2.compress(b"kernel: a\n" * 10))
    packed[10] ^= 1  # in the checksum of the block, which is compared before its last byte comes out
    for size in (1, 7, len(packed)):
        read, error = held(from_file(Pieces(bytes(packed), repeat(size))))
        assert read == (b"kernel: a\n" * 10)[:-1]
        assert error is not None


@pytest.mark.parametrize("again", [b"", b"kernel: two\n" * 100_000])
def test_a_file_that_is_truncated_while_it_is_read_is_told_of(tmp_path: Path, again: bytes) -> None:
    path = tmp_path / "kern.log"
    path.write_bytes(b"kernel: one\n" * 100_000)
    blocks = from_path(path).blocks()
    next(blocks)
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(again)
    with pytest.raises(
        TruncatedError, match=r"kern\.log: was truncated while it was read: what stood behind byte [\d,]+ "
    ):
        list(blocks)


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "kern.log"
    path.write_bytes(b"kernel: one\n" * 100_000)
    blocks = from_path(path).blocks()
    next(blocks)
    with path.open("ab") as file:
        file.write(b"kernel: two\n")
    assert b"".join(blocks).endswith(b"one\nkernel: two\n")


def test_a_descriptor_that_is_closed_is_an_error_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "kern.log").open("w") as closed:
        descriptor = closed.fileno()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: descriptor))
    with pytest.raises(InputError, match=r"^<stdin>: bad file descriptor$"):
        from_path("-")
