"""Where the profile goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path

import typer

from audit2seccomp.errors import OutputError

_NEW_FILE_MODE = 0o666
_STDOUT = (None, "-", "/dev/stdout")
_SIGPIPE_STATUS = 128 + signal.SIGPIPE
"""What a shell reports for a program whose reader went away."""


class Output:
    """A file, or standard output for None and `-`. Creating it proves that the file can be written, before hours of
    reading."""

    def __init__(self, path: str | None) -> None:
        """Raises OutputError if the path cannot be written."""
        self._name = "<stdout>" if path in _STDOUT else path
        self._path = None if path in _STDOUT else Path(path or "")
        self.may_block = True
        """Whether writing may wait for a reader."""
        try:
            if self._path is None:
                if sys.stdout is None:
                    raise OutputError(f"{self._name}: is closed: -o FILE names a file")
                return
            if self._path.is_dir():
                raise OutputError(f"{path}: is a directory: name a file in it")
            if _is_special(self._path):
                return
            self.may_block = False
            # The link stays a link: its target is what gets replaced.
            self._path = Path(os.path.realpath(self._path))
            descriptor, probe = self._temporary()
            os.close(descriptor)
            probe.unlink()
        except (OSError, ValueError) as error:
            raise self._error(error) from error

    def write(self, text: str) -> None:
        """Write all of it. Raises OutputError, and then an old file is as it was; typer.Exit if the reader went
        away."""
        data = text.encode()
        try:
            if self._path is None:
                _write_stdout(data)
            elif self.may_block:
                self._path.write_bytes(data)
            else:
                self._replace(data)
        except BrokenPipeError:
            raise typer.Exit(_SIGPIPE_STATUS) from None
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError | ValueError) -> OutputError:
        reason = error.strerror if isinstance(error, OSError) else None
        return OutputError(f"{self._name}: cannot write: {(reason or str(error)).lower()}")

    def _temporary(self) -> tuple[int, Path]:
        assert self._path is not None
        # A name of its own: with the file's name in it, a long one would be too long. (Importing tempfile takes 2 ms.)
        path = self._path.with_name(f".audit2seccomp.{os.urandom(8).hex()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags, 0o600), path

    def _replace(self, data: bytes) -> None:
        assert self._path is not None
        descriptor, temporary = self._temporary()
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(descriptor, self._mode())
                os.fsync(descriptor)
            temporary.replace(self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _mode(self) -> int:
        """The old file's mode, or that of any new file."""
        assert self._path is not None
        with suppress(FileNotFoundError):
            return stat.S_IMODE(self._path.stat().st_mode)
        umask = os.umask(0)
        os.umask(umask)
        return _NEW_FILE_MODE & ~umask


def _is_special(path: Path) -> bool:
    """A FIFO or device is written to, not replaced."""
    with suppress(FileNotFoundError):
        return not stat.S_ISREG(path.stat().st_mode)
    return False


def _write_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BaseException:
        # Python flushes stdout once more at exit, and would complain or wait there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
