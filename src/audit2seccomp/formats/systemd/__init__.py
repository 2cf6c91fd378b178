"""systemd's settings for system calls, in a drop-in or a unit file: systemd.exec(5), "System Call Filtering"."""

from __future__ import annotations

from audit2seccomp.formats.systemd.reading import read, recognises
from audit2seccomp.formats.systemd.writing import write

__all__ = ["read", "recognises", "write"]
