"""Names of files for values that strangers chose: readable, safe in a shell, and never the same for two values."""

from __future__ import annotations

import string
from collections.abc import Iterable
from hashlib import sha256

from audit2seccomp.evidence.split import Value

ENDING = ".json"
MAX_NAME_BYTES = 255
"""NAME_MAX of include/uapi/linux/limits.h."""
_FIRST = frozenset((string.ascii_letters + string.digits + "_").encode())
"""What a name may begin with: no dot, which hides it, and nothing that a shell or a command takes for more."""
_PLAIN = _FIRST | frozenset(b".@:-")
_UPPER = frozenset(string.ascii_uppercase.encode())
# Behind the % of an escape stand two hex digits, so that no value has one of these names.
_UNKNOWN, _EMPTY, _CUT = "%unknown", "%empty", "%sha256-"
_DIGEST_DIGITS = 32
"""128 bits: nobody finds two values that have the same."""
_LABEL = frozenset(string.ascii_lowercase + string.digits + "-")
_MAX_LABEL, _LABEL_DIGITS = 55, 16
_STDIN = "<stdin>"
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_LOGS = (".log", ".txt", ".json")


def file_name(value: Value | None, *, lower: bool = False, ending: str = ENDING) -> str:
    """The name for a value, always the same; None is an unknown one.

    ASCII letters, digits and `_ . @ : -` stand for themselves, but at the beginning only letters, digits and `_`; `/`
    is a comma, and any other byte `%` and two hex digits, with `lower` also capital letters. A longer name than a file
    may have ends with a hash of the value."""
    if value is None:
        return _UNKNOWN + ending
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    plain = _PLAIN - _UPPER if lower else _PLAIN
    pieces = ["," if byte == 0x2F else chr(byte) if byte in plain else f"%{byte:02X}" for byte in data]
    if pieces and data[0] in _PLAIN - _FIRST:
        pieces[0] = f"%{data[0]:02X}"
    if sum(map(len, pieces)) + len(ending) > MAX_NAME_BYTES:
        digest = _CUT + sha256(data).hexdigest()[:_DIGEST_DIGITS]
        return _start(pieces, MAX_NAME_BYTES - len(digest) - len(ending)) + digest + ending
    return ("".join(pieces) or _EMPTY) + ending


def _start(pieces: list[str], room: int) -> str:
    """As many whole pieces as there is room for."""
    length = 0
    for number, piece in enumerate(pieces):
        length += len(piece)
        if length > room:
            return "".join(pieces[:number])
    return "".join(pieces)


def file_names(values: Iterable[Value | None], ending: str = ENDING) -> dict[Value | None, str]:
    """A name for each value. Those that only differ in case have capital letters escaped, because some file systems
    take them for one."""
    names = {value: file_name(value, ending=ending) for value in values}
    alike = _alike(names.values())
    return {
        value: file_name(value, lower=True, ending=ending) if name.lower() in alike else name
        for value, name in names.items()
    }


def input_names(inputs: Iterable[str], ending: str = ENDING) -> dict[Value | None, str]:
    """A name for each input: `kern.json` for /var/log/kern.log, as long as all of these are different; else the names
    have the whole paths."""
    paths = list(inputs)
    names: dict[Value | None, str] = {path: file_name(_stem(path), ending=ending) for path in paths}
    return file_names(paths, ending) if _alike(names.values()) else names


def object_name(name: str) -> str:
    """A DNS label for what is in a file of that name, for Kubernetes; never the same for two files. RFC 1123 allows
    a-z, 0-9 and -, 63 of them, and what is written puts some of its own in front."""
    stem = name.rsplit(".", 1)[0]
    label = "".join(c if c in _LABEL else "-" for c in stem.lower()).strip("-")
    if label == stem and len(label) <= _MAX_LABEL:
        return label
    digest = sha256(name.encode()).hexdigest()[:_LABEL_DIGITS]
    return f"{label[: _MAX_LABEL - _LABEL_DIGITS - 1].strip('-') or 'profile'}-{digest}"


def _stem(path: str) -> str:
    if path == _STDIN:
        return _STDIN.strip("<>")
    name = path.rsplit("/", 1)[-1]
    for endings in (_COMPRESSED, _LOGS):
        ending = next((ending for ending in endings if name.endswith(ending) and name != ending), "")
        name = name.removesuffix(ending)
    return name


def _alike(names: Iterable[str]) -> set[str]:
    """What several names are in lower case."""
    seen: set[str] = set()
    twice: set[str] = set()
    for name in map(str.lower, names):
        (twice if name in seen else seen).add(name)
    return twice
