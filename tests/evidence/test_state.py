"""Nightly runs that read on give the same evidence as one run over everything, whatever comes between."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audit2seccomp.errors import EvidenceFileError, InputError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries import undecided
from audit2seccomp.evidence.inputs.sources import Source, from_path
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored import files, state
from audit2seccomp.evidence.stored.following import Follower, Opener
from audit2seccomp.evidence.stored.state import State
from audit2seccomp.evidence.text.cuts import MAX_LINE_BYTES
from tests.evidence.line_by_line import LINE, log_lines, trusts
from tests.evidence.one_file import ROOT, edited, put, scanned


def line(number: int) -> bytes:
    """A record of its own serial and call."""
    return LINE.replace(b":14536", b":%d" % (14536 + number)).replace(b"syscall=51", b"syscall=%d" % number) + b"\n"


def lines(first: int, last: int) -> bytes:
    """Some of them."""
    return b"".join(map(line, range(first, last + 1)))


class Nights:
    """Runs with one state file."""

    def __init__(self, *paths: Path | str, trust: Trust = Trust.ANCHORED) -> None:
        """The logs that each run is given."""
        self.paths = list(map(str, paths))
        self.trust = trust
        self.saved = state.to_text(State(options={"--trust": "anchored"}))
        self.told: list[str] = []
        self.lost: list[str] = []

    def run(self, *, killed: bool = False, opener: Opener = from_path) -> None:
        """Read what is new; if killed, before the state is written."""
        self.told = []
        follower = Follower(Scanner(self.trust), state.from_bytes(self.saved.encode(), "s"), opener, self.told.append)
        self.lost = follower.lost
        for path in self.paths:
            follower.read(path)
        if not killed:
            self.saved = state.to_text(follower.state())
            assert state.to_text(state.from_bytes(self.saved.encode(), "s")) == self.saved

    @property
    def evidence(self) -> str:
        """The evidence so far, as a file."""
        return files.to_text(files.from_bytes(self.saved.encode(), "s"))


@settings(max_examples=60)
@given(st.data(), log_lines, trusts)
def test_a_log_cut_into_nights_anywhere_gives_the_same_evidence(
    data: st.DataObject, drawn: list[bytes], trust: Trust
) -> None:
    whole = b"".join(line + b"\n" for line in drawn)
    assume(not undecided(whole[:4096]))  # else nothing is read yet
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    with TemporaryDirectory() as folder:
        log = Path(folder, "kern.log")
        nights = Nights(log, trust=trust)
        for cut in [*cuts, len(whole)]:
            log.write_bytes(b"")  # the same inode
            with log.open("r+b") as file:
                file.write(whole[:cut])
            try:
                if data.draw(st.booleans()):
                    nights.run(killed=True)
                nights.run()
            except InputError:  # the start of a log may look like no text, until more of it comes
                assume(cut < len(whole))
        assert nights.evidence == files.to_text(scanned(whole, str(log), trust=trust))
        assert nights.lost == []


_CLOCK = count(1_800_000_000_000_000_000, 1_000_000_000)


def written(path: Path) -> None:
    """Clocks of file systems stand still between two quick writes."""
    now = next(_CLOCK)
    os.utime(path, ns=(now, now))


def rotate(log: Path, how: str) -> None:
    """What logrotate does."""
    older = log.with_name("kern.log.1")
    if older.exists():
        (log.with_name("kern.log.2.gz")).write_bytes(gzip.compress(older.read_bytes()))
        status = older.stat()
        os.utime(log.with_name("kern.log.2.gz"), ns=(status.st_atime_ns, status.st_mtime_ns))
        older.unlink()
    if how == "copytruncate":
        shutil.copyfile(log, older)
        written(older)
        os.truncate(log, 0)
        written(log)
    else:
        log.rename(older)
        if how == "create":
            log.touch()
            written(log)


@settings(max_examples=60)
@given(st.data(), st.booleans())
def test_a_log_that_is_rotated_gives_the_same_evidence(data: st.DataObject, all_named: bool) -> None:
    whole = b""
    with TemporaryDirectory() as folder:
        log = Path(folder, "kern.log")
        log.touch()
        written(log)
        nights = Nights(log)
        nights.run()
        rotations = 0
        for number in range(data.draw(st.integers(1, 12))):
            step = data.draw(st.sampled_from(["write", "write", "run", "killed", "create", "copytruncate", "nocreate"]))
            if step == "write":
                with log.open("ab") as file:
                    file.write(line(number))
                written(log)
                whole += line(number)
            elif step in ("run", "killed"):
                if not log.exists():
                    log.touch()
                    written(log)
                if all_named:
                    nights.paths = sorted(map(str, Path(folder).iterdir()))
                nights.run(killed=step == "killed")
                rotations = rotations if step == "killed" else 0
            elif rotations < 2 and log.exists():
                rotate(log, step)
                rotations += 1
        log.touch()
        nights.run()
        assert nights.lost == []
        assert nights.evidence == files.to_text(scanned(whole, str(log)))


@pytest.mark.parametrize("how", ["create", "copytruncate", "nocreate"])
def test_the_rest_of_a_rotated_file_is_read_first(tmp_path: Path, how: str) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 3))
    nights = Nights(log)
    nights.run()
    with log.open("ab") as file:
        file.write(lines(4, 5))
    rotate(log, how)
    with log.open("ab") as file:
        file.write(lines(6, 7))
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 7), str(log)))
    assert (nights.told, nights.lost) == ([], [])


def test_a_rotated_file_is_read_though_no_new_one_has_come(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 3))
    nights = Nights(log)
    nights.run()
    with log.open("ab") as file:
        file.write(line(4))
    rotate(log, "nocreate")
    follower = Follower(Scanner(), state.from_bytes(nights.saved.encode(), "s"), from_path, nights.told.append)
    with pytest.raises(InputError, match=r"kern\.log: no such file or directory"):
        follower.read(str(log))
    assert follower.state().evidence == scanned(lines(1, 4), str(log))


def test_a_line_that_has_not_ended_is_read_when_it_has(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 2)[:-1])
    nights = Nights(log)
    nights.run()
    assert nights.evidence == files.to_text(scanned(line(1), str(log)))
    assert nights.told == [f"{log}: its last line has not ended yet: the next run reads it"]
    with log.open("ab") as file:
        file.write(b"\n")
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 2), str(log)))


def test_the_last_line_of_a_rotated_file_has_ended(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 2)[:-1])
    nights = Nights(log)
    nights.run()
    rotate(log, "create")
    log.write_bytes(line(3))
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 3), str(log)))


def test_a_line_that_is_too_long_counts_once(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    long = b"x auid=" + b"x" * MAX_LINE_BYTES + b"\n"
    whole = line(1) + long + line(2)
    nights = Nights(log)
    for end in (len(line(1)) + MAX_LINE_BYTES + 5, len(line(1) + long) - 1, len(whole)):
        with log.open("ab") as file:
            file.write(whole[log.stat().st_size : end])
        nights.run()
    assert nights.evidence == files.to_text(scanned(whole, str(log)))


@pytest.mark.parametrize("cut", [10, 500, 1000])
def test_json_with_an_object_on_each_line_is_read_on(tmp_path: Path, cut: int) -> None:
    log = tmp_path / "docker.json"
    whole = b"".join(
        json.dumps({"log": line(number).decode(), "stream": "stdout", "time": "2026-01-01T00:00:00Z"}).encode() + b"\n"
        for number in range(1, 4)
    )
    nights = Nights(log, trust=Trust.EMBEDDED)
    for end in (cut, len(whole)):
        log.write_bytes(whole[:end])
        nights.run()
    evidence = scanned(whole, str(log), trust=Trust.EMBEDDED)
    assert evidence.sound == 3
    assert nights.evidence == files.to_text(evidence)


def test_entries_of_several_lines_are_refused(tmp_path: Path) -> None:
    log = tmp_path / "journal"
    log.write_bytes((ROOT / "fixtures" / "recorded" / "journal-export.txt").read_bytes())
    with pytest.raises(InputError, match="journal: its entries have several lines, in which no place can be kept"):
        Nights(log).run()


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 30))
    nights = Nights(log)
    nights.run()
    with log.open("r+b") as file:
        file.seek(len(lines(1, 30)) - 100)
        file.write(b"?" * 50)
        file.seek(0, os.SEEK_END)
        file.write(line(31))
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 31), str(log)))


def test_a_compressed_file_was_read_already_or_is_read_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 30))
    nights = Nights(log, tmp_path / "kern.log.2.gz")
    nights.paths = [str(log)]
    nights.run()
    with log.open("ab") as file:
        file.write(lines(31, 35))
    rotate(log, "create")
    log.write_bytes(lines(36, 40))
    rotate(log, "create")
    log.write_bytes(lines(41, 42))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kern.log", "kern.log.1", "kern.log.2.gz"]
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 42), str(log)))
    nights.paths = sorted(map(str, tmp_path.iterdir()))
    nights.run()
    nights.run()
    assert nights.evidence == files.to_text(scanned(lines(1, 42), str(log)))
    assert (nights.told, nights.lost) == ([], [])


def test_rotated_files_that_were_named_are_known_under_their_next_names(tmp_path: Path) -> None:
    log, older = tmp_path / "kern.log", tmp_path / "kern.log.1"
    older.write_bytes(lines(1, 5))
    log.write_bytes(lines(6, 8))
    nights = Nights(log, older)
    nights.run()
    rotate(log, "create")
    log.write_bytes(lines(9, 10))
    nights.paths = sorted(map(str, tmp_path.iterdir()))
    nights.run()
    evidence = scanned(lines(1, 5), str(older)).merge(scanned(lines(6, 10), str(log)))
    assert nights.evidence == files.to_text(evidence)


@pytest.mark.parametrize("how", ["removed", "truncated"])
def test_a_file_that_vanished_is_said(tmp_path: Path, how: str) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 3))
    nights = Nights(log)
    nights.run()
    if how == "removed":
        log.rename(tmp_path / "elsewhere")
    log.write_bytes(lines(4, 5))
    nights.run()
    assert nights.lost == [
        f"{log}: what was read before is gone, also from {log}.*: whatever was written behind byte "
        f"{len(lines(1, 3)):,} of it is missing: run this before logs are removed"
    ]
    assert nights.evidence == files.to_text(scanned(lines(1, 5), str(log)))


def test_events_that_come_again_later_count_once(tmp_path: Path) -> None:
    log, copy = tmp_path / "kern.log", tmp_path / "copy"
    log.write_bytes(lines(1, 5))
    nights = Nights(log)
    nights.run()
    copy.write_bytes(b"a line in front, so that it is another file\n" + lines(1, 5))
    nights.paths.append(str(copy))
    nights.run()
    evidence = files.from_bytes(nights.saved.encode(), "s")
    assert (sum(count.numbered for count in evidence.counts.values()), evidence.repeated) == (5, 5)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/dev/null: is no file, so no place in it can be kept"):
        Nights("/dev/null").run()
    written = files.to_text(scanned(lines(1, 300)))
    for text in (written, json.dumps(json.loads(written), sort_keys=True)):
        (tmp_path / "e.json").write_text(text)
        with pytest.raises(InputError, match="an evidence file would be merged anew in each run"):
            Nights(tmp_path / "e.json").run()


def test_the_runs_start_from_an_evidence_file(tmp_path: Path) -> None:
    (tmp_path / "kern.log").write_bytes(lines(4, 5))
    before = scanned(lines(1, 3), "old.log")
    nights = Nights(tmp_path / "kern.log")
    nights.saved = files.to_text(before)
    nights.run()
    after = scanned(lines(4, 5), str(tmp_path / "kern.log"))
    assert files.from_bytes(nights.saved.encode(), "s") == before.merge(after)


def test_a_state_has_the_level_of_what_was_read(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(b"")
    nights = Nights(log, trust=Trust.EMBEDDED)
    nights.run()
    assert files.from_bytes(nights.saved.encode(), "s").trust is Trust.AUTHENTICATED
    log.write_bytes(line(1))
    for _ in range(2):  # the second run reads nothing new
        nights.run()
        assert files.from_bytes(nights.saved.encode(), "s").trust is Trust.EMBEDDED


STATE = State(options={"--trust": "anchored"})


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("logs", [{"name": "a", "form": None}], '/logs/0: no "lines" in it'),
        ("logs", [{"name": "a", "form": "xml"}], '/logs/0/form: "xml" is no form of logs'),
        (
            "logs",
            [{"name": "a", "form": "text", "lines": 1, "application": 0}],
            "/logs/0/application: 0 is neither true nor false",
        ),
        (
            "seen",
            [{"number": 1, "boots": [{"first": 0, "last": 0, "serials": "f" * 257}]}],
            "/seen/0/boots/0/serials: ",
        ),
        ("seen", 7, "/seen: 7 is no array"),
        ("options", [{"option": "--trust"}], '/options/0: no "value" in it'),
    ],
)
def test_a_state_that_was_edited_is_refused(member: str, value: object, message: str) -> None:
    document = state.to_text(STATE).encode()
    data = edited(put(member, to=value), document)
    with pytest.raises(EvidenceFileError) as caught:
        state.from_bytes(data, "s")
    assert str(caught.value).startswith(f"s: {message}")


def test_places_in_a_state_must_fit(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 2))
    nights = Nights(log)
    nights.run()
    for edit, message in [
        (put("logs", 0, "segments", to=[1]), "/logs/0/segments/0: 1 is not within 0 and 0"),
        (put("logs", 0, "segments", to=[0, 0]), "/logs/0/segments: they are not of this log, or two are of one boot"),
        (put("logs", 0, "name", to="b"), "/logs/0/segments: they are not of this log, or two are of one boot"),
        (put("logs", 0, "files", 0, "offset", to=1), "/logs/0/files/0/head_bytes: it is more than was read"),
    ]:
        with pytest.raises(EvidenceFileError) as caught:
            state.from_bytes(edited(edit, nights.saved.encode()), "s")
        assert str(caught.value).startswith(f"s: {message}")


def test_a_log_that_is_truncated_between_a_look_and_the_reading_is_read_by_the_next_run(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 30))
    nights = Nights(log)
    opened = 0

    def opener(path: str, offset: int) -> Source:
        nonlocal opened
        opened += 1
        if opened == 2:
            rotate(log, "copytruncate")
            log.write_bytes(lines(31, 40))
        return from_path(path, offset)

    nights.run(opener=opener)
    assert nights.told == [f"{log}: was rotated just now: the next run reads on"]
    nights.paths = [f"{log}.1", str(log)]
    nights.run()
    both = scanned(lines(1, 30), f"{log}.1").merge(scanned(lines(31, 40), str(log)))
    assert nights.evidence == files.to_text(both)


def test_a_log_that_cannot_be_read_for_once_is_not_gone(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_bytes(lines(1, 3))
    nights = Nights(log)
    nights.run()

    def opener(path: str, offset: int) -> Source:
        raise InputError(f"{path}: input/output error") from OSError(errno.EIO, "Input/output error")

    with pytest.raises(InputError, match="input/output error"):
        nights.run(opener=opener)
    assert nights.lost == []
