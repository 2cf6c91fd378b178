"""The cases under fixtures/: found by glob, so that a new one is two new files.

`python -m tests.corpus` counts the minted ones by class. `python -m tests.corpus --write-yields` writes what the
recorded ones yield; read the difference before you commit it.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.scan import Scanner

FIXTURES = Path(__file__).parent.parent / "fixtures"

NOT_READ: set[str] = set()
"""Classes whose carrier is not read."""

Seen = Counter[tuple[str | None, int, str | None, str | None, str | None]]
"""How often each arch (hex), number, comm, exe and code (hex) came out."""


@dataclass(frozen=True)
class Case:
    """One minted sample and what it must yield."""

    name: str
    sample_class: str
    data: bytes
    meta: dict[str, Any]

    @property
    def wanted(self) -> Seen:
        """The records that are in the sample."""
        return seen_in(self.meta["expect"])

    @property
    def also(self) -> list[Seen]:
        """Other readings that are right too."""
        return [seen_in(records) for records in self.meta.get("accept_also", ())]


def seen_in(records: list[dict[str, Any]]) -> Seen:
    """Count expected records; one that stands for a repetition counts as often."""
    seen: Seen = Counter()
    for one in records:
        # Where the sample leaves several codes possible, the first is what docs/records.md makes of it.
        code = one.get("code") or next(iter(one.get("code_any", ())), None)
        key = (one.get("arch_hex"), one["syscall"], one.get("comm"), one.get("exe"), code)
        seen[key] += one.get("repeat", 1)
    return seen


def seen_by(evidence: Evidence) -> Seen:
    """The same of evidence."""
    seen: Seen = Counter()
    for key, count in evidence.counts.items():
        code = None if key.code is None else f"{key.code:#x}"
        seen[f"{key.arch:x}", key.nr, _text(key.comm), _text(key.exe), code] += count.events
    return seen


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="surrogateescape")


def read_bytes(data: bytes, trust: Trust = Trust.ANCHORED, assume_arch: int | None = None) -> Evidence:
    """What a scanner makes of an input that comes in one block."""
    scanner = Scanner(trust, assume_arch)
    scanner.start_input("sample")
    scanner.feed(data)
    scanner.finish_input()
    return scanner.evidence()


@cache
def cases(kind: str) -> list[Case]:
    """All cases of `shapes` or `hostile`. An empty folder is an error, not a pass."""
    found = [
        Case(path.stem, path.parent.name, path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
        for path in sorted((FIXTURES / kind).glob("*/*.log"))
    ]
    assert found, f"no cases under fixtures/{kind}"
    return found


def recorded() -> list[Path]:
    """The recorded logs; each has what it must yield beside it, as NAME.yields."""
    found = sorted(path for path in (FIXTURES / "recorded").iterdir() if path.suffix in {".log", ".txt"})
    assert found, "no recorded logs"
    return found


def yields(path: Path) -> str:
    """What a recorded log yields, as text: the events by call, then what was left out."""
    evidence = read_bytes(path.read_bytes())
    lines = [
        " ".join(repr(part) if i in (2, 3) else str(part) for i, part in enumerate(key)) + f" x{events}"
        for key, events in seen_by(evidence).items()
    ]
    for what, samples in (("rejected", evidence.rejected), ("refused", evidence.refused)):
        lines += [
            f"{what} {reason}: x{sample.events}, first in line {sample.place[1]}" for reason, sample in samples.items()
        ]
    return "".join(f"{line}\n" for line in sorted(lines))


def is_right(case: Case, seen: Seen) -> bool:
    """Whether a reading at the default level is what the case asks for."""
    match case.meta["default"]:
        case "accept":
            return seen == case.wanted or seen in case.also
        case "either":
            return not seen or seen == case.wanted or seen in case.also
        case _:
            return not seen


def main() -> int:
    """Print the counts by class; 1 if a case of a carrier that is read is wrong."""
    if sys.argv[1:] == ["--write-yields"]:
        for path in recorded():
            path.with_name(f"{path.name}.yields").write_text(yields(path))
        return 0
    wrong = 0
    for kind in ("shapes", "hostile"):
        right: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for case in cases(kind):
            label = f"{case.sample_class}{' (not read)' if case.sample_class in NOT_READ else ''}"
            total[label] += 1
            fine = is_right(case, seen_by(read_bytes(case.data)))
            right[label] += fine
            wrong += not fine and case.sample_class not in NOT_READ
        sys.stdout.write(f"{kind}: {right.total()} right of {total.total()}\n")
        for label in sorted(total):
            sys.stdout.write(f"    {label}: {right[label]} of {total[label]}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
