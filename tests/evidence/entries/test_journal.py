"""Journal entries as journalctl prints them: what was written comes back in every format, for any cut into blocks."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.entries import FORMS
from audit2seccomp.evidence.entries.entry import BROKEN_ENTRY, CUT_ENTRY, NO_MESSAGE, WRONG_TYPE, Entry
from audit2seccomp.evidence.inputs.journal import behind
from tests.evidence.entries.decoding import JOURNALD, PRINTK, believed, decoded, entries, problems, said
from tests.writer import Age, KernelRecord, records
from tests.writer.clock import HOSTS
from tests.writer.journal_entries import BOOT, FORMATS, JournalEntry, audit_entry, client_entry, cursor, kernel_entry
from tests.writer.record import Form

FORM_OF = {name: "json" if name.startswith("json") else name for name in FORMATS}
formats = st.sampled_from(sorted(FORMATS))
cuts = st.lists(st.integers(0, 20000), max_size=6)
# What a terminal may put at the end of a line of -o verbose is not told from a value's own end.
texts = st.binary(max_size=60).map(lambda text: text.replace(b"\r", b"").replace(b"\x1b", b"")) | st.sampled_from(
    (PRINTK, b"x\n" + PRINTK, b"\n\n__CURSOR=s=1;i=1\n_TRANSPORT=kernel\nMESSAGE=" + PRINTK, JOURNALD)
)


@st.composite
def journals(draw: st.DrawFn) -> list[tuple[JournalEntry, list[Entry]]]:
    """Entries, and what a reader must make of each, but for line and carrier."""
    rnd = draw(st.randoms(use_true_random=False))
    made = []
    for kind in draw(st.lists(st.sampled_from(("audit", "kernel", "client")), max_size=6)):
        host = rnd.choice(HOSTS)
        if kind == "client":
            said_by_it = draw(st.lists(texts, max_size=3))
            lines = [line for text in said_by_it for line in text.split(b"\n") if line.strip()]
            told = [told_of(line, host, unit="a.service") for line in lines]
            made.append((client_entry(said_by_it, host, rnd), told))
            continue
        record = draw(records([Age.CURRENT] if kind == "audit" else tuple(Age)))
        if kind == "audit":
            millis = record.seconds * 1000 + record.millis
            told = [told_of(record.body(Form.JOURNALD), host, tag="audit", millis=millis, serial=record.serial)]
            made.append((audit_entry(record, host, rnd), told))
        else:
            made.append((kernel_entry(record, host, rnd), [told_of(record.printk(), host, tag="kernel")]))
    return made


def told_of(
    message: bytes,
    host: str,
    *,
    unit: str | None = None,
    tag: str = "",
    millis: int | None = None,
    serial: int | None = None,
) -> Entry:
    """An entry without its carrier and line."""
    return Entry(message, None, host, unit, None, BOOT, millis, serial, tag, 0)  # type: ignore[arg-type]


@given(journal=journals(), output=formats, cuts=cuts)
def test_what_was_written_comes_back(
    journal: list[tuple[JournalEntry, list[Entry]]], output: str, cuts: list[int]
) -> None:
    data = FORMATS[output]([entry for entry, _ in journal])
    found = decoded(data, FORM_OF[output], cuts)
    assert problems(found) == []
    assert [entry._replace(carrier=None, line=0) for entry in entries(found)] == [  # type: ignore[arg-type]
        one for _, told in journal for one in told
    ]
    assert believed(found) == [one.message for _, told in journal for one in told if one.tag]


def blocks_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same in pieces, none of them empty: that would be the end."""
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]


@given(journal=journals(), cuts=cuts)
def test_an_export_tells_the_place_of_its_last_entry(
    journal: list[tuple[JournalEntry, list[Entry]]], cuts: list[int]
) -> None:
    decoder = FORMS["export"]()
    for block in blocks_of(FORMATS["export"](entry for entry, _ in journal), cuts):
        list(decoder.feed(block))
    list(decoder.finish())
    assert decoder.cursor == (cursor(len(journal) - 1).encode() if journal else b"")


@given(journal=journals(), cuts=cuts, known=st.booleans())
def test_what_comes_behind_an_entry_is_all_but_that(
    journal: list[tuple[JournalEntry, list[Entry]]], cuts: list[int], known: bool
) -> None:
    whole = FORMATS["export"](entry for entry, _ in journal)
    first = FORMATS["export"](entry for entry, _ in journal[:1])
    there, rest = behind(cursor(0 if known else 99), iter(blocks_of(whole, cuts)))
    assert there == (known and bool(journal))
    assert b"".join(rest) == (whole[len(first) :] if there else whole)


RECORD = KernelRecord(
    seconds=1795338117,
    millis=78,
    serial=85228,
    pid=12876,
    comm=b"trig",
    exe=b"/bin/trig",
    nr=110,
    ip=0x436FC9,
    code=0x7FFC0000,
)


@pytest.mark.parametrize("output", FORMATS)
def test_entries_begin_where_they_begin(output: str) -> None:
    journal = [kernel_entry(RECORD, "vm", Random(1)), client_entry([b"\xff\nx"], "vm", Random(2))] * 2
    data = FORMATS[output](journal)
    begins = {
        "json": [1, 2, 3, 4],
        "json-seq": [1, 2, 3, 4],
        "json-sse": [1, 3, 5, 7],
        "json-pretty": [n for n, line in enumerate(data.split(b"\n"), 1) if line == b"{"],
        "export": [n for n, line in enumerate(data.split(b"\n"), 1) if line.startswith(b"__CURSOR")],
        "verbose": [n for n, line in enumerate(data.split(b"\n"), 1) if line[:4] == b"Sun "],
    }[output]
    assert sorted({entry.line for entry in entries(decoded(data))}) == begins


def without(entry: JournalEntry, *names: str, **instead: bytes) -> JournalEntry:
    """An entry without some fields, or with other values."""
    kept = [(name, instead.get(name, value)) for name, value in entry.fields if name not in names]
    return JournalEntry(tuple(kept))


AUDIT = audit_entry(RECORD, "vm", Random(3))
KERNEL = kernel_entry(RECORD, "vm", Random(3))


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (AUDIT, ("authenticated", "audit")),
        (without(AUDIT, "_TRANSPORT"), ("authenticated", "audit")),
        (without(AUDIT, "_AUDIT_ID"), ("authenticated", "audit")),
        (without(AUDIT, "_TRANSPORT", "_AUDIT_ID"), ("embedded", "")),
        (without(AUDIT, MESSAGE=b"USER_CMD " + JOURNALD), ("embedded", "")),
        (KERNEL, ("authenticated", "kernel")),
        (without(KERNEL, "SYSLOG_FACILITY"), ("anchored", "kernel")),
        (without(KERNEL, SYSLOG_FACILITY=b"1"), ("embedded", "")),
        (without(KERNEL, "_TRANSPORT"), ("embedded", "")),
        (without(KERNEL, _TRANSPORT=b"stdout"), ("embedded", "")),
        (without(KERNEL, _TRANSPORT=b"driver"), ("authenticated", "systemd-journald")),
    ],
)
def test_the_transport_and_the_facility_decide(output: str, entry: JournalEntry, told: tuple[str, str]) -> None:
    ((trust, tag, _),) = said(decoded(FORMATS[output]([entry]), FORM_OF[output]))
    assert (trust, tag) == told


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (JournalEntry((*AUDIT.fields, ("_TRANSPORT", b"kernel"))), WRONG_TYPE),
        (without(AUDIT, _AUDIT_ID=b"x"), WRONG_TYPE),
        (without(AUDIT, _SOURCE_REALTIME_TIMESTAMP=b"9" * 5000), WRONG_TYPE),
        (JournalEntry((*without(AUDIT, "MESSAGE").fields, ("_SELINUX_CONTEXT", b"x"))), NO_MESSAGE),
        (JournalEntry((*without(AUDIT, "MESSAGE").fields, ("_AUDIT_FIELD_SYSCALL", b"1"))), NO_MESSAGE),
        (without(AUDIT, "MESSAGE", "_AUDIT_FIELD_ARCH"), NO_MESSAGE),
        (without(AUDIT, "MESSAGE", _AUDIT_FIELD_SYSCALL=b"1 syscall=59"), NO_MESSAGE),
    ],
)
def test_what_cannot_be_is_a_problem(output: str, entry: JournalEntry, reason: str) -> None:
    data = FORMATS[output]([KERNEL, entry, KERNEL])
    found = decoded(data, FORM_OF[output])
    assert problems(found) == [(reason, line_of_entry(data, 1))]
    assert believed(found) == [PRINTK, PRINTK]


def line_of_entry(data: bytes, number: int) -> int:
    """Where an entry of a format begins."""
    begin = re.compile(rb'\{$|[\x1e]?\{"__CURSOR|data: |__CURSOR|Sun ')
    return [line for line, text in enumerate(data.split(b"\n"), 1) if begin.match(text)][number]


@pytest.mark.parametrize("output", FORMATS)
def test_a_message_that_is_missing_is_spelled_out(output: str) -> None:
    (entry,) = entries(decoded(FORMATS[output]([without(AUDIT, "MESSAGE")]), FORM_OF[output]))
    spelled = JOURNALD.replace(b'comm="trig"', b"comm=74726967").replace(b'exe="/bin/trig"', b"exe=2F62696E2F74726967")
    assert (entry.message, entry.tag, entry.serial) == (spelled, "audit", 85228)


@pytest.mark.parametrize("output", FORMATS)
def test_other_entries_without_a_message_say_nothing(output: str) -> None:
    quiet = [without(AUDIT, "MESSAGE", _AUDIT_TYPE=b"1300"), without(client_entry([b"x"], "vm", Random(4)), "MESSAGE")]
    assert decoded(FORMATS[output]([*quiet, KERNEL]), FORM_OF[output])[:-1] == []


@pytest.mark.parametrize(
    ("output", "reason"),
    [("export", CUT_ENTRY), ("json-pretty", CUT_ENTRY), ("json", "broken JSON"), ("json-seq", "broken JSON")],
)
def test_an_entry_that_is_cut_at_the_end_is_named(output: str, reason: str) -> None:
    whole = FORMATS[output]([KERNEL])
    data = whole + FORMATS[output]([AUDIT])[:-40]
    found = decoded(data)
    assert believed(found) == [PRINTK]
    assert problems(found) == [(reason, whole.count(b"\n") + 1)]


@pytest.mark.parametrize(("output", "reason"), [("verbose", BROKEN_ENTRY), ("json-pretty", CUT_ENTRY)])
def test_an_entry_that_is_cut_at_the_beginning_is_named(output: str, reason: str) -> None:
    begin = FORMATS[output]([AUDIT])
    found = decoded(begin[begin.index(b"\n", 300) + 1 :] + FORMATS[output]([KERNEL]), output.partition("-")[0])
    assert believed(found) == [PRINTK]
    assert problems(found) == [(reason, 1)]


def test_what_is_left_of_an_export_entry_is_only_anchored() -> None:
    begin = FORMATS["export"]([AUDIT])
    found = decoded(begin[begin.index(b"\n", 300) + 1 :] + FORMATS["export"]([KERNEL]), "export")
    assert said(found) == [("anchored", "audit", JOURNALD), ("authenticated", "kernel", PRINTK)]
