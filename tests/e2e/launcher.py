"""Runs programs under a seccomp filter that logs each call and lets it through: `{"defaultAction": "SCMP_ACT_LOG"}`.

It is a program of its own, `launcher.py PROGRAM [ARGUMENT]…`. Between the filter and the new program it makes hardly
more calls than the execve: they use up printk's limit as well.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.kernel.uapi import Action

_PR_SET_NO_NEW_PRIVS = 38
"""include/uapi/linux/prctl.h"""
_SECCOMP_SET_MODE_FILTER = 1
"""include/uapi/linux/seccomp.h"""
_RETURN_LOG = struct.pack("=HBBI", 0x06, 0, 0, Action.LOG.value)
"""All of the filter, BPF_RET | BPF_K of include/uapi/linux/bpf_common.h: it is the same for each call."""


class _Program(ctypes.Structure):
    """struct sock_fprog of include/uapi/linux/filter.h."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def log_all_calls() -> None:
    """Have the kernel log all calls of this process and its children from now on."""
    abi = abi_named(platform.machine())
    number = table_of(abi).number_of("seccomp") if abi else None
    assert number is not None, platform.machine()
    libc = ctypes.CDLL(None, use_errno=True)
    filter_program = ctypes.byref(_Program(1, _RETURN_LOG))
    for failed in (
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        libc.syscall(number, _SECCOMP_SET_MODE_FILTER, 0, filter_program),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def start_logged(
    program: Path | str, *args: Path | str, stdin: int | IO[Any] = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a program so that the kernel logs all its calls. The execve itself is still the launcher's."""
    return subprocess.Popen([sys.executable, __file__, program, *args], stdin=stdin, stdout=subprocess.DEVNULL)


def run_logged(program: Path | str, *args: Path | str) -> int:
    """Run a program to its end; returns its pid."""
    process = start_logged(program, *args)
    assert process.wait(60) == 0
    return process.pid


if __name__ == "__main__":
    log_all_calls()
    arguments = [os.fsencode(argument) for argument in sys.argv[1:]]
    ctypes.CDLL(None).execv(arguments[0], (ctypes.c_char_p * len(sys.argv))(*arguments, None))
    sys.exit(f"{sys.argv[1]} cannot be started")
