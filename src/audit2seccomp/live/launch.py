"""The command's first call, execve, which this program makes in its place: it counts as made by the command's own."""

from __future__ import annotations

import os

from audit2seccomp.live.command import SHELL, Command, first_line, is_text
from audit2seccomp.live.host import number_of, own_abi

_MAX_INTERPRETERS = 5
"""Of one another (exec_binprm() in fs/exec.c)."""


class Launch:
    """Who makes the first calls, and who is to have made them."""

    def __init__(self, command: Command) -> None:
        """Of that command."""
        self.by = os.readlink(b"/proc/self/exe")
        """The program that makes them."""
        self.exe = _program(command.path)
        """The program that they start."""
        self.call = own_abi().audit_arch, number_of("execve")

    def in_text(self, record: bytes) -> bytes | None:
        """The text of a record as it is to be; None for another call."""
        # audit_seccomp() in kernel/auditsc.c
        by, exe = (b" exe=%b sig=0 arch=%x syscall=%d " % (_untrusted(one), *self.call) for one in (self.by, self.exe))
        return record.replace(by, exe, 1) if by in record else None


def _program(path: bytes) -> bytes:
    """The file that runs: of a script that is its interpreter (execve(2))."""
    for _ in range(_MAX_INTERPRETERS):
        line = first_line(path)
        if line.startswith(b"#!") and line[2:].strip():
            path = line[2:].split()[0]
        else:
            return os.path.realpath(SHELL if line and is_text(line) else path)
    return os.path.realpath(path)


def _untrusted(text: bytes) -> bytes:
    """As audit_log_untrustedstring() of kernel/audit.c writes it."""
    plain = all(0x21 <= one <= 0x7E and one != ord('"') for one in text)
    return b'"%b"' % text if plain else text.hex().upper().encode()
