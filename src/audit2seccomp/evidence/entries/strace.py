"""What strace prints: one call a line, by name, so that the architecture must be given (docs/inputs.md, "strace").

The forms are those of printleader(), print_syscall_resume() and update_personality() in src/strace.c and src/syscall.c
of strace 6.1. Only the beginning of a line is read; what stands in a call's arguments is the program's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from audit2seccomp.evidence.entries.entry import RECORD_TOKEN, Call, Problem, problem
from audit2seccomp.evidence.entries.traced import FORKS, Process, Processes
from audit2seccomp.kernel.abi import X32_SYSCALL_BIT, Abi, abi_named
from audit2seccomp.kernel.multiplexed import MULTIPLEXED
from audit2seccomp.kernel.spellings import STRACE, spelled_number
from audit2seccomp.kernel.syscalls import table_of

KEPT_BYTES = 4096
"""So much is kept of a line's start and of its end: the one has the call's name, the other its result."""
MAX_NAMES = 10_000
"""So many names are looked up once: all tables together have fewer, and a trace may say any number."""

UNKNOWN_NAME = "strace: no such call on this architecture (--assume-arch; strace --quiet=attach tells a program's mode)"
UNKNOWN_MODE = "strace: which architecture the process uses is not certain (strace -f -o FILE --quiet=attach)"
OTHER_NUMBER = "strace: the call's number is not that of its name on this architecture (--assume-arch)"
NO_NAME = "strace could not tell which call it was"
NO_TRACE = "strace: no line in the input is strace's"
NO_LINE = "strace: a record of a log among its lines (give the log by itself)"
NO_ARGUMENT = "strace: it begins like a call, and does not go on like one (the program's own output? strace -o FILE)"


# The parts of the second line are of different lengths, so that each is told from the others.
_LEADER = (
    rb"(?:\[pid {1,6}(?P<attached>\d{1,7})(?:<[^<>]{0,64}>)?\] |(?P<pid>\d{1,7})(?:<[^<>]{0,64}>)? {1,7})?"
    rb"(?:\[[^\s\[\]]{1,255}:[^\s\[\]]{1,255}\] )?"  # --secontext
    rb"(?:\d\d:\d\d:\d\d(?:\.\d{1,9})? |(?P<seconds>\d{9,11})(?:\.(?P<fraction>\d{1,9}))? )?"
    rb"(?:\(\+ {0,5}\d{1,10}(?:\.\d{1,9})?\) | {0,5}\d{1,10}(?:\.\d{1,9})? )?"  # -r
    rb"(?:\[(?: {0,3}(?P<nr>\d{1,7}|\d{9,10}|\d{17,20})|\?\?\?)\] )?"  # -n
    rb"(?:\[(?:[0-9a-f]{8}|[0-9a-f]{16}|\?{8}|\?{16})\] )?"  # -i
)
_NAME = rb"[a-z_][a-z0-9_]{0,63}(?:#64)?|SYS_\d{1,10}|\?{3,4}"
_LINE = re.compile(
    _LEADER + rb"(?:(?P<call>%b)\((?P<argument>(?!(?!strace: )[a-z_][a-z0-9_]{0,63}[^a-z0-9_(=]))?" % _NAME
    + rb"|<\.\.\. (?P<resumed>%b) resumed>" % _NAME
    + rb"|\[ Process PID=(?P<process>\d{1,7}) runs in (?P<mode>[0-9a-z ]{1,16}) mode\. \]"
    + rb"|(?P<gone>\+\+\+ (?:exited with|killed by) )"
    + rb"|\+\+\+ superseded by execve in pid (?P<thread>\d{1,7}) \+\+\+"
    + rb"|(?P<signal>--- ))"
)  # fmt: skip
_RESULT = re.compile(rb"\) {1,255}= (?:\?|-?\d|0x)")
_MADE = re.compile(rb"\) {1,255}= (\d{1,7})(?:[ <]|\Z)")
_UNFINISHED = (b"<unfinished ...>", b"<detached ...>")
_OUTER = frozenset({"socketcall", "ipc", "syscall"})
_NUMBERED = re.compile(r"(?:syscall_|SYS_)(0x[0-9a-f]{1,16}|\d{1,10})")

_HEAD_LINES = 50
"""So many lines are enough to see what an input is."""


def looks_like_strace(head: bytes) -> bool:
    """Whether an input with this beginning is strace's output: its first line is, and most of its first lines are. Of
    one that begins inside a line, nearly all the others are."""
    *lines, _ = head.split(b"\n", _HEAD_LINES + 1)
    lines = [line for line in lines if not line.startswith((b" > ", b" | "))]  # of -k and -e write
    if not lines:
        return False
    like = sum(map(_is_strace, lines))
    if begins_inside(lines[0]):
        return like >= 3 and like * 10 >= (len(lines) - 1) * 9
    return like >= 3 and like * 2 > len(lines) and _is_strace(lines[0])


def begins_inside(line: bytes) -> bool:
    """Whether the first line of an input may be the end of one of strace's."""
    return not _is_strace(line) and (line.endswith(_UNFINISHED) or _RESULT.search(line) is not None)


def are_one_trace(heads: Iterable[bytes]) -> bool:
    """Whether inputs with these beginnings are the files of `strace -ff`, some of which hold next to nothing."""
    certain = False
    for head in heads:
        if looks_like_strace(head):
            certain = True
        elif not all(_is_strace(line) for line in head.split(b"\n", _HEAD_LINES + 1)[:_HEAD_LINES] if line):
            return False
    return certain


def _is_strace(line: bytes) -> bool:
    """Whether it can be nothing else: a call is one of Linux, and has a result or is unfinished."""
    match = _LINE.match(line)
    if match is None:
        return line.startswith((b"strace: Process ", b"Process "))
    name = match["call"] or match["resumed"]
    if name is None:
        return True
    return (line.endswith(_UNFINISHED) or _RESULT.search(line) is not None) and name in _linux_names()


@cache
def _linux_names() -> frozenset[bytes]:
    """The names of calls on the usual architectures."""
    abis = (abi_named(name) for name in ("x86_64", "x86", "aarch64", "arm"))
    return frozenset(name.encode() for abi in abis if abi is not None for _, name in table_of(abi))


class StraceDecoder:
    """Turns the blocks of one trace into its calls. Where they are cut makes no difference.

    A call counts once, when it starts; one that had started before the trace did, when it goes on."""

    def __init__(self, abi: Abi) -> None:
        """`abi` is that of the programs, as far as the trace does not tell it."""
        self.lines = 0
        self.cursor = b""
        """How many lines were read so far."""
        self._processes = Processes(abi)
        self._numbers: dict[tuple[Abi, bytes], int] = {}
        self._in_fork: Process | None = None
        """Whose fork the last call was."""
        self._carry = b""
        self._first = b""
        """The first line that is not empty."""
        self._told = False
        """Whether a line was strace's, or is told of for another reason."""

    def pause(self) -> int | None:
        """What its processes are doing is not kept."""
        return None

    def feed(self, block: bytes) -> list[Call | Problem]:
        """Read one more block."""
        *lines, self._carry = (self._carry + block).split(b"\n")
        self._carry = _shortened(self._carry)
        return [found for line in lines if (found := self._line(line)) is not None]

    def finish(self) -> list[Call | Problem]:
        """The input has ended; its last line may lack a newline."""
        line, self._carry = self._carry, b""
        found = self._line(line) if line else None
        if not self._told and self._first and not _is_strace(self._first):
            return [problem(NO_TRACE, 1, self._first)]
        return [] if found is None else [found]

    def _line(self, line: bytes) -> Call | Problem | None:
        self.lines += 1
        line = _shortened(line)
        match = _LINE.match(line)
        self._first = self._first or line.strip()
        self._told = self._told or match is not None
        if match is None:
            if RECORD_TOKEN in line:
                self._told = True
                return problem(NO_LINE, self.lines, line)
            # A stack of -k, a dump of -e write, the program's own output; or a fork's end behind strace's own message.
            if self._in_fork is not None and line.startswith((b")", b", ")):
                self._end_fork(self._in_fork, line)
            return None
        attached, own, started, argument, resumed = match.group("attached", "pid", "call", "argument", "resumed")
        digits = attached or own
        pid = int(digits) if digits else None
        if resumed:
            process, seen = self._processes.resume(pid, resumed)
        elif not started:
            self._note(match, pid)
            return None
        elif argument is None:
            return problem(NO_ARGUMENT, self.lines, line) if started in _linux_names() else None
        else:
            process, seen = self._processes.of(pid), False
            self._processes.start(process, started)
        name: bytes = started or resumed
        self._in_fork = process if name in FORKS else None
        if self._in_fork is not None:
            self._end_fork(process, line)
        return None if seen else self._call(match, line, pid, name, process.abi)

    def _note(self, match: re.Match[bytes], pid: int | None) -> None:
        """A line about a process that is no call."""
        if match["process"]:
            self._processes.change(pid, int(match["process"]), match["mode"].decode("ascii"))
        elif match["gone"]:
            self._processes.end(pid)
        elif match["thread"]:
            self._processes.end(int(match["thread"]))

    def _end_fork(self, process: Process, line: bytes) -> None:
        """Note the new process, if the call has ended."""
        made = _MADE.search(line)
        if made is not None:
            self._processes.made(process, int(made[1]))
        elif _RESULT.search(line):
            self._processes.start(process, b"")

    def _call(
        self, match: re.Match[bytes], line: bytes, pid: int | None, name: bytes, abi: Abi | None
    ) -> Call | Problem | None:
        if abi is None:
            return problem(UNKNOWN_MODE, self.lines, line)
        seconds, fraction, digits = match.group("seconds", "fraction", "nr")
        nr: int | str | None = self._numbers.get((abi, name))
        if nr is None or digits:
            nr = self._number(abi, name, digits)
        if isinstance(nr, int):
            return Call(pid, abi.audit_arch, nr, _millis(seconds, fraction), self.lines)
        if nr == UNKNOWN_NAME and not line.endswith(_UNFINISHED) and not _RESULT.search(line):
            return None  # the program's own output
        return problem(nr, self.lines, line)

    def _number(self, abi: Abi, name: bytes, digits: bytes | None) -> int | str:
        """The number of the call, or why it is not known. `digits`: what strace -n wrote in front of the name."""
        named = _number_of(abi, name.decode("ascii"))
        if named is not None and len(self._numbers) < MAX_NAMES:
            self._numbers[abi, name] = named
        if digits is None:
            return named if named is not None else NO_NAME if name.startswith(b"?") else UNKNOWN_NAME
        nr = _int32(int(digits))
        known = table_of(abi).name_of(nr)
        # Through these strace looks at the call inside, and names that.
        return nr if nr == named or known in _OUTER or (named is None and known is None) else OTHER_NUMBER


def _shortened(line: bytes) -> bytes:
    return line if len(line) <= 2 * KEPT_BYTES else line[:KEPT_BYTES] + line[-KEPT_BYTES:]


def _number_of(abi: Abi, name: str) -> int | None:
    """The number of the call that strace calls so."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        nr = _int32(int(numbered[1], 0 if numbered[1].startswith("0x") else 10))
        return nr | X32_SYSCALL_BIT if abi.name == "x32" and nr >= 0 else nr
    if name.endswith("#64"):
        # x32 has the calls of x86_64 too, by their numbers, where it has others of its own.
        whole = abi_named("x86_64") if abi.name == "x32" else None
        found = table_of(whole).number_of(name.removesuffix("#64")) if whole else None
        return None if found is None else found | X32_SYSCALL_BIT
    found = spelled_number(abi, name, STRACE)
    # strace names the inner call.
    return found if found is not None or name not in MULTIPLEXED else table_of(abi).number_of(MULTIPLEXED[name].through)


def _int32(nr: int) -> int:
    """The kernel's int, of what strace prints as an unsigned long."""
    nr &= 0xFFFFFFFF
    return nr - (1 << 32) if nr >> 31 else nr


def _millis(seconds: bytes | None, fraction: bytes | None) -> int | None:
    return None if seconds is None else int(seconds) * 1000 + int(((fraction or b"") + b"000")[:3])
