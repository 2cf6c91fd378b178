"""Which numbering of system calls each process of a trace uses, and which call it is in.

strace says so only when it changes (`[ Process PID=7 runs in 32 bit mode. ]`, update_personality() of src/syscall.c),
and a process starts as its parent is. Where process or parent are not certain, neither is the numbering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from audit2seccomp.kernel.abi import Abi, abi_named

MAX_PROCESSES = 1 << 16
"""So many processes are remembered, then they are forgotten. One that was forgotten is like a new one."""
FORKS = frozenset({b"fork", b"vfork", b"clone", b"clone2", b"clone3"})
_FAMILIES = (
    {"64 bit": "x86_64", "32 bit": "x86", "x32": "x32"},
    {"64 bit": "aarch64", "32 bit": "arm"},
    {"64 bit": "ppc64", "32 bit": "ppc"},
    {"64 bit": "ppc64le"},
    {"64 bit": "s390x", "32 bit": "s390"},
    {"64 bit": "sparc64", "32 bit": "sparc"},
)
"""PERSONALITY_NAMES of src/arch_defs.h and src/linux/*/arch_defs_.h."""


class Process:
    """One process of a trace."""

    __slots__ = ("abi", "alive", "call")

    def __init__(self, abi: Abi | None) -> None:
        """It was not seen in a call, and is not counted."""
        self.alive = False
        """Whether it is counted among the trace's processes."""
        self.abi = abi
        """None where that is not certain."""
        self.call = b""
        """The call that it started last; empty when the second half of that was seen."""


class Processes:
    """The processes of one trace by pid. None stands for the one whose lines have no pid while it is alone."""

    def __init__(self, abi: Abi) -> None:
        """All processes use `abi` until the trace says something else."""
        self._abi = abi
        self._modes = next((family for family in _FAMILIES if abi.name in family.values()), {})
        self._mixed = False
        """Whether any process was in another mode than the rest."""
        self._known: dict[int | None, Process] = {}
        self._announced: dict[int, Abi | None] = {}
        """Those that have no line yet, and are in one of their parent's."""
        self._alive: Counter[Abi | None] = Counter()
        self._forking: Counter[Abi | None] = Counter()

    def of(self, pid: int | None) -> Process:
        """The process of a line."""
        if pid is not None:
            return self._known.get(pid) or self._new(pid)
        alone = self._known.get(None)
        named = len(self._known) - (alone is not None)
        if not named:
            return alone or self._add(None, _the_one(set(self._announced.values())) if self._mixed else self._abi)
        if named > 1 or len(self._alive) > 1:
            return Process(_the_one(self._alive))  # one of them is left, and nobody said which
        if alone is not None:
            self.end(None)  # it has got a pid meanwhile
        return next(iter(self._known.values()))

    def start(self, process: Process, call: bytes) -> None:
        """The process starts a call, or with an empty name has ended one."""
        if process.alive:
            if process.call in FORKS:
                _count(self._forking, process.abi, -1)
            if call in FORKS:
                _count(self._forking, process.abi, 1)
        process.call = call

    def resume(self, pid: int | None, call: bytes) -> tuple[Process, bool]:
        """The process of the second half of a call, and whether the first was seen."""
        alone = self._known.get(None)
        if alone is not None and alone.call == call and pid not in self._known:
            self._name(pid)
        process = self.of(pid)
        started = process.call == call
        self.start(process, b"")
        return process, started

    def made(self, parent: Process, child: int) -> None:
        """The parent's call has ended, and made that process."""
        self.start(parent, b"")
        known = self._known.get(child)
        if known is None:
            if len(self._announced) >= MAX_PROCESSES:
                self._announced.clear()
            self._announced[child] = parent.abi
        elif known.abi is None:
            self._set(known, parent.abi)

    def change(self, line_of: int | None, pid: int, mode: str) -> None:
        """A line of one process says in which mode process `pid` runs."""
        self._mixed = True
        if line_of is None and None in self._known:
            self._name(pid)
        name = self._modes.get(mode)
        self._set(self.of(pid), abi_named(name) if name else None)

    def end(self, pid: int | None) -> None:
        """The process is gone."""
        if pid is None and None not in self._known and len(self._known) == 1:
            pid = next(iter(self._known))
        process = self._known.pop(pid, None)
        if process is not None:
            self.start(process, b"")
            process.alive = False
            _count(self._alive, process.abi, -1)

    def _new(self, pid: int) -> Process:
        """A process that has its first line: the one that was alone, or a child of one that is in a fork."""
        if pid in self._announced:
            return self._add(pid, self._announced.pop(pid))
        alone = self._known.get(None)
        if alone is not None and not self._forking:
            return self._name(pid)
        if not self._mixed:
            return self._add(pid, self._abi)
        # Nobody in a fork: its parent may be gone, or strace was told not to show it.
        return self._add(pid, _the_one({*self._forking, *([alone.abi] if alone else [])}))

    def _add(self, pid: int | None, abi: Abi | None) -> Process:
        if len(self._known) >= MAX_PROCESSES:
            for known in self._known.values():
                known.alive = False
            for everything in (self._known, self._alive, self._forking):
                everything.clear()
        process = self._known[pid] = Process(abi)
        process.alive = True
        _count(self._alive, abi, 1)
        return process

    def _set(self, process: Process, abi: Abi | None) -> None:
        call = process.call
        self.start(process, b"")
        if process.alive:
            _count(self._alive, process.abi, -1)
            _count(self._alive, abi, 1)
        process.abi = abi
        self.start(process, call)

    def _name(self, pid: int | None) -> Process:
        """The process that was alone is process `pid`."""
        known = self._known.get(pid)
        if known is not None:
            self.end(None)
            return known
        process = self._known[pid] = self._known.pop(None)
        return process


def _the_one(abis: Collection[Abi | None]) -> Abi | None:
    return next(iter(abis)) if len(abis) == 1 else None


def _count(counter: Counter[Abi | None], abi: Abi | None, by: int) -> None:
    """Count so that a key stands for at least one."""
    counter[abi] += by
    if not counter[abi]:
        del counter[abi]
