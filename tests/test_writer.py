"""The writer against lines that real kernels and real tools wrote, and against its own promises."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given

from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed
from tests.writer import CARRIERS, FORGERIES, Age, Carrier, Form, KernelRecord, lines, noise_lines, untrusted

ARM = 0x40000028
OPENINGS = (*(form.value.encode() for form in Form), b"type=1701 audit(", b"type=ANOM_ABEND msg=audit(")

TRIG = KernelRecord(
    seconds=1795338117,
    millis=78,
    serial=85228,
    pid=12876,
    comm=b"trig",
    exe=b"/srv/sandbox/tools/trig",
    nr=110,
    ip=0x436FC9,
    code=0x7FFC0000,
)
CRUN = replace(
    TRIG,
    millis=918,
    seconds=1795338711,
    serial=144373,
    uid=1000,
    gid=1000,
    pid=28875,
    comm=b"crun",
    exe=b"/",
    nr=13,
    ip=0x7F26CA2B311F,
)
CHROMIUM = replace(TRIG, age=Age.V3_5, uid=1000, gid=1000, comm=b"chromium-brow", nr=6, code=0x50001)


@pytest.mark.parametrize(
    ("written", "real"),
    [
        (
            b"[ 1037.531824] " + TRIG.printk(),
            b"[ 1037.531824] audit: type=1326 audit(1795338117.078:85228): auid=4294967295 uid=0 gid=0 ses=4294967295 "
            b'pid=12876 comm="trig" exe="/srv/sandbox/tools/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 '
            b"code=0x7ffc0000",
        ),
        (
            replace(TRIG, comm=b"two words", seconds=1795338062, millis=982, serial=85179, pid=11531).printk(),
            b"audit: type=1326 audit(1795338062.982:85179): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=11531 "
            b'comm=74776F20776F726473 exe="/srv/sandbox/tools/trig" sig=0 arch=c000003e syscall=110 compat=0 '
            b"ip=0x436fc9 code=0x7ffc0000",
        ),
        (
            CRUN.printk(),
            b"audit: type=1326 audit(1795338711.918:144373): auid=4294967295 uid=1000 gid=1000 ses=4294967295 "
            b'pid=28875 comm="crun" exe="/" sig=0 arch=c000003e syscall=13 compat=0 ip=0x7f26ca2b311f code=0x7ffc0000',
        ),
        (
            replace(TRIG, seconds=1795338197, millis=190, serial=85538, pid=14345, code=0x50000).body(Form.AUDITD),
            b"type=SECCOMP msg=audit(1795338197.190:85538): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=14345 "
            b'comm="trig" exe="/srv/sandbox/tools/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 '
            b"code=0x50000",
        ),
        (
            b"Nov 22 09:01:57 vm audit[12876]: " + TRIG.body(Form.JOURNALD),
            b"Nov 22 09:01:57 vm audit[12876]: SECCOMP auid=4294967295 uid=0 gid=0 ses=4294967295 pid=12876 "
            b'comm="trig" exe="/srv/sandbox/tools/trig" sig=0 arch=c000003e syscall=110 compat=0 ip=0x436fc9 '
            b"code=0x7ffc0000",
        ),
        (
            CHROMIUM.printk(),
            b"type=1701 audit(1795338117.078:85228): auid=4294967295 uid=1000 gid=1000 ses=4294967295 pid=12876 "
            b'comm="chromium-brow" reason="seccomp" sig=0 syscall=6 compat=0 ip=0x436fc9 code=0x50001',
        ),
    ],
)
def test_real_lines(written: bytes, real: bytes) -> None:
    assert written == real


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"", b'""'),
        (b"!#~", b'"!#~"'),
        (b" ", b"20"),
        (b'"', b"22"),
        (b"\x7f", b"7F"),
        (b"a\xc3", b"61C3"),
        (b"6E", b'"6E"'),
    ],
)
def test_untrusted_strings(name: bytes, text: bytes) -> None:
    assert untrusted(name) == text


def test_what_the_ages_write() -> None:
    label = replace(TRIG, subj=b"=x (enforce)", ppid=5)
    assert b" subj==x (enforce) pid=12876 ppid=5 comm=" in label.printk()
    assert b" subj==x (enforce) ppid=5 pid=12876 comm=" in replace(label, ppid_first=True).printk()
    assert b" exe=(null) sig=0" in replace(TRIG, exe=None).printk()
    assert b" sig=0 syscall=" in replace(TRIG, age=Age.V3_16).printk()
    assert b'"trig" sig=0 syscall=' in replace(TRIG, age=Age.V3_9).printk()
    assert replace(TRIG, age=Age.BACKPORT).printk() == TRIG.body(Form.PRINTK)
    with pytest.raises(ValueError, match="JOURNALD"):
        CHROMIUM.body(Form.JOURNALD)
    with pytest.raises(ValueError, match="arch"):
        CHROMIUM.meaning()


def test_prefixes_as_the_tools_write_them() -> None:
    """Each with dice that happen to fall as they did on a real machine."""
    real = {
        "dmesg -x": b"kern  :notice: [ 1037.531824] ",
        "dmesg reltime": b"[  +0.009200] ",
        "dmesg -d": b"[ 1037.531824 <    0.009200>] ",
        "dmesg color": b"\x1b[32m[ 1037.531824] \x1b[0m\x1b[33maudit: \x1b[0m",
        "journalctl -o short-monotonic, kernel": b"[ 1037.531824] vm kernel: ",
    }
    for name, prefix in real.items():
        shapes = {shape(head(CARRIERS[name], Random(seed))) for seed in range(500)}
        assert shape(prefix) in shapes, name


def head(carrier: Carrier, rnd: Random) -> bytes:
    """What the carrier puts in front of the kernel's record."""
    return carrier.write(TRIG, rnd).split(b"type=", 1)[0].removesuffix(b"audit: ")


def shape(prefix: bytes) -> bytes:
    """A prefix with every digit alike."""
    return bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in prefix)


@pytest.mark.parametrize("name", CARRIERS)
def test_every_carrier_holds_its_record(name: str) -> None:
    carrier = CARRIERS[name]
    for seed, age in enumerate(sorted(carrier.ages, key=lambda age: age.name)):
        holds(carrier.write(replace(TRIG, age=age), Random(seed)), replace(TRIG, age=age), carrier)


@given(line=lines())
def test_every_line_holds_its_record(line: tuple[bytes, KernelRecord, Carrier]) -> None:
    holds(*line)


def holds(line: bytes, record: KernelRecord, carrier: Carrier) -> None:
    """The line says what the carrier promises, and ends as its tool ends a line."""
    assert b"\n" not in line
    begin = min(at for at in map(line.find, OPENINGS) if at >= 0)
    found = parse(line[begin:], ARM)
    assert isinstance(found, Parsed)
    assert found.record == record.meaning(stamped=carrier.stamped, assume_arch=ARM)
    assert re.fullmatch(rb'(\x1d| |#035|\^\]|)AUID=".*|\]|', line[begin + found.end :])
    assert carrier.repeat == 1 or f" message repeated {carrier.repeat} times: [".encode() in line[:begin]


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_is_one_line_that_is_no_record(kind: str) -> None:
    honest = {TRIG.printk(), *(TRIG.body(form) for form in Form)}
    for seed in range(20):
        line = FORGERIES[kind](TRIG, Random(seed))
        assert b"\n" not in line
        assert b" syscall=" in line
        assert line not in honest


@given(line=noise_lines())
def test_noise_is_one_line_without_a_sound_record(line: bytes) -> None:
    assert b"\n" not in line
    for opening in OPENINGS:
        if opening in line:
            assert not isinstance(parse(line[line.index(opening) :], ARM), Parsed)
