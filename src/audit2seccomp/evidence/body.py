"""What a body says, whoever wrote it: the one place that chooses the parser."""

from __future__ import annotations

from audit2seccomp.evidence.model import Parsed, Reject
from audit2seccomp.evidence.record import parse_record

_OPENING = b"type=SECCOMP msg=audit("
_STAMP_BYTES = 96
"""ausearch prints no longer date, time and serial."""


def parse_body(body: bytes, assume_arch: int | None = None) -> Parsed | Reject | None:
    """Read a body as `parse_record` does, or where ausearch interpreted it as `parse_interpreted` does."""
    if body.startswith(_OPENING) and b") : " in body[: len(_OPENING) + _STAMP_BYTES]:
        from audit2seccomp.evidence.interpreted import parse_interpreted

        interpreted = parse_interpreted(body)
        if interpreted is not None:
            return interpreted
    return parse_record(body, assume_arch)
