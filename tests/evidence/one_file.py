"""An evidence file, and what is said of it when somebody edits it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from audit2seccomp.errors import EvidenceFileError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Count, Evidence, Origin, RecordKey, Sample, Segment
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored import checking
from audit2seccomp.evidence.stored.files import from_bytes, to_text

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json.loads((ROOT / "docs" / "evidence.schema.json").read_text())
KEY = RecordKey(0xC000003E, 59, 0x7FFC0000, b"nginx", b"/usr/sbin/nginx", 0, None, Origin("kern.log", "web1"))
SEGMENT = Segment("kern.log", "web1", None, 10, 20, 1000, 2000, 11)
EVIDENCE = Evidence(
    {KEY: Count(2, 0, 7, 1000, 2000), KEY._replace(comm=b"a\nb", nr=1): Count(1)},
    9,
    {"cut": Sample(1, ("kern.log", 3), b"\xff")},
    {},
    {"printk-limit": Sample(3, ("kern.log", 4), b"callbacks suppressed")},
    (SEGMENT,),
    unselected=8,
    trust=Trust.ANCHORED,
)


def scanned(data: bytes, name: str = "log", **options: Any) -> Evidence:
    """The evidence of a log."""
    scanner = Scanner(**options)
    scanner.start_input(name)
    scanner.feed(data)
    scanner.finish_input()
    return scanner.evidence()


def edited(change: Callable[[dict[str, Any]], object], file: bytes = to_text(EVIDENCE).encode()) -> bytes:
    """A file that somebody edited."""
    document = json.loads(file)
    change(document)
    return json.dumps(document).encode()


def put(*path: str | int, to: object) -> Callable[[dict[str, Any]], object]:
    """An edit."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = to

    return change


JUNK: st.SearchStrategy[object] = st.sampled_from([None, True, -1, 7, 1.5, "x", [], {}, float("nan")])
ADVICE = ": make it again with audit2seccomp collect"
WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "newer": (put("version", to=2), "/version: written by a newer audit2seccomp (format 2, this one reads 1)"),
    "older": (put("version", to=0), "/version: 0 is not within 1 and 1"),
    "boolean version": (put("version", to=True), "/version: true is no whole number"),
    "no level": (lambda document: document.pop("trust"), 'no "trust" in it'),
    "unknown level": (put("trust", to="kernel"), '/trust: "kernel" is no level of trust: one of authenticated, anchored, embedded'),  # noqa: E501
    "level as a number": (put("trust", to=1), "/trust: 1 is no level of trust: one of authenticated, anchored, embedded"),  # noqa: E501
    "level in capitals": (put("trust", to="Embedded"), '/trust: "Embedded" is no level of trust: one of authenticated, anchored, embedded'),  # noqa: E501
    "negative": (put("counts", 0, "numbered", to=-1), "/counts/0/numbered: -1 is not within 0 and 9223372036854775807"),
    "huge": (put("repeated", to=2**63), "/repeated: 9223372036854775808 is not within 0 and 9223372036854775807"),
    "fraction": (put("lines", to=1.5), "/lines: 1.5 is no whole number"),
    "unknown member": (put("linse", to=1), "/linse: there is no member of that name: did you mean lines?"),
    "unknown member of a key": (put("counts", 1, "pid", to=1), "/counts/1/pid: there is no member of that name: did you mean uid?"),  # noqa: E501
    "missing member": (lambda document: document.pop("losses"), 'no "losses" in it'),
    "no arch": (lambda document: document["counts"][0].pop("arch"), '/counts/0: no "arch" in it'),
    "unknown arch": (put("counts", 0, "arch", to="dead"), '/counts/0/arch: "dead" is no architecture that the kernel defines'),  # noqa: E501
    "arch as a number": (put("counts", 0, "arch", to=62), "/counts/0/arch: 62 is not a number of and 1 to 8 hex digits in lower case"),  # noqa: E501
    "code": (put("counts", 0, "code", to="7ffc0000"), '/counts/0/code: "7ffc0000" is not 0x and 1 to 8 hex digits in lower case'),  # noqa: E501
    "origin": (put("counts", 0, "origin", to=1), "/counts/0/origin: there are 1 origins, counted from 0"),
    "odd hex": (put("counts", 0, "comm", to={"hex": "abc"}), '/counts/0/comm/hex: "abc" is not pairs of hex digits in lower case'),  # noqa: E501
    "blanks in hex": (put("counts", 0, "comm", to={"hex": "61 6"}), '/counts/0/comm/hex: "61 6" is not pairs of hex digits in lower case'),  # noqa: E501
    "list for a name": (put("counts", 0, "comm", to=[]), '/counts/0/comm: an array is neither a string nor {"hex": "…"}'),  # noqa: E501
    "half a pair": (put("counts", 0, "comm", to="\ud800"), '/counts/0/comm: half of a surrogate pair is no text: bytes are written as {"hex": "…"}'),  # noqa: E501
    "twice": (lambda document: document["counts"].append(document["counts"][0]), "/counts/2: says the same as one before, but for what was counted"),  # noqa: E501
    "reason twice": (lambda document: document["rejected"].append(document["rejected"][0]), "/rejected/1: says the same as one before, but for what was counted"),  # noqa: E501
    "times": (put("counts", 1, "last", to=999), "/counts/1/last: the latest time is before the first"),
    "segment": (put("segments", 0, "last_serial", to=9), "/segments/0: it ends before it begins"),
    "no event": (put("segments", 0, "events", to=0), "/segments/0/events: 0 is not within 1 and 9223372036854775807"),
    "object for an array": (put("counts", to={}), "/counts: an object is no array"),
    "no origins": (put("origins", to=None), "/origins: null is no array"),
    "loss": (put("losses", 0, "reason", to="printk"), "/losses/0/reason: there is no loss of that kind: did you mean printk-limit?"),  # noqa: E501
    "long": (put("lines", to="x" * 1000), f'/lines: "{"x" * 59}… is no whole number'),
    "half a state": (put("logs", to=[]), "of options, logs, seen it has some and not all"),
}  # fmt: skip


FILE = to_text(EVIDENCE).encode()


def outcome(data: bytes, *, quick: bool) -> Evidence | str:
    """What is read, or what is said of it."""
    with patch.object(checking, "QUICK_BYTES", 0 if quick else len(data) + 1):
        try:
            return from_bytes(data, "e.json")
        except EvidenceFileError as error:
            return str(error)
