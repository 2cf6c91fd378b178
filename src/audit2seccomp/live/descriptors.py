"""The descriptors that this process was given for the command. Nobody else is to hold them: whoever reads from a pipe
waits until all have let it go that could write into it."""

from __future__ import annotations

import os
from collections.abc import Container
from contextlib import suppress

_STDIN, STDOUT, STDERR = _STANDARD = range(3)


def fill_standard() -> None:
    """See that nothing which this process opens gets a number of the standard streams, where it was started without
    them. The command is started without them, too."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) in _STANDARD:
        pass
    os.close(descriptor)


def let_go(kept: Container[int]) -> None:
    """Hold none of them but those that are kept. What Python opens itself is not inherited (PEP 446), and stays."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):  # the listing's own is gone; where dup3(2) is denied they are held
            if descriptor not in kept and os.get_inheritable(descriptor):
                os.dup2(nothing, descriptor, inheritable=False)
    os.close(nothing)
