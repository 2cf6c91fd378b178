"""`generate --follow`: logs are read on while they grow, and the profile is replaced whenever it allows more."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial, reduce
from typing import TYPE_CHECKING

from audit2seccomp.cli.interrupt import Interrupted, Interruption
from audit2seccomp.cli.messages import complain, printable, say
from audit2seccomp.cli.reading import Gathered, about_selection, input_names
from audit2seccomp.errors import ExitStatus, InputError, NothingFoundError, UsageError
from audit2seccomp.evidence.inputs.tail import Followed, Stream, follow
from audit2seccomp.evidence.model import Count, Evidence, RecordKey

if TYPE_CHECKING:
    from audit2seccomp.cli.choices import Choices
    from audit2seccomp.cli.output import Output
    from audit2seccomp.cli.shape import Product

FIRST_PAUSE = 0.25
"""Seconds between two looks at files in which something has just happened: a person who waits sees no delay."""
LONGEST_PAUSE = 1.0
"""Seconds between two looks at files in which nothing happens: it costs a few system calls, as in `tail -F`."""
WRITE_WITHIN = 1.0
"""Seconds after which a new call is in the profile though the input never pauses: each write waits for the disk."""


class LiveProfile:
    """Follows inputs, and writes a profile when they show a call that the last one did not allow."""

    def __init__(
        self,
        choices: Choices,
        make: Callable[[Evidence], Product],
        write: Callable[[str | bytes], None],
        announce: Callable[[RecordKey], None] | None,
        *,
        written: str | bytes | None = None,
        programs: bool = False,
    ) -> None:
        """`make` may raise NothingFoundError; `announce` is told each new key; `written` stands in the file already.
        With `programs` it makes a difference to the profile who made a call, and how often."""
        self._choices = choices
        self._make = make
        self._write = write
        self._announce = announce
        self._calls: dict[tuple[int, int, int | None], RecordKey] = {}
        self._new_since: float | None = None
        self._unread = False
        self._followed: list[Followed] = []
        self._all: list[Followed] = []
        self._programs = programs
        self.written = written
        """What was written last."""

    def run(self, logs: list[str] | None, interruption: Interruption) -> Gathered:
        """Follow inputs, standard input if none is named, until a signal comes or all have ended. Raises InputError for
        one that cannot be read or is no text, unless the choices say to go on; SystemExit for a signal that comes
        before all was read that was there."""
        names = list(dict.fromkeys(input_names(logs, self._choices)))
        try:
            for name in names:
                self._attempt(partial(self._add, name, alone=len(names) == 1))
            self._loop(interruption)
        except Interrupted:
            for one in self._followed:
                if not one.caught_up:
                    complain(f"{one.name}: interrupted: nothing is written")
                    raise SystemExit(interruption.exit_status or ExitStatus.OWN_BUG) from None
        finally:
            for one in self._all:
                one.close()
        for one in self._all:
            one.finish()
        scanners = [one.scanner for one in self._all]
        for remark in about_selection(scanners, self._choices):
            self._tell(remark)
        return Gathered(
            self._evidence(),
            self._unread,
            interruption.exit_status,
            inputs=tuple(names),
            runtime_left_out=any(scanner.runtimes_left_out() for scanner in scanners),
        )

    def _evidence(self) -> Evidence:
        return reduce(Evidence.merge, (one.scanner.evidence() for one in self._all), Evidence())

    def _add(self, name: str, *, alone: bool) -> None:
        beside = self._followed[0].scanner if self._followed else None
        scanner = self._choices.scanner(self._take, count_lines=not self._choices.quiet, alone=alone, beside=beside)
        followed: Followed
        if self._choices.journal:
            followed = Stream(self._choices.open(name, follow=True), scanner)
        else:
            followed = follow(name, scanner, self._tell)
        self._followed.append(followed)
        self._all.append(followed)

    def _loop(self, interruption: Interruption) -> None:
        pause = 0.0
        while self._followed:
            streams = {one.descriptor for one in self._followed if one.descriptor is not None}
            looking = any(one.descriptor is None for one in self._followed)
            ready = interruption.wait(streams, pause if looking or not pause else None)
            read = False
            for one in list(self._followed):
                if one.descriptor is None or one.descriptor in ready:
                    read |= self._attempt(one.step, one)
            self._followed = [one for one in self._followed if not one.ended]
            self._write_if_new(idle=not read)
            pause = 0.0 if read else min(max(FIRST_PAUSE, 2 * pause), LONGEST_PAUSE)

    def _attempt(self, step: Callable[[], bool | None], one: Followed | None = None) -> bool:
        try:
            return bool(step())
        except InputError as error:
            if not self._choices.keep_going:
                raise
            complain(str(error))
            self._unread = True
            if one is not None:
                one.ended = True
            return False

    def _write_if_new(self, *, idle: bool) -> None:
        """Write a profile that differs from the last one, when it is time to."""
        now = time.monotonic()
        due = self._new_since is not None and (idle or now >= self._new_since + WRITE_WITHIN)
        if not due or not all(one.caught_up for one in self._followed):
            return
        self._new_since = None
        try:
            # What is allowed depends on the different calls alone.
            calls = Evidence(dict.fromkeys(self._calls.values(), Count(1)))
            content = self._make(self._evidence() if self._programs else calls).content
        except NothingFoundError:
            return
        if content != self.written:
            self._write(content)
            self.written = content

    def _take(self, key: RecordKey) -> None:
        if self._announce is not None:
            self._announce(key)
        if self._calls.setdefault((key.arch, key.nr, key.code), key) is key and self._new_since is None:
            self._new_since = time.monotonic()

    def _tell(self, text: str) -> None:
        if not self._choices.quiet:
            say(printable(text))


def check(target: Output, *, strict: bool) -> None:
    """Raise UsageError for what cannot go with --follow."""
    if target.may_block:
        raise UsageError("--follow: needs -o FILE: a file is replaced whenever there is a new call to allow")
    if strict:
        raise UsageError("--follow: a log that is followed is never complete: use --strict without it")
