"""Records as `ausearch -i` prints them: equal to the record where one reading is possible, a reject elsewhere."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import shutil
import subprocess
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.evidence.body import parse_body
from audit2seccomp.evidence.interpreted import parse_interpreted
from audit2seccomp.evidence.model import Parsed, Reject, SeccompRecord
from audit2seccomp.evidence.record import parse_record
from audit2seccomp.evidence.scan import Scanner
from audit2seccomp.kernel.abi import abi_of
from audit2seccomp.kernel.syscalls import table_of
from tests.corpus import FIXTURES, Case, cases, is_right, read_bytes
from tests.evidence.bodies import PIECES
from tests.writer import Age, KernelRecord, records
from tests.writer.interpreted import CALLS, DATES, SpelledCall, interpreted, meaning

CALL = CALLS[0]
ONE_WORD = re.compile(rb'[^\0- "\\]*')
LABEL = re.compile(rb'[^\0- "\\]*(?: \([a-z]+\))?')
LINE = (
    b"type=SECCOMP msg=audit(04/03/2026 05:17:59.867:4961804) : auid=unset uid=root gid=root ses=unset pid=1394553"
    b" comm=swtpm exe=/usr/bin/swtpm sig=SIG0 arch=x86_64 syscall=clock_gettime compat=0 ip=0x7f16c89236eb code=log "
)
RECORD = SeccompRecord(None, 4961804, 0xC000003E, 228, 0x7FFC0000, 1394553, 0, b"swtpm", b"/usr/bin/swtpm", None)
KILL_PROCESS = 0x80000000
PAIRS = {"auditd-raw.log": "ausearch-raw-i.txt", "auditd-enriched.log": "ausearch-enr-i.txt"}


def unambiguous(record: KernelRecord) -> bool:
    """Whether what ausearch prints of it can have come from no other record."""
    return bool(
        ONE_WORD.fullmatch(record.comm)
        and ONE_WORD.fullmatch(record.exe or b"")
        and (record.subj is None or LABEL.fullmatch(record.subj))
    )


today = records([Age.CURRENT]).filter(lambda record: record.exe != b"(null)")  # no path looks like this


@given(record=today, call=st.sampled_from(CALLS), date=st.sampled_from(DATES))
def test_what_ausearch_prints_is_read_back_or_rejected(record: KernelRecord, call: SpelledCall, date: str) -> None:
    body = interpreted(record, call, date)
    found = parse_interpreted(body)
    assert parse_body(body) == found
    if unambiguous(record):
        assert found == Parsed(meaning(record, call), len(body) - 1)
    else:
        assert isinstance(found, Reject)
        assert found.reason.startswith("ambiguous")


@given(record=today.filter(unambiguous), call=st.sampled_from(CALLS))
def test_no_prefix_of_a_record_is_another_record(record: KernelRecord, call: SpelledCall) -> None:
    body = interpreted(record, call, DATES[0])
    for cut in range(len(body)):
        part = parse_interpreted(body[:cut])
        if isinstance(part, Parsed):  # kill-process and kill-thread begin with another word
            assert part.record._replace(code=None) == meaning(record, call)._replace(code=None)


@given(body=st.binary() | st.sampled_from((LINE, LINE + LINE)), data=st.data())
def test_damage_never_makes_an_ambiguous_record(body: bytes, data: st.DataObject) -> None:
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(PIECES) | st.binary(max_size=3))
    found = parse_interpreted(bytes(damaged))
    if isinstance(found, Parsed):
        fields = bytes(damaged[: found.end]).split(b") : ", 1)[1]
        names = [word.partition(b"=")[0] for word in fields.split(b" ")]
        assert len(set(names)) == len(names)
        assert names[-8:] == b"comm exe sig arch syscall compat ip code".split()


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        pytest.param(b"", b"", {}, id="as it is"),
        pytest.param(b"code=log ", b"code=log", {}, id="blank at the end lost"),
        pytest.param(b"uid=root gid", b"uid=kim gid", {"uid": None}, id="a user's name"),
        pytest.param(b"uid=root gid", b"uid=1000 gid", {"uid": 1000}, id="a number"),
        pytest.param(b"uid=root gid", b"uid=unset gid", {"uid": 2**32 - 1}, id="no user"),
        pytest.param(b"uid=root gid", b"uid=unknown(61901) gid", {"uid": 61901}, id="nobody's number"),
        pytest.param(b"uid=root gid", b"uid=unknown(-2) gid", {"uid": 2**32 - 2}, id="nobody's number, signed"),
        pytest.param(b"uid=root gid", b"uid=9999999999 gid", {"uid": None}, id="more than 32 bits"),
        pytest.param(b"exe=/usr/bin/swtpm", b"exe=(null)", {"exe": None}, id="no exe"),
        pytest.param(b"comm=swtpm", b"comm=syscall=59", {"comm": b"syscall=59"}, id="a name like a field"),
        pytest.param(b"comm=swtpm", b"comm=", {"comm": b""}, id="empty name"),
        pytest.param(b"code=log", b"code=kill", {"code": 0}, id="kill"),
        pytest.param(b"code=log", b"code=kill-thread", {"code": 0}, id="kill-thread"),
        pytest.param(b"code=log", b"code=kill-process", {"code": 0x80000000}, id="kill-process"),
        pytest.param(b"code=log", b"code=unknown-seccomp-code(0x56780000)", {"code": 0x56780000}, id="unknown code"),
        pytest.param(b"syscall=clock_gettime", b"syscall=unknown-syscall(777)", {"nr": 777}, id="unknown number"),
        pytest.param(b"x86_64", b"unknown-elf-type(c000003e)", None, id="a name of another machine's table"),
        pytest.param(b"x86_64", b"386", None, id="another tool's name of an architecture"),
        pytest.param(b"clock_gettime", b"mmap2", None, id="another architecture's call"),
        pytest.param(b"clock_gettime", b"unknown-syscall(2147483648)", None, id="more than int32"),
        pytest.param(b"code=log", b"code=user-notif", None, id="a word that auditd does not have"),
        pytest.param(b"code=log", b"code=0x7ffc0000", None, id="not interpreted"),
        pytest.param(b"arch=x86_64 ", b"", None, id="an old kernel's"),
        pytest.param(b"exe=/usr/bin/swtpm ", b"", None, id="a field removed"),
        pytest.param(b" sig=SIG0 arch=x86_64", b" arch=x86_64 sig=SIG0", None, id="another order"),
        pytest.param(b"comm=swtpm", b"comm=sw tpm", None, id="a blank"),
        pytest.param(b"comm=swtpm", b"comm=swtpm ", None, id="a blank at the end"),
        pytest.param(b"comm=swtpm", b'comm="swtpm"', None, id="a quote"),
        pytest.param(b"swtpm sig", b"swtpm\\012 sig", None, id="an escape, or a file of that name"),
        pytest.param(b"comm=swtpm", b"comm=x exe=/etc", None, id="a field in a name"),
        pytest.param(b"code=log ", b"code=log sig=SIG0 arch=x86_64 syscall=read", None, id="a tail in a name"),
        pytest.param(b":4961804)", b":)", None, id="no serial"),
    ],
)
def test_a_field(old: bytes, new: bytes, changed: dict[str, Any] | None) -> None:
    body = LINE.replace(old, new, 1)
    found = parse_interpreted(body)
    if changed is None:
        assert isinstance(found, Reject)
    else:
        assert found == Parsed(RECORD._replace(**changed), len(body.rstrip()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"type=SYSCALL msg=audit(04/03/2026 05:17:59.867:1) : arch=x86_64 syscall=read",
        b"type=SECCOMP msg=audit(1773149478.637:9817731): auid=4294967295",
        b"type=SECCOMP msg=audit(...) : auid=unset",
        b" " + LINE,
    ],
)
def test_what_ausearch_did_not_interpret_is_not_read(body: bytes) -> None:
    assert parse_interpreted(body) is None
    assert parse_body(body) == parse_record(body)


def lines_of(text: bytes) -> list[bytes]:
    """The lines with a record of a recorded log."""
    return [line for line in text.split(b"\n") if line.startswith(b"type=SECCOMP ")]


@pytest.mark.parametrize(("raw", "printed"), PAIRS.items())
def test_a_recorded_log_says_the_same_interpreted(raw: str, printed: str) -> None:
    log = FIXTURES / "recorded" / raw
    parsed = map(parse_record, lines_of(log.read_bytes()))
    said = {one.record.serial: one.record for one in parsed if isinstance(one, Parsed)}
    outputs = [(FIXTURES / "recorded" / printed).read_bytes()]
    if shutil.which("ausearch"):
        command = ["ausearch", "-if", str(log), "-m", "SECCOMP", "-i"]
        outputs.append(subprocess.run(command, check=True, capture_output=True).stdout)
    for output in outputs:
        found = [parse_body(line) for line in lines_of(output)]
        sound = [one.record for one in found if isinstance(one, Parsed)]
        assert (len(said), len(found)) == (68, 68)
        # kill-process becomes kill, and the rest is as the kernel said it, or left out.
        assert {record.serial: record for record in sound} == {
            serial: record._replace(millis=None, code=0 if record.code == KILL_PROCESS else record.code)
            for serial, record in said.items()
            if ONE_WORD.fullmatch(record.comm or b"") and ONE_WORD.fullmatch(record.exe or b"")
        }


SHAPES = [case for case in cases("shapes") if case.sample_class.startswith("ausearch-interpret")]


@pytest.mark.parametrize("case", SHAPES, ids=[case.name for case in SHAPES])
def test_a_shape_yields_what_it_must(case: Case) -> None:
    bodies = [line[line.find(b"type=SECCOMP") :] for line in case.data.splitlines() if b"type=SECCOMP" in line]
    found = [one.record for one in map(parse_body, bodies) if isinstance(one, Parsed)]
    seen = [
        (f"{one.arch:x}", one.nr, (one.comm or b"").decode(), one.exe.decode() if one.exe else None, f"{one.code:#x}")
        for one in found
    ]
    assert is_right(case, Counter(seen))


@given(size=st.integers(10, 700))
def test_where_blocks_are_cut_makes_no_difference(size: int) -> None:
    folder = FIXTURES / "recorded"
    # Interpreted and not, with and without a node, in one file.
    text = b"".join((folder / name).read_bytes()[:6_000] for name in ("ausearch-raw-i.txt", "ausearch-node.txt"))
    scanner = Scanner()
    scanner.start_input("sample")
    for at in range(0, len(text), size):
        scanner.feed(text[at : at + size])
    scanner.finish_input()
    assert scanner.evidence() == read_bytes(text)


@pytest.mark.parametrize(
    "arch", [0xC000003E, 0x40000003, 0xC00000B7, 0x40000028, 0x14, 0x80000015, 0xC0000015, 0x16, 0x80000016], ids=hex
)
def test_names_of_the_installed_auditd_are_the_numbers_that_they_stand_for(arch: int) -> None:
    library = ctypes.util.find_library("audit")
    if library is None:
        pytest.skip("no libaudit")
    audit = ctypes.CDLL(library)
    audit.audit_machine_to_name.restype = audit.audit_syscall_to_name.restype = ctypes.c_char_p
    machine = audit.audit_elf_to_machine(ctypes.c_uint(arch))
    abi = abi_of(arch, 0)
    assert abi is not None
    table = table_of(abi)
    for nr in range(2000):
        name = audit.audit_syscall_to_name(nr, machine)
        if name is None:
            continue
        body = LINE.replace(b"x86_64", audit.audit_machine_to_name(machine)).replace(b"clock_gettime", name)
        found = parse_interpreted(body)
        if table.name_of(nr) is None:  # it has old ARM's calls, and one table for 32 and 64 bit of PowerPC
            assert isinstance(found, Reject)
        else:
            assert isinstance(found, Parsed)
            assert (found.record.arch, found.record.nr) == (arch, nr)


def test_a_long_line_takes_as_long_as_it_is_long() -> None:
    hostile = LINE.replace(b"comm=swtpm", b"comm=" + b"a b=" * 50_000).replace(b"uid=", b"uid=" * 50_000)
    started = time.perf_counter()
    assert isinstance(parse_interpreted(hostile), Reject)
    assert isinstance(parse_interpreted(LINE + b" " * 200_000 + b"x"), Reject)
    assert parse_interpreted(b"type=SECCOMP msg=audit(" + b" 05:17:59" * 50_000) is None
    assert time.perf_counter() - started < 1
