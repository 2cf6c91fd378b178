"""docs/records.md, "Tail": what each field may hold, at both edges of every bound."""

from __future__ import annotations

import pytest

from audit2seccomp.evidence.grammar import parse
from audit2seccomp.evidence.model import Parsed

from .bodies import ARM, BODY, HEAD, OPENING, TAIL, record, rejected, with_tail


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'""', b""),
        (b'"a"', b"a"),
        (b'"!#$~"', b"!#$~"),
        (b'"DEADBEEF"', b"DEADBEEF"),
        (b'"syscall=59"', b"syscall=59"),
        (b'"comm="', b"comm="),
        (b"DEADBEEF", b"\xde\xad\xbe\xef"),
        (b"00", b"\x00"),
        (b"517420626561726572207468726561", b"Qt bearer threa"),
        (b"", None),
        (b'"', None),
        (b'"a', None),
        (b'a"', None),
        (b'"a""', None),
        (b'"a"b', None),
        (b'"a b"', None),
        (b'"\x7f"', None),
        (b'"\xe9"', None),
        (b'"\x1f"', None),
        (b"A", None),
        (b"ABC", None),
        (b"ab", None),
        (b"AG", None),
        (b"(NULL)", None),
    ],
)
def test_strings(text: bytes, name: bytes | None) -> None:
    for old, field in ((b'"trig"', "comm"), (b'"/bin/trig"', "exe")):
        body = with_tail(old, text)
        if name is None:
            rejected(body)
        else:
            assert getattr(record(body), field) == name


def test_only_exe_may_be_null() -> None:
    assert record(with_tail(b'"/bin/trig"', b"(null)")).exe is None
    assert record(with_tail(b'exe="/bin/trig" ', b"")).exe is None
    rejected(with_tail(b'"trig"', b"(null)"))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0),
        (b"-1", -1),
        (b"-0", 0),
        (b"0000000007", 7),
        (b"2147483647", 2**31 - 1),
        (b"-2147483648", -(2**31)),
        (b"1073741934", 1073741934),
        (b"2147483648", None),
        (b"-2147483649", None),
        (b"9999999999", None),
        (b"00000000007", None),
        (b"", None),
        (b"-", None),
        (b"--1", None),
        (b"+1", None),
        (b"0x1", None),
        (b"1_0", None),
        (b"mount", None),
        (b"1\xb2", None),
        (b"\xef\xbc\x91", None),
    ],
)
def test_system_call_numbers(text: bytes, number: int | None) -> None:
    body = with_tail(b"syscall=110", b"syscall=" + text)
    if number is None:
        rejected(body)
    else:
        assert record(body).nr == number


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        (b"16", 0x16),
        (b"0", 0),
        (b"ffffffff", 0xFFFFFFFF),
        (b"fffffffff", None),
        (b"", None),
        (b"C000003E", None),
        (b"0xc000003e", None),
        (b"x86_64", None),
    ],
)
def test_arch_is_hex(text: bytes, arch: int | None) -> None:
    body = with_tail(b"c000003e", text)
    if arch is None:
        rejected(body, ARM)
    else:
        assert record(body, ARM).arch == arch


@pytest.mark.parametrize(
    ("old", "sound", "unsound"),
    [
        (b"sig=0", [b"sig=-1", b"sig=9999999999"], [b"sig=", b"sig=-", b"sig=12345678901", b"sig=a"]),
        (b"compat=0", [b"compat=-1", b"compat=9999999999"], [b"compat=", b"compat=12345678901", b"compat=0x0"]),
        (
            b"ip=0x436fc9",
            [b"ip=0x0", b"ip=0x" + b"f" * 16],
            [b"ip=0x", b"ip=0", b"ip=0x" + b"f" * 17, b"ip=0xF", b"ip=0X1", b"ip="],
        ),
        (
            b"sig=0",
            [b"x=", b'reason="seccomp"', b"a_b=~!", b"_=", b"exec=(null)"],
            [b"x", b"=", b"X=1", b"x1=1", b"x=\x7f"],
        ),
        (b"sig=0", [b"x=a=b"], [b"x=\xc3\xa9", b"x=\t", b"x=\x1d", b"x-y=1", b"comm"]),
        (b" sig", [], [b"  sig", b"\tsig", b"\nsig", b""]),
    ],
)
def test_other_fields(old: bytes, sound: list[bytes], unsound: list[bytes]) -> None:
    for text in sound:
        assert record(with_tail(old, text)) == record(BODY)
    for text in unsound:
        rejected(with_tail(old, text))


@pytest.mark.parametrize("name", ["comm", "exe", "sig", "arch", "syscall", "compat", "ip"])
def test_no_field_stands_twice(name: str) -> None:
    field = next(word for word in TAIL.split(b" ") if word.startswith(name.encode() + b"="))
    rejected(with_tail(b" code=", b" " + field + b" code="))
    assert record(with_tail(b" code=", b" x=1 x=1 code=")) == record(BODY)


def test_fields_stand_in_any_order() -> None:
    first, *fields, code = TAIL.split(b" ")
    for turn in range(len(fields)):
        turned = [first, *fields[turn:], *fields[:turn], code]
        assert record(OPENING + HEAD + b" ".join(turned)) == record(BODY)


@pytest.mark.parametrize("text", [b"0x0", b"0x7ffc0000", b"0xffffffff", b"0x00050001"])
@pytest.mark.parametrize(
    "behind",
    [
        b"",
        b" ",
        b"\x1dAUID=",
        b"AUID=",
        b'AUID="unset"',
        b"]",
        b"#035AUID",
        b"^]",
        b"\r",
        b"\xe2\x80\xa8",
        b" x=1",
        b"-",
        b"\n",
    ],
)
def test_what_may_stand_behind_code(text: bytes, behind: bytes) -> None:
    body = with_tail(b"0x7ffc0000", text)
    found = parse(body + behind)
    assert isinstance(found, Parsed)
    assert (found.record.code, found.end) == (int(text, 16), len(body))


@pytest.mark.parametrize(
    "text", [b"0x0AUID", b"0x0A", b"0x0g", b"0x0_", b"0x0x", b"0x0AUIDx=", b"0x0IN=eth0", b"0x123456789"]
)
def test_what_may_not_stand_behind_code(text: bytes) -> None:
    rejected(with_tail(b"0x7ffc0000", text))


@pytest.mark.parametrize("text", [b"", b"0", b"0x", b"x0", b"0X0", b"0xG", b"0xA", b"log", b"-0x1"])
def test_unsound_codes(text: bytes) -> None:
    rejected(with_tail(b"0x7ffc0000", text))


def test_the_first_code_ends_the_record() -> None:
    assert record(BODY + b" code=0x0 sig=x") == record(BODY)
    assert record(with_tail(b"sig=0", b"sig=0 acode=0x0")) == record(BODY)


def test_a_record_needs_a_system_call() -> None:
    rejected(with_tail(b"syscall=110 ", b""))
    rejected(OPENING + HEAD + b'comm="trig"', ARM)


def test_an_arch_is_never_guessed() -> None:
    body = with_tail(b"arch=c000003e ", b"")
    rejected(body)
    assert record(body, 0) == record(BODY)._replace(arch=0)
    assert record(BODY, ARM) == record(BODY)


CUT = b'comm="trig" sig=0 syscall=110 compat=0 ip=0x436fc9'


@pytest.mark.parametrize("end", [b"", b" ", b"\r", b" \t\r  "])
def test_an_old_record_without_code(end: bytes) -> None:
    body = OPENING + HEAD + CUT
    found = parse(body + end, ARM)
    assert isinstance(found, Parsed)
    assert found == Parsed(record(BODY)._replace(arch=ARM, code=None, exe=None), len(body))
    rejected(body + end)


@pytest.mark.parametrize("end", [b"x", b" x", b"\x1d", b"\x1dAUID=", b" AUID=", b"\n", b"\x00", b" \t x=1", b"\x0b"])
def test_junk_behind_an_old_record_without_code(end: bytes) -> None:
    rejected(OPENING + HEAD + CUT + end, ARM)


@pytest.mark.parametrize(
    "end", [b"", b" ", b"\r", b" co", b" compat", b" compat=", b" compat=-", b" x", b"\xe2\x80\xa6"]
)
def test_a_number_at_the_end_may_be_cut(end: bytes) -> None:
    cut = OPENING + HEAD + b'comm="trig" sig=0 syscall=11'
    rejected(cut + end, ARM)
    assert record(cut + b" compat=0", ARM).nr == record(cut + b" x=", ARM).nr == 11


@pytest.mark.parametrize("length", range(TAIL.index(b" code="), len(TAIL) - len(b"0x7ffc0000") + 2))
def test_a_record_with_arch_but_without_code_is_cut(length: int) -> None:
    rejected(OPENING + HEAD + TAIL[:length], ARM)
