"""Hypothesis strategies over the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from .auditd import AUDITD
from .forgeries import FORGERIES
from .journal import JOURNAL
from .kernel_log import DMESG, SYSLOG
from .noise import noise
from .record import Age, KernelRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .carrier import Carrier

CARRIERS: dict[str, Carrier] = {**DMESG, **SYSLOG, **JOURNAL, **AUDITD}
"""Every way in which a record gets onto one line of text, by name."""

FORGED = (
    b'auid=0 uid=0 gid=0 ses=1 pid=7 comm="a" exe="/a" sig=0 arch=c000003e syscall=101 compat=0 ip=0x1 code=0x7ffc0000'
)
"""What a program puts into names that it chooses, hoping that a reader takes it for a record."""

ARCHES = (
    0xC000003E,
    0x40000003,
    0xC00000B7,
    0x40000028,
    0x16,
    0x80000016,
    0xC0000015,
    0x80000015,
    0xC00000F3,
    0xC0000102,
)
CODES = (0, 0x30000, 0x50000, 0x50001, 0x7FC00000, 0x7FF00000, 0x7FFC0000, 0x80000000, 0x12340000, 0xFFFFFFFF)
NUMBERS = (-1, -(2**31), 2**31 - 1, 0, 59, 101, 321, 435, 4000, 100000, 983041, 1073741934)
LABELS = (
    b"unconfined",
    b"=unconfined",
    b"?",
    b"kernel",
    b"=docker-default (enforce)",
    b"=a//null-/bin/sleep (complain)",
    b"=/usr/lib/telepathy/mission-control-5//null-/bin/date (complain)",
    b"=lxc-1_</var/lib/lxc>//&:lxc-1_<-var-lib-lxc>:unconfined (mixed)",
    b"system_u:system_r:container_t:s0:c284,c594",
    b"u:r:cros_shill:s0",
    b"=p//null-/tmp/pid=7 (complain)",
    b"=p//null-/tmp/e ppid=1 pid=7 uid=0  (complain)",
    b"=p//null-/tmp/e " + FORGED + b" (complain)",
    b"=p//null-/tmp/e type=1326 " + FORGED + b'AUID="unset" (complain)',
    b"=p//null-/tmp/e subj==unconfined " + FORGED + b"\x1dAUID= (complain)",
    "=p//null-/home/zoë/x (complain)".encode(),
)
NAMES = (
    b"syscall=59",
    b"code=0x0",
    b"a=b",
    b"?",
    b"",
    b"DEADBEEF",
    b"6E67",
    b"runc:[2:INIT]",
    b'x" syscall=101',
    b"\xc3",
)
PATHS = (
    b"/",
    b"/usr/bin/caddy",
    b"/memfd:x (deleted)",
    b"/tmp/a b",
    b"/opt/arch=c000003e/x",
    b"(null)",
    b"<no_memory>",
)

_nonzero = st.integers(1, 255)
_names = st.sampled_from(NAMES) | st.lists(st.integers(0x21, 0x7E) | _nonzero, max_size=15).map(bytes)
_paths = st.sampled_from(PATHS) | st.lists(_nonzero, max_size=60).map(lambda tail: b"/" + bytes(tail))
_uids = st.sampled_from((0, 1000, 2**32 - 1)) | st.integers(0, 2**32 - 1)


def records(ages: Iterable[Age] = tuple(Age)) -> st.SearchStrategy[KernelRecord]:
    """Any event that a kernel of those ages can report."""
    return st.builds(
        KernelRecord,
        seconds=st.sampled_from((114, 1795338117, 521112345678)) | st.integers(0, 2**33),
        millis=st.integers(0, 999),
        serial=st.integers(0, 2**32 - 1),
        auid=_uids,
        uid=_uids,
        gid=_uids,
        ses=_uids,
        subj=st.none() | st.sampled_from(LABELS),
        pid=st.integers(1, 2**22),
        ppid=st.none() | st.none() | st.integers(0, 2**22),
        ppid_first=st.booleans(),
        comm=_names,
        exe=st.none() | _paths,
        sig=st.sampled_from((0, 9, 31)),
        arch=st.sampled_from(ARCHES) | st.integers(0, 2**32 - 1),
        nr=st.sampled_from(NUMBERS) | st.integers(-(2**31), 2**31 - 1),
        compat=st.integers(0, 1),
        ip=st.integers(0, 2**64 - 1),
        code=st.sampled_from(CODES) | st.integers(0, 2**32 - 1),
        age=st.sampled_from(tuple(ages)),
    )


@st.composite
def lines(draw: st.DrawFn, names: Iterable[str] = tuple(CARRIERS)) -> tuple[bytes, KernelRecord, Carrier]:
    """A line without its newline, the record on it, and its carrier; `names` limits the carriers."""
    carrier = CARRIERS[draw(st.sampled_from(tuple(names)))]
    record = draw(records(sorted(carrier.ages, key=lambda age: age.name)))
    return carrier.write(record, draw(st.randoms(use_true_random=False))), record, carrier


@st.composite
def forgeries(draw: st.DrawFn, names: Iterable[str] = tuple(FORGERIES)) -> bytes:
    """A line with a record's text that no reader may believe; `names` limits the kinds."""
    forge = FORGERIES[draw(st.sampled_from(tuple(names)))]
    return forge(draw(records([Age.CURRENT])), draw(st.randoms(use_true_random=False)))


def noise_lines() -> st.SearchStrategy[bytes]:
    """A line that holds no record."""
    return st.randoms(use_true_random=False).map(noise)
