"""Evidence and state files: two readers that agree, and what is read is written as it was meant."""

from __future__ import annotations

from collections.abc import Iterable

from audit2seccomp.errors import EvidenceFileError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import Evidence, Progress
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored import files, state
from audit2seccomp.evidence.stored.recognising import ELEMENTS, FORMAT, OTHERS, Recogniser
from tests.evidence.one_file import FILE, outcome
from tests.fuzz.logs import TEXTS
from tests.fuzz.target import Target, beginnings, in_pieces, some_cuts

WORDS = (
    *(f'"{name}":'.encode() for array, names in ELEMENTS.items() for name in (array, *names.split())),
    *(f'"{name}":'.encode() for name in OTHERS),
    FORMAT.encode(), b'{"hex":"ff"}', b"[", b"]", b"{", b"}", b",", b"null", b"-1", b"1e3", b"0.5", b"\\u003a",
)  # fmt: skip


def check_evidence(data: bytes) -> None:
    """Both readers read the same or say the same, and evidence that was read survives writing."""
    read = outcome(data, quick=False)
    assert outcome(data, quick=True) == read
    if isinstance(read, Evidence):
        text = files.to_text(read)
        assert files.from_bytes(text.encode(), "e.json") == read
        assert files.to_text(files.from_bytes(text.encode(), "e.json")) == text


def check_state(data: bytes) -> None:
    """A state that was read survives writing, and what goes on from it can be written."""
    try:
        read = state.from_bytes(data, "s.json")
    except EvidenceFileError:
        return
    text = state.to_text(read)
    again = state.from_bytes(text.encode(), "s.json")
    assert again == read
    scanner = Scanner(Trust.EMBEDDED)
    scanner.take_over(read.evidence, read.memory)
    kept = state.State(scanner.evidence(), read.options, read.logs, scanner.memory())
    assert state.from_bytes(state.to_text(kept).encode(), "s.json").evidence == read.evidence


def check_recognised(data: bytes) -> None:
    """Whether a file is evidence does not depend on how it comes; what can be read as evidence is."""
    whole = recognised([data])
    assert recognised(in_pieces(data, some_cuts(data))) == whole
    if isinstance(outcome(data, quick=False), Evidence):
        assert whole


def recognised(pieces: Iterable[bytes]) -> bool:
    """What is said of an input that comes in pieces."""
    recogniser = Recogniser()
    for piece in pieces:
        seen = recogniser.look(piece)
        if seen is not None:
            return seen
    return recogniser.end()


def evidence_files() -> list[bytes]:
    """What small logs yield, and the states of runs that read them."""
    found = [FILE]
    for log in beginnings(*TEXTS)[::10]:
        scanner = Scanner(Trust.EMBEDDED)
        scanner.start_input("log")
        scanner.feed(log)
        progress, _ = scanner.pause_input()
        position = state.Position(1, 2, len(log), "0" * 64, 64, 3)
        read = state.State(
            scanner.evidence(), {"--trust": "embedded"}, {"log": _log(progress, position)}, scanner.memory()
        )
        found += [files.to_text(read.evidence).encode(), state.to_text(read).encode()]
    return [one for one in found if len(one) < 4096]


def _log(progress: Progress, position: state.Position) -> state.Log:
    return state.Log("log", progress, [position], "s=1;i=2")


TARGETS = (
    Target("evidence-file", check_evidence, evidence_files, WORDS),
    Target("state-file", check_state, evidence_files, WORDS),
    Target("recognising", check_recognised, evidence_files, WORDS),
)
