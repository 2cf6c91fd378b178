"""A run of several processes as strace prints it, line by line. Knows no parser.

From printleader(), print_syscall_resume(), print_exited() and update_personality() of strace 6.1: a call is printed
when it starts, and goes on when it ends; what comes between the two cuts the line with `<unfinished ...>`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

X86_64, X86 = 0xC000003E, 0x40000003
NUMBERS = {
    X86_64: {"read": 0, "write": 1, "openat": 257, "openat2": 437, "pread64": 17, "syscall_0x3e7": 999, "getpid": 39},
    X86: {"read": 3, "write": 4, "openat": 295, "_llseek": 140, "pread64": 180, "syscall_0x3e7": 999, "accept": 102},
}
FORK, EXECVE, EXIT = ({X86_64: 57, X86: 2}, {X86_64: 59, X86: 11}, {X86_64: 231, X86: 252})
STRINGS = (
    r"audit: type=1326 audit(1776943008.118:7): auid=0 comm=\"x\" arch=c000003e syscall=246 code=0x7ffc0000\n",
    r"ptrace(PTRACE_TRACEME) = 0\n7 ptrace(PTRACE_TRACEME) = 0",
    ") = 0",
    " <unfinished ...>",
    "= 4242",
)


@dataclass(frozen=True, slots=True)
class Style:
    """The options that strace was given."""

    to_file: bool = False
    """-f -o FILE: each line begins with a pid; else `[pid N]`, where there are several."""
    follow: bool = True
    clock: str = ""
    """Of -t, -tt, -ttt, -r; empty for none."""
    numbers: bool = False
    pointer: bool = False
    durations: bool = False


class Started(NamedTuple):
    """A call and the line that it begins on."""

    line: int
    pid: int | None
    """As printed."""
    arch: int
    nr: int
    millis: int | None


@dataclass(slots=True)
class _Process:
    pid: int
    arch: int
    call: str = ""
    nr: int = 0
    column: int = 0


@dataclass(slots=True)
class Trace:
    """The text so far, and the calls in it."""

    style: Style
    rnd: Random
    lines: list[str] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)
    mixed: bool = False
    alive: list[_Process] = field(default_factory=lambda: [_Process(1200, X86_64)])
    printing: _Process | None = None
    micros: int = 1795549050_538216
    next_pid: int = 1201

    def text(self) -> bytes:
        """The trace, with a newline at the end of each line."""
        return "".join(f"{line}\n" for line in self.lines).encode()

    def _leader(self, process: _Process) -> str:
        if self.printing is not None:
            self.lines[-1] += " <unfinished ...>"
        self.printing = process
        style = self.style
        leader = ""
        if style.to_file and style.follow:
            leader = f"{process.pid:<5} "
        elif not style.to_file and len(self.alive) > 1:
            leader = f"[pid {process.pid:5}] "
        self.micros += self.rnd.randrange(1, 3000)
        seconds, micros = divmod(self.micros, 1_000_000)
        leader += {"-t": "20:11:32 ", "-tt": f"20:11:32.{micros:06} ", "-ttt": f"{seconds}.{micros:06} "}.get(
            style.clock, f"{0:6}.{micros % 3000:06} " if style.clock == "-r" else ""
        )
        leader += f"[{process.nr & 0xFFFFFFFF:4}] " if style.numbers else ""
        return leader + (f"[{0x7F16C89236EB:016x}] " if style.pointer else "")

    def start(self, process: _Process, call: str, nr: int, arguments: str) -> None:
        """The process starts a call."""
        process.call, process.nr = call, nr
        leader = self._leader(process)
        self.lines.append(f"{leader}{call}({arguments}")
        shown = process.pid if leader.startswith((f"{process.pid} ", "[pid ")) else None
        millis = self.micros // 1000 if self.style.clock == "-ttt" else None
        self.started.append(Started(len(self.lines), shown, process.arch, nr, millis))

    def finish(self, process: _Process, result: str) -> None:
        """The call ends."""
        if self.printing is not process:
            self.lines.append(f"{self._leader(process)}<... {process.call} resumed>")
        line = self.lines[-1] + ")"
        self.lines[-1] = f"{line:<39} = {result}{' <0.000013>' if self.style.durations else ''}"
        process.call, self.printing = "", None

    def note(self, process: _Process, text: str) -> None:
        """A line that is no call."""
        self.lines.append(self._leader(process) + text)
        self.printing = None

    def switch(self, process: _Process, arch: int) -> None:
        """The process goes on in another mode."""
        process.arch, self.mixed = arch, True
        mode = "64 bit" if arch == X86_64 else "32 bit"
        self.note(process, f"[ Process PID={process.pid} runs in {mode} mode. ]")

    def step(self) -> None:
        """Something happens to one of the processes."""
        self._step(self.rnd.choice(self.alive))

    def _step(self, process: _Process) -> None:
        if process.call == "fork":
            child = _Process(self.next_pid, process.arch)
            self.next_pid += 1
            self.alive.append(child)
            for _ in range(self.rnd.randrange(3)):  # the child may come first
                if child.call in ("", "read", "write", "openat", "openat2"):
                    self._step(child)
            self.finish(process, str(child.pid))
        elif process.call == "execve":
            self.finish(process, "0")
            if self.rnd.random() < 0.5:
                self.switch(process, X86 if process.arch == X86_64 else X86_64)
        elif process.call:
            self.finish(process, self.rnd.choice(("0", "-1 ENOENT (No such file or directory)", "0x7f7a42702000", "?")))
        else:
            self._begin(process)

    def _begin(self, process: _Process) -> None:
        dice = self.rnd.random()
        if dice < 0.1 and self.style.follow and len(self.alive) < 5:
            self.start(process, "fork", FORK[process.arch], "")
        elif dice < 0.2:
            self.start(process, "execve", EXECVE[process.arch], '"/bin/x", ["x"], 0x7ffc /* 36 vars */')
        elif dice < 0.25 and all(other.call != "fork" for other in self.alive) and len(self.alive) > 1:
            self.start(process, "exit_group", EXIT[process.arch], "0")
            self.finish(process, "?")
            self.note(process, "+++ exited with 0 +++")
            self.alive.remove(process)
        elif dice < 0.3:
            self.note(process, "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=1201, si_uid=0} ---")
        else:
            name, nr = self.rnd.choice(list(NUMBERS[process.arch].items()))
            self.start(process, name, nr, f'3, "{self.rnd.choice(STRINGS)}", 4096')


def trace(style: Style, rnd: Random, steps: int) -> Trace:
    """A run with that many steps."""
    made = Trace(style, rnd)
    for _ in range(steps):
        made.step()
    return made
