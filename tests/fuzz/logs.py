"""Logs as a whole: what they say does not depend on how they are cut, packed, or read in parts."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from audit2seccomp.errors import ArchiveError, InputError
from audit2seccomp.evidence.beginning import STRACE
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries import detect, header_at, may_be_strace
from audit2seccomp.evidence.inputs.sources import Source
from audit2seccomp.evidence.model import Evidence, Progress
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored import files, state
from audit2seccomp.evidence.text.compiled import is_compiled
from audit2seccomp.evidence.text.lines import JSON_STARTS
from audit2seccomp.kernel.abi import abi_named
from tests.evidence import line_by_line, scans
from tests.fuzz.target import Target, beginnings, chance, in_pieces, lines_of, some_cuts

TEXTS = ("recorded/*.log", "recorded/dmesg*.txt", "recorded/journal-short*.txt", "hostile/*/*.log", "shapes/*/*.log")
STRUCTURED = {
    "json": ("recorded/journal-json*", "recorded/journal-*-json*", "journal/*json*", "recorded/*json*"),
    "export": ("recorded/journal*export*", "journal/*.export"),
    "verbose": ("recorded/journal*verbose*", "journal/*.verbose"),
    STRACE: ("strace/*.strace",),
}
WORDS = (
    b"type=1326 audit(", b"type=SECCOMP msg=audit(", b"SECCOMP auid=", b"kernel: [", b"audit: ", b"syscall=",
    b"arch=c000003e", b"code=0x7ffc0000", b'comm="', b"\x1d", b"\n", b"\x00", b"]: ",
    b"last message repeated 9 times", b"callbacks suppressed", b"auid=", b"subj=", b"#011", b"\\n", b"<6>", b"node=",
    b"\xef\xbb\xbf", b"backlog limit exceeded",
)  # fmt: skip
JSON_WORDS = (
    b'"MESSAGE":',
    b'"_TRANSPORT":"kernel"',
    b'"__CURSOR":',
    b"\\u0000",
    b"[49,51]",
    b"{",
    b"}",
    b"null",
    b"\x1e",
)
EXPORT_WORDS = (b"MESSAGE\n", b"\x05\0\0\0\0\0\0\0", b"_TRANSPORT=audit", b"__CURSOR=s=", b"_AUDIT_TYPE=1326", b"\n\n")
STRACE_WORDS = (b" <unfinished ...>", b"resumed>", b") = ", b"[pid 7] ", b"strace: Process 7 attached", b"syscall_0x9(")
X86_64 = abi_named("x86_64")
NO_TEXT = "binary data, not a text log"


def scanned(pieces: Iterable[bytes], trust: Trust, form: str | None) -> Evidence:
    """What a scanner says of an input that comes in pieces."""
    scanner = Scanner(trust, form=form, strace_abi=X86_64)
    scanner.start_input("log")
    for piece in pieces:
        scanner.feed(piece)
    scanner.finish_input()
    return scanner.evidence()


def said(evidence: Evidence) -> object:
    """All that does not depend on which of several records counts that claim one serial: the first one that is read,
    which is of another group of entries where blocks are cut otherwise."""
    return line_by_line.claims(evidence), evidence.lines, evidence.rejected, evidence.refused, evidence.losses


def check_cuts(data: bytes, form: str | None = None) -> None:
    """Cuts make no difference, and what comes out is an evidence file."""
    trust = chance(data).choice(list(Trust))
    whole = scanned([data], trust, form)
    assert said(scanned(in_pieces(data, some_cuts(data)), trust, form)) == said(whole)
    if whole.lines:
        text = files.to_text(whole)
        assert files.to_text(files.from_bytes(text.encode(), "e")) == text


def check_lines(data: bytes) -> None:
    """A text log is read as it is line by line, also when its shapes are known."""
    if not is_text(data):
        return
    trust, cuts = chance(data).choice(list(Trust)), some_cuts(data)
    own = line_by_line.with_own_serials(data)
    one_by_one = line_by_line.without_text(line_by_line.slowly(own, trust))
    assert line_by_line.without_text(line_by_line.scanned(own, cuts, trust, own=False)) == one_by_one
    claimed = line_by_line.claims(line_by_line.slowly(data, trust))
    assert line_by_line.claims(line_by_line.scanned(data, cuts, trust, own=False)) == claimed
    assert line_by_line.claims(line_by_line.scanned(data, (), trust, warm=data, own=False)) == claimed


def check_compiled(data: bytes) -> None:
    """The compiled scan says what the pure one says, with any number of workers, also of lines that come again."""
    assert is_compiled(), "there is no compiled scan"
    if not is_text(data):
        return
    trust = chance(data).choice(list(Trust))
    for log in (data, line_by_line.with_own_serials((data + b"\n") * 3)):
        cuts = some_cuts(log)
        found = scans.scanned(log, cuts, trust)
        pure = scans.scanned(log, cuts, trust, pure=True)
        if log is not data:
            assert line_by_line.without_text(found) == line_by_line.without_text(pure)
        assert scans.said(found) == scans.said(pure)
        assert files.to_text(scans.scanned(log, cuts, trust, jobs=2)) == files.to_text(found)


def is_text(data: bytes) -> bool:
    """Whether nothing in a log is, or looks like, a part of a structured one: those are other checks' matter."""
    lines = data.split(b"\n")
    structured = detect(data) is not None or may_be_strace(data) or any(header_at(line, 0) for line in lines)
    json = any(line.lstrip(b"\0").startswith(JSON_STARTS) or line.endswith((b'"}', b'"},')) for line in lines)
    return not structured and not json


def check_nights(data: bytes) -> None:
    """A log that is read in two runs says what it says in one, if the second one does not show another form of it."""
    trust = chance(data).choice(list(Trust))
    cut = chance(data).randrange(len(data) + 1)
    try:
        scanner, progress, unended = paused(data[:cut], trust)
        if progress.form not in (None, paused(data, trust)[1].form):
            return
    except InputError:
        return
    again = resumed(scanner, trust, progress)
    again.feed(data[cut - unended :])
    again.finish_input()
    assert said(again.evidence()) == said(scanned([data], trust, None))


def paused(data: bytes, trust: Trust) -> tuple[Scanner, Progress, int]:
    """A scanner that has read so much, where it is, and how many bytes it left; raises InputError."""
    scanner = Scanner(trust)
    scanner.start_input("log")
    scanner.feed(data)
    return scanner, *scanner.pause_input()


def resumed(scanner: Scanner, trust: Trust, progress: Progress) -> Scanner:
    """A scanner that goes on where another one paused, by way of a state file."""
    log = state.Log("log", progress, [])
    saved = state.to_text(state.State(scanner.evidence(), {}, {"log": log}, scanner.memory()))
    loaded = state.from_bytes(saved.encode(), "state")
    again = Scanner(trust)
    again.take_over(loaded.evidence, loaded.memory)
    again.start_input("log", progress=loaded.logs["log"].progress)
    return again


def check_archives(data: bytes) -> None:
    """However an archive comes, it holds the same, and what is wrong with it is said in the same way. Only what is no
    text is known by the first block, however large that is."""
    whole, cut = unpacked([data]), unpacked(in_pieces(data, some_cuts(data)))
    assert cut == whole or any(error.endswith(NO_TEXT) for _, error in (cut, whole))


def unpacked(pieces: Iterable[bytes]) -> tuple[bytes, str]:
    """What an input holds, and what is said of it."""
    chunks = iter([piece for piece in pieces if piece])
    held: list[bytes] = []
    try:
        held += Source("log", lambda: next(chunks, b"")).blocks()
    except ArchiveError as error:
        return b"".join(held), str(error)
    except InputError as error:
        return b"".join(held), f"not an archive: {error}"
    return b"".join(held), ""


def archives() -> Iterator[bytes]:
    """Small archives of each kind."""
    for text in (b"", b"kernel: one\n" * 9, *lines_of(beginnings("recorded/dmesg*.txt"))[:20]):
        yield from (gzip.compress(text, mtime=0), bz2.compress(text), lzma.compress(text), text)
        yield gzip.compress(text, mtime=0) + gzip.compress(text[:5], mtime=0)


def _structured(form: str, words: tuple[bytes, ...]) -> Target:
    check: Callable[[bytes], None] = partial(check_cuts, form=form)
    return Target(form, check, lambda: beginnings(*STRUCTURED[form]), (*WORDS, *words))


TARGETS = (
    Target("lines", check_lines, lambda: beginnings(*TEXTS), WORDS),
    Target("compiled", check_compiled, lambda: beginnings(*TEXTS), WORDS),
    Target("forms", check_cuts, lambda: beginnings(*TEXTS, *sum(STRUCTURED.values(), ())), (*WORDS, *JSON_WORDS)),
    _structured("json", JSON_WORDS),
    _structured("export", EXPORT_WORDS),
    _structured("verbose", (b"    MESSAGE=", b" [s=", b";i=", b"    _TRANSPORT=audit")),
    _structured(STRACE, STRACE_WORDS),
    Target("nights", check_nights, lambda: beginnings(*TEXTS, *STRUCTURED["json"]), (*WORDS, *JSON_WORDS)),
    Target(
        "archives", check_archives, archives, (b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\0\0\0")
    ),
)
