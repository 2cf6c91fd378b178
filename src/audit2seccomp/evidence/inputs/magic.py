"""What the first bytes of an input are: an archive's, a journal file's, those of other binary data, or of text."""

from __future__ import annotations

from collections.abc import Iterator

from audit2seccomp.errors import NotTextError

_FORMS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes([0x50 + user]) + b"\x2a\x4d\x18", "zstd") for user in range(16)),  # a skippable frame, as pzstd writes
)
"""How archives begin: RFC 1952, bzip2's manual, the .xz file format, and RFC 8878."""
JOURNAL = b"LPKSHHRH"
"""HEADER_SIGNATURE of systemd's journal-def.h."""
_BEGINNINGS = (JOURNAL, *(magic for magic, _ in _FORMS))
# NUL (a hole after a crash), tab, line ends, escape and auditd's and journald's separators do stand in logs.
_CONTROL_BYTES = bytes({*range(1, 0x20), 0x7F} - set(b"\t\n\v\f\r\x1b\x1d\x1e"))
_CONTROL_SHARE = 20
"""An input is binary with more than one control byte in so many others: logs have next to none, noise has one in
ten."""


def beginning(blocks: Iterator[bytes]) -> bytes:
    """As many blocks as are needed to know an archive or a journal: a pipe may give the first bytes one by one."""
    block = next(blocks, b"")
    while any(len(block) < len(magic) and magic.startswith(block or b"?") for magic in _BEGINNINGS):
        more = next(blocks, b"")
        if not more:
            break
        block += more
    return block


def archive_form(block: bytes) -> str | None:
    """How an archive that begins so is compressed; None for anything else."""
    return next((form for magic, form in _FORMS if block.startswith(magic)), None)


def refuse_binary(name: str, block: bytes, *, packed: bool) -> None:
    """Raise NotTextError for the beginning of what is certainly no text log. `packed`: it came out of an archive."""
    what = f"{name}: not a text log: it {'holds' if packed else 'is'}"
    if archive_form(block) is not None:
        raise NotTextError(f"{what} an archive: {'unpack it first' if packed else 'give it as a file'}")
    if block.startswith(JOURNAL):
        from shlex import quote

        file = "FILE" if packed or name.startswith("<") else quote(name)
        raise NotTextError(f"{what} a journal file: {'unpack it, and ' if packed else ''}give --journal {file}")
    text = block.replace(b"\0", b"")
    control = len(text) - len(text.translate(None, _CONTROL_BYTES))
    if control * _CONTROL_SHARE > len(text) - control:
        raise NotTextError(f"{name}: binary data, not a text log")
