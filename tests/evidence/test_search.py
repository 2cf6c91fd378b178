"""The searches of the compiled scan, as each processor does them: all say the same, and none looks beyond its bytes."""

from __future__ import annotations

import ctypes
import mmap
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.machine import needs

pytestmark = needs("gcc")
HEADERS = Path(__file__).parents[2] / "src" / "audit2seccomp" / "evidence" / "text"
SOURCE = """
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef WITHOUT_AVX2
#undef __x86_64__
#endif
#ifdef PLAIN
#undef __x86_64__
#undef __SSE2__
#undef __SIZEOF_INT128__
#undef __BYTE_ORDER__
#define __BYTE_ORDER__ __ORDER_BIG_ENDIAN__
#endif
#include "_search.h"
typedef const unsigned char *bytes;
long find(bytes at, size_t size) { bytes found = find_word(at, at + size); return found ? found - at : -1; }
size_t lines(bytes at, size_t size) { return newlines(at, at + size); }
uint64_t value(bytes at, size_t size) { return digits_value(at, (int)size); }
uint64_t hash(bytes at, size_t size) { return hash_bytes(UINT64_C(0x1234567890abcdef), at, size); }
"""
KINDS = {"AVX2": [], "SSE2": ["-DWITHOUT_AVX2"], "plain": ["-DPLAIN"]}
PAGE = mmap.PAGESIZE


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ctypes.CDLL]:
    """The searches, compiled for each kind of processor."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "search.c").write_text(SOURCE)
    found = {}
    for kind, options in KINDS.items():
        target = folder / f"{kind}.so"
        command = ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", f"-I{HEADERS}", *options]
        subprocess.run([*command, "-o", target, folder / "search.c"], check=True, timeout=60)
        found[kind] = ctypes.CDLL(str(target))
        for name in ("find", "lines", "value", "hash"):
            function = getattr(found[kind], name)
            function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
            function.restype = ctypes.c_long if name == "find" else ctypes.c_uint64
    return found


class Guarded:
    """A page between pages that nobody may read."""

    def __init__(self) -> None:
        """Three pages."""
        self._pages = mmap.mmap(-1, 3 * PAGE)
        self._start = ctypes.addressof(ctypes.c_char.from_buffer(self._pages)) + PAGE
        for other in (-PAGE, PAGE):
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(self._start + other), PAGE, 0) == 0

    def places(self, data: bytes) -> Iterator[int]:
        """Addresses of the data: at its beginning, and at its end."""
        for address in (self._start, self._start + PAGE - len(data)):
            ctypes.memmove(address, data, len(data))
            yield address


GUARDED = Guarded()
WORDS = (b"aud", b"aui", b"ssa")
texts = st.lists(st.sampled_from((*WORDS, b"a", b"u", b"s", b"d", b"i", b"\n")) | st.binary(max_size=70)).map(b"".join)


@given(text=texts)
def test_words_and_newlines_are_found_and_nothing_else_is_read(libraries: dict[str, ctypes.CDLL], text: bytes) -> None:
    text = text[:PAGE]
    first = min((text.find(word) for word in WORDS if word in text), default=-1)
    for library in libraries.values():
        for place in GUARDED.places(text):
            assert library.find(place, len(text)) == first
            assert library.lines(place, len(text)) == text.count(b"\n")


@given(number=st.integers(0, 10**18 - 1), width=st.integers(1, 18))
def test_digits_are_read_with_eight_bytes_in_front_of_them(
    libraries: dict[str, ctypes.CDLL], number: int, width: int
) -> None:
    digits = b"%0*d" % (width, number)
    for library in libraries.values():
        for place in GUARDED.places(b"(((((((:" + digits):
            assert library.value(place + 8, len(digits)) == number


@given(one=st.binary(max_size=70), other=st.binary(max_size=70))
def test_hashes_are_those_of_the_bytes_alone(libraries: dict[str, ctypes.CDLL], one: bytes, other: bytes) -> None:
    hashes = [
        {library.hash(place, len(data)) for library in libraries.values() for place in GUARDED.places(data)}
        for data in (one, other)
    ]
    assert list(map(len, hashes)) == [1, 1]
    assert (hashes[0] == hashes[1]) == (one == other)
