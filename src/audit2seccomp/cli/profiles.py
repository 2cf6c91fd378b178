"""The profile files that commands take: read with a bound, errors with their place."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from audit2seccomp.cli.messages import printable, say
from audit2seccomp.errors import InputError, ProfileFileError
from audit2seccomp.formats import MAX_BYTES, read_profile
from audit2seccomp.formats.files import ProfileFile

Lenient = Annotated[
    bool, typer.Option("--lenient", help="Keep keys that the profile's format does not define, instead of failing.")
]


def load(path: str, *, lenient: bool = False, quiet: bool = False) -> ProfileFile:
    """Read a profile file, standard input for `-`, and say what is lost in that. Raises InputError."""
    name, data = read_bounded(path)
    return read_saying(data, name, lenient=lenient, quiet=quiet)


def read_saying(data: bytes, name: str, *, lenient: bool, quiet: bool) -> ProfileFile:
    """Read a profile file's bytes, and say what is lost in that unless it is `quiet`. Raises ProfileFileError."""
    file = read_profile(data, name, lenient=lenient)
    for remark in () if quiet or file.problems else file.remarks:
        say(f"loss: {printable(f'{name}: {remark}')}")
    return file


def read_bounded(path: str) -> tuple[str, bytes]:
    """A file's name for messages, and its bytes: no more of them than make it too large. Raises InputError."""
    name = "<stdin>" if path == "-" else path
    try:
        if path == "-":
            if sys.stdin is None:
                raise ProfileFileError("<stdin>: is closed")
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"{name}: cannot read: {(reason or str(error)).lower()}") from error
    return name, data
