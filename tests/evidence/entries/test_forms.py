"""Which form an input has, and what it costs to read one that is built to cost much."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable

import pytest

from audit2seccomp.evidence.carriers import Trust
from audit2seccomp.evidence.entries import FORMS, detect
from audit2seccomp.evidence.entries.container import container_of
from audit2seccomp.evidence.entries.entry import (
    BROKEN_ENTRY,
    CUT_ENTRY,
    MAX_ENTRY_BYTES,
    TOO_LONG_ENTRY,
    Found,
)
from audit2seccomp.evidence.entries.export_fields import MAX_FIELD_BYTES
from audit2seccomp.evidence.text.cuts import TOO_LONG
from tests.corpus import cases
from tests.evidence.entries.decoding import JOURNALD, PRINTK, RECORDED, believed, decoded, problems

MIB = 1 << 20
CURSOR = b"s=9bc86411c4a84ef680f3255d818c6229;i=3eb;b=4aea7b561aae4627bb748514c4c7491f;m=3dd75c6f;t=660d9bab85575;x=78"
KERNEL = b"__CURSOR=" + CURSOR + b"\n_TRANSPORT=kernel\nSYSLOG_FACILITY=0\nMESSAGE=" + PRINTK + b"\n\n"


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"", None),
        (b"\n\n", None),
        (b"Jul  6 15:37:40 vm kernel: " + PRINTK, None),
        (b"[   12.345678] " + PRINTK, None),
        (b"{", "json"),
        (b'{"log":"a"}\n', "json"),
        (b'\n{"log":"a"}\n', "json"),
        (b'\0\0{"log":"a"}\n', "json"),
        (b'\xef\xbb\xbf{"log":"a"}\n', "json"),
        (b'\x1e{"log":"a"}\n', "json"),
        (b'data: {"log":"a"}\n', "json"),
        (b"{ not JSON }\n", None),
        (b"[\n   {\n", "json"),
        (b"[INFO] started\n", None),
        (b'{\n   "dmesg": [\n', "json"),
        (b"      },{\n", "json"),
        (b'         "pri": 5,\n', "json"),
        (b'\t"MESSAGE" : "x",\n', "json"),
        (b'   "quoted" text\n', None),
        (b'"quoted": text\n', None),
        (KERNEL, "export"),
        (b"__REALTIME_TIMESTAMP=1\n", "export"),
        (b"PATH=/bin\nMESSAGE=x\n", None),
        (b"Sun 2026-11-22 09:01:57.076341 UTC [" + CURSOR + b"]\n    _UID=0\n", "verbose"),
        (b"-- Journal begins at Sun --\nSun 2026-11-22 09:01:57.076341 UTC [" + CURSOR + b"]\n", "verbose"),
        (b"    indented\n", None),
    ],
)
def test_the_form_shows_at_the_beginning(head: bytes, form: str | None) -> None:
    assert detect(head) is (None if form is None else FORMS[form])


def test_text_logs_are_text() -> None:
    texts = [path for path in RECORDED.iterdir() if path.suffix in {".log", ".txt"}]
    structured = {path.name for path in texts if detect(path.read_bytes()) is not None}
    assert {name for name in structured if not any(word in name for word in ("json", "export", "verbose"))} == set()
    forms = {case.sample_class for kind in ("shapes", "hostile") for case in cases(kind) if detect(case.data)}
    assert {
        name for name in forms if not any(word in name for word in ("json", "export", "verbose", "forged"))
    } == set()


def test_text_logs_need_no_json_library() -> None:
    code = "import sys; from audit2seccomp.evidence.entries import detect; detect(b'x'); exit('msgspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        (f"/system.slice/docker-{ID}.scope", ID),
        (f"/machine.slice/libpod-{ID}.scope/container", ID),
        (f"/machine.slice/libpod-conmon-{ID}.scope", None),
        (f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_3.slice/cri-containerd-{ID}.scope", ID),
        (f"/kubepods.slice/kubepods-pod12_3.slice/crio-{ID}.scope", ID),
        (f"/kubepods.slice/kubepods-pod12_3.slice/crio-conmon-{ID}.scope", None),
        (f"/docker/{ID}", ID),
        (f"/docker/{ID}/docker/{OTHER}", OTHER),
        (f"/libpod_parent/libpod-{ID}", ID),
        (f"/libpod_parent/conmon/libpod-{ID[:-1]}", None),
        (f"/kubepods/burstable/pod5f3c-11/{ID}", ID),
        (f"/kubepods/pod5f3c-11/{ID}/init.scope", ID),
        (f"/system.slice/containerd.service/kubepods-burstable-pod5f.slice:cri-containerd:{ID}", ID),
        (f"/system.slice/docker-{ID}.service", None),
        (f"/user.slice/{ID}", None),
        ("/system.slice/docker.service", None),
        ("", None),
    ],
)
def test_container_ids(cgroup: str, container: str | None) -> None:
    assert container_of(cgroup) == container


def peak(form: str, blocks: Callable[[], Iterable[bytes]]) -> tuple[int, list[Found]]:
    """The most memory that a decoder took, and what it found."""
    decoder = FORMS[form]()
    found: list[Found] = []
    tracemalloc.start()
    try:
        for block in blocks():
            found += decoder.feed(block)
        found += decoder.finish()
        return tracemalloc.get_traced_memory()[1], found
    finally:
        tracemalloc.stop()


def export(name: bytes, size: int) -> Callable[[], Iterable[bytes]]:
    """An entry with a value of that size between two others, in blocks of a mebibyte."""

    def blocks() -> Iterable[bytes]:
        yield KERNEL + b"__CURSOR=" + CURSOR + b"\n" + name + b"\n" + size.to_bytes(8, "little")
        for _ in range(size // MIB):
            yield b"x" * MIB
        yield b"\n_TRANSPORT=journal\n\n" + KERNEL

    return blocks


def test_a_value_that_nobody_looks_at_may_have_any_size() -> None:
    memory, found = peak("export", export(b"COREDUMP", 40 * MIB))
    assert problems(found) == []
    assert believed(found) == [PRINTK, PRINTK]
    assert memory < 6 * MIB


def test_a_message_that_is_too_long_is_named_if_it_holds_a_record() -> None:
    memory, found = peak("export", export(b"MESSAGE", 40 * MIB))
    assert (problems(found), believed(found)) == ([], [PRINTK, PRINTK])
    assert memory < 6 * MIB
    long = b"x" * MAX_ENTRY_BYTES + b"\n"
    data = KERNEL + b"__CURSOR=1\nMESSAGE=" + JOURNALD + long + b"_TRANSPORT=audit\n\n" + KERNEL
    assert problems(decoded(data)) == [(TOO_LONG_ENTRY, 6)]
    assert problems(decoded(data.replace(b"auid", b"xuid").replace(b"=audit", b"=stdout"))) == []


def test_many_values_are_bounded_like_one() -> None:
    def blocks() -> Iterable[bytes]:
        yield b"__CURSOR=1\n_TRANSPORT=journal\n"
        for _ in range(200):
            yield b"MESSAGE=auid=" + b"x" * (MIB // 2) + b"\n"
        yield b"\n" + KERNEL

    memory, found = peak("export", blocks)
    assert (problems(found), believed(found)) == ([(TOO_LONG_ENTRY, 1)], [PRINTK])
    assert memory < 6 * MIB


def test_many_lines_of_a_value_are_bounded_like_one() -> None:
    header = b"Sun 2026-11-22 09:01:57.076341 UTC [" + CURSOR + b"]\n"

    def blocks() -> Iterable[bytes]:
        yield header + b"    _TRANSPORT=journal\n    MESSAGE=" + PRINTK + b"\n"
        for _ in range(8):
            yield (b" " * 12 + b"x" * 1000 + b"\n") * 500
        yield header + b"    _TRANSPORT=kernel\n    SYSLOG_FACILITY=0\n    MESSAGE=" + PRINTK + b"\n"

    memory, found = peak("verbose", blocks)
    assert (problems(found), believed(found)) == ([(TOO_LONG_ENTRY, 1)], [PRINTK])
    assert memory < 6 * MIB


@pytest.mark.parametrize("size", [MAX_FIELD_BYTES + 1, 1 << 55])
def test_a_length_that_cannot_be_is_broken(size: int) -> None:
    memory, found = peak("export", lambda: [*list(export(b"COREDUMP", size % MIB)())[:1], KERNEL, KERNEL])
    found = decoded(
        KERNEL + b"__CURSOR=" + CURSOR + b"\nCOREDUMP\n" + size.to_bytes(8, "little") + b"x\n\n" + KERNEL * 2
    )
    assert problems(found) == [(BROKEN_ENTRY, 6)]
    assert believed(found) == [PRINTK] * 3
    assert memory < MIB


def test_behind_a_broken_length_only_entries_of_the_same_journal_are_believed() -> None:
    """A client cannot know the number that all cursors of a journal begin with."""
    forged = KERNEL.replace(CURSOR, b"s=" + b"0" * 32 + b";i=1")
    broken = b"__CURSOR=" + CURSOR + b"\n_COMM\n" + (5).to_bytes(8, "little") + b"a\n\n" + forged + b"\n"
    found = decoded(KERNEL + broken + KERNEL)
    assert problems(found) == [(BROKEN_ENTRY, 6)]
    assert believed(found) == [PRINTK, PRINTK]


def test_an_export_that_ends_inside_a_value_is_named() -> None:
    data = KERNEL + b"__CURSOR=" + CURSOR + b"\nMESSAGE\n" + (500).to_bytes(8, "little") + b"\n\n" + PRINTK
    assert problems(decoded(data)) == [(BROKEN_ENTRY, 6)]
    assert believed(decoded(data)) == [PRINTK]
    assert problems(decoded(data[: -len(PRINTK) - 5])) == [(CUT_ENTRY, 6)]


@pytest.mark.parametrize(
    ("form", "token"), [("json", b"auid="), ("verbose", b"auid="), ("json", b""), ("verbose", b"")]
)
def test_a_line_without_end_is_named_if_it_holds_a_record(form: str, token: bytes) -> None:
    def blocks() -> Iterable[bytes]:
        yield b'{"log":"'
        for _ in range(20):
            yield b"x" * MIB + token
        yield b'"}\n'

    memory, found = peak(form, blocks)
    assert problems(found) == ([(TOO_LONG, 1)] if token else [])
    assert memory < 8 * MIB


@pytest.mark.parametrize("token", [b"auid=", b""])
def test_an_object_without_end_is_named_if_it_holds_a_record(token: bytes) -> None:
    def blocks() -> Iterable[bytes]:
        yield b'{\n\t"a" : "' + token + b'",\n'
        for _ in range(3):
            yield b'\t"b" : "x",\n' * (MIB // 12)
        yield b'\t"c" : 1\n}\n'

    memory, found = peak("json", blocks)
    assert problems(found) == ([(TOO_LONG_ENTRY, 1)] if token else [])
    assert memory < 20 * MIB


def test_one_byte_at_a_time_costs_no_more_than_its_length() -> None:
    """Half a mebibyte of one entry: were it copied for each byte, this would not end."""
    data = b"__CURSOR=1\n_TRANSPORT=journal\nMESSAGE=" + b"x" * MAX_ENTRY_BYTES + b"\n\n"
    decoder = FORMS["export"]()
    for at in range(0, len(data), 16):
        decoder.feed(data[at : at + 16])
    assert list(decoder.finish()) == []
    assert Trust.EMBEDDED < Trust.ANCHORED
