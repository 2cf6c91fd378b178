"""The reader of strace's output: what a trace that was written says, what real ones say, and what is no call."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.entries.entry import Call, Problem
from audit2seccomp.evidence.entries.strace import (
    KEPT_BYTES,
    NO_ARGUMENT,
    NO_NAME,
    OTHER_NUMBER,
    UNKNOWN_MODE,
    UNKNOWN_NAME,
    StraceDecoder,
    looks_like_strace,
)
from audit2seccomp.evidence.entries.traced import MAX_PROCESSES
from audit2seccomp.kernel.abi import abi_named
from tests.corpus import FIXTURES
from tests.programs import write_programs
from tests.strace_cases import FOLDER, names, read, traces, yields
from tests.writer.strace import Started, Style, trace

X86_64, X86 = 0xC000003E, 0x40000003

styles = st.builds(
    Style,
    to_file=st.booleans(),
    follow=st.booleans(),
    clock=st.sampled_from(("", "-t", "-tt", "-ttt", "-r")),
    numbers=st.booleans(),
    pointer=st.booleans(),
    durations=st.booleans(),
)


def calls_in(text: bytes, abi: str = "x86_64") -> list[tuple[int, int] | str]:
    """Architecture and number of each call, or what is wrong with it."""
    named = abi_named(abi)
    assert named is not None
    decoder = StraceDecoder(named)
    # An input without any line of strace's is told of.
    found = decoder.feed(b"+++ exited with 0 +++\n" + text) + decoder.finish()
    return [(one.arch, one.nr) if isinstance(one, Call) else one.reason for one in found]


@given(style=styles, rnd=st.randoms(use_true_random=False), steps=st.integers(1, 150))
def test_each_call_counts_once_where_it_starts(style: Style, rnd: Random, steps: int) -> None:
    made = trace(style, rnd, steps)
    found = read(made.text())
    uncertain = {one.line: one.reason for one in found if isinstance(one, Problem)}
    assert set(uncertain.values()) <= ({UNKNOWN_MODE} if made.mixed else set())
    calls = [Started(one.line, *one[:4]) for one in found if isinstance(one, Call)]
    assert calls == [started for started in made.started if started.line not in uncertain]


@given(rnd=st.randoms(use_true_random=False), size=st.integers(3, 300))
def test_where_blocks_are_cut_makes_no_difference(rnd: Random, size: int) -> None:
    text = trace(Style(clock="-tt"), rnd, 60).text() + b'write(1, "' + b"x" * 3 * KEPT_BYTES + b'", 9) = 9\nfork() = 2'
    assert read(text, size) == read(text)


@pytest.mark.parametrize("path", traces(), ids=lambda path: path.stem)
def test_a_recorded_trace_yields_what_it_must(path: Path) -> None:
    assert yields(path) == path.with_suffix(".calls").read_text()
    assert looks_like_strace(path.read_bytes()[:4096]) == (path.stem != "summary-only")


def counted(text: str) -> Counter[str]:
    """What strace's own summary says, by ABI and name; it leaves out calls that nobody has or that do not return."""
    first, *others = re.split(r"System call usage summary for (.*) mode:", text)
    modes = {"64 bit": first, **dict(zip(others[::2], others[1::2], strict=True))}
    counts: Counter[str] = Counter()
    for mode, part in modes.items():
        for calls, name in re.findall(r"(?m)^ *\d+\.\d+ +\d+\.\d+ +\d+ +(\d+) [ \d]{9} ([a-z_][\w#]*)$", part):
            abi = {"64 bit": "x86_64", "32 bit": "x86", "x32": "x32"}[mode]
            counts[f"{abi} {1073741837 if name == 'rt_sigaction#64' else name}"] += int(calls)
    return +Counter({name: calls for name, calls in counts.items() if not name.endswith(" total")})


def countable(found: list[Call | Problem]) -> Counter[str]:
    """What the summary has of the calls."""
    return Counter(
        {name: calls for name, calls in names(found).items()
         if name == "x32 1073741837" or not re.search(r" exit_group| \d", name)}
    )  # fmt: skip


def test_a_recorded_trace_has_the_calls_that_strace_counted() -> None:
    text = (FOLDER / "summary.strace").read_bytes()
    assert names(read(text))["x86_64 exit_group"] == 4
    assert countable(read(text)) == counted(text.decode())


def test_the_same_programs_make_the_same_calls_whatever_tells_their_modes() -> None:
    assert yields(FOLDER / "modes-file.strace") == yields(FOLDER / "modes-stderr.strace")
    # Without the numbers of -n, socketcall has the name of the call inside.
    text = (FOLDER / "numbers.strace").read_bytes()
    numbered = names(read(text))
    assert (numbered.pop("x86 socketcall"), numbered.pop("x86 socket")) == (1, 1)
    assert names(read(re.sub(rb"\[ *\d+\] ", b"", text))) == numbered + Counter({"x86 socket": 2})


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b'openat2(3, "x", {}, 24) = 4', (X86_64, 437)),
        (b"1795549050.538216 (+     0.000381) brk(NULL) = 0x1", (X86_64, 12)),
        (b"[pid 77] 20:11:32 read(0,  <unfinished ...>", (X86_64, 0)),
        (b"[pid 77] <... read resumed>1, 2) = 2", (X86_64, 0)),
        (b'77 write(2, "audit: type=1326 audit(1.000:7): auid=0 syscall=246 code=0x7ffc0000\\n"', (X86_64, 1)),
        (b"exit_group(0) = ?", (X86_64, 231)),
        (b"syscall_0x1bd(0, 0, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)", (X86_64, 445)),
        (b"syscall_0xffffffffffffffff(0) = -1 ENOSYS (Function not implemented)", (X86_64, -1)),
        (b"syscall_445(0) = 0", (X86_64, 445)),
        (b"SYS_332(0) = 0", (X86_64, 332)),
        (b"[ 257] openat(AT_FDCWD) = 3", (X86_64, 257)),
        (b"[ 450] new_call(1) = 3", OTHER_NUMBER),
        (b"[ 900] newer_call(1) = 3", (X86_64, 900)),
        (b"[18446744073709551615] syscall_0xffffffffffffffff(1) = 3", (X86_64, -1)),
        (b"[  20] getpid() = 3", OTHER_NUMBER),
        (b"umount(1) = 0", (X86_64, 166)),
        (b"mmap2(NULL, 4096) = 0", UNKNOWN_NAME),
        (b"mmap2(NULL, 4096 <unfinished ...>", UNKNOWN_NAME),
        (b"???( <unavailable>) = ? <unavailable>", NO_NAME),
        (b"fork(strace: Process 13836 attached", (X86_64, 57)),
        (b"open(file): no such file", NO_ARGUMENT),
        (b"open(file2): no such file", NO_ARGUMENT),
        (b"ustat(makedev(0x8, 0x1), 0x1) = 0", (X86_64, 136)),
        (b"clone(child_stack=NULL) = 3", (X86_64, 56)),
        (b"f(1)", None),
        (b"frobnicate(1) failed", None),
        (b'the program wrote: open("x") = 3', None),
        (b" > /usr/lib/x86_64-linux-gnu/libc.so.6(__open64+0x3f) [0x10d4a6]", None),
        (b" | 00000  6f 70 65 6e 28 30 29 20  3d 20 33                open(0) = 3      |", None),
        (b"--- SIGCHLD {si_signo=SIGCHLD} ---", None),
        (b"+++ killed by SIGKILL +++", None),
        (b"strace: Process 13836 attached", None),
        (b"Process 13836 detached", None),
        (b"", None),
    ],
)
def test_a_line(line: bytes, wanted: tuple[int, int] | str | None) -> None:
    assert calls_in(line) == ([] if wanted is None else [wanted])


@pytest.mark.parametrize(
    ("abi", "line", "nr"),
    [
        ("x86", b"socket(AF_UNIX) = 3", 359),
        ("x86", b"accept(3) = 4", 102),
        ("x86", b"semop(3) = 4", 117),
        ("x86", b"[ 102] socket(AF_UNIX) = 3", 102),
        ("x86", b"_llseek(3) = 0", 140),
        ("x32", b"getpid() = 3", 0x40000027),
        ("x32", b"rt_sigaction#64(0, 0, 0, 0) = -1 ENOSYS (Function not implemented)", 0x4000000D),
        ("x32", b"syscall_0x400007d0(0) = -1 ENOSYS (Function not implemented)", 0x400007D0),
        ("x32", b"syscall_2000(0) = -1 ENOSYS (Function not implemented)", 0x400007D0),
        ("arm", b"sync_file_range2(3) = 0", 341),
        ("arm", b"set_tls(0x1) = 0", 983045),
        ("mips", b"read(0) = 0", 4003),
        ("sh", b"sched_setattr(0) = 0", None),
        ("aarch64", b"open(0) = 0", None),
    ],
)
def test_a_name_is_a_number_by_the_architecture(abi: str, line: bytes, nr: int | None) -> None:
    named = abi_named(abi)
    assert named is not None
    assert calls_in(line, abi) == [UNKNOWN_NAME if nr is None else (named.audit_arch, nr)]


def test_only_an_absolute_clock_gives_the_time() -> None:
    clocks = b"1795549050.538216|1795549050|7  1795549050.5|20:11:32.538216|     0.538216|7      0".split(b"|")
    found = read(b"".join(clock + b" brk(0) = 0\n" for clock in clocks))
    times = [1795549050538, 1795549050000, 1795549050500, None, None, None]
    assert [one.millis for one in found if isinstance(one, Call)] == times
    assert [one.pid for one in found if isinstance(one, Call)] == [None, None, 7, None, None, 7]


def test_a_process_whose_parent_is_not_certain_is_not_guessed() -> None:
    two_forks = (
        b"7 clone(0 <unfinished ...>\n8 clone(0 <unfinished ...>\n"
        b"8 [ Process PID=8 runs in 32 bit mode. ]\n9 read(0) = 0\n"
    )
    assert calls_in(two_forks) == [(X86_64, 56), (X86_64, 56), UNKNOWN_MODE]
    # Its parent's line says it in the end.
    assert calls_in(two_forks + b"8 <... clone resumed>) = 9\n9 read(0) = 0\n")[-1] == (X86, 3)


def test_a_mode_that_the_architecture_does_not_have_is_not_guessed() -> None:
    text = b"7 [ Process PID=7 runs in 32 bit mode. ]\n7 read(0) = 0\n"
    assert calls_in(text, "riscv64") == [UNKNOWN_MODE]
    assert calls_in(text, "aarch64") == [(0x40000028, 3)]


@pytest.mark.parametrize(
    "path", [*FIXTURES.glob("*/*/*.log"), *FIXTURES.glob("recorded/*.log"), *FIXTURES.glob("recorded/*.txt")]
)
def test_no_other_log_looks_like_a_trace(path: Path) -> None:
    assert not looks_like_strace(path.read_bytes()[:4096])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"f(1) = 1\nf(2) = 4\nf(3) = 9\n",
        b"open(1) = 1\nopen(2) = 4\nopen(3) = 9",  # the last line may be cut
        b"# note\nopen(1) = 1\nopen(2) = 4\nopen(3) = 9\n",
        b"open(1) = 1\na\nb\nc\nd\nopen(2) = 4\nopen(3) = 9\n",
        b"% time     seconds  usecs/call     calls    errors syscall\n",
    ],
)
def test_a_text_that_is_no_trace(text: bytes) -> None:
    assert not looks_like_strace(text)


def test_memory_and_time_are_bounded_whatever_a_trace_says() -> None:
    started = time.perf_counter()
    forks = b"".join(b"%d clone(0) = %d\n" % (pid, 9_000_000 - pid) for pid in range(2 * MAX_PROCESSES))
    assert calls_in(forks + b"write(1, " + b") " * 500_000) == [(X86_64, 56)] * 2 * MAX_PROCESSES + [(X86_64, 1)]
    assert calls_in(b"1 " * 500_000 + b"\n" + b"[" * 500_000 + b"\n" + b"7 " + b" " * 500_000) == []
    assert time.perf_counter() - started < 20


@pytest.fixture
def strace(tmp_path: Path) -> Path:
    """Where two programs are that strace can run."""
    if shutil.which("strace") is None or platform.machine() != "x86_64":
        pytest.skip("no strace for x86_64")
    write_programs(tmp_path)
    return tmp_path


def traced(folder: Path, script: str, *options: str) -> bytes:
    """The trace of a shell, as strace writes it to a file."""
    command = ["strace", "-f", "-o", "trace", "--quiet=attach", *options, "sh", "-c", script]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return (folder / "trace").read_bytes()


@pytest.mark.parametrize("options", [(), ("-tt",), ("-ttt", "-T"), ("-r", "-i"), ("-y", "-s", "9999")], ids=str)
def test_a_real_trace_has_the_calls_that_strace_counts(strace: Path, options: tuple[str, ...]) -> None:
    text = traced(strace, "./modes; ./old; ls -d / /etc | sort -r | cat; expr 1 + 1", "-C", *options)
    assert looks_like_strace(text[:4096])
    found = read(text)
    assert not [one for one in found if isinstance(one, Problem)]
    assert countable(found) == counted(text.decode())


def test_the_numbers_of_a_real_trace_are_those_of_its_names(strace: Path) -> None:
    # Where several processes fork at once, whose child a new one is may be open, but nothing is taken for another.
    found = read(traced(strace, "(./old; ./modes) | ./old & ./modes & ./old | cat; wait", "-n"))
    assert {one.reason for one in found if isinstance(one, Problem)} <= {UNKNOWN_MODE}
