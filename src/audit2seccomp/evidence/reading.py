"""Inputs → Evidence: sources fed to a scanner, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard

from audit2seccomp.errors import CutInputError, UsageError
from audit2seccomp.evidence.carriers import LEVELS, Trust
from audit2seccomp.evidence.entries import may_be_strace
from audit2seccomp.evidence.inputs.sources import Reader, Source, from_file, from_lines, from_path, peek
from audit2seccomp.evidence.inputs.stretches import stretches
from audit2seccomp.evidence.model import Evidence, Progress
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored.recognising import Recogniser
from audit2seccomp.kernel.abi import abi_named, all_abis

if TYPE_CHECKING:
    from audit2seccomp.evidence.stored.state import State

Input = str | bytes | os.PathLike[str] | Reader
"""A path, `"-"` for standard input, an open file, or a line: bytes, or a str that ends in a newline."""


def read(inputs: Input | Iterable[Input], *, trust: str = "anchored", assume_arch: str | None = None) -> Evidence:
    """Read logs, or evidence files in place of logs, and say what they show.

    `inputs`: a path, an open file (binary or text), lines, or an iterable of these. `trust`: "authenticated",
    "anchored" or "embedded", the least proof of the kernel's authorship that a record needs, also one in an evidence
    file. `assume_arch`: the architecture of records that old kernels wrote without `arch=`, such as "x86_64". Bad lines
    never raise; they are counted in `Evidence.rejected` and `Evidence.refused`. Nor does an archive that is cut or
    damaged: what it holds before that place counts, and `Evidence.losses` tells of it.

    Raises InputError for an input that cannot be read or is no text and for an evidence file of a lower level, and
    UsageError for an unknown level or architecture. Warns of an evidence file whose events may be in another input
    too."""
    scanner = Scanner(trust_named(trust), None if assume_arch is None else arch_named(assume_arch))
    for source in _sources(inputs):
        with suppress(CutInputError):
            scan_source(scanner, source)
    for overlap in scanner.overlaps():
        from warnings import warn

        warn(str(overlap), stacklevel=2)
    return scanner.evidence()


def scan_source(scanner: Scanner, source: Source, progress: Progress | None = None) -> None:
    """Feed one input to a scanner, to its end or to an exception; what was read until then counts. With `progress` it
    is the rest of an input, and goes on there: see `Scanner.start_input`. That a damaged
    archive raises ArchiveError, and a file that was truncated meanwhile TruncatedError, is noted in the evidence too.
    An evidence file counts as a whole or not at all: it may raise EvidenceFileError, or UsageError for what a query
    asks of it."""
    scanner.start_input(source.name, progress=progress)
    blocks = source.blocks()
    try:
        if progress is None:
            start, holds_evidence = _start_of(blocks)
            if holds_evidence:
                from audit2seccomp.evidence.stored.files import from_bytes

                scanner.add(source.name, from_bytes(_whole(start, blocks), source.name))
                return
            scanner.inputs.append(source.name)
            if start:
                scanner.feed(start)
        _feed_stretches(scanner, source)
        for block in blocks:
            scanner.feed(block)
            _feed_stretches(scanner, source)
    except CutInputError:
        scanner.miss_the_rest()
        raise
    finally:
        blocks.close()
        scanner.finish_input()


def _feed_stretches(scanner: Scanner, source: Source) -> None:
    """Feed the lines that can be read by their place, up to the next that cannot."""
    unended = scanner.unended
    if source.file is None or unended is None:
        return
    try:
        for stretch in stretches(source.name, source.file, unended, source.end):
            source.pause()
            scanner.feed_stretch(stretch)
            source.advance(stretch.size)
    finally:
        scanner.catch_up()  # while the file is open


def all_traces(paths: Iterable[str]) -> bool:
    """Whether all of these are files of strace's output, as far as their beginnings show."""
    heads: list[bytes] = []
    for path in paths:
        head = peek(path)
        if head is None or (head and not may_be_strace(head)):
            return False  # so that other logs cost one look at one file
        heads.append(head)
    from audit2seccomp.evidence.entries.strace import are_one_trace

    return are_one_trace(heads)


def load_state(path: str) -> State:
    """The state in a file; raises InputError."""
    from audit2seccomp.evidence.stored import state

    blocks = from_path(path).blocks()
    try:
        return state.from_bytes(_whole(b"", blocks), path)
    finally:
        blocks.close()


def _start_of(blocks: Iterator[bytes]) -> tuple[bytes, bool]:
    """The first blocks, and whether they begin an evidence file."""
    recogniser = Recogniser()
    pieces: list[bytes] = []
    for block in blocks:
        pieces.append(block)
        holds_evidence = recogniser.look(block)
        if holds_evidence is not None:
            return b"".join(pieces), holds_evidence
    return b"".join(pieces), recogniser.end()


def _whole(start: bytes, blocks: Iterator[bytes]) -> bytes:
    """All of an evidence file, or more than it may have."""
    from audit2seccomp.evidence.stored.files import MAX_FILE_BYTES

    pieces = [start]
    size = len(start)
    for block in blocks:
        pieces.append(block)
        size += len(block)
        if size > MAX_FILE_BYTES:
            break
    return b"".join(pieces)


def trust_named(name: str) -> Trust:
    """The level of that name; raises UsageError."""
    try:
        return LEVELS[name.lower()]
    except KeyError:
        raise UsageError(f"--trust: no level '{name}': one of {', '.join(LEVELS)}") from None


def arch_named(name: str) -> int:
    """The AUDIT_ARCH_* number of an architecture in any common spelling; raises UsageError."""
    abi = abi_named(name)
    if abi is None:
        raise UsageError(f"--assume-arch: no architecture '{name}': one of {', '.join(a.name for a in all_abis())}")
    return abi.audit_arch


def _sources(inputs: Input | Iterable[Input]) -> Iterable[Source]:
    items: Iterable[Input]
    if isinstance(inputs, (str, bytes, os.PathLike)):
        items = [inputs]
    else:
        items = [inputs] if isinstance(inputs, Reader) else inputs
    iterator = iter(items)
    waiting: list[Input] = []

    def run_of_lines(first: bytes | str) -> Iterator[bytes | str]:
        """Lines up to the next item that is none; that one waits."""
        yield first
        for item in iterator:
            if not _is_line(item):
                waiting.append(item)
                return
            yield item

    while True:
        item = waiting.pop() if waiting else next(iterator, _END)
        if item is _END:
            return
        if _is_line(item):
            yield from_lines(run_of_lines(item))
        elif isinstance(item, (str, os.PathLike)):
            yield from_path(item)
        elif isinstance(item, Reader):
            yield from_file(item)
        else:
            raise TypeError(f"neither a path, an open file, nor a line: {item!r}")


_END: Any = object()


def _is_line(item: Input) -> TypeGuard[bytes | str]:
    return isinstance(item, bytes) or (isinstance(item, str) and item.endswith("\n"))
