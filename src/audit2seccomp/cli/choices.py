"""What the options of every command that reads logs ask for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.beginning import STRACE
from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.inputs.sources import Source, from_path
from audit2seccomp.evidence.model import RecordKey
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.kernel.abi import abi_named, abi_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.inputs.journal import Wanted
    from audit2seccomp.evidence.query.language import Query


class Choices(NamedTuple):
    """What counts, and how inputs are read."""

    trust: Trust = Trust.ANCHORED
    assume_arch: int | None = None
    query: Query | None = None
    recursive: bool = False
    keep_going: bool = False
    quiet: bool = False
    form: str | None = None
    """What `--format-in` names."""
    runtime_added: bool = False
    """Whether what container runtimes call is added to what counts."""
    jobs: int | None = None
    """So many threads or processes read the logs; None for one on each core."""
    journal: Wanted | None = None
    """What is wanted of journals, where all inputs are such."""

    def of_journals(self, boot: str | None = None, *, merge: bool = False) -> Choices:
        """The same where all inputs are journals. Raises UsageError for what these do not have."""
        from audit2seccomp.evidence.inputs.journal import FORM, Wanted

        if self.form is not None:
            raise UsageError("--format-in: a journal has just one form: not with --journal")
        if self.recursive:
            raise UsageError("--recursive: journalctl knows which folders belong to a journal: not with --journal")
        since = None if self.query is None else self.query.earliest
        return self._replace(form=FORM, journal=Wanted(self.trust, since, boot, merge))

    def open(self, path: str, offset: int = 0, *, cursor: str = "", follow: bool = False) -> Source:
        """Open an input; `cursor` and `follow` are for journals. Raises InputError."""
        if self.journal is None:
            return from_path(path, offset)
        from audit2seccomp.evidence.inputs.journal import from_journal

        return from_journal(path, self.journal, cursor=cursor, follow=follow)

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
