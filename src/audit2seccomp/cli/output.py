"""Where profiles go: standard output, a file that appears whole or not at all, or files that appear all or none."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from errno import EISDIR

from audit2seccomp.errors import OutputError

_NEW_FILE_MODE = 0o666
_PIECE = 1 << 20
_STDOUT = (None, "-", "/dev/stdout")
_SIGPIPE_STATUS = 128 + signal.SIGPIPE
"""What a shell reports for a program whose reader went away."""


class Output:
    """A file, or standard output for None and `-`. Creating it proves that the file can be written, before hours of
    reading."""

    def __init__(self, path: str | None) -> None:
        """Raises OutputError if the path cannot be written."""
        self._name = "<stdout>" if path in _STDOUT else path
        self._path = None if path in _STDOUT else path or os.curdir
        self.may_block = True
        """Whether writing may wait for a reader."""
        try:
            if self._path is None:
                if sys.stdout is None:
                    raise OutputError(f"{self._name}: is closed: -o FILE names a file")
                return
            if os.path.isdir(self._path):
                raise OutputError(f"{path}: is a directory: name a file in it")
            if _is_special(self._path):
                return
            self.may_block = False
            # What it is called now; /dev/fd/1 may be another file later.
            self._path = os.path.realpath(self._path)
            _probe(os.path.dirname(self._path))
        except (OSError, ValueError) as error:
            raise _cannot_write(self._name, error) from error

    @property
    def is_stdout(self) -> bool:
        """Whether it is standard output."""
        return self._path is None

    @property
    def is_terminal(self) -> bool:
        """Whether it is shown to somebody."""
        return self._path is None and sys.stdout.isatty()

    def write(self, content: str | bytes) -> None:
        """Write all of it. Raises OutputError, and then an old file is as it was; SystemExit if the reader went
        away."""
        try:
            if self._path is None:
                _write_stdout(_encoded(content))
            elif self.may_block:
                _write_to(self._path, _encoded(content))
            else:
                file = _Replacement(self._path)
                file.stage(content)
                file.put()
        except BrokenPipeError:
            raise SystemExit(_SIGPIPE_STATUS) from None
        except OSError as error:
            raise _cannot_write(self._name, error) from error


class Directory:
    """A folder for several files, which all appear or none. Creating it proves that files can be written there, before
    hours of reading."""

    def __init__(self, path: str) -> None:
        """Raises OutputError if that cannot be a folder, or one that can be written to. It need not be there yet."""
        self.path = path
        try:
            _probe(path if _is_there(path) else _folder_of(path))
        except (OSError, ValueError) as error:
            raise _cannot_write(path, error) from error

    def write(self, contents: Mapping[str, str | bytes]) -> None:
        """Write files by name. All are written beside the old ones first and then take their places, one by one.

        Raises OutputError; then everything is as it was, or the message names what could not be put back. Where the
        process is killed or the machine stops while files take their places, some are new, each of them whole."""
        files: list[_Replacement] = []
        made = False
        at = self.path
        try:
            if not os.path.isdir(self.path):
                os.mkdir(os.path.realpath(self.path))
                made = True
            files += [_Replacement(os.path.join(self.path, name)) for name in contents]
            for file, content in zip(files, contents.values(), strict=True):
                at = file.path
                file.stage(content)
            for file in files:
                at = file.path
                file.put(keep_old=True)
        except BaseException as error:
            stuck = [f"; {name}: not as it was" for name in map(_Replacement.undo, reversed(files)) if name]
            if made:
                with suppress(OSError):
                    os.rmdir(os.path.realpath(self.path))
            if isinstance(error, OSError):
                raise OutputError(f"{_cannot_write(at, error)}{''.join(stuck)}") from error
            raise
        for file in files:
            file.forget_old()


class _Replacement:
    """A file's next content, which stands beside it until it takes its place."""

    def __init__(self, path: str) -> None:
        # A link stays a link: its target is what gets replaced.
        self.path = path
        self._path = os.path.realpath(path)
        self._new: str | None = None
        self._old: str | None = None
        self._is_put = False

    def stage(self, content: str | bytes) -> None:
        """Write the content to the disk."""
        descriptor, self._new = _temporary(os.path.dirname(self._path))
        try:
            with os.fdopen(descriptor, "wb") as file:
                for start in range(0, len(content), _PIECE):  # all of it as bytes would be a second copy
                    file.write(_encoded(content[start : start + _PIECE]))
                file.flush()
                os.fchmod(descriptor, self._mode())
                os.fsync(descriptor)
        except BaseException:
            self.undo()
            raise

    def put(self, *, keep_old: bool = False) -> None:
        """Put it in its place; with `keep_old` that can be undone."""
        assert self._new is not None
        try:
            if keep_old:
                self._keep_old()
            os.replace(self._new, self._path)
            self._is_put = True
        except BaseException:
            self.undo()
            raise

    def _keep_old(self) -> None:
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(self._path).st_mode):
                raise OSError(
                    EISDIR, "is a directory" if os.path.isdir(self._path) else "is no regular file", self._path
                )
            old = _temporary_name(os.path.dirname(self._path))
            try:
                os.link(self._path, old)
            except OSError:  # some file systems have no links; then there is a moment without the file
                os.rename(self._path, old)
            self._old = old

    def undo(self) -> str | None:
        """Make all as it was before; returns the file's name if that was not possible."""
        try:
            if self._new is not None and not self._is_put:
                _remove(self._new)
            if self._old is not None:
                os.replace(self._old, self._path)
                _remove(self._old)  # two names of one file: then the renaming did nothing
            elif self._is_put:
                os.unlink(self._path)
        except OSError:
            kept = "" if self._old is None else f" (it was kept as {self._old})"
            return f"{self._path}{kept}"
        self._new = self._old = None
        self._is_put = False
        return None

    def forget_old(self) -> None:
        """It will not be undone."""
        if self._old is not None:
            with suppress(OSError):
                os.unlink(self._old)

    def _mode(self) -> int:
        """The old file's mode, or that of any new file."""
        with suppress(FileNotFoundError):
            return stat.S_IMODE(os.stat(self._path).st_mode)
        umask = os.umask(0)
        os.umask(umask)
        return _NEW_FILE_MODE & ~umask


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _folder_of(path: str) -> str:
    """Where the file is that a path leads to."""
    return os.path.dirname(os.path.realpath(path))


def _write_to(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _temporary_name(folder: str) -> str:
    # A name of its own: with the file's name in it, a long one would be too long. (Importing tempfile takes 2 ms.)
    return os.path.join(folder, f".audit2seccomp.{os.urandom(8).hex()}")


def _temporary(folder: str) -> tuple[int, str]:
    path = _temporary_name(folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600), path


def _is_there(path: str) -> bool:
    """Raises OSError where nobody can tell, as for a link to itself."""
    with suppress(FileNotFoundError):
        os.stat(path)
        return True
    return False


def _probe(folder: str) -> None:
    """Raises OSError if no file can be made there."""
    descriptor, path = _temporary(folder)
    try:
        os.close(descriptor)
    finally:
        os.unlink(path)


def _cannot_write(name: str | None, error: OSError | ValueError) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) else None
    return OutputError(f"{name}: cannot write: {(reason or str(error)).lower()}")


def _is_special(path: str) -> bool:
    """A FIFO or device is written to, not replaced."""
    with suppress(FileNotFoundError):
        return not stat.S_ISREG(os.stat(path).st_mode)
    return False


def _write_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BaseException:
        # Python flushes stdout once more at exit, and would complain or wait there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
