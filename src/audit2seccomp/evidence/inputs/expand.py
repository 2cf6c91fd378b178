"""Which files to read, and in which order: folders become their files, and the files of a rotated log follow each other
in time."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress

from audit2seccomp.named_tuple import NamedTuple

_PACKED = (".gz", ".bz2", ".xz", ".zst")
"""What log rotation appends to a name when it compresses. Only the order goes by names."""
_ROTATED = (
    r"(?s)(.+?)"
    r"(?:\.([0-9]{1,4})"  # logrotate, savelog, auditd: the higher, the older
    r"|[-._]([0-9]{4}-?[0-9]{2}-?[0-9]{2})(?:[-._T]?([0-9]{1,10}))?)"  # logrotate's dateext, kubelet: a time may follow
    r"(\.[A-Za-z]+)?"  # logrotate's `extension`
)
_DATED, _NUMBERED, _CURRENT = range(3)

Age = tuple[int, int, int]
"""Sorts the files of one log, the oldest first."""
_Id = tuple[int, int]
"""Device and inode."""


class _Found(NamedTuple):
    path: str
    file: _Id | None
    """None where that cannot be told; opening it says why."""
    linked: bool


def expand(paths: Sequence[str], *, recursive: bool) -> list[str]:
    """Paths with each folder replaced by the files in it and below, rotated logs in the order of time.

    What is named stays, and so does a folder unless `recursive`. Files that are found are regular ones or links to
    them, each once, and none that is named; links to folders are not followed. A folder or file that cannot be looked
    at stays too: opening it says why."""
    ordered = in_time_order(paths)
    if not recursive:
        return ordered
    stats = {path: _stat(path) for path in ordered}
    seen = {_id(status) for status in stats.values() if status is not None}
    files: list[str] = []
    for path in ordered:
        status = stats[path]
        if status is not None and stat.S_ISDIR(status.st_mode):
            files += _new(_walk(path), seen)
        else:
            files.append(path)
    return files


def in_time_order(paths: Sequence[str]) -> list[str]:
    """The same paths, those of one rotated log in the order of time, in the places that such paths had.

    A shell gives `kern.log kern.log.1 kern.log.2.gz`; the oldest of these is the last."""
    if len(paths) < 2:
        return list(paths)  # spares a start the expression
    places: dict[tuple[str, str], list[int]] = {}
    ages: list[Age] = []
    for place, path in enumerate(paths):
        log, age = _rotation(path)
        places.setdefault(log, []).append(place)
        ages.append(age)
    ordered = list(paths)
    for members in places.values():
        for place, member in zip(members, sorted(members, key=ages.__getitem__), strict=True):
            ordered[place] = paths[member]
    return ordered


def family(path: str) -> str:
    """The name of the log that a file of that name is, or was before it was rotated."""
    (folder, name), _ = _rotation(path)
    return os.path.join(folder, name)


def rotated(log: str) -> list[str]:
    """The files beside a log that are called like older parts of it, the one that was written last standing last."""
    folder = os.path.dirname(log)
    found: list[tuple[int, str]] = []
    with suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if path != log and family(path) == log and entry.is_file():
                found.append((entry.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def _rotation(path: str) -> tuple[tuple[str, str], Age]:
    """The folder and name of the log that a file is a part of, and which part.

    Dates sort before numbers: where both stand, no name tells which is older."""
    folder, name = os.path.split(path)
    for suffix in _PACKED:
        name = name.removesuffix(suffix) or name
    match = re.fullmatch(_ROTATED, name)
    if match is None:
        return (folder, name), (_CURRENT, 0, 0)
    base, number, date, time, extension = match.groups()
    log = folder, base + (extension or "")
    if number is not None:
        return log, (_NUMBERED, -int(number), 0)
    return log, (_DATED, int(date.replace("-", "")), -1 if time is None else int(time))


def _new(found: Sequence[_Found], seen: set[_Id]) -> Iterable[str]:
    """The files that were not seen before; a file rather than links to it, since its name says its place in time."""
    own = {one.file for one in found if not one.linked}
    for one in found:
        if one.file is not None:
            if one.file in seen or (one.linked and one.file in own):
                continue
            seen.add(one.file)
        yield one.path


def _walk(top: str) -> list[_Found]:
    """The files in a folder and below, log by log; those of a folder stand before those of its folders."""
    found: list[_Found] = []
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        files: list[_Found] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    _sort_in(entry, files, folders)
        except OSError:
            found.append(_Found(folder, None, linked=False))
        found += sorted(files, key=lambda file: (_rotation(file.path), file.path))
        waiting += sorted(folders, reverse=True)
    return found


def _sort_in(entry: os.DirEntry[str], files: list[_Found], folders: list[str]) -> None:
    """Put one entry of a folder where it belongs; devices, pipes and sockets belong nowhere."""
    try:
        status = entry.stat()
    except OSError as error:
        # A link that leads nowhere or in circles, or a file that has just gone.
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            files.append(_Found(entry.path, None, linked=False))
        return
    if stat.S_ISREG(status.st_mode):
        files.append(_Found(entry.path, _id(status), entry.is_symlink()))
    elif stat.S_ISDIR(status.st_mode) and not entry.is_symlink():
        folders.append(entry.path)


def _stat(path: str) -> os.stat_result | None:
    try:
        return None if path == "-" else os.stat(path)
    except (OSError, ValueError):
        return None


def _id(status: os.stat_result) -> _Id:
    return status.st_dev, status.st_ino
