"""What is read in portions, as other processes do it, says what reading it in one go says."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from select import select
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.inputs.sources import from_path
from audit2seccomp.evidence.model import Evidence, Progress
from audit2seccomp.evidence.parallel import parts, processes
from audit2seccomp.evidence.parallel.ahead import Ahead
from audit2seccomp.evidence.parallel.parts import Part, cut, read_part
from audit2seccomp.evidence.parallel.processes import Processes
from audit2seccomp.evidence.reading import scan_source
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.evidence.stored import files
from tests.evidence.repeated import boots, logs, text_logs
from tests.evidence.scans import pure_scan, small

APPLICATION = b"2026-11-02 10:11:12 worker started\n"
FIELDS = 'comm="nginx" exe="/nginx" sig=0 arch=c000003e syscall=%d compat=0 ip=0x0 code=0x7ffc0000\n'
GOES_ON = b"SECCOMP auid=0 uid=0 gid=0 ses=1 pid=7 " + (FIELDS % 3).encode()


def kernel_line(serial: int, nr: int = 3, *, host: str = "web", time: int = 1_594_067_860_000) -> bytes:
    """A line of kern.log."""
    seconds, millis = divmod(time, 1000)
    return (
        f"Jul  6 15:37:40 {host} kernel: [369128.669452] audit: type=1326 audit({seconds}.{millis:03}:{serial}): "
        f"auid=0 uid=0 gid=0 ses=1 pid=7 {FIELDS % nr}"
    ).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ahead")


class Alone:
    """Reads files as `Ahead` does, but for the processes."""

    def __init__(self, trust: Trust = Trust.ANCHORED, *, count_lines: bool = True, apart: bool = False) -> None:
        self.scanner = self.another = Scanner(trust, count_lines=count_lines, apart=apart)
        self._trust = trust
        self._count_lines = count_lines
        self._apart = apart
        self.put: list[bool] = []
        """Whether each part could be taken over as it was found."""

    def read(self, cut_up: Iterable[Part]) -> None:
        """Read a file in these parts, from the first that must be read once more on in one go."""
        progress: Progress | None = None
        for part in cut_up:
            another = Scanner(self._trust, count_lines=self._count_lines, apart=self._apart)
            portion = read_part(part, another)
            after = portion and self.scanner.put(pickle.loads(pickle.dumps(portion)), progress)  # noqa: S301
            self.put.append(after is not None)
            if after is None:
                scan_source(self.scanner, from_path(part.path, part.start), progress)
                return
            progress = after


def in_order(paths: Iterable[Path], trust: Trust = Trust.ANCHORED, *, apart: bool = False) -> Evidence:
    """What one scanner says of all."""
    scanner = Scanner(trust, apart=apart)
    for path in paths:
        scan_source(scanner, from_path(path))
    return scanner.evidence()


def whole(path: Path) -> Part:
    return Part(str(path), 0, None, path.stat().st_size)


def written(folder: Path, contents: Sequence[bytes]) -> list[Path]:
    """Files with these contents."""
    paths = [folder / f"{number}.log" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def pieces(data: st.DataObject, lines: Sequence[bytes], most: int = 3) -> list[bytes]:
    """Lines one after the other, as so many texts at most; some of these may be empty."""
    ends = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=most - 1)))
    return [b"".join(lines[start:end]) for start, end in pairwise((0, *ends, len(lines)))]


@given(log=logs() | boots(), data=st.data(), trust=st.sampled_from(Trust), apart=st.booleans())
def test_files_in_portions_say_what_they_say_in_order(
    log: list[bytes], data: st.DataObject, trust: Trust, apart: bool, folder: Path
) -> None:
    paths = written(folder, pieces(data, [line + b"\n" for line in log]))
    order = data.draw(st.permutations([*paths, *data.draw(st.lists(st.sampled_from(paths), max_size=1))]))
    ahead = Alone(trust, apart=apart)
    for path in order:
        ahead.read([whole(path)])
    assert files.to_text(ahead.scanner.evidence()) == files.to_text(in_order(order, trust, apart=apart))


@given(
    log=text_logs() | boots(),
    trust=st.sampled_from([Trust.ANCHORED, Trust.EMBEDDED]),
    last=st.sampled_from([b"", b"\n"]),
    pure=st.booleans(),
)
def test_parts_of_a_file_say_what_it_says_in_one_go(
    log: list[bytes], trust: Trust, last: bytes, pure: bool, folder: Path
) -> None:
    (path,) = written(folder, [b"\n".join(log * 3) + last])
    ahead = Alone(trust)
    with small(), patch.object(parts, "PART_BYTES", 1_500), pure_scan() if pure else nullcontext():
        ahead.read(cut(str(path), path.stat().st_size))
        assert files.to_text(ahead.scanner.evidence()) == files.to_text(in_order([path], trust))


@pytest.mark.parametrize("pure", [False, True])
def test_parts_of_a_usual_log_are_read_once(folder: Path, pure: bool) -> None:
    (path,) = written(folder, [b"".join(kernel_line(i, i % 40, time=10**12 + i) for i in range(4000))])
    ahead = Alone()
    with small(), patch.object(parts, "PART_BYTES", 100_000), pure_scan() if pure else nullcontext():
        ahead.read(cut(str(path), path.stat().st_size))
        assert ahead.scanner.evidence() == in_order([path])
    assert ahead.put == [True] * 8


def test_rotated_logs_and_those_of_other_machines_and_boots_are_read_once(folder: Path) -> None:
    contents = [
        b"".join(kernel_line(serial, time=time + serial, host=host) for serial in range(900, 1100))
        for host, time in (("web", 10**12), ("web", 10**12 + 10**9), ("db", 10**12), ("mail", 10**12))
    ]
    goes_on = b"".join(kernel_line(serial, time=10**12 + serial, host="mail") for serial in range(1100, 1300))
    paths = written(folder, [*contents, goes_on])
    ahead = Alone()
    for path in paths:
        ahead.read([whole(path)])
    assert ahead.scanner.evidence() == in_order(paths)
    assert ahead.put == [True] * 5


def test_a_file_that_repeats_another_is_read_once_more(folder: Path) -> None:
    paths = written(folder, [b"".join(kernel_line(serial) for serial in range(start, start + 50)) for start in (0, 40)])
    ahead = Alone()
    for path in paths:
        ahead.read([whole(path)])
    assert (ahead.put, ahead.scanner.evidence().repeated) == ([True, False], 10)


@pytest.mark.parametrize("looks_up", [1 << 16, 100])
def test_a_part_knows_of_the_application_above_it(looks_up: int, folder: Path) -> None:
    message = APPLICATION + b"\tits second line\n" * 300
    (path,) = written(folder, [b"".join(map(kernel_line, range(20))) + message + GOES_ON + kernel_line(20)])
    ahead = Alone()
    with small(), patch.object(parts, "PART_BYTES", 1_500), patch.object(parts, "_ABOVE_BYTES", looks_up):
        cut_up = cut(str(path), path.stat().st_size)
        ahead.read(cut_up)
        found = ahead.scanner.evidence()
        assert found == in_order([path])
    assert sum(sample.events for sample in found.refused.values()) == 1
    assert len(cut_up) > 4
    assert all(ahead.put) == (len(ahead.put) == len(cut_up)) == (looks_up > 100)


def test_processes_read_what_can_be_read_twice(folder: Path) -> None:
    lines = [b"".join(kernel_line(serial, host=host) for serial in range(2_000)) for host in ("web", "db", "mail")]
    paths = written(folder, lines)
    scanner, sizes = Scanner(), list[int]()
    with Ahead(["-", *map(str, paths), str(folder), str(folder / "gone"), "/proc/version"], 2, Scanner) as ahead:
        reached = [ahead.read(scanner, wait, sizes.append) for _ in range(7)]
    assert [reach.ended for reach in reached] == [False, True, True, True, False, False, False]
    assert sizes == [path.stat().st_size for path in paths]
    assert scanner.evidence() == in_order(paths)


def test_after_some_files_that_repeat_others_no_more_are_read_twice(folder: Path) -> None:
    paths = written(folder, [b"".join(kernel_line(serial) for serial in range(2_000))] * 9)
    scanner = Scanner()
    with Ahead(list(map(str, paths)), 2, Scanner) as ahead:
        for path in paths:
            reach = ahead.read(scanner, wait, lambda size: None)
            assert reach.ended == (path is paths[0])
            if not reach.ended:
                scan_source(scanner, from_path(path))
        assert ahead._processes is None
    assert scanner.evidence() == in_order(paths)


def wait(descriptors: Collection[int]) -> list[int]:
    return select(list(descriptors), [], [], 60)[0]


def killed(_number: int) -> bytes:
    """What may become of a process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return b"never"


def slow_square(number: int) -> bytes:
    """What a process may do."""
    if number == 3:
        raise ValueError("this one fails")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"%d" % number**2 * (100_000 if number == 7 else 1)


def test_results_come_in_order_whatever_becomes_of_the_processes() -> None:
    pool = Processes(3, 12, slow_square)
    try:
        found = [pool.result(number, wait) for number in (0, 1, 2, 3, 4, 5, 7, 8, 11)]
    finally:
        pool.end()
    assert found == [b"0", b"1", b"4", b"", b"16", b"", b"49" * 100_000, b"64", b"121"]


def test_nobody_is_left_when_all_have_ended() -> None:
    pool = Processes(2, 6, killed)
    try:
        assert [pool.result(number, wait) for number in range(6)] == [b""] * 6
    finally:
        pool.end()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_where_no_process_can_be_started_all_is_left_to_the_caller() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with patch.object(os, "fork", side_effect=BlockingIOError):
        pool = Processes(2, 3, slow_square)
    assert [pool.result(number, wait) for number in range(3)] == [b""] * 3
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_no_more_is_kept_than_what_is_asked_for_soon() -> None:
    pool = Processes(2, 1000, lambda number: bytes(1000))
    try:
        assert pool.result(0, wait) == bytes(1000)
        assert pool._waiting[0] <= processes._AHEAD * 2
    finally:
        pool.end()
