"""What a carrier is: a way in which a log tool puts one record on one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from .record import Age, KernelRecord

Trust = Literal["authenticated", "anchored"]
Write = Callable[[KernelRecord, Random], bytes]

TAGGED = frozenset({Age.CURRENT, Age.V3_16})
LATER = frozenset(Age) - {Age.V3_5}


@dataclass(frozen=True, slots=True)
class Carrier:
    """A line's writer and what a reader may conclude from the line's structure alone."""

    write: Write
    """The line without its newline; the dice decide everything that is not the record's."""
    trust: Trust = "anchored"
    stamped: bool = True
    """The line carries the kernel's time and serial."""
    repeat: int = 1
    """How many events the line stands for."""
    ages: frozenset[Age] = frozenset(Age)
    """The kernels whose records the tool can have written so."""


def text(prefix: str) -> bytes:
    """A prefix's bytes."""
    return prefix.encode()


def in_kernel_log(prefix: Callable[[Random], str]) -> Write:
    """The kernel's message behind that prefix."""
    return lambda record, rnd: text(prefix(rnd)) + record.printk()
