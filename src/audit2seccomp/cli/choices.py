"""What the options of every command that reads logs ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.beginning import FORM_NAMES, STRACE
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.model import RecordKey
from audit2seccomp.evidence.reading import arch_named, trust_named
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.kernel.abi import abi_named, abi_of

if TYPE_CHECKING:
    from audit2seccomp.evidence.query.language import Query


class Selection(NamedTuple):
    """The options that select records, as they were given."""

    where: str | None = None
    comm: list[str] | None = None
    exe: list[str] | None = None
    pid: list[str] | None = None
    uid: list[str] | None = None
    unit: list[str] | None = None
    container: list[str] | None = None
    since: str | None = None
    until: str | None = None

    def query(self) -> Query | None:
        """What they ask for together; raises UsageError."""
        # An option that was given empty, such as by a variable that is not set, is no choice of everything.
        if all(part is None or part == [] for part in self):
            return None
        from datetime import datetime

        from audit2seccomp.evidence.query import language as query
        from audit2seccomp.evidence.query.condition import Field

        now = datetime.now().astimezone()
        parts = [query.parse(self.where, now)] if self.where is not None else []
        parts += [
            query.equals(field, values)
            for field in (Field.COMM, Field.EXE, Field.PID, Field.UID, Field.UNIT, Field.CONTAINER)
            if (values := getattr(self, field.value))
        ]
        parts += [query.since(self.since, now)] if self.since is not None else []
        parts += [query.until(self.until, now)] if self.until is not None else []
        return query.both(*parts)


class Choices(NamedTuple):
    """What counts, and how inputs are read."""

    trust: Trust
    assume_arch: int | None
    query: Query | None
    recursive: bool = False
    keep_going: bool = False
    quiet: bool = False
    form: str | None = None
    """What `--format-in` names."""
    runtime_added: bool = False
    """Whether what container runtimes call is added to what counts."""
    jobs: int = 1
    """So many threads look at the logs."""

    def scanner(
        self,
        on_new: Callable[[RecordKey], None] | None = None,
        *,
        count_lines: bool = True,
        apart: bool = False,
        alone: bool = False,
        beside: Scanner | None = None,
    ) -> Scanner:
        """What reads inputs; see Scanner. `alone`: there is one of them. strace names no architecture, so it is this
        machine's."""
        strace_abi = None
        if self.form == STRACE or (alone and self.form is None):
            assumed = None if self.assume_arch is None else abi_of(self.assume_arch, 0)
            strace_abi = assumed or abi_named(os.uname().machine)
        return Scanner(
            self.trust,
            self.assume_arch,
            on_new,
            query=self.query,
            count_lines=count_lines,
            apart=apart,
            form=self.form,
            strace_abi=strace_abi,
            beside=beside,
            jobs=self.jobs,
        )


DEFAULT_TRUST = Trust.ANCHORED.word
_ANYTHING = Selection()


def chosen(
    trust: str = DEFAULT_TRUST,
    assume_arch: str | None = None,
    selection: Selection = _ANYTHING,
    *,
    format_in: str | None = None,
    recursive: bool = False,
    keep_going: bool = False,
    quiet: bool = False,
    jobs: int | None = None,
) -> Choices:
    """Check them; raises UsageError."""
    arch = None if assume_arch is None else arch_named(assume_arch)
    if format_in is not None and format_in not in FORM_NAMES:
        raise UsageError(f"--format-in: no form '{format_in}': one of {', '.join(FORM_NAMES)}")
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs: {jobs}: one is the least")
    return Choices(
        trust_named(trust),
        arch,
        selection.query(),
        recursive,
        keep_going,
        quiet,
        format_in,
        jobs=jobs or len(os.sched_getaffinity(0)),
    )
