"""What one scanner found in one input, or a part of it, for another one to count as if it had read that itself."""

from __future__ import annotations

from audit2seccomp.evidence.model import Evidence, Progress
from audit2seccomp.evidence.once import Placed
from audit2seccomp.named_tuple import NamedTuple


class Portion(NamedTuple):
    """All that the other one must know."""

    name: str
    evidence: Evidence
    placed: list[Placed]
    """The serials, in the order of the input."""
    asked: int
    """See `Scanner.asked`."""
    unknown_fields: dict[str, list[str]]
    """See `Scanner.unknown_fields`."""
    runtimes: set[bytes]
    """See `Decider.runtimes`."""
    application: bool
    """What was taken for certain of the lines above, see `Context.continues`."""
    progress: Progress
    """Where the next part goes on."""
