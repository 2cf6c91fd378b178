"""The programs that are compared: how to call each, and how to read the set of calls from what it wrote."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyseccomp

from benchmarks.make_logs import JOURNAL_WRITER

if TYPE_CHECKING:
    from collections.abc import Callable

Call = tuple[int, int]
"""An AUDIT_ARCH_* number and the call's number."""
Answer = frozenset[Call] | int
"""What a program says about a log: the calls in it, or how many lines it counted."""

AUDIT_ARCH_X86_64 = 0xC000003E
"""include/uapi/linux/audit.h; the benchmark logs hold no other."""
ENVIRONMENT = {**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"}
LOG, OUT = "{LOG}", "{OUT}"
_HERE = Path(__file__).parent
_SYSTEM_PYTHON = "/usr/bin/python3"
_GREP = r"grep -oP ' sig=\d+ \Karch=[0-9a-f]+ syscall=-?\d+'"
_CALL = re.compile(rb"\barch=([0-9a-f]+) syscall=(-?[0-9]+)")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program that can be asked about a log."""

    name: str
    command: tuple[str, ...]
    """The argument `{LOG}` stands for the log, `{OUT}` for a file to write the answer to; else it comes on stdout."""
    answer: Callable[[bytes], Answer]
    package: str = ""
    """The Debian package to install when it is missing."""
    probe: tuple[str, ...] = ()
    """A command that succeeds when a part beside the program itself is installed too."""

    def command_for(self, log: Path, out: Path) -> list[str]:
        """Return the arguments for one log."""
        values = {LOG: str(log), OUT: str(out)}
        return [values.get(argument, argument) for argument in self.command]

    def missing(self) -> str | None:
        """Return why it cannot take part, None if it can."""
        found = shutil.which(self.command[0], path=ENVIRONMENT["PATH"]) is not None
        if found and self.probe:
            found = subprocess.run(self.probe, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0
        if found:
            return None
        what_to_do = f"Debian package {self.package}" if self.package else "install the project first"
        return f"{self.name}: skipped, not installed ({what_to_do})"


def calls_in_records(text: bytes) -> frozenset[Call]:
    """Read `arch=c000003e syscall=51`, in whole records or in a list of just these."""
    return frozenset((int(arch, 16), int(number)) for arch, number in set(_CALL.findall(text)))


def calls_in_profile(text: bytes) -> frozenset[Call]:
    """Read the allowed calls of an OCI profile; ValueError names those that libseccomp does not know on x86-64."""
    rules = json.loads(text)["syscalls"]
    names = {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    numbers = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, name) for name in names}
    if unknown := sorted(name for name, number in numbers.items() if number < 0):
        message = f"calls in the profile that x86-64 does not have: {', '.join(unknown)}"
        raise ValueError(message)
    return frozenset((AUDIT_ARCH_X86_64, number) for number in numbers.values())


def count(text: bytes) -> int:
    """Read a number, which wc follows with the file's name."""
    return int(text.split()[0])


def nothing(_text: bytes) -> frozenset[Call]:
    """Read nothing: for programs that are only a yardstick of time."""
    return frozenset()


TOOL = Contestant(
    "audit2seccomp",
    (str(Path(sys.executable).with_name("audit2seccomp")), LOG, "-o", OUT, "-q"),
    calls_in_profile,
    probe=(sys.executable, "-c", "import audit2seccomp.cli.app"),
)
# The program that makes the most records, so that more is left to do than to leave out.
_COMM = "http-echo"
TOOL_WHERE = replace(TOOL, name="audit2seccomp --where", command=(*TOOL.command, "--where", f'comm == "{_COMM}"'))
ONE_JOB = replace(TOOL, name="audit2seccomp --jobs 1", command=(*TOOL.command, "--jobs", "1"))
FOLDER = replace(TOOL, name="audit2seccomp -r", command=(*TOOL.command, "-r"))
FOLDER_ONE_JOB = replace(ONE_JOB, name="audit2seccomp -r --jobs 1", command=(*ONE_JOB.command, "-r"))
PURE_JOBS = replace(TOOL, name="audit2seccomp, pure scan", command=("env", "AUDIT2SECCOMP_PURE=1", *TOOL.command))
PURE = replace(PURE_JOBS, name="audit2seccomp --jobs 1, pure scan", command=(*PURE_JOBS.command, "--jobs", "1"))
ASKING = replace(
    TOOL,
    name="audit2seccomp --journal",
    command=(*TOOL.command, "--journal"),
    package="systemd-journal-remote, for its log",
    probe=(JOURNAL_WRITER, "--version"),
)
PIPED = replace(
    ASKING,
    name="journalctl, audit2seccomp",
    command=("sh", "-c", 'journalctl --directory="$1" | "$2" -o "$3" -q', "sh", LOG, TOOL.command[0], OUT),
)
PIPED_GREP = replace(
    ASKING,
    name="journalctl, grep -oP, sort -u",
    command=("sh", "-c", f'journalctl --directory="$1" -o cat | {_GREP} | sort -u', "sh", LOG),
    answer=calls_in_records,
)
AUSEARCH = Contestant("ausearch", ("ausearch", "--raw", "-m", "SECCOMP", "-if", LOG), calls_in_records, "auditd")
AUPARSE = Contestant(
    "auparse (Python)",
    (_SYSTEM_PYTHON, str(_HERE / "peers" / "auparse_calls.py"), LOG),
    calls_in_records,
    "python3-audit",
    (_SYSTEM_PYTHON, "-c", "import auparse"),
)
# The fastest of seven formulations that select the records and find the fields by name: 0.37 s a million, against
# 0.45 s with match() and 0.59 s with fields. 33 bytes hold the longest `arch=` and `syscall=`; what follows them is
# cut off at the end.
MAWK = Contestant(
    "mawk",
    (
        "mawk",
        '/type=1326/{i=index($0," arch=");s[substr($0,i+1,33)]} '
        'END{for(k in s){split(k,a," ");t[a[1]" "a[2]]};for(k in t)print k}',
        LOG,
    ),
    calls_in_records,
    "mawk",
)
MAWK_WHERE = replace(
    MAWK,
    name="mawk, one comm",
    command=tuple(one.replace("/type=1326/", f'/type=1326.* comm="{_COMM}" /') for one in MAWK.command),
)
GREP = Contestant(
    "grep -oP, sort -u",
    ("sh", "-c", f'{_GREP} "$1" | sort -u', "sh", LOG),
    calls_in_records,
    "grep",
)
GREP_COUNT = Contestant("grep -c", ("grep", "-c", "type=1326", LOG), count, "grep")
WC = Contestant("wc -l", ("wc", "-l", LOG), count, "coreutils")
ZCAT = Contestant("zcat, wc -l", ("sh", "-c", 'zcat "$1" | wc -l', "sh", LOG), count, "gzip")
IMPORT_TYPER = Contestant("python -c 'import typer'", (sys.executable, "-c", "import typer"), nothing)
EMPTY_PYTHON = Contestant("python -c pass", (sys.executable, "-c", "pass"), nothing)
