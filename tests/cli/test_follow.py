"""`--follow`: real files, renamed and truncated as log rotation does it, and real pipes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import (
    KILL_PROCESS,
    NO_RUNTIME,
    PATIENCE,
    SCRIPT,
    Arg,
    Running,
    line,
    names_of,
    run,
    running,
    shell,
)

READ, WRITE, CLOSE, STAT = line(0), line(1), line(3), line(4)
SIGNALS = [signal.SIGINT, signal.SIGTERM]
TICKS = os.sysconf("SC_CLK_TCK")


class Log:
    """A log file and the profile that is made from it while it grows."""

    def __init__(self, folder: Path) -> None:
        """Nothing there yet."""
        self.path = folder / "kern.log"
        self.profile = folder / "profile.json"

    def append(self, data: bytes, path: Path | None = None) -> None:
        """Write more, as a log daemon does that opens its file each time."""
        with (path or self.path).open("ab") as file:
            file.write(data)

    def rename(self) -> Path:
        """The first half of a rotation; the second is a new file."""
        return self.path.rename(self.path.with_name("kern.log.1"))

    def version(self) -> tuple[int, int]:
        """Changes whenever the profile is written."""
        status = self.profile.stat()
        return status.st_ino, status.st_mtime_ns

    def names(self) -> list[str]:
        """What the profile allows; nothing where there is none."""
        if not self.profile.exists():
            return []
        return names_of(json.loads(self.profile.read_text()))

    def allows(self, *names: str) -> None:
        """Wait until the profile allows just these."""
        end = time.monotonic() + PATIENCE
        while self.names() != list(names):
            assert time.monotonic() < end, f"{self.names()} instead of {list(names)}"
            time.sleep(0.01)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log that is not there yet."""
    return Log(tmp_path)


@contextmanager
def following(log: Log, *args: Arg) -> Iterator[Running]:
    """Follow it with these options, and end it by SIGTERM."""
    with running("--follow", log.path, "-o", log.profile, *args) as run:
        yield run
        if run.process.poll() is None:
            run.signal(signal.SIGTERM)
            assert run.process.wait(PATIENCE) == 143


def new(nr: int, name: str) -> str:
    """What is said of a new call."""
    return f"new: x86_64 {nr} {name}, LOG, by http-echo (/http-echo)\n"


def test_what_is_there_is_read_and_then_what_comes(log: Log) -> None:
    log.append(READ + WRITE)
    with following(log) as run:
        assert [run.says(), run.says()] == [new(0, "read"), new(1, "write")]
        log.allows("read", "write")
        log.append(CLOSE)
        assert run.says() == new(3, "close")
        log.allows("close", "read", "write")
        run.signal(signal.SIGTERM)
        result = run.result()
    assert (result.status, result.stdout) == (143, b"")
    assert result.stderr.splitlines() == [
        "read 3 lines, 3 records: 3 used, 0 denied, 0 rejected, 0 not trusted",
        "distinct calls: 3 on x86_64",
        "complete as far as the log tells",
        NO_RUNTIME,
    ]


def test_the_profile_is_that_of_a_run_over_the_whole_log(log: Log, tmp_path: Path) -> None:
    log.append(READ)
    options = ("--errno", "EPERM", "--arch", "x32", "--include-denied")
    with following(log, *options) as followed:
        log.append(CLOSE + line(5, code=KILL_PROCESS))
        followed.hears_until("new: x86_64 5 fstat, KILL_PROCESS")
        log.allows("close", "fstat", "read")
    assert run(log.path, "-o", tmp_path / "once.json", *options).status == 0
    assert log.profile.read_bytes() == (tmp_path / "once.json").read_bytes()


def test_the_profile_stays_as_it_is_when_nothing_new_is_allowed(log: Log) -> None:
    log.append(READ)
    with following(log) as run:
        log.allows("read")
        before = log.version()
        # Another program, a denial, a number without a name, and what is no record.
        log.append(READ + line(0, comm='"other"') + line(3, code=KILL_PROCESS) + line(999) + b"nothing\n" + line(2000))
        run.hears_until("new: x86_64 2000")
        log.append(line(2001))
        run.hears_until("new: x86_64 2001")
        assert log.version() == before
        run.signal(signal.SIGTERM)
        assert "read 8 lines, 7 records: 5 used, 1 denied" in run.result().stderr
        assert log.version() == before


def test_only_whole_lines_count(log: Log) -> None:
    log.append(READ + CLOSE[:-20])
    with following(log) as run:
        log.allows("read")
        log.append(CLOSE[-20:-1])
        log.append(b"\n" + STAT)
        assert [run.says(), run.says(), run.says()] == [new(0, "read"), new(3, "close"), new(4, "stat")]
        log.allows("close", "read", "stat")


def test_a_log_that_is_not_there_yet_is_waited_for(log: Log) -> None:
    with following(log) as run:
        assert run.says() == f"{log.path}: no such file or directory: waiting for it\n"
        log.append(READ)
        assert run.says() == f"{log.path}: is there now\n"
        assert run.says() == new(0, "read")
        log.allows("read")


def test_a_renamed_log_is_read_until_its_successor_has_a_line(log: Log) -> None:
    log.append(READ)
    with following(log) as run:
        assert run.says() == new(0, "read")
        old = log.rename()
        assert run.says() == f"{log.path}: no such file or directory: waiting for it\n"
        log.append(WRITE, old)
        assert run.says() == new(1, "write")
        log.path.touch()
        log.append(CLOSE, old)  # its writer was not told yet
        assert run.says() == new(3, "close")
        log.append(STAT)
        assert run.says() == f"{log.path}: is another file now: it is read from its start\n"
        assert run.says() == new(4, "stat")
        log.allows("close", "read", "stat", "write")


def test_a_rotation_that_nobody_saw_loses_nothing(log: Log) -> None:
    log.append(READ)
    with following(log) as run:
        assert run.says() == new(0, "read")
        run.signal(signal.SIGSTOP)
        log.append(WRITE)
        old = log.rename()
        log.append(CLOSE, old)
        log.append(STAT)
        old.unlink()
        run.signal(signal.SIGCONT)
        assert [run.says(), run.says()] == [new(1, "write"), new(3, "close")]
        assert run.says() == f"{log.path}: is another file now: it is read from its start\n"
        assert run.says() == new(4, "stat")
        log.allows("close", "read", "stat", "write")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_log_that_is_rotated_twice_between_two_looks_is_read_in_order(
    log: Log, pack: Callable[[bytes], bytes]
) -> None:
    log.append(READ * 2)
    with following(log) as run:
        assert run.says() == new(0, "read")
        run.signal(signal.SIGSTOP)
        older, newer = (log.path.with_name(name) for name in ("kern.log.2.gz", "kern.log.1.gz"))
        older.write_bytes(pack(READ * 2))
        shutil.copystat(log.path, older)
        log.path.unlink()
        newer.write_bytes(pack(CLOSE))
        log.append(STAT)
        run.signal(signal.SIGCONT)
        assert run.says() == f"{newer}: was {log.path} in between: it is read\n"
        assert run.says() == new(3, "close")
        assert run.says() == f"{log.path}: is another file now: it is read from its start\n"
        assert run.says() == new(4, "stat")
        log.allows("close", "read", "stat")
        run.signal(signal.SIGTERM)
        assert "read 4 lines, 4 records: 3 used, 0 denied, 0 rejected, 0 not trusted, 1 seen before" in (
            run.result().stderr
        )


@pytest.mark.parametrize("longer", [False, True])
def test_a_truncated_log_is_read_from_its_start(log: Log, longer: bool) -> None:
    log.append(READ)
    with following(log) as run:
        assert run.says() == new(0, "read")
        run.signal(signal.SIGSTOP)
        os.truncate(log.path, 0)
        log.append((STAT + CLOSE) if longer else STAT[:10])
        run.signal(signal.SIGCONT)
        missing = "what was written to it just before may be missing; it is read from its start"
        assert run.says() == f"{log.path}: was truncated: {missing}\n"
        if not longer:
            log.append(STAT[10:] + CLOSE)
        assert [run.says(), run.says()] == [new(4, "stat"), new(3, "close")]
        log.allows("close", "read", "stat")
        run.signal(signal.SIGTERM)
        assert "INCOMPLETE: input that ends early" in run.result().stderr


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_what_stands_in_the_copy_alone_is_read_there(log: Log, pack: Callable[[bytes], bytes]) -> None:
    log.append(READ)
    with following(log) as run:
        assert run.says() == new(0, "read")
        run.signal(signal.SIGSTOP)
        log.append(WRITE)
        log.path.with_name("kern.log.1").write_bytes(pack(log.path.read_bytes()))
        os.truncate(log.path, 0)
        log.append(STAT)
        run.signal(signal.SIGCONT)
        where = "it is read from its start, after the rest of the copy"
        assert run.says() == f"{log.path}: was copied and truncated: {where}\n"
        assert [run.says(), run.says()] == [new(1, "write"), new(4, "stat")]
        log.allows("read", "stat", "write")


def test_a_hole_from_a_writer_that_does_not_append_is_passed_over(log: Log) -> None:
    with log.path.open("wb", buffering=0) as writer, following(log) as run:
        writer.write(READ)
        assert run.says() == new(0, "read")
        os.truncate(log.path, 0)
        assert "was truncated" in run.says()
        writer.write(CLOSE)
        assert run.says() == new(3, "close")
        log.allows("close", "read")


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
@pytest.mark.parametrize("how", ["create", "copytruncate", "create\ndateext\ncompress", "copytruncate\ncompress"])
def test_logrotate_loses_nothing(log: Log, tmp_path: Path, how: str) -> None:
    config = tmp_path / "rotate.conf"
    user = "" if os.geteuid() else "su root root\n"
    config.write_text(f"{log.path} {{\n{user}rotate 9\n{how}\n}}\n")
    config.chmod(0o600)
    log.append(READ)
    with following(log) as run:
        assert run.says() == new(0, "read")
        log.append(WRITE)
        assert run.says() == new(1, "write")
        subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", config], check=True)
        log.append(CLOSE)
        run.hears_until(new(3, "close")[:-1])
        log.append(STAT)
        assert run.says() == new(4, "stat")
        log.allows("close", "read", "stat", "write")
        run.signal(signal.SIGTERM)
        assert "read 4 lines, 4 records: 4 used, 0 denied, 0 rejected, 0 not trusted" in run.result().stderr


def test_what_two_followed_logs_hold_counts_once_and_a_selection_is_remarked_on(log: Log, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    log.append(READ + CLOSE)
    log.append(READ, other)
    with following(log, other, "--where", "comm == 'http-echo' or unit == nginx") as run:
        log.allows("close", "read")
        run.signal(signal.SIGTERM)
        said = run.result().stderr
    assert "3 records: 2 used, 0 denied, 0 rejected, 0 not trusted, 1 seen before" in said
    assert "selection: no record here tells its unit" in said


def test_several_logs_and_a_stream_make_one_profile(log: Log, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    with following(log, other, "-") as run:
        assert {run.says(), run.says()} == {
            f"{path}: no such file or directory: waiting for it\n" for path in (log.path, other)
        }
        log.append(READ)
        run.hears_until(new(0, "read")[:-1])
        log.append(CLOSE, other)
        run.hears_until(new(3, "close")[:-1])
        run.feed(STAT + READ)
        assert run.says() == new(4, "stat")
        log.allows("close", "read", "stat")
        run.close()
        log.append(WRITE, other)
        assert run.says() == new(1, "write")
        run.signal(signal.SIGTERM)
        assert "read 5 lines, 5 records: 4 used, 0 denied, 0 rejected, 0 not trusted, 1 seen before" in (
            run.result().stderr
        )


def test_a_stream_is_followed_to_its_end(log: Log) -> None:
    with running("--follow", "-o", log.profile) as stream:
        stream.feed(READ)
        assert stream.says() == new(0, "read")
        log.allows("read")
        before = log.version()
        stream.feed(CLOSE[:-20])
        stream.wait_until_read()
        assert log.version() == before
        stream.feed(CLOSE[-20:])
        assert stream.says() == new(3, "close")
        log.allows("close", "read")
        before = log.version()
        stream.close()
        assert stream.result().status == 0
    assert log.version() == before


def journal_entry(nr: int) -> bytes:
    """What `journalctl -o json` prints of a record in the kernel's ring buffer."""
    message = line(nr).decode().partition("] ")[2].rstrip()
    fields = {"_TRANSPORT": "kernel", "SYSLOG_IDENTIFIER": "kernel", "_HOSTNAME": "my-machine", "MESSAGE": message}
    return json.dumps(fields).encode() + b"\n"


def test_a_journal_is_followed_entry_by_entry(log: Log) -> None:
    with running("--follow", "-o", log.profile) as stream:
        stream.feed(journal_entry(0))
        assert stream.says() == new(0, "read")
        entry = journal_entry(3)
        stream.feed(entry[:-30])
        stream.wait_until_read()
        stream.feed(entry[-30:])
        assert stream.says() == new(3, "close")
        log.allows("close", "read")
        stream.signal(signal.SIGTERM)
        result = stream.result()
    assert result.status == 143
    assert "read 2 lines, 2 records: 2 used, 0 denied, 0 rejected, 0 not trusted" in result.stderr


def test_the_form_can_be_given(log: Log) -> None:
    with running("--follow", "--format-in", "strace", "-o", log.profile) as stream:
        stream.feed(b'read(3, "x", 1) = 1\n')
        assert " read, " in stream.says()
        log.allows("read")


def test_a_stream_that_never_pauses_does_not_keep_the_profile_waiting(log: Log) -> None:
    log.append(READ)
    pipe = subprocess.PIPE
    with subprocess.Popen(["sh", "-c", 'cat "$1"; exec yes nothing', "sh", log.path], stdout=pipe) as busy:
        command = [SCRIPT, "--follow", "-q", "-o", str(log.profile)]
        with subprocess.Popen(command, stdin=busy.stdout, stderr=subprocess.DEVNULL) as stream:
            try:
                log.allows("read")
                assert (busy.poll(), stream.poll()) == (None, None)
            finally:
                busy.kill()
                stream.kill()


def test_a_fifo_is_followed(log: Log) -> None:
    os.mkfifo(log.path)
    with running("--follow", log.path, "-o", log.profile) as fifo:
        with log.path.open("wb") as writer:
            writer.write(READ)
        assert fifo.says() == new(0, "read")
        assert fifo.result().status == 0
    log.allows("read")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_and_what_is_new_is_written(log: Log, number: signal.Signals) -> None:
    with running("--follow", "-o", log.profile) as stream:
        stream.feed(READ)
        assert stream.says() == new(0, "read")
        stream.signal(number)
        assert stream.result().status == 128 + number
    assert log.names() == ["read"]
    assert sorted(os.listdir(log.path.parent)) == ["profile.json"]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_any_call_leaves_an_old_profile_alone(log: Log, number: signal.Signals) -> None:
    log.profile.write_text("old\n")
    with running("--follow", log.path, "-o", log.profile) as followed:
        assert "waiting for it" in followed.says()
        followed.signal(number)
        result = followed.result()
    assert result.status == 128 + number
    assert "no SECCOMP record found" in result.stderr
    assert log.profile.read_text() == "old\n"


def test_a_signal_before_all_was_read_that_was_there_writes_nothing(log: Log) -> None:
    log.profile.write_text("old\n")
    log.append(READ)
    os.truncate(log.path, 4 << 30)  # a hole that takes seconds to read
    with running("--follow", log.path, "-o", log.profile) as followed:
        assert followed.says() == new(0, "read")
        followed.signal(signal.SIGTERM)
        result = followed.result()
    assert (result.status, result.stderr) == (143, f"audit2seccomp: {log.path}: interrupted: nothing is written\n")
    assert log.profile.read_text() == "old\n"


def test_quiet_says_nothing(log: Log) -> None:
    with following(log, "-q") as run:
        log.append(READ)
        log.allows("read")
        log.rename()
        log.append(CLOSE)
        log.allows("close", "read")
        run.signal(signal.SIGTERM)
        assert run.result().stderr == ""


def test_waiting_costs_next_to_nothing(log: Log, tmp_path: Path) -> None:
    log.append(READ)
    with following(log, tmp_path / "missing.log", "-") as run:
        log.allows("read")
        before, start = _cpu_seconds(run.process.pid), time.monotonic()
        time.sleep(2)
        share = (_cpu_seconds(run.process.pid) - before) / (time.monotonic() - start)
    assert share < 0.03


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "--follow: needs -o FILE: a file is replaced whenever there is a new call to allow"),
        (("-o", "-"), "--follow: needs -o FILE: a file is replaced whenever there is a new call to allow"),
        (("-o", "/dev/null"), "--follow: needs -o FILE: a file is replaced whenever there is a new call to allow"),
        (("-o", "p", "--strict"), "--follow: a log that is followed is never complete: use --strict without it"),
    ],
)
def test_what_makes_no_sense_is_a_mistake(args: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = run("--follow", *args, stdin=READ, cwd=tmp_path)
    assert (result.status, result.stderr) == (2, f"audit2seccomp: {said}\n")
    assert os.listdir(tmp_path) == []


def test_a_folder_or_a_redirected_file_cannot_be_followed(log: Log, tmp_path: Path) -> None:
    result = run("--follow", tmp_path, "-o", log.profile)
    said = f"audit2seccomp: {tmp_path}: is a directory: --follow needs the names of the files in it\n"
    assert (result.status, result.stderr) == (3, said)
    log.append(READ)
    result = run("-o", log.profile, program=shell(f'exec "$@" --follow < "{log.path}"'))
    said = "audit2seccomp: <stdin>: is a file: --follow needs its name, to see when the log is rotated\n"
    assert (result.status, result.stderr) == (3, said)
    assert not log.profile.exists()


def test_what_is_no_text_ends_it_unless_told_to_keep_going(log: Log, tmp_path: Path) -> None:
    binary = tmp_path / "noise.log"
    binary.write_bytes(bytes(range(1, 32)) * 20)
    log.append(READ)
    result = run("--follow", log.path, binary, "-o", log.profile)
    assert result.status == 3
    assert f"audit2seccomp: {binary}: binary data, not a text log" in result.stderr
    with running("--follow", "--keep-going", log.path, binary, "-o", log.profile) as followed:
        followed.hears_until(f"audit2seccomp: {binary}: binary data, not a text log")
        log.append(CLOSE)
        log.allows("close", "read")
        followed.signal(signal.SIGTERM)
        assert followed.result().status == 143


def test_an_evidence_file_cannot_be_followed(log: Log, tmp_path: Path) -> None:
    evidence = tmp_path / "a.evidence.json"
    assert run("collect", "-", "-o", evidence, stdin=READ).status == 0
    result = run("--follow", evidence, "-o", log.profile)
    said = f"audit2seccomp: {evidence}: is an evidence file, which does not grow: read it without --follow\n"
    assert (result.status, result.stderr) == (3, said)
    assert not log.profile.exists()


@pytest.mark.parametrize("streamed", [False, True])
def test_an_archive_cannot_be_followed_whatever_its_name(log: Log, streamed: bool) -> None:
    log.path.write_bytes(gzip.compress(READ))
    with log.path.open("rb") as file:
        name = "<stdin>" if streamed else str(log.path)
        result = run("--follow", "-" if streamed else log.path, "-o", log.profile, stdin=file.read())
    said = f"audit2seccomp: {name}: is an archive, which does not grow: read it without --follow\n"
    assert (result.status, result.stderr) == (3, said)
    assert not log.profile.exists()


def test_a_profile_that_cannot_be_replaced_ends_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.profile = tmp_path / "gone" / "profile.json"
    log.profile.parent.mkdir()
    with running("--follow", log.path, "-o", log.profile) as followed:
        assert "waiting for it" in followed.says()
        log.profile.parent.rmdir()
        log.append(READ)
        result = followed.result()
    assert result.status == 3
    assert f"audit2seccomp: {log.profile}: cannot write: no such file or directory" in result.stderr
    assert "Traceback" not in result.stderr
