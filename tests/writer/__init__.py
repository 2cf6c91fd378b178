"""Writes SECCOMP records, and the lines of logs around them, as the kernel and the log tools do. Knows no parser."""

from .carrier import Carrier
from .forgeries import FORGERIES
from .record import Age, Form, KernelRecord, untrusted
from .strategies import CARRIERS, FORGED, forgeries, lines, noise_lines, records

__all__ = [
    "CARRIERS",
    "FORGED",
    "FORGERIES",
    "Age",
    "Carrier",
    "Form",
    "KernelRecord",
    "forgeries",
    "lines",
    "noise_lines",
    "records",
    "untrusted",
]
