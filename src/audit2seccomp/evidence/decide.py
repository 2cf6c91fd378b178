"""What becomes of one record: is it sound, trusted, selected? Then which key it counts under."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from audit2seccomp.evidence.body import parse_body
from audit2seccomp.evidence.carriers import Located, Trust
from audit2seccomp.evidence.model import Origin, Parsed, RecordKey, Reject, SeccompRecord
from audit2seccomp.evidence.record import other_fields
from audit2seccomp.evidence.trust import judge
from audit2seccomp.kernel.abi import abi_of
from audit2seccomp.named_tuple import NamedTuple

if TYPE_CHECKING:
    from audit2seccomp.evidence.query.condition import Field
    from audit2seccomp.evidence.query.language import Query

UNKNOWN_ARCH = "arch= is none that the kernel defines"


_RUNTIMES = (b"runc:[", b"crun")
"""How container runtimes call the process that loads the filter and then becomes the program; its executable is `/`."""


def is_runtime(comm: bytes | None, exe: bytes | None) -> bool:
    """Whether a container runtime itself made a record, under the filter that it had loaded."""
    return comm is not None and comm.startswith(_RUNTIMES) and exe in (None, b"/")


class Fate(Enum):
    """What becomes of a record."""

    COUNTED = "counted"
    UNSELECTED = "not selected"
    REJECTED = "rejected"
    """It is not sound."""
    REFUSED = "not trusted"


class Outcome(NamedTuple):
    """What becomes of a line or an entry: the key that it counts under, or why there is none."""

    key: RecordKey | None
    events: int = 1
    """How many events it stands for."""
    fate: Fate = Fate.COUNTED
    reason: str = ""
    millis: int | None = None
    serial: int | None = None
    """The record's own stamp, where it was read."""


class Decider:
    """The user's choices about what counts: how much proof, which arch for old kernels, which records."""

    def __init__(
        self,
        key_of: Callable[[SeccompRecord, Origin], RecordKey | str],
        trust: Trust,
        assume_arch: int | None = None,
        query: Query | None = None,
    ) -> None:
        """`key_of` gives the key of a record, or why it can have none."""
        self._key_of = key_of
        self.trust = trust
        self._assume_arch = assume_arch
        self._query = query
        self.asks = query is not None
        """Whether some records may be left out."""
        looks_at = frozenset() if query is None else query.fields
        self.by_time = "time" in looks_at
        """Whether the same text may be selected at one time and not at another."""
        self.by_task = not looks_at.isdisjoint(("pid", "ppid"))
        """Whether it makes a difference which process made the call."""
        self.known: set[Field] = set()
        """Those of the query's fields that a record of this input had."""
        self.asked = False
        """Whether the query was asked of a record of this input."""
        self.runtimes: set[bytes] = set()
        """Names of container runtimes among the records that the query does not take."""

    def start_input(self) -> None:
        """The records that follow are of another input."""
        self.known.clear()
        self.asked = False

    def of(
        self,
        located: Located,
        origin: Origin,
        stamp: tuple[int | None, int | None] | None = None,
        *,
        continues: bool = False,
        foreign: bool = False,
        selected: bool = False,
    ) -> Outcome | None:
        """What becomes of the record in a line or an entry; None where it holds none.

        `stamp`: milliseconds since the epoch, and the serial, where they are not in the text. `selected`: the query was
        asked already."""
        parsed = parse_body(located.body, self._assume_arch)
        if parsed is None:
            return None
        if isinstance(parsed, Reject):
            # Where the record stands inside other text, and that is not trusted, nobody claims that it is one.
            if located.carrier is not None or self.trust is Trust.EMBEDDED:
                return Outcome(None, located.repeat, Fate.REJECTED, parsed.reason)
            return None
        verdict = judge(located, parsed.record, parsed.end, continues=continues, foreign=foreign)
        if verdict.trust < self.trust:
            return Outcome(None, located.repeat, Fate.REFUSED, verdict.reason)
        record = parsed.record
        if stamp is not None and record.serial is None:
            record = record._replace(millis=stamp[0], serial=stamp[1])
        return self.of_record(record, located.body, origin, located.repeat, selected=selected)

    def of_record(
        self, record: SeccompRecord, body: bytes, origin: Origin, events: int = 1, *, selected: bool = False
    ) -> Outcome:
        """What becomes of a sound and trusted record; `body`, if there is one, tells more of it."""
        if not selected and not self._selects(record, body, origin):
            self.note_runtime(record.comm, record.exe)
            return Outcome(None, events, Fate.UNSELECTED, millis=record.millis, serial=record.serial)
        if abi_of(record.arch, record.nr) is None:
            return Outcome(None, events, Fate.REJECTED, UNKNOWN_ARCH)
        key = self._key_of(record, origin)
        if isinstance(key, str):
            return Outcome(None, events, Fate.REJECTED, key)
        return Outcome(key, events, millis=record.millis, serial=record.serial)

    def selects_at(self, located: Located, origin: Origin) -> Callable[[int], bool] | bool:
        """Whether the query takes a text: yes, no, or by the time. Where it holds no sound and trusted record, yes:
        that is not for the query to hide, and must use up no serial."""
        parsed = parse_body(located.body, self._assume_arch)
        if self._query is None or not isinstance(parsed, Parsed):
            return True
        if judge(located, parsed.record, parsed.end, continues=False, foreign=False).trust < self.trust:
            return True
        query, values = self._query, self._values(parsed.record, located.body, origin)
        record = parsed.record
        verdict = query.decide(values)
        if verdict is not None:
            if verdict is False:
                self.note_runtime(record.comm, record.exe)
            return verdict
        time: Field = next(field for field in query.fields if field == "time")

        def at(millis: int) -> bool:
            self.known.add(time)
            selected = query.decide({**values, time: millis}) is True
            if not selected:
                self.note_runtime(record.comm, record.exe)
            return selected

        return at

    def note_runtime(self, comm: bytes | None, exe: bytes | None) -> None:
        """The query does not take a record of that program, which may be a container runtime."""
        if comm is not None and is_runtime(comm, exe):
            self.runtimes.add(comm)

    def _selects(self, record: SeccompRecord, body: bytes, origin: Origin) -> bool:
        if self._query is None:
            return True
        values = self._values(record, body, origin)
        if record.millis is not None:
            self.known |= {field for field in self._query.fields if field == "time"}
        return (
            self._query.decide(values | {field: record.millis for field in self._query.fields if field == "time"})
            is True
        )

    def _values(self, record: SeccompRecord, body: bytes, origin: Origin) -> dict[Field, object]:
        """What the query may look at, but for the time."""
        from audit2seccomp.evidence.query.condition import Field

        numbers = other_fields(body)
        values: dict[Field, object] = {
            Field.COMM: record.comm,
            Field.EXE: record.exe,
            Field.SUBJ: record.subj,
            Field.PID: record.pid,
            Field.UID: record.uid,
            Field.ARCH: abi_of(record.arch, record.nr),
            Field.SYSCALL: record.nr,
            Field.ACTION: record.code,
            Field.PPID: numbers.get("ppid"),
            Field.GID: numbers.get("gid"),
            Field.AUID: numbers.get("auid"),
            Field.SES: numbers.get("ses"),
            Field.SIG: numbers.get("sig"),
            Field.COMPAT: numbers.get("compat"),
            Field.FILE: origin.file,
            Field.HOST: origin.host,
            Field.UNIT: origin.unit,
            Field.CONTAINER: origin.container,
        }
        if self._query is not None:
            self.asked = True
            self.known |= {field for field in self._query.fields if values.get(field) is not None}
        return values
