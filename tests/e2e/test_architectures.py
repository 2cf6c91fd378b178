"""Programs that make calls of other ABIs than their machine's: 32-bit ones through int $0x80, and x32."""

from __future__ import annotations

import json
import platform
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, run
from tests.e2e.audit_records import kept, needs_audit_records
from tests.e2e.machine import needs
from tests.programs import Make, write

pytestmark = [
    needs("gcc"),
    needs_audit_records,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="needs x86_64"),
]
DOORS = r"""
#include <stdio.h>
#include <string.h>

static long syscall64(long nr, const void *path)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(nr), "D"(path), "S"(0) : "rcx", "r11", "memory");
    return result;
}

static int int80(int nr)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "0"(nr), "b"(0), "c"(0) : "r8", "r9", "r10", "r11", "memory");
    return result;
}

static void say(const char *door, long result) { printf("%s %s\n", door, result < 0 ? strerror(-result) : "done"); }

int main(int argc, char **argv)
{
    if (argc == 1) {
        say("getpid", syscall64(39, 0));
        say("32-bit getpgrp", int80(65));
        say("x32 writev", syscall64(0x40000000 + 516, 0));
    } else {
        say("mkdir", syscall64(83, 0));
        say("32-bit mkdir", int80(39));
        say("x32 mkdir", syscall64(0x40000000 + 83, 0));
    }
    return 0;
}
"""
"""No directory is made: there is no path. 65 and 39 are semop and getpid among 64-bit calls, and 516 is none. A kernel
without x32 asks the filter about its calls, too, before it refuses them."""
OLD = (Make(20, int80=True), Make(102, int80=True, first=1, in_memory=True), Make(2, int80=True))
"""getpid, socket through socketcall, fork."""
END = Make(252, int80=True)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("doors") / "doors"
    subprocess.run(["gcc", "-static", "-O", "-x", "c", "-", "-o", file], input=DOORS, text=True, check=True)
    return file


def confined(profile: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """What a command leaves behind under a profile."""
    command = [SCRIPT, "run", "--profile", profile, "--", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def record(folder: Path, file: Path) -> str:
    """Run a program with all its calls in `audit.log`; gives what it printed."""
    audit = folder / "audit.json"
    assert run("audit-profile", "--arch", "x86", "--arch", "x32", "-o", audit).status == 0
    with kept(folder / "audit.log"):
        done = confined(audit, file)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def generate(folder: Path, file: Path, *options: str) -> Path:
    """The profile of `audit.log`."""
    profile = folder / "profile.json"
    selected = ("--strict", "--exe", str(file), "--allow", "execve", *options)
    done = run("generate", *selected, folder / "audit.log", "-o", profile)
    assert done.status == 0, done.stderr
    return profile


def test_the_recording_profile_kills_programs_of_architectures_that_it_does_not_list(
    doors: Path, tmp_path: Path
) -> None:
    audit = tmp_path / "audit.json"
    assert run("audit-profile", "-o", audit).status == 0
    assert confined(audit, doors).returncode == -signal.SIGSYS


def test_each_call_is_named_by_the_table_of_its_own_door(doors: Path, tmp_path: Path) -> None:
    record(tmp_path, doors)
    done = run("explain", "--json", "--exe", str(doors), tmp_path / "audit.log")
    found = {(call["arch"], call["number"], call["name"]) for call in json.loads(done.stdout)}
    others = {call for call in found if call[0] != "x86_64"}
    assert ("x86_64", 39, "getpid") in found
    assert others == {("x86", 65, "getpgrp"), ("x32", 0x40000000 + 516, "writev")}


def test_a_profile_of_three_abis_holds_on_all_of_them(doors: Path, tmp_path: Path) -> None:
    printed = record(tmp_path, doors)
    assert printed.splitlines()[:2] == ["getpid done", "32-bit getpgrp done"]
    profile = generate(tmp_path, doors, "--errno", "EPERM")
    holds(doors, profile, printed)


@pytest.mark.parametrize("way", ["notify", "audit"])
def test_a_recorded_command_s_profile_has_three_abis(doors: Path, way: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    done = run("record", "--strict", "--via", way, "--errno", "EPERM", "-o", profile, "--", doors)
    assert done.status == 0, done.stderr
    holds(doors, profile, done.stdout.decode())


def holds(doors: Path, profile: Path, printed: str) -> None:
    """The program prints the same under its profile, and other calls are denied through each door."""
    assert json.loads(profile.read_text())["architectures"] == ["SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
    assert confined(profile, doors).stdout == printed
    denied = "Operation not permitted"
    assert confined(profile, doors, "others").stdout.splitlines() == [
        f"mkdir {denied}",
        f"32-bit mkdir {denied}",
        f"x32 mkdir {denied}",
    ]


def test_a_32_bit_program_lives_under_its_profile_and_dies_of_another_call(tmp_path: Path) -> None:
    old = write(tmp_path / "old", (*OLD, END), 32)
    other = write(tmp_path / "other", (*OLD, Make(64, int80=True), END), 32)
    record(tmp_path, old)
    profile = generate(tmp_path, old, "--default-action", "SCMP_ACT_KILL_PROCESS")
    made = json.loads(profile.read_text())
    assert made["architectures"] == ["SCMP_ARCH_X86"]
    assert made["syscalls"][0]["names"] == ["execve", "exit_group", "fork", "getpid", "socketcall"]
    assert confined(profile, old).returncode == 0
    assert confined(profile, other).returncode == -signal.SIGSYS
