"""What decoders say of bytes, and what tests compare of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries import FORMS, detect
from audit2seccomp.evidence.entries.entry import Entry, Found, Problem

FIXTURES = Path(__file__).parents[3] / "fixtures"
RECORDED = FIXTURES / "recorded"
JOURNAL = FIXTURES / "journal"
RECORD = (
    b"auid=4294967295 uid=0 gid=0 ses=4294967295 pid=12876 "
    b'comm="trig" exe="/bin/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 code=0x7ffc0000'
)
PRINTK = b"audit: type=1326 audit(1795338117.078:85228): " + RECORD
AUDITD = b"type=SECCOMP msg=audit(1795338117.078:85228): " + RECORD
JOURNALD = b"SECCOMP " + RECORD


def decoded(data: bytes, form: str | None = None, cuts: Iterable[int] = ()) -> list[Found]:
    """What the decoder of a form, or that of the detected one, says of an input that comes in these blocks."""
    make = FORMS[form] if form else detect(data)
    assert make is not None, "it was taken for a text log"
    decoder = make()
    found: list[Found] = []
    start = 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += decoder.feed(data[start:cut])
        start = cut
    found += decoder.finish()
    assert decoder.lines == data.count(b"\n") + (data[-1:] not in {b"", b"\n"})
    return found


def entries(found: Iterable[Found]) -> list[Entry]:
    """The entries among what was found."""
    return [one for one in found if isinstance(one, Entry)]


def problems(found: Iterable[Found]) -> list[tuple[str, int]]:
    """The problems among it: why and where."""
    return [(one.reason, one.line) for one in found if isinstance(one, Problem)]


def said(found: Iterable[Found]) -> list[tuple[str, str, bytes]]:
    """Each message with its level and who speaks."""
    return [(entry.carrier.trust.name.lower(), entry.tag, entry.message) for entry in entries(found)]


def believed(found: Iterable[Found]) -> list[bytes]:
    """The messages that are more than embedded."""
    return [entry.message for entry in entries(found) if entry.carrier.trust > Trust.EMBEDDED]
