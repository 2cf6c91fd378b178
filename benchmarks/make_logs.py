"""Write the logs that the benchmarks read: the same bytes on every machine.

    python -m benchmarks.make_logs [--directory DIR] [--quick] [--new-pids N] [NAME ...]

A log that exists with the size and recipe that `manifest.json` beside it states is left alone.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import count, islice
from pathlib import Path
from random import Random
from time import gmtime
from typing import IO, TYPE_CHECKING, cast

from benchmarks.chatter import chatter
from benchmarks.events import Event, Shape, renamed, shapes
from benchmarks.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SEED = 1326
BLOCK = 10_000
"""Lines made at a time: enough to amortise the draws, little enough to stay in the cache."""
ROTATED_LINES = 5 * BLOCK
FIRST_SECOND = 1_594_067_860
"""2020-07-06 20:37:40 UTC."""
BOOTED_MICROS_AGO = 369_128_669_452
FIRST_SERIAL = 14_536
FIRST_NEW_PID = 300
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HERE = Path(__file__).parent
JOURNAL_WRITER = "/lib/systemd/systemd-journal-remote"

Stamp = tuple[str, str, str]
"""The syslog header with the host, seconds since boot, seconds since the epoch."""


class Form(StrEnum):
    """What a log is written by."""

    KERNEL = "kernel"
    """rsyslog, the kernel's lines."""
    AUDITD = "auditd"
    """auditd, its file."""
    JSON = "json"
    """`journalctl -o json`."""
    EXPORT = "export"
    """`journalctl -o export`."""
    JOURNAL = "journal"
    """A folder of journald's own files, which systemd-journal-remote writes: the entries are the same bytes on every
    machine, the files are not."""


@dataclass(frozen=True, slots=True)
class LogSpec:
    """One log to write; packed if its name says so."""

    name: str
    lines: int
    """Those of an export are its entries, each of which takes several."""
    form: Form = Form.KERNEL
    record_every: int = 1
    """One line in so many is a record, at a random place among them; the others are chatter."""
    new_pids: bool = False
    """Every record has another pid; it may exceed the kernel's limit of 2**22."""
    kernel_every: int = 0
    """Of the chatter one line in so many is the kernel's; 0 leaves it to chance, which makes it one in three."""
    names: int = 0
    """So many programs with a name of their own, which make their one call in turn, instead of the sixty processes."""
    rotated: bool = False
    """Whether it is a folder of what logrotate leaves: one packed file after the other."""

    @property
    def records(self) -> int:
        return self.lines // self.record_every


def standard_logs(*, quick: bool) -> dict[str, LogSpec]:
    """Return the logs of the benchmark rows by name; quick ones have a tenth of the lines."""
    unit = 100_000 if quick else 1_000_000
    logs = (
        LogSpec("dense.log", unit),
        LogSpec("dense.audit.log", unit, Form.AUDITD),
        LogSpec("dense.log.gz", unit),
        LogSpec("slice.audit.log", unit // 10, Form.AUDITD),
        LogSpec("fifth.log", unit // 5),
        LogSpec("fifth.journal.json", unit // 5, Form.JSON),
        LogSpec("fifth.journal.export", unit // 5, Form.EXPORT),
        LogSpec("sparse.log", 3 * unit, record_every=50),
        LogSpec("sparse.log.gz", 3 * unit, record_every=50),
        LogSpec("rotated", 3 * unit, record_every=50, rotated=True),
        LogSpec("pids.log", unit, new_pids=True),
        LogSpec("pids-tenfold.log", 10 * unit, new_pids=True),
        LogSpec("names.log", unit, names=100_000),
        LogSpec("small.log", 1_000),
        LogSpec("thousandth.journal", unit, Form.JOURNAL, record_every=1_000, kernel_every=50),
        LogSpec("firewall.journal", unit // 5, Form.JOURNAL, record_every=1_000),
    )
    return {log.name: log for log in logs}


def make_log(spec: LogSpec, directory: Path) -> Path:
    """Write the log unless it is there; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path, manifest_path = directory / spec.name, directory / "manifest.json"
    manifest = json.loads(manifest_path.read_text()) if manifest_path.exists() else {}
    entry = {"recipe": _recipe(), **asdict(spec)}
    known = manifest.get(spec.name)
    if path.exists() and known == {**entry, "bytes": _size(path)}:
        return path
    unfinished = path.with_suffix(".unfinished")
    if spec.form is Form.JOURNAL:
        _write_journal(unfinished, blocks(spec))
        shutil.rmtree(path, ignore_errors=True)
    elif spec.rotated:
        _write_rotated(unfinished, spec)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with _writing(unfinished, packed=path.suffix == ".gz") as file:
            file.writelines(blocks(spec))
    os.replace(unfinished, path)
    manifest[spec.name] = {**entry, "bytes": _size(path)}
    manifest_path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return path


def _size(path: Path) -> int:
    """Bytes of a file, or of those in a folder."""
    return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size


def _write_rotated(folder: Path, spec: LogSpec) -> None:
    """Pack each few blocks as a file of their own; the oldest has the highest number."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rest = blocks(spec)
    for number in range(-(-spec.lines // ROTATED_LINES), 0, -1):
        with _writing(folder / f"syslog.{number}.gz", packed=True) as file:
            file.writelines(islice(rest, ROTATED_LINES // BLOCK))


def _write_journal(folder: Path, export: Iterator[bytes]) -> None:
    """Have systemd write its own files of what journalctl would export."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [JOURNAL_WRITER, "--split-mode=none", f"--output={folder / 'system.journal'}", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.writelines(export)
        _, said = writer.communicate()
    if writer.returncode:
        raise subprocess.CalledProcessError(writer.returncode, command, stderr=said)


@contextmanager
def _writing(path: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    """Open a file to be written; packed as logrotate has gzip do it, at the usual level."""
    with path.open("wb") as file:
        if not packed:
            yield file
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as archive:
            yield cast("IO[bytes]", archive)


def blocks(spec: LogSpec) -> Iterator[bytes]:
    """Yield the log's text, before it is packed, in blocks of whole lines."""
    rng = Random(SEED)
    records = _records(spec, rng)
    steps = (3, 11, 40, 180, 900, 2_500) if spec.record_every == 1 else (900, 4_000, 60_000, 250_000, 800_000)
    clock = Clock(rng, steps)
    chat = _chatter(spec, rng) if spec.record_every > 1 else None
    for start in range(0, spec.lines, BLOCK):
        stamps = clock.take(min(BLOCK, spec.lines - start))
        if chat is None:
            lines = records(stamps)
        else:
            lines = chat(stamps)
            places = [
                first + rng.randrange(spec.record_every)
                for first in range(0, len(stamps) - spec.record_every + 1, spec.record_every)
            ]
            for place, line in zip(places, records([stamps[place] for place in places]), strict=True):
                lines[place] = line
        yield ("\n".join(lines) + "\n").encode("ascii")


class Clock:
    """Time that passes in random steps of microseconds."""

    def __init__(self, rng: Random, steps: Sequence[int]) -> None:
        self._rng, self._steps = rng, steps
        self._micros = 0
        self._second = -1
        self._header = ""

    def take(self, count: int) -> list[Stamp]:
        """Return the next moments."""
        stamps: list[Stamp] = []
        micros = self._micros
        for step in self._rng.choices(self._steps, k=count):
            micros += step
            seconds, rest = divmod(micros, 1_000_000)
            if seconds != self._second:
                self._second = seconds
                self._header = _syslog_header(FIRST_SECOND + seconds)
            up_seconds, up_rest = divmod(BOOTED_MICROS_AGO + micros, 1_000_000)
            stamps.append(
                (self._header, f"{up_seconds:5d}.{up_rest:06d}", f"{FIRST_SECOND + seconds}.{rest // 1_000:03d}")
            )
        self._micros = micros
        return stamps


def _records(spec: LogSpec, rng: Random) -> Callable[[Sequence[Stamp]], list[str]]:
    """Return what makes the next records' lines, one for each moment."""
    population, cumulated = shapes(rng)
    named = [renamed(shape, f"worker-{n}") for n, shape in enumerate(rng.choices(population, k=spec.names))]
    write = _writer(spec.form)
    serial, new_pid = FIRST_SERIAL, FIRST_NEW_PID

    def take(stamps: Sequence[Stamp]) -> list[str]:
        nonlocal serial, new_pid
        if named:
            start = serial - FIRST_SERIAL
            drawn = [named[n % spec.names] for n in range(start, start + len(stamps))]
        else:
            drawn = rng.choices(population, cum_weights=cumulated, k=len(stamps))
        if spec.new_pids:
            drawn = [Shape(shape[0], str(new_pid + index), shape[2]) for index, shape in enumerate(drawn)]
            new_pid += len(stamps)
        events = [
            Event(b + pid + a, n, header, uptime, epoch)
            for n, (header, uptime, epoch), (b, pid, a) in zip(count(serial), stamps, drawn, strict=False)
        ]
        serial += len(stamps)
        return [write(event) for event in events]

    return take


def _writer(form: Form) -> Callable[[Event], str]:
    """Return what makes a record's line of its event, less the newline."""
    if form is Form.KERNEL:
        return lambda e: f"{e.header}kernel: [{e.uptime}] audit: type=1326 audit({e.epoch}:{e.serial}): {e.record}"
    if form is Form.AUDITD:
        return lambda e: f"type=SECCOMP msg=audit({e.epoch}:{e.serial}): {e.record}"
    journal = Journal(Random(SEED))
    return journal.json if form is Form.JSON else journal.export


def _chatter(spec: LogSpec, rng: Random) -> Callable[[Sequence[Stamp]], list[str]]:
    """Return what makes the next lines of others, one for each moment."""
    everybody = chatter(rng)
    kernel, services = ([line for line in everybody if line.from_kernel is by_kernel] for by_kernel in (True, False))
    journal = Journal(Random(SEED))

    def take(stamps: Sequence[Stamp]) -> list[str]:
        lines = rng.choices(services if spec.kernel_every else everybody, k=len(stamps))
        if spec.kernel_every:
            places = range(0, len(lines), spec.kernel_every)
            lines[:: spec.kernel_every] = rng.choices(kernel, k=len(places))
        if spec.form is Form.JOURNAL:
            return [
                journal.chatter(line, uptime, epoch) for (_, uptime, epoch), line in zip(stamps, lines, strict=True)
            ]
        return [
            f"{header}kernel: [{uptime}] {text}" if from_kernel else header + text
            for (header, uptime, _), (from_kernel, text) in zip(stamps, lines, strict=True)
        ]

    return take


def _syslog_header(second: int) -> str:
    at = gmtime(second)
    return f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} my-machine "


def _recipe() -> str:
    """Return a hash of the programs that make the logs: another program, other logs."""
    sources = (_HERE / name for name in ("chatter.py", "events.py", "journal.py", "make_logs.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    """Write the logs that the command line names, all standard ones without a name."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_logs", description="Write the benchmark logs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of the standard logs; default: all")
    parser.add_argument("--directory", type=Path, default=Path("build/bench"), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="a tenth of the lines")
    parser.add_argument(
        "--new-pids", type=int, metavar="N", help="instead, one log of N records, each with another pid"
    )
    options = parser.parse_args(argv)
    known = standard_logs(quick=options.quick)
    if options.new_pids is not None:
        name = f"pids-{options.new_pids}.log"
        known = {name: LogSpec(name, options.new_pids, new_pids=True)}
    if unknown := set(options.names) - set(known):
        parser.error(f"no such log: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    for name in options.names or known:
        path = make_log(known[name], options.directory)
        print(f"{path}: {path.stat().st_size:,} bytes, {known[name].records:,} records")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
