"""What to say of words that are none of those that are known."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.errors import did_you_mean, shown
from audit2seccomp.kernel.syscalls import all_names

MAX_HINTS = 20
"""Looking for similar names takes 5 ms each."""
_LONGEST = 40
"""No name that is known is longer."""


def hint(word: str, known: Iterable[str], before: int) -> str:
    """The end of a message about an unknown word: `: did you mean openat?`, for the first few. `before` is the number
    of problems so far."""
    return did_you_mean(word, known) if before < MAX_HINTS and len(word) <= _LONGEST else ""


def not_a_call(name: str, before: int) -> str:
    """The message about a name in no table of any architecture."""
    return f"no call of any architecture: {shown(name)}{hint(name, all_names(), before) or ': --lenient takes it'}"
