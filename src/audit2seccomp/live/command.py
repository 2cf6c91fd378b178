"""A command: which file it is, and how this process becomes it."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from audit2seccomp.errors import CommandNotFoundError, ExitStatus, LiveError, NotExecutableError
from audit2seccomp.live.host import number_of
from audit2seccomp.live.libc import raw_syscall
from audit2seccomp.live.loading import Loader, stock_memory
from audit2seccomp.named_tuple import NamedTuple

SHELL = b"/bin/sh"
"""What runs a script without a first line that says so, as execvp(3) does."""
_FIRST_BYTES = 256
"""What of a file tells its interpreter: BINPRM_BUF_SIZE of include/uapi/linux/binfmts.h."""
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR)


class Command(NamedTuple):
    """What to execute."""

    path: bytes
    words: tuple[bytes, ...]
    """Its arguments, the name it was called by first."""


def find(words: Sequence[str]) -> Command:
    """The command's file, along PATH if its name has no slash. Raises CommandNotFoundError and NotExecutableError."""
    name, reason = words[0], None
    for path in [name] if "/" in name else [os.path.join(folder, name) for folder in os.get_exec_path()]:
        if not os.path.exists(path):
            continue
        if os.path.isdir(path):
            reason = reason or ("is a directory" if path == name else None)
        elif os.access(path, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            return Command(os.fsencode(path), tuple(map(os.fsencode, words)))
        else:
            reason = "permission denied"
    if reason is None:
        raise CommandNotFoundError(f"{name}: no such command")
    raise NotExecutableError(f"{name}: cannot be executed: {reason}")


def failure(command: Command, number: int) -> LiveError:
    """What to say where execve(2) failed with an errno."""
    name = os.fsdecode(command.words[0])
    if number in _NOT_THERE:
        # The file is there, so this is about what it names.
        return NotExecutableError(f"{name}: cannot be executed: its interpreter or loader is not there")
    return NotExecutableError(f"{name}: cannot be executed: {os.strerror(number).lower()}")


class Successor:
    """This process's next program, ready to be executed: nothing else is called on the way, so that a filter which is
    loaded before needs to let nothing but execve through."""

    def __init__(self, command: Command) -> None:
        """With the environment that this process was given."""
        self.command = command
        self._execve = number_of("execve")
        environment = _Strings(_environment())
        self._program = _Strings([command.path]), _Strings(command.words), environment
        self._may_be_script = is_text(first_line(command.path))
        self._script = _Strings([SHELL]), _Strings([SHELL, command.path, *command.words[1:]]), environment

    def become(self) -> int:
        """Become the command. Where that fails, returns the errno."""
        number = self._execute(*self._program)
        return self._execute(*self._script) if number == errno.ENOEXEC and self._may_be_script else number

    def become_under(self, loader: Loader) -> NoReturn:
        """Load a filter and become the command. Raises FilterError where the kernel refuses the filter; if it is the
        command that fails, says so as far as the filter lets it, and ends."""
        restore_signals()
        gc.disable()
        stock_memory()
        loader.load()
        number = self.become()
        with suppress(OSError):
            os.write(2, f"audit2seccomp: {failure(self.command, number)}\n".encode(errors="surrogateescape"))
        os._exit(ExitStatus.NOT_EXECUTABLE)

    def _execute(self, path: _Strings, words: _Strings, environment: _Strings) -> int:
        raw_syscall(self._execve, path.first, words.address, environment.address, 0, 0, 0)
        return ctypes.get_errno()


class _Strings:
    """A NULL-terminated array of strings, as execve(2) takes it."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self._values = [ctypes.create_string_buffer(value) for value in values]
        addresses = [ctypes.addressof(value) for value in self._values]
        self._array = (ctypes.c_void_p * (len(values) + 1))(*addresses, None)
        self.address = ctypes.addressof(self._array)
        self.first = addresses[0] if addresses else 0


def _environment() -> list[bytes]:
    """Without what Python adds where it was given no locale (PEP 538)."""
    try:
        with open("/proc/self/environ", "rb") as file:
            return file.read().split(b"\0")[:-1]
    except OSError:
        return [b"%b=%b" % item for item in os.environb.items()]


def first_line(path: bytes) -> bytes:
    """Of a file, or how a longer one begins; nothing of one that cannot be read, or would be waited for."""
    if os.path.isfile(path):
        with suppress(OSError), open(path, "rb") as file:
            return file.read(_FIRST_BYTES).partition(b"\n")[0]
    return b""


def is_text(line: bytes) -> bool:
    """Whether a file with that first line is a script, as shells decide it."""
    return b"\0" not in line


def restore_signals() -> None:
    """What Python ignores in itself is not for the command to inherit, nor does a handler act on its behalf."""
    for number in signal.valid_signals():
        if number in (signal.SIGPIPE, signal.SIGXFSZ) or callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
