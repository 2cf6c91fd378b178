"""The exceptions that this package raises on purpose, and the exit status that each means on the command line.

Bad lines in a log are data, not exceptions: see `audit2seccomp.evidence.record.Reject`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from enum import IntEnum


class ExitStatus(IntEnum):
    """What the process tells its caller; the table in `audit2seccomp --help` says the same."""

    DONE = 0
    INCOMPLETE = 1
    """`--strict` was given and the result is incomplete; or `explain --line` found no sound and trusted record."""
    USAGE = 2
    NO_RESULT = 3
    """An input could not be read, or no record was used."""
    OWN_BUG = 70
    """EX_SOFTWARE of sysexits.h."""
    NOT_EXECUTABLE = 126
    """A command cannot be executed, as shells, env and timeout say it."""
    NOT_FOUND = 127
    """There is no such command."""


class Audit2SeccompError(Exception):
    """Base of every error that a user can cause. Its text reads *where: what: what to do*, in lower case."""

    exit_status = ExitStatus.NO_RESULT


class UsageError(Audit2SeccompError):
    """An option or argument has a value that cannot be used."""

    exit_status = ExitStatus.USAGE


class InputError(Audit2SeccompError):
    """An input cannot be opened, read, or is not text."""


class EvidenceFileError(InputError):
    """An evidence file is broken, of a newer version, or not sound."""


class ProfileFileError(InputError):
    """A profile file is broken, or says what no profile can say."""


class NotTextError(InputError):
    """An input can be read, but is certainly no text log."""


class CutInputError(InputError):
    """An input ends before its end. What it held before that place was read, and counts; the rest is lost."""


class ArchiveError(CutInputError):
    """A compressed input is cut or damaged."""


class TruncatedError(CutInputError):
    """A file was truncated while it was read."""


class OutputError(Audit2SeccompError):
    """The output cannot be written."""


class FormatError(Audit2SeccompError):
    """A profile says what a format cannot hold."""


class ConflictError(Audit2SeccompError):
    """What was observed is what the user's choices forbid."""


class AlgebraError(Audit2SeccompError):
    """No profile says exactly what was asked for, or a profile contradicts itself."""


class FilterError(Audit2SeccompError):
    """libseccomp is missing, or makes no filter of a profile; or the kernel would not take a filter."""


class LiveError(Audit2SeccompError):
    """The running kernel, or this process, lacks what is needed to record a command or to confine one."""


class CommandNotFoundError(LiveError):
    """There is no such command."""

    exit_status = ExitStatus.NOT_FOUND


class NotExecutableError(LiveError):
    """A command is there, and cannot be executed."""

    exit_status = ExitStatus.NOT_EXECUTABLE


class NothingFoundError(Audit2SeccompError):
    """No record was used, so there is no call to allow."""


def reason(number: int) -> str:
    """Why a call failed with an errno, and what to do about it."""
    said = os.strerror(number).lower()
    match number:
        case errno.EMFILE:
            return f"{said}: ulimit -n raises the limit"
        case errno.EAGAIN:
            return f"{said}: ulimit -u raises the limit of processes"
        case errno.ENOMEM:
            return f"{said}: ulimit -v raises the limit"
        case errno.EPERM | errno.ENOSYS:
            return f"{said}: a filter such as a container's may deny what this takes: run it on the host"
        case _:
            return said


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about a word that is none of the known ones: `: did you mean openat?`, or nothing."""
    from difflib import get_close_matches

    close = get_close_matches(word, sorted(known), n=3)
    return f": did you mean {', '.join(close)}?" if close else ""


def shown(text: str) -> str:
    """A word of a stranger's in a message, in quotes and not too long."""
    from json import dumps

    return dumps(text if len(text) <= 80 else f"{text[:80]}…", ensure_ascii=True)
