"""Where the profile goes: standard output, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from audit2seccomp.errors import OutputError

_NEW_FILE_MODE = 0o666


class Output:
    """A file, or standard output for None and `-`. Creating it proves that the file can be written, before hours of
    reading."""

    def __init__(self, path: str | None) -> None:
        """Raises OutputError if the path cannot be written."""
        self._path = None if path in (None, "-") else Path(path or "")
        if self._path is None:
            return
        # The link stays a link: its target is what gets replaced.
        self._path = Path(os.path.realpath(self._path))
        try:
            if self._path.is_dir():
                raise OutputError(f"{path}: is a directory: name a file in it")
            if self._is_special():
                return
            descriptor, probe = self._temporary()
            os.close(descriptor)
            probe.unlink()
        except OSError as error:
            raise OutputError(f"{path}: cannot write: {(error.strerror or str(error)).lower()}") from error

    def write(self, text: str) -> None:
        """Write all of it. Raises OutputError, and then an old file is as it was."""
        data = text.encode()
        try:
            if self._path is None:
                _write_stdout(data)
            elif self._is_special():
                self._path.write_bytes(data)
            else:
                self._replace(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(
                f"{self._path or '<stdout>'}: cannot write: {(error.strerror or str(error)).lower()}"
            ) from error

    def _is_special(self) -> bool:
        """A FIFO or device is written to, not replaced."""
        assert self._path is not None
        with suppress(FileNotFoundError):
            return not stat.S_ISREG(self._path.stat().st_mode)
        return False

    def _temporary(self) -> tuple[int, Path]:
        assert self._path is not None
        descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        return descriptor, Path(name)

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


def _write_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
