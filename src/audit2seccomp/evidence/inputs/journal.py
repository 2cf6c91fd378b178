"""systemd's journal as an input: `journalctl` is asked for the entries that can count, and finds them by its index.

It prints them in its export form, in which nothing is left out and no client of the journal can write. What it cannot
read it passes over, and says so at its level `debug` alone (sd-journal.c, logs-show.c), so it is asked for that."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from functools import partial
from itertools import chain
from threading import Thread
from typing import TYPE_CHECKING

from audit2seccomp.errors import CutInputError, InputError
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries.authors import journal_matches
from audit2seccomp.evidence.entries.entry import RECORD_TOKEN
from audit2seccomp.evidence.entries.export_fields import FieldReader
from audit2seccomp.evidence.inputs.magic import JOURNAL, archive_form
from audit2seccomp.evidence.inputs.sources import BLOCK_BYTES, Source, reason
from audit2seccomp.evidence.loss import MESSAGE_TOKENS
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from typing import IO

MACHINE = "<journal>"
"""Stands for this machine's journal where a path stands for a saved one."""

FORM = "export"
"""What it is read in."""

_LINE_BYTES = 4096
"""So much of a line that journalctl says is looked at: twice what it writes, LINE_MAX of systemd's log.c."""
_SAID = re.compile(r"(?:<(\d{1,3})>)?(.*)", re.DOTALL)
"""A line of systemd's log target `console-prefixed`: facility and level in front."""
_DEBUG = 7
"""LOG_DEBUG of syslog(3)."""
_LEVELS = 8
_PASSED_OVER = re.compile(
    r"Can't iterate through .*, ignoring: |\bis bad, skipping over it|Skipping message we can't read"
    r"|Encountered invalid entry while bisecting|: Permission denied$"
)
"""What journalctl says at its level debug of a file, an entry or a field that it leaves out."""
_OPENED = re.compile(r"File .* added\.$", re.DOTALL)
"""What it says then of each file that it reads."""

_SEARCH = ["--case-sensitive=yes", f"--grep={b'|'.join((RECORD_TOKEN, *MESSAGE_TOKENS)).decode()}"]
"""Only messages with one of these words can matter. journalctl has this since version 237, where it is built with
PCRE2."""
_NOTHING_FOUND = 1
"""The exit status when no message has such a word; that of errors, too, which it tells."""


class Wanted(NamedTuple):
    """Which entries of a journal are wanted."""

    trust: Trust
    """The level that a record needs, also one that is said not to count."""
    since: int | None = None
    """Only what journald received from then on, in milliseconds since the epoch: it receives a record after it is made.
    There is no end, because signs of loss come later than what they are about."""
    boot: str | None = None
    """Only those of that boot: its id, or its place behind the last one, as journalctl takes it."""
    merge: bool = False
    """Also those of other machines whose journals are stored here."""


def from_journal(path: str, wanted: Wanted, *, cursor: str = "", follow: bool = False) -> Source:
    """A journal: a file, a folder of files, or this machine's for `MACHINE`. It begins with the entry that has that
    cursor, or with the next one that there is. With `follow` it goes on as it grows.

    Reading it may raise InputError, and CutInputError for one that journalctl could not read in part. Raises InputError
    where there is no such journal, or no journalctl."""
    words = [
        *("--no-pager", f"--output={FORM}"),
        *_place(path, wanted),
        *(["--follow", "--no-tail"] if follow else []),
        *_beginning(wanted.since, cursor),
        *([f"--boot={wanted.boot}"] if wanted.boot is not None else []),
        *journal_matches(wanted.trust),
    ]
    journalctl = _Journalctl(path, words, _SEARCH if wanted.trust > Trust.EMBEDDED else [])
    return Source(path, journalctl.read, descriptor=journalctl.descriptor, close=journalctl.close, whole=not follow)


def _beginning(since: int | None, cursor: str) -> Iterator[str]:
    if cursor:  # then it was read since
        yield f"--cursor={cursor}"
    elif since is not None:
        yield f"--since=@{max(0, since) // 1000}"


def behind(cursor: str, blocks: Iterator[bytes]) -> tuple[bool, Iterator[bytes]]:
    """What comes behind the entry with that cursor, where a journal begins with it; and whether it does."""
    head = f"__CURSOR={cursor}\n".encode()
    entry = bytearray()
    while len(entry) < len(head) and (block := next(blocks, b"")):
        entry += block
    there = entry.startswith(head)
    if there:
        reader = FieldReader(entry, 0, [], head)
        while not reader.run() and (block := next(blocks, b"")):
            entry += block
    return there, chain([bytes(entry)], blocks)


def _place(path: str, wanted: Wanted) -> Iterator[str]:
    """The options that say which journal; raises InputError."""
    if wanted.merge:
        yield "--merge"
    if path == MACHINE:
        if not wanted.merge:
            # What the kernel says is in no user's journal. Where nothing else is there to be read, a system's journal
            # that may not be read is an error, and else just left out.
            yield "--system"
        return
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISDIR(mode):
            _refuse_no_journal(path, mode)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {reason(error)}") from error
    if stat.S_ISDIR(mode):
        yield f"--directory={path}"
    else:
        from glob import escape

        yield f"--file={escape(path)}"


def _refuse_no_journal(path: str, mode: int) -> None:
    head = b""
    if stat.S_ISREG(mode):
        with open(path, "rb") as file:
            head = file.read(len(JOURNAL))
    if archive_form(head) is not None:
        raise InputError(f"{path}: is an archive: journalctl reads none: unpack it first")
    if head != JOURNAL:
        raise InputError(f"{path}: is no journal file: read it without --journal")


class _Journalctl:
    """The process, which is ended when the reading is."""

    def __init__(self, name: str, words: list[str], search: list[str]) -> None:
        """`search` is what can be left out where it has no such option. Raises InputError."""
        self._name = name
        self._words = words
        self._read_any = False
        self._start(search)
        assert self._process.stdout is not None
        self.descriptor = os.dup(self._process.stdout.fileno())
        """What it prints comes there, also if it is started again."""
        self._process.stdout.close()

    def _start(self, search: list[str]) -> None:
        self._searches = bool(search)
        self._opened_any = False
        self._complaint = ""
        self._complaints = 0
        # What the user sets for his own journalctl must not change what this one says.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SYSTEMD_")}
        environment |= {"LC_ALL": "C", "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console-prefixed"}
        try:
            # In a group of its own Ctrl-C does not end it before it is known here that there was one.
            self._process = subprocess.Popen(
                ["journalctl", *search, *self._words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pipesize=BLOCK_BYTES,
                env=environment,
                process_group=0,
            )
        except OSError as error:
            raise InputError(
                f"{self._name}: journalctl: {reason(error)}: it comes with systemd; what it printed elsewhere with "
                "-o export can be read without it"
            ) from error
        assert self._process.stderr is not None
        self._listener = Thread(target=self._listen, args=(self._process.stderr,), daemon=True)
        self._listener.start()

    def read(self) -> bytes:
        """What it prints next. Raises InputError at the end if it has not read all, or found nothing to read."""
        block = os.read(self.descriptor, BLOCK_BYTES)
        if not block:
            status = self._process.wait()
            self._listener.join()
            if self._searches and self._complaint and not self._read_any:
                self._start([])
                assert self._process.stdout is not None
                os.dup2(self._process.stdout.fileno(), self.descriptor, inheritable=False)
                self._process.stdout.close()
                return self.read()
            self._judge(status)
        self._read_any = self._read_any or block != b""
        return block

    def _judge(self, status: int) -> None:
        """Raise InputError for an end that is not the end of all that there is."""
        wrong = self._complaint
        if not wrong and status and not (self._searches and status == _NOTHING_FOUND):
            wrong = f"was ended by signal {-status}" if status < 0 else f"failed with status {status}"
        if not wrong and not self._read_any and not self._opened_any:
            wrong = "found no journal files"
        if wrong:
            more = f" (the first of {self._complaints:,} such lines)" if self._complaints > 1 else ""
            remedy = ": run this as root, or in the group systemd-journal" if "permission" in wrong.lower() else ""
            kind = CutInputError if self._read_any else InputError
            raise kind(f"{self._name}: journalctl: {wrong}{more}{remedy}")

    def close(self) -> None:
        """End it, if it has not ended by itself."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        os.close(self.descriptor)

    def _listen(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in iter(partial(stderr.readline, _LINE_BYTES), b""):
                self._hear(line.rstrip(b"\n").decode(errors="surrogateescape"))

    def _hear(self, line: str) -> None:
        said = _SAID.match(line)
        assert said is not None
        is_debug = said[1] is not None and int(said[1]) % _LEVELS == _DEBUG
        if not is_debug or _PASSED_OVER.search(said[2]):
            self._complaint = self._complaint or said[2]
            self._complaints += 1
        elif _OPENED.match(said[2]):
            self._opened_any = True
