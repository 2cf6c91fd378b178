"""The benchmark suite measures what it says: its logs hold what they promise, and a wrong answer is an error."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import suite
from benchmarks.contestants import (
    AUDIT_ARCH_X86_64,
    GREP,
    MAWK,
    ONE_JOB,
    Contestant,
    calls_in_profile,
    calls_in_records,
    nothing,
)
from benchmarks.events import processes
from benchmarks.make_logs import Form, LogSpec, blocks, make_log, standard_logs
from benchmarks.rows import ROWS, Entry, Row
from benchmarks.timing import ContestantFailedError, Cost, disagreements, miscounts, run
from tests.journals import needs_journals

RECORD = re.compile(
    rb"^(?:[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d my-machine kernel: \[\d+\.\d{6}\] audit: type=1326 "
    rb"|type=SECCOMP msg=)audit\((\d+\.\d{3}):(\d+)\): auid=\d+ uid=\d+ gid=\d+ ses=\d+ (?:subj=.* )?pid=(\d+) "
    rb'comm=("[^" ]{1,15}"|(?:[0-9A-F]{2}){1,15}) exe=("[^" ]+"|(?:[0-9A-F]{2})+) sig=0 arch=c000003e '
    rb"syscall=(\d+) compat=0 ip=0x[0-9a-f]+ code=0x7ffc0000$"
)
SPECS = (
    LogSpec("dense.log", 12_000),
    LogSpec("dense.audit.log", 12_000, Form.AUDITD),
    LogSpec("sparse.log", 20_000, record_every=50),
    LogSpec("pids.log", 12_000, new_pids=True),
    LogSpec("names.log", 12_000, names=5_000),
)
JOURNALS = (LogSpec("journal.json", 12_000, Form.JSON), LogSpec("journal.export", 12_000, Form.EXPORT))
RECORDED = Path(__file__).parent.parent / "fixtures" / "recorded"


def text(spec: LogSpec) -> bytes:
    return b"".join(blocks(spec))


def records(spec: LogSpec) -> list[tuple[bytes, ...]]:
    found = [match.groups() for line in text(spec).splitlines() if (match := RECORD.match(line))]
    assert len(found) == spec.records
    return found


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_log_has_the_promised_lines_and_records_in_growing_time(spec: LogSpec) -> None:
    assert text(spec).count(b"\n") == spec.lines
    found = records(spec)
    times, serials = [float(record[0]) for record in found], [int(record[1]) for record in found]
    assert times == sorted(times)
    assert serials == sorted(set(serials))


@pytest.mark.parametrize("spec", [*SPECS, *JOURNALS], ids=lambda spec: spec.name)
def test_a_log_is_the_same_bytes_each_time(spec: LogSpec, tmp_path: Path) -> None:
    first, second = (make_log(spec, tmp_path / name).read_bytes() for name in ("one", "two"))
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


def test_a_dense_log_shows_every_process_with_skewed_calls() -> None:
    found = records(SPECS[0])
    assert {(record[3].decode(), record[4].decode()) for record in found} == set(processes())
    assert len(processes()) == 60
    by_process: dict[tuple[bytes, ...], list[bytes]] = {}
    for record in found:
        by_process.setdefault(record[3:5], []).append(record[5])
    for calls in by_process.values():
        assert len(set(calls)) <= 46
        assert max(map(calls.count, calls)) > 2 * len(calls) / 46


def test_both_forms_hold_the_same_events() -> None:
    assert records(SPECS[0]) == records(SPECS[1])


def entries(log: bytes) -> list[dict[str, str]]:
    """The entries of a journal, printed in either form, of which no field has a newline in it."""
    if log.startswith(b"{"):
        return [json.loads(line) for line in log.splitlines()]
    return [dict(line.split("=", 1) for line in entry.splitlines()) for entry in log.decode().split("\n\n") if entry]


@pytest.mark.parametrize("spec", JOURNALS, ids=lambda spec: spec.name)
def test_a_journal_holds_the_same_events(spec: LogSpec) -> None:
    found = []
    for entry in entries(text(spec)):
        spoken = entry["_SOURCE_REALTIME_TIMESTAMP"]
        stamp = f"{spoken[:-6]}.{spoken[-6:-3]}:{entry['_AUDIT_ID']}"
        found += RECORD.findall(
            f"type=SECCOMP msg=audit({stamp}): {entry['MESSAGE'].removeprefix('SECCOMP ')}".encode()
        )
        assert entry["_PID"].encode() == found[-1][2]
    assert found == records(SPECS[0])


@pytest.mark.parametrize("spec", JOURNALS, ids=lambda spec: spec.name)
def test_a_journal_looks_like_a_recorded_one(spec: LogSpec) -> None:
    recorded = (RECORDED / f"journal-{spec.form}.txt").read_bytes()
    names = {frozenset(entry) for entry in entries(recorded) if entry["_TRANSPORT"] == "audit"}
    made = entries(text(spec))
    assert {frozenset(entry) - {"_SELINUX_CONTEXT"} for entry in made} == names
    assert len({tuple(entry) for entry in made}) > 50


def test_a_packed_log_holds_the_same_lines(tmp_path: Path) -> None:
    plain, packed = (make_log(LogSpec(name, 500), tmp_path) for name in ("small.log", "small.log.gz"))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_every_program_has_a_name_of_its_own_and_makes_one_call() -> None:
    found = records(SPECS[4])
    assert len({record[3] for record in found}) == len({record[3:] for record in found}) == 5_000


def test_only_the_records_of_a_sparse_log_say_type_1326() -> None:
    assert text(SPECS[2]).count(b"type=1326") == SPECS[2].records == 400


def test_new_pids_are_all_different() -> None:
    assert len({record[2] for record in records(SPECS[3])}) == SPECS[3].records


def test_an_existing_log_is_kept_unless_its_size_or_recipe_changed(tmp_path: Path) -> None:
    spec = LogSpec("small.log", 100)
    path = make_log(spec, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[::-1])
    assert make_log(spec, tmp_path).read_bytes() == whole[::-1]
    path.write_bytes(whole[:50])
    assert make_log(spec, tmp_path).read_bytes() == whole
    longer = make_log(replace(spec, lines=101), tmp_path).read_bytes()
    assert longer.count(b"\n") == 101


def test_every_row_reads_logs_that_exist() -> None:
    for quick in (False, True):
        logs = standard_logs(quick=quick)
        for row in ROWS:
            assert {entry.log for entry in row.timed} <= set(logs)
            assert {entry.log for group in row.must_agree for entry in group} <= set(logs)


def test_answers_are_read_from_records_and_profiles() -> None:
    expected = frozenset({(AUDIT_ARCH_X86_64, 0), (AUDIT_ARCH_X86_64, 51)})
    assert calls_in_records(b"x arch=c000003e syscall=51 compat=0\narch=c000003e syscall=0\n") == expected
    allowed = {"names": ["read", "getsockname"], "action": "SCMP_ACT_ALLOW"}
    denied = {"names": ["mount"], "action": "SCMP_ACT_ERRNO"}
    assert calls_in_profile(json.dumps({"syscalls": [allowed, denied]}).encode()) == expected
    with pytest.raises(ValueError, match="does not have: no_such_call"):
        calls_in_profile(json.dumps({"syscalls": [{**allowed, "names": ["no_such_call"]}]}).encode())


def test_a_difference_is_named() -> None:
    read, write = (AUDIT_ARCH_X86_64, 0), (AUDIT_ARCH_X86_64, 1)
    assert disagreements({"a": frozenset({read}), "b": frozenset({read})}) == []
    assert disagreements({"a": frozenset({read}), "b": frozenset({write})}) == [
        "a and b differ: only in a: c000003e:0; only in b: c000003e:1"
    ]
    assert miscounts("grep", 20, lines=1_000, records=20) == []
    assert miscounts("grep", 19, lines=1_000, records=20) == ["grep counts 19; written were 20 records in 1,000 lines"]


def peer(name: str, program: str) -> Contestant:
    return Contestant(name, (sys.executable, "-c", program, "{LOG}"), calls_in_records)


READS_ALL = peer("honest", "import sys; sys.stdout.write(open(sys.argv[1]).read())")
LOSES_ONE = peer("lossy", "import sys; sys.stdout.write(open(sys.argv[1]).read().replace(' syscall=1 ', ' '))")
SILENT = peer("silent", "")


@pytest.mark.parametrize(
    ("others", "status", "said"),
    [
        ((GREP,), 0, ""),
        ((LOSES_ONE,), 1, "honest, small.log and lossy, small.log differ: only in honest, small.log: c000003e:1\n"),
        ((SILENT,), 1, "no calls at all: silent, small.log\n"),
    ],
    ids=["same", "lost", "nothing"],
)
def test_the_suite_fails_when_answers_differ(
    others: tuple[Contestant, ...],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    entries = tuple(Entry(contestant, "small.log") for contestant in (READS_ALL, *others))
    monkeypatch.setattr(suite, "ROWS", (Row("dense", entries, (entries,)),))
    assert suite.main(["--directory", str(tmp_path), "--rounds", "1"]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert ("| honest | small.log |" in captured.out) == (status == 0)


def test_a_target_that_was_not_measured_is_an_error_only_when_enforced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = Contestant("absent", ("no-such-program",), nothing, "no-such-package")
    entries = (Entry(absent, "small.log"),)
    monkeypatch.setattr(suite, "ROWS", (Row("start", entries, (entries,)),))
    assert suite.main(["--directory", str(tmp_path)]) == 0
    assert suite.main(["--directory", str(tmp_path), "--enforce"]) == 1
    out = capsys.readouterr().out
    assert "- absent: skipped, not installed (Debian package no-such-package)" in out
    assert "| not measured |" in out


def test_a_run_has_plausible_costs_and_a_failing_program_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"arch=c000003e syscall=51\n")
    cost, answer = run(READS_ALL, log, 1, tmp_path)
    assert answer.read_bytes() == log.read_bytes()
    assert cost.cpu > 0
    assert 1e6 < cost.peak < 1e9
    with pytest.raises(ContestantFailedError, match="failing: log: status 3: too bad"):
        run(peer("failing", "import sys; sys.stderr.write('too bad'); sys.exit(3)"), log, 1, tmp_path)


def test_a_target_is_about_what_its_own_row_measured() -> None:
    fast, slow, faster = (Cost(wall, wall, 1e7, 1_000) for wall in (1.0, 4.0, 0.5))
    run_of_mawk = (MAWK.name, "dense.log")
    costs = {"dense": {(ONE_JOB.name, "dense.log"): fast, run_of_mawk: slow}, "pure": {run_of_mawk: faster}}
    text, _ = suite.verdicts(costs, [row for row in ROWS if row.name == "dense"])
    assert "| dense, one job: times mawk's rate | ≥ 1.5 | 4.00 | met |" in text


SAVED = LogSpec("thousandth.journal", 20_000, Form.JOURNAL, record_every=1_000, kernel_every=50)


def test_a_journal_of_a_whole_machine_has_the_promised_entries() -> None:
    by = Counter(entry["_TRANSPORT"] for entry in entries(text(SAVED)))
    assert by["audit"] == SAVED.records == 20
    assert 0 <= SAVED.lines // 50 - by["kernel"] <= SAVED.records  # a record may take the place of a line
    assert by.total() == SAVED.lines


@needs_journals
def test_systemd_reads_back_the_entries_that_were_written(tmp_path: Path) -> None:
    folder = make_log(SAVED, tmp_path)
    command = ["journalctl", f"--directory={folder}", "-o", "export"]
    export = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    written, read = (Counter(entry["MESSAGE"] for entry in entries(log)) for log in (text(SAVED), export))
    assert read == written
    assert make_log(SAVED, tmp_path) == folder
