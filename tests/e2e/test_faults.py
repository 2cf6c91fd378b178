"""Whatever fails, and wherever the program is killed: a file that it writes is the old one or the new one, whole, and
nothing that it started goes on.

AUDIT2SECCOMP_FAULTS is how many random faults are tried, AUDIT2SECCOMP_SEED decides which. docs/reliability.md has the
figures."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, run, running
from tests.e2e.chance import SEED
from tests.e2e.injected import KILL, Called, Ended, Fault, Starter, starter
from tests.e2e.kernel_log import wait_until
from tests.e2e.machine import ATTACHING, needs
from tests.e2e.scenarios import MAKERS, Scenario, log, scenario

pytestmark = needs("strace", ATTACHING)

FAULTS = int(os.environ.get("AUDIT2SECCOMP_FAULTS", "200"))
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EINTR")
MAY_FAIL = {
    "openat", "read", "pread64", "write", "lseek", "fstat", "newfstatat", "fadvise64", "fchmod", "fsync", "close",
    "rename", "link", "unlink", "mkdir", "rmdir", "getcwd", "ioctl", "getdents64",
}  # fmt: skip
"""Calls that get errors; any call may be the last one."""
SAID = r"(?:loss: [^\n]+\n)*audit2seccomp: [^\n]+\n(?:audit2seccomp: an input [^\n]+\n)?"
"""One error; of an input it is also said that nothing is written therefore."""
WRITING = {"write", "fchmod", "fsync", "close", "rename", "link", "unlink", "mkdir", "rmdir"}
"""Calls between which the disk is in different states; and the opening of a new file."""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """Starts runs."""
    with starter(tmp_path_factory.mktemp("said")) as made:
        yield made


def touches(called: Called, made: Scenario) -> bool:
    """Whether a call is about a file of the scenario."""
    text = re.sub(r"AT_FDCWD<[^>]*>", "", called.text)
    return str(made.folder) in text or re.match(r', "(?!/)', text) is not None


def writes(called: Called, made: Scenario) -> bool:
    """Whether a call changes what stands in the scenario's folder."""
    return touches(called, made) and (called.call in WRITING or (called.call == "openat" and "O_CREAT" in called.text))


def tried(start: Starter, made: Scenario, called: Called, what: str) -> str:
    """Try a fault; what came of it in a word. Fails where a promise is broken."""
    fault = Fault(called.call, called.nth, what)
    ended = start.run(made.folder, made.argv, fault)
    try:
        if ended.at is None:
            assert made.contents() == made.new
            return "not met"
        promise_kept(made, ended.at, fault, ended)
        if what == KILL:
            again = start.undisturbed(made.folder, made.argv)
            assert (again.status, made.contents()) == (0, made.new), f"the next run: {again.stderr}"
            return "killed"
        return "as if nothing had happened" if ended.status == 0 else f"status {ended.status}"
    except AssertionError as error:
        raise AssertionError(
            f"{made.name}: {fault.injection} ({ended.at or called}): {error}\n{ended.stderr}"
        ) from error
    finally:
        made.reset()


def nothing_runs(made: Scenario) -> None:
    """Fails where a run leaves a process behind."""
    wait_until(lambda: not made.processes(), f"end of all that {made.name} started")


def promise_kept(made: Scenario, called: Called, fault: Fault, ended: Ended) -> None:
    """Fails where a promise is broken."""
    nothing_runs(made)
    now, strays = made.contents(), made.strays()
    for name, content in now.items():
        assert content in (made.old[name], made.new[name]), f"{name} is neither the old nor the new file"
    if fault.what == KILL:
        assert ended.status == -signal.SIGKILL
        assert len(strays) <= (2 * len(made.outputs) if made.name == "-d" else 1), f"left behind: {strays}"
        return
    assert not strays or called.call == "unlink", f"left behind: {strays}"
    if ended.status == 0:
        assert now == made.new, "status 0, and not what was asked for"
        return
    if made.name == "-d":
        assert now in (made.old, made.new), "some files are new, and others old"
    if touches(called, made):
        assert ended.status == 3
        assert now != made.new, "all is written, and the status says that it is not"
        assert re.fullmatch(SAID, ended.stderr)


@pytest.mark.parametrize("name", MAKERS)
def test_each_step_of_writing_may_fail_or_be_the_last(start: Starter, tmp_path: Path, name: str) -> None:
    made = scenario(name, tmp_path)
    steps = [called for called in start.run(made.folder, made.argv).calls if writes(called, made)]
    made.reset()
    assert {"openat", "write", "fsync", "rename"} <= {called.call for called in steps}
    outcomes = Counter((what, tried(start, made, called, what)) for called in steps for what in (KILL, "ENOSPC"))
    print(name, len(steps), dict(outcomes))
    assert outcomes[KILL, "killed"] == len(steps)


def test_random_faults(start: Starter, tmp_path: Path) -> None:
    print(f"AUDIT2SECCOMP_SEED={SEED} AUDIT2SECCOMP_FAULTS={FAULTS}")
    chooser = random.Random(SEED)
    made = [scenario(name, tmp_path) for name in MAKERS]
    calls = {}
    for one in made:
        calls[one.name] = start.run(one.folder, one.argv).calls
        one.reset()
    outcomes: Counter[tuple[str, str]] = Counter()
    for _ in range(FAULTS):
        one = chooser.choice(made)
        what = chooser.choice((KILL, *ERRORS))
        choice = [call for call in calls[one.name] if what == KILL or call.call in MAY_FAIL]
        # Half of them in what the command does with its files, half anywhere.
        near = [call for call in choice if touches(call, one)]
        called = chooser.choice(near if chooser.random() < 0.5 else choice)
        outcomes[what, tried(start, one, called, what)] += 1
    for (what, outcome), count in sorted(outcomes.items()):
        print(f"{count:5}  {what}: {outcome}")
    assert sum(count for (_, outcome), count in outcomes.items() if outcome == "not met") <= FAULTS // 10


def test_killed_with_any_part_of_a_stream_read(tmp_path: Path) -> None:
    chooser, stream, profile = random.Random(SEED), log(0, 300), tmp_path / "p.json"
    profile.write_bytes(b"old\n")
    for _ in range(8):
        with running("-q", "-o", profile) as one:
            one.feed(stream[: chooser.randrange(len(stream))])
            one.wait_until_read()
            one.signal(signal.SIGKILL)
            assert one.result().status == -signal.SIGKILL
        assert os.listdir(tmp_path) == ["p.json"]
        assert profile.read_bytes() == b"old\n"


@pytest.mark.parametrize("name", ["-d", "record -o"])
def test_killed_at_any_time(tmp_path: Path, name: str) -> None:
    chooser, made = random.Random(SEED), scenario(name, tmp_path)
    start = time.monotonic()
    assert run(*made.argv, cwd=made.folder).status == 0
    length = time.monotonic() - start
    ends: Counter[str] = Counter()
    for _ in range(12):
        made.reset()
        with running(*made.argv, program=("env", "-C", made.folder, SCRIPT)) as one:
            time.sleep(chooser.uniform(0, 1.2 * length))
            one.signal(signal.SIGKILL)
            ends["killed" if one.result().status else "done"] += 1
        nothing_runs(made)
        for output, content in made.contents().items():
            assert content in (made.old[output], made.new[output]), output
        assert run(*made.argv, cwd=made.folder).status == 0
        assert made.contents() == made.new
    print(f"AUDIT2SECCOMP_SEED={SEED}: {dict(ends)} in a run of {length:.2f} s")
