"""Tiny static programs that make given system calls, for tests with real tracers. x86 only, made of bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BASE = 0x400000
_SOCKET = (1, 1, 0)
"""AF_UNIX, SOCK_STREAM: the arguments that socketcall takes from memory."""


class Make(NamedTuple):
    """A call: its number, and through which door (`int $0x80` for 32-bit calls, else `syscall`)."""

    nr: int
    int80: bool = False
    first: int = 0
    in_memory: bool = False
    """Whether the second argument points to the arguments of socket()."""


def program(calls: Iterable[Make], bits: int) -> bytes:
    """An ELF file that makes these calls one after the other. The last must be an exit."""
    header, segment = (64, 56) if bits == 64 else (52, 32)
    data_at = header + segment
    code = b"".join(_code(call, _BASE + data_at) for call in calls)
    entry = _BASE + data_at + 12
    size = data_at + 12 + len(code)
    ident = b"\x7fELF" + bytes((bits // 32, 1, 1)) + bytes(9)
    if bits == 64:
        head = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, entry, header, 0, 0, header, segment, 1, 0, 0, 0)
        load = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    else:
        head = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, entry, header, 0, 0, header, segment, 1, 0, 0, 0)
        load = struct.pack("<IIIIIIII", 1, 0, _BASE, _BASE, size, size, 5, 0x1000)
    return ident + head + load + struct.pack("<III", *_SOCKET) + code


def _code(call: Make, memory: int) -> bytes:
    second = memory if call.in_memory else 0
    # mov $first, %ebx and %edi; mov $second, %ecx and %esi; mov $nr, %eax
    moves = b"\xbb%b\xbf%b\xb9%b\xbe%b\xb8%b" % (
        *(struct.pack("<I", value) for value in (call.first, call.first, second, second)),
        struct.pack("<I", call.nr & 0xFFFFFFFF),
    )
    return moves + (b"\xcd\x80" if call.int80 else b"\x0f\x05")


THREE_MODES = (
    Make(39),
    Make(20, int80=True),
    Make(0x40000027),
    Make(0x4000000D),  # x32 has rt_sigaction under another number, and takes this one too
    Make(0x400007D0),
    Make(1000),
    Make(110),
    Make(231),
)
"""A 64-bit program that calls getpid in all three ways of x86, and numbers that nobody has."""
OLD_STYLE = (
    Make(20, int80=True),
    Make(102, int80=True, first=1, in_memory=True),
    Make(359, int80=True, first=1),
    Make(999, int80=True),
    Make(2, int80=True),
    Make(20, int80=True),
    Make(252, int80=True),
)
"""A 32-bit program: socket through socketcall and as itself, a fork, an exit of both."""


GETPID, EXIT_GROUP = 39, 231


def ending(*calls: Make, status: int = 0) -> tuple[Make, ...]:
    """These 64-bit calls, and an exit."""
    return (*calls, Make(EXIT_GROUP, first=status))


def write(file: Path, calls: Iterable[Make], bits: int = 64) -> Path:
    """Make that file a program that can be run, with these calls."""
    file.write_bytes(program(calls, bits))
    file.chmod(0o755)
    return file


def write_programs(folder: Path) -> None:
    """Put the programs `modes` and `old` there."""
    write(folder / "modes", THREE_MODES)
    write(folder / "old", OLD_STYLE, 32)
