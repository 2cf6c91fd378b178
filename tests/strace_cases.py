"""The traces under fixtures/strace/, found by glob: NAME.strace, and what it must yield as NAME.calls.

`python -m tests.strace_cases` writes what they yield; read the difference before you commit it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from audit2seccomp.evidence.entries.entry import Call, Problem
from audit2seccomp.evidence.entries.strace import StraceDecoder
from audit2seccomp.kernel.abi import abi_named, abi_of
from audit2seccomp.kernel.syscalls import table_of

FOLDER = Path(__file__).parent.parent / "fixtures" / "strace"


def traces() -> list[Path]:
    """The traces. An empty folder is an error, not a pass."""
    found = sorted(FOLDER.glob("*.strace"))
    assert found, "no traces"
    return found


def read(text: bytes, size: int | None = None, abi: str = "x86_64") -> list[Call | Problem]:
    """What a decoder makes of a trace that comes in blocks of that size, or in one."""
    named = abi_named(abi)
    assert named is not None
    decoder = StraceDecoder(named)
    size = size or max(len(text), 1)
    found: list[Call | Problem] = []
    for at in range(0, len(text), size):
        found += decoder.feed(text[at : at + size])
    found += decoder.finish()
    assert decoder.lines == text.count(b"\n") + (text[-1:] not in (b"", b"\n"))
    return found


def names(found: list[Call | Problem]) -> Counter[str]:
    """How often each call was seen, by ABI and name."""
    seen: Counter[str] = Counter()
    for one in found:
        if isinstance(one, Call):
            abi = abi_of(one.arch, one.nr)
            assert abi is not None
            seen[f"{abi.name} {table_of(abi).name_of(one.nr) or one.nr}"] += 1
    return seen


def yields(path: Path) -> str:
    """What a trace yields, as text: the calls, then what could not be read."""
    found = read(path.read_bytes())
    lines = sorted(f"{name} x{count}" for name, count in names(found).items())
    problems = Counter(one.reason for one in found if isinstance(one, Problem))
    return "".join(f"{line}\n" for line in [*lines, *(f"{reason}: x{count}" for reason, count in problems.items())])


if __name__ == "__main__":
    for trace in traces():
        trace.with_suffix(".calls").write_text(yields(trace))
