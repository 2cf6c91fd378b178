"""Profile formats: one module each, named in `WRITERS`."""

from __future__ import annotations

from collections.abc import Callable

from audit2seccomp.formats import oci
from audit2seccomp.profile.model import Profile

WRITERS: dict[str, Callable[[Profile], str]] = {"oci": oci.write}
"""Format name → what writes it."""
