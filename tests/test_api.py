"""The Python API: `read`, `build` and `write_profile`."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import audit2seccomp
from audit2seccomp import Audit2SeccompError, Evidence, RuleAction
from audit2seccomp.errors import InputError, NothingFoundError, UsageError
from audit2seccomp.evidence.model import Sample
from tests.cli.command import AARCH64, ERRNO, auditd_line, embedded_line, line

READ, CLOSE, GETSOCKNAME = line(0), line(3), line(51)


def _names(evidence: Evidence) -> list[str]:
    return sorted((seen.name or "?") for seen in evidence.observations())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_bytes(READ + CLOSE)
    return path


def test_from_a_path_to_a_profile(log: Path) -> None:
    evidence = audit2seccomp.read(log)
    profile = audit2seccomp.build(evidence).profile
    assert (evidence.lines, evidence.records) == (2, 2)
    assert profile.default_action is RuleAction.ERRNO
    assert profile.default_errno == 38
    assert profile.architectures == ("SCMP_ARCH_X86_64",)
    (rule,) = profile.rules
    assert (rule.names, rule.action) == (("close", "read"), RuleAction.ALLOW)
    assert '"names": [\n        "close",\n        "read"' in str(audit2seccomp.write_profile(profile).content)


class _PathLike:
    def __init__(self, path: str | bytes) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        return self.path


def test_every_form_of_a_path(log: Path) -> None:
    expected = audit2seccomp.read(log)
    forms: list[Any] = [str(log), _PathLike(str(log)), _PathLike(str(log).encode()), [log], (str(log),), iter([log])]
    for form in forms:
        assert audit2seccomp.read(form) == expected


def test_lines_as_text_and_bytes() -> None:
    expected = ["close", "read"]
    assert _names(audit2seccomp.read([READ, CLOSE])) == expected
    assert _names(audit2seccomp.read([READ.decode(), CLOSE.decode()])) == expected
    assert _names(audit2seccomp.read([READ.rstrip(b"\n"), CLOSE])) == expected, "bytes are a line without a newline too"
    assert _names(audit2seccomp.read(READ)) == ["read"]
    assert _names(audit2seccomp.read(READ.decode())) == ["read"]
    assert audit2seccomp.read([READ, CLOSE]).lines == 2


def test_a_generator_of_lines() -> None:
    def lines() -> Iterator[bytes]:
        for nr in range(200):
            yield line(nr)

    evidence = audit2seccomp.read(lines())
    assert (evidence.lines, len(evidence.observations())) == (200, 200)


def test_open_files_are_read_and_stay_open(log: Path) -> None:
    with log.open("rb") as binary, log.open("rb", buffering=0) as raw, log.open(encoding="utf-8") as text:
        files: tuple[IO[Any], ...] = (binary, raw, text)
        for file in files:
            assert _names(audit2seccomp.read(file)) == ["close", "read"]
            assert not file.closed
    assert _names(audit2seccomp.read(io.BytesIO(READ))) == ["read"]
    assert _names(audit2seccomp.read(io.StringIO(CLOSE.decode()))) == ["close"]
    with gzip.open(io.BytesIO(gzip.compress(READ + CLOSE))) as unpacked:
        assert _names(audit2seccomp.read(unpacked)) == ["close", "read"]


def test_archives_are_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(READ) + gzip.compress(CLOSE)
    path = tmp_path / "a.log"
    path.write_bytes(packed)
    with path.open("rb") as file:
        for form in (path, file, io.BytesIO(packed)):
            assert _names(audit2seccomp.read(form)) == ["close", "read"]


def test_what_a_damaged_archive_holds_counts_and_the_evidence_tells(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(READ + CLOSE)[:-1])
    evidence = audit2seccomp.read([path, GETSOCKNAME])
    assert _names(evidence) == ["close", "getsockname", "read"]
    assert evidence.losses == {"archive-cut": Sample(1, (str(path), 0), b"")}


def test_a_mixture(log: Path) -> None:
    mixture: list[Any] = [
        GETSOCKNAME,
        log,
        io.BytesIO(line(1)),
        line(2).decode(),
        str(log),
        io.StringIO(line(4).decode()),
    ]
    evidence = audit2seccomp.read(mixture)
    assert _names(evidence) == ["close", "getsockname", "open", "read", "stat", "write"]
    assert (evidence.lines, evidence.records) == (8, 8)


def test_bytes_that_are_no_utf_8_survive_as_text() -> None:
    odd = READ.replace(b"my-machine", b"h\xf6st")
    assert _names(audit2seccomp.read([odd.decode(errors="surrogateescape")])) == ["read"]
    assert _names(audit2seccomp.read(io.StringIO("\ud800 noise\n" + READ.decode()))) == ["read"]


def test_reading_apart_and_merging_is_reading_together() -> None:
    more = line(0)
    together = audit2seccomp.read([READ, CLOSE, more, line(1, arch=None)])
    merged = audit2seccomp.read([READ, CLOSE]).merge(audit2seccomp.read([more, line(1, arch=None)]))
    assert merged.counts == {key: one._replace(line=min(one.line, 2)) for key, one in together.counts.items()}
    assert (merged.lines, merged.records) == (together.lines, together.records) == (4, 4)


def test_trust_and_assume_arch() -> None:
    lines = [READ, embedded_line(3), line(1, arch=None, code=None)]
    assert _names(audit2seccomp.read(lines)) == ["read"]
    assert _names(audit2seccomp.read(lines, trust="embedded", assume_arch="x86_64")) == ["close", "read", "write"]
    assert _names(audit2seccomp.read([auditd_line(3), READ], trust="authenticated")) == ["close"]
    evidence = audit2seccomp.read(lines)
    assert [sample.events for sample in evidence.refused.values()] == [1]
    ((reason, sample),) = evidence.rejected.items()
    assert reason.startswith("no arch=")
    assert sample.events == 1


def test_choices() -> None:
    evidence = audit2seccomp.read([READ, line(3, code=ERRNO), line(3, arch=AARCH64)])
    plain = audit2seccomp.build(evidence).profile
    assert plain.rules[0].names == ("io_cancel", "read")
    assert plain.architectures == ("SCMP_ARCH_AARCH64", "SCMP_ARCH_X86_64")
    chosen = audit2seccomp.build(
        evidence, include_denied=True, errno=1, action=RuleAction.LOG, architectures=["x86", "amd64"]
    ).profile
    assert chosen.rules[0].names == ("close", "io_cancel", "read")
    assert (chosen.default_errno, chosen.rules[0].action) == (1, RuleAction.LOG)
    assert chosen.architectures == ("SCMP_ARCH_AARCH64", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64")
    killing = audit2seccomp.build(evidence, default_action=RuleAction.KILL_PROCESS).profile
    assert (killing.default_action, killing.default_errno) == (RuleAction.KILL_PROCESS, None)


def _undecodable(path: Path) -> Any:
    path.write_bytes(READ + b"\xff\n")
    return path.open(encoding="utf-8")


def _closed(path: Path) -> Any:
    path.write_bytes(READ)
    file = path.open("rb")
    file.close()
    return file


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path, id="missing"),
        pytest.param(lambda path: path.parent, id="directory"),
        pytest.param(lambda path: "nul\0byte", id="NUL in a name"),
        pytest.param(lambda path: gzip.compress(READ), id="gzip as a line"),
        pytest.param(lambda path: io.BytesIO(bytes(range(256)) * 99), id="binary"),
        pytest.param(lambda path: "x" * 5000, id="long name"),
        pytest.param(_undecodable, id="undecodable text file"),
        pytest.param(_closed, id="closed file"),
    ],
)
def test_an_input_that_cannot_be_read(tmp_path: Path, make: Any) -> None:
    bad = make(tmp_path / "x.log")
    with pytest.raises(InputError) as raised:
        audit2seccomp.read(bad)
    if hasattr(bad, "close"):
        bad.close()
    assert isinstance(raised.value, Audit2SeccompError)


def test_the_other_errors() -> None:
    evidence = audit2seccomp.read(READ)
    with pytest.raises(UsageError, match="one of authenticated, anchored, embedded"):
        audit2seccomp.read(READ, trust="some")
    with pytest.raises(UsageError, match="no architecture 'vax'"):
        audit2seccomp.read(READ, assume_arch="vax")
    with pytest.raises(UsageError, match="no architecture 'vax'"):
        audit2seccomp.build(evidence, architectures=["vax"])
    with pytest.raises(UsageError, match="SCMP_ACT_KILL takes none"):
        audit2seccomp.build(evidence, default_action=RuleAction.KILL, errno=1)
    with pytest.raises(NothingFoundError, match="no SECCOMP record"):
        audit2seccomp.build(audit2seccomp.read([]))
    assert {InputError, NothingFoundError, UsageError} <= set(Audit2SeccompError.__subclasses__())
