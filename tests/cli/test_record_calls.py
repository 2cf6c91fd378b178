"""What `record` sees: every call of the command and of its descendants, as often as it was made."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from audit2seccomp.kernel.abi import abi_named
from audit2seccomp.live.notify import INTERRUPTED, MAX_NOTED
from tests.cli.command import run
from tests.cli.recording import AUDIT, WAYS, X86_64, Recording
from tests.e2e.machine import needs
from tests.programs import GETPID, OLD_STYLE, THREE_MODES, Make, ending, write, write_programs
from tests.straced import straced

_NEVER_RETURN = ("exit", "exit_group")
"""strace counts calls when they return."""
_ENDS = 60, 231, 252, 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of many files."""
    made = tmp_path / "many"
    for i in range(30):
        inner = made / str(i)
        inner.mkdir(parents=True)
        for j in range(60):
            (inner / str(j)).touch()
    return made


@pytest.mark.parametrize("via", WAYS)
@needs("strace")
def test_it_sees_what_strace_sees_as_often(via: str, folder: Path, recording: Recording) -> None:
    command = ["ls", "-laR", str(folder)]
    expected = straced(recording.folder, *command)
    done = recording.run(*command, via=via)
    assert (done.returncode, done.stderr) == (0, "")
    seen = recording.named()
    assert {name: seen.pop(name, 0) for name in _NEVER_RETURN} == {"exit": 0, "exit_group": 1}
    assert seen == expected
    assert seen.total() > 2000


def expected(calls: tuple[Make, ...]) -> Counter[tuple[int, int]]:
    """What a program of these calls makes, with the execve that starts it."""
    x86_64, x86 = abi_named("x86_64"), abi_named("x86")
    assert x86_64 is not None
    assert x86 is not None
    made = Counter({(x86_64.audit_arch, 59): 1})
    made.update((x86.audit_arch if call.int80 else x86_64.audit_arch, call.nr) for call in calls)
    return made


@X86_64
@pytest.mark.parametrize("via", WAYS)
def test_calls_of_all_three_numberings(via: str, recording: Recording) -> None:
    write_programs(recording.folder)
    recording.run(recording.folder / "modes", via=via)
    assert recording.calls() == expected(THREE_MODES)


@X86_64
@pytest.mark.parametrize("via", WAYS)
def test_a_32_bit_program_that_forks(via: str, recording: Recording) -> None:
    write_programs(recording.folder)
    recording.run(recording.folder / "old", via=via)
    fork = OLD_STYLE.index(Make(2, int80=True))
    assert recording.calls() == expected((*OLD_STYLE, *OLD_STYLE[fork + 1 :]))


THREADS = """
import os, threading
def call():
    for _ in range(50): os.getsid(0)
threads = [threading.Thread(target=call) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.3)  # the command has ended
        for _ in range(30): os.getsid(0)
    os._exit(0)
"""
SPAWNED = """
import os, sys
for _ in range(3):
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", "import os; os.getsid(0)"], os.environ)
    os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize(
    ("script", "times"), [(THREADS, 400), (DAEMON, 30), (SPAWNED, 3)], ids=["threads", "daemon", "spawned"]
)
def test_every_descendant_is_seen(script: str, times: int, via: str, recording: Recording) -> None:
    done = recording.python(script, via)
    assert (done.returncode, done.stderr) == (0, "")
    assert recording.named()["getsid"] == times


@pytest.mark.parametrize("via", WAYS)
def test_many_short_processes(via: str, recording: Recording) -> None:
    script = f"i=0; while [ $i -lt 150 ]; do {shutil.which('true')}; i=$((i + 1)); done"
    recording.run("sh", "-c", script, via=via)
    seen = recording.named()
    assert (seen["execve"], seen["exit_group"]) == (151, 151)


STORM = """
import ctypes, os, signal
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, {interrupts})
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
print(sum(os.getppid() > 0 for _ in range(5000)))
signal.setitimer(signal.ITIMER_REAL, 0)
"""


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize("interrupts", [False, True])
def test_signals_make_no_call_be_counted_twice_or_not_at_all(interrupts: bool, via: str, recording: Recording) -> None:
    done = recording.python(STORM.format(interrupts=interrupts), via)
    assert done.stderr == ""
    # Without SA_RESTART the kernel may let a call fail with EINTR that waits for its listener, and does not make it.
    assert interrupts or int(done.stdout) == 5000
    assert recording.named()["getppid"] == int(done.stdout)
    told = recording.seen().losses.get("interrupted")
    assert 5000 - int(done.stdout) <= (told.events if told else 0)


CROWD = """
import os, signal, threading
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
def call():
    for _ in range(3000): os.getppid()
threads = [threading.Thread(target=call) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
"""
"""Threads that wait for their turn, and signals."""


def test_a_call_that_a_signal_interrupts_is_told_at_once(tmp_path: Path) -> None:
    command = ("record", "-o", tmp_path / "profile", "--", sys.executable, "-S", "-c", CROWD)
    said = next((done.stderr for done in (run(*command) for _ in range(20)) if INTERRUPTED in done.stderr), "")
    assert said.index(INTERRUPTED) < said.index("INCOMPLETE: calls that a signal interrupted unseen (")


def test_a_program_that_makes_up_numbers(recording: Recording) -> None:
    many = MAX_NOTED + 500
    script = f"import ctypes; call = ctypes.CDLL(None).syscall\nfor nr in range(5000, {5000 + many}): call(nr)"
    assert recording.python(script).returncode == 0
    assert {nr: times for (_, nr), times in recording.calls().items() if nr >= 5000} == dict.fromkeys(
        range(5000, 5000 + many), 1
    )


EXECUTED_BY_A_THREAD = """
import os, threading, time
def execute():
    time.sleep(0.1)
    os.execv({program!r}, ["true"])
threading.Thread(target=execute).start()
while True: time.sleep(5)
"""


@pytest.mark.parametrize("via", WAYS)
def test_a_program_that_a_thread_executes_has_its_own_name(via: str, recording: Recording) -> None:
    program = shutil.which("true")
    assert program is not None
    done = recording.python(EXECUTED_BY_A_THREAD.format(program=program), via)
    assert (done.returncode, done.stderr) == (0, "")
    ended = [key for key in recording.seen().counts if key.nr in _ENDS]
    assert [(key.comm, key.exe) for key in ended] == [(b"true", str(Path(program).resolve()).encode())]


@pytest.mark.parametrize("via", WAYS)
def test_who_called_is_told(via: str, recording: Recording) -> None:
    script = "import ctypes, os; ctypes.CDLL(None).prctl(15, b'a \\n(b) c\\xff', 0, 0, 0); os.getsid(0)"
    recording.python(script, via)
    getsid = next(seen.nr for seen in recording.seen().by_call().observations() if seen.name == "getsid")
    (key,) = [key for key in recording.seen().counts if key.nr == getsid]
    assert (key.comm, key.exe) == (b"a \n(b) c\xff", str(Path(sys.executable).resolve()).encode())


@X86_64
@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize("content", [None, "#!/bin/sh\n", "#! {first} x\n", "exit\n"])
def test_the_first_call_is_the_command_s_own(content: str | None, via: str, recording: Recording) -> None:
    first = recording.folder / "first"
    first.write_text("#!/bin/sh\n")
    file = recording.folder / "with a blank"
    program = Path("/bin/sh").resolve()
    if content is None:
        program = write(file, ending(Make(GETPID)))
    else:
        file.write_text(content.format(first=first))
    for one in (first, file):
        one.chmod(0o755)
    recording.run(file, via=via, options=("--exe", str(program)))
    assert recording.named()["execve"] == (2 if content == "exit\n" else 1)
    assert recording.seen().unselected == 0


FILTERED = """
import ctypes, struct, sys
libc = ctypes.CDLL(None)
getppid, allow = 110, 0x7fff0000
program = (0x20, 0, 0, 0), (0x15, 0, 1, getppid), (6, 0, 0, {outcome}), (6, 0, 0, allow)
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
filter = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == libc.prctl(22, 2, filter, 0, 0) == 0
print(libc.getppid() > 0)
"""
"""Has a filter of its own, which prctl(2) loads, as openssh and bubblewrap do."""


@AUDIT
@X86_64
@pytest.mark.parametrize("outcome", [0x7FF00001, 0x7FC00000, 0x00050001, 0x7FFC0000])
def test_a_filter_of_its_own_hides_no_call_that_runs(outcome: int, recording: Recording) -> None:
    done = recording.python(FILTERED.format(outcome=outcome), "audit")
    assert (done.returncode, done.stderr) == (0, "")
    assert recording.seen().losses == {}
    assert recording.named()["prctl"] == 2
    assert done.stdout == f"{recording.named()['getppid'] > 0}\n"


def test_both_ways_write_the_same_profile(tmp_path: Path) -> None:
    written = []
    for way in ("notify", "audit"):
        (tmp_path / way).mkdir()
        one = Recording(tmp_path / way)
        done = one.run("ls", "-la", "/", via=way)
        if way == "audit" and done.returncode == 3:
            pytest.skip(done.stderr)
        written.append(one.profile.read_bytes())
    assert written[0] == written[1]
