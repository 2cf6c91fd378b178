"""What AddressSanitizer does not see by itself, where `make sanitize` runs the tests."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

_SANITIZER = ctypes.CDLL(None)
_BYTES_AT = bytes.__basicsize__ - 1
"""Where the bytes of a bytes object begin; the last byte of its basic size is that of a NUL behind them."""
_HASH_BYTES = 8
"""What stands in front of them, and the compiled scan has no use for."""


def is_on() -> bool:
    """Whether the sanitizer is there."""
    return hasattr(_SANITIZER, "__asan_poison_memory_region")


@contextmanager
def _forbidden(address: int, size: int) -> Iterator[None]:
    region = ctypes.c_void_p(address), ctypes.c_size_t(size)
    _SANITIZER.__asan_poison_memory_region(*region)
    try:
        yield
    finally:
        _SANITIZER.__asan_unpoison_memory_region(*region)


def guarded(scan: Callable[..., Any]) -> Callable[..., Any]:
    """A scan that may not read the byte behind a block, nor those in front of it, though they are the same object's."""

    @wraps(scan)
    def guarded_scan(block: bytes, *others: Any, **options: Any) -> Any:
        start = id(block) + _BYTES_AT
        with _forbidden(start - _HASH_BYTES, _HASH_BYTES), _forbidden(start + len(block), 1):
            return scan(block, *others, **options)

    return guarded_scan


def guard_blocks() -> None:
    """Guard the blocks of all scans."""
    from audit2seccomp.evidence.text import _scan

    for name in ("scan", "scan_these"):
        setattr(_scan, name, guarded(getattr(_scan, name)))
