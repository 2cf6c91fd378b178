"""Lines of a file that are read by their place say what the same lines say from a pipe, however they are cut."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.errors import InputError, TruncatedError
from audit2seccomp.evidence.inputs.sources import from_path
from audit2seccomp.evidence.model import Evidence
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.text import cuts
from audit2seccomp.evidence.text import lines as lines_module
from tests.evidence.line_by_line import with_own_serials, without_text
from tests.evidence.repeated import text_logs
from tests.evidence.scans import said, scanned, small

RECORD = (
    b"type=SECCOMP msg=audit(1594067860.%03d:%d): auid=0 uid=0 gid=0 ses=1 pid=%d "
    b'comm="nginx" exe="/nginx" sig=0 arch=c000003e syscall=%d compat=0 ip=0x0 code=0x7ffc0000\n'
)


def read(file: Path, jobs: int = 1) -> Evidence:
    """What it says, read so."""
    with small(jobs):
        scanner = Scanner(jobs=jobs)
        scan_source(scanner, from_path(file)._replace(name="log"))
        return scanner.evidence()


def whole(data: bytes) -> Evidence:
    """What the same bytes say at once."""
    with small():
        return scanned(data)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stretches") / "log"


@given(log=text_logs(), last=st.sampled_from([b"", b"\n", b"no newline", b"\0\0\0"]), jobs=st.sampled_from([1, 2]))
def test_a_file_says_what_its_bytes_say(log: list[bytes], last: bytes, jobs: int, file: Path) -> None:
    data = b"\n".join([*log, b""]) * 8 + last
    file.write_bytes(data)
    assert said(read(file, jobs)) == said(whole(data))
    data = with_own_serials(data)
    file.write_bytes(data)
    assert without_text(read(file, jobs)) == without_text(whole(data))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("width", [100, 600, 900, 5_000])
def test_lines_that_are_longer_than_what_is_looked_at_for_their_end(width: int, jobs: int, file: Path) -> None:
    lines = [RECORD % (i, i, 7, i % 40) + b"x" * (width * (i % 5 == 3)) + b"\n" for i in range(60)]
    file.write_bytes(b"".join(lines))
    with patch.object(cuts, "MAX_LINE_BYTES", 4_000), patch.object(lines_module, "MAX_LINE_BYTES", 4_000):
        found = read(file, jobs)
        assert found == whole(b"".join(lines))
    assert sum(count.events for count in found.counts.values()) == 60


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_is_truncated_meanwhile(jobs: int, file: Path) -> None:
    file.write_bytes(b"".join(RECORD % (i, i, 7, i % 40) for i in range(100)))
    source = from_path(file)
    assert source.file is not None
    paused: list[None] = []

    def pause() -> None:
        paused.append(None)
        if len(paused) == 3:
            os.truncate(file, 500)

    scanner = Scanner(jobs=jobs)
    with small(jobs), pytest.raises(TruncatedError):
        scan_source(scanner, source._replace(read=lambda: os.read(source.file or 0, 300), pause=pause))
    assert 0 < sum(count.events for count in scanner.evidence().counts.values()) < 20
    assert scanner.evidence().losses


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_disk_is_told(jobs: int, file: Path) -> None:
    file.write_bytes(b"".join(RECORD % (i, i, 7, i % 40) for i in range(100)))
    pread, calls = os.pread, []

    def broken(descriptor: int, size: int, at: int) -> bytes:
        calls.append(size)
        if len(calls) > 20:
            raise OSError(5, "Input/output error")
        return pread(descriptor, size, at)

    with patch.object(os, "pread", broken), pytest.raises(InputError, match="log: input/output error"):
        read(file, jobs)
