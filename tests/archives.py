"""Archives of each form that is read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
"""As the command writes it."""

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options=_CHECKED),
}
"""One member that holds the data."""
