"""Classic BPF programs: refused with a FilterError, or one that gives an answer to every call."""

from __future__ import annotations

import struct

from audit2seccomp.errors import FilterError
from audit2seccomp.formats import write_profile
from audit2seccomp.kernel.uapi import SECCOMP_RET_ACTION_FULL
from audit2seccomp.profile.model import Profile, Rule, RuleAction
from audit2seccomp.profile.simulate import BPF_MAXINSNS, Program, decoded, encoded
from tests.fuzz.target import Target, chance

CODES = bytes.fromhex("20 80 81 00 01 60 61 02 03 07 87 06 16 05 84 15 25 35 45 1d 04 14 24 34 3c 44 54 64 6c 74 a4")
"""BPF_LD | BPF_W | BPF_ABS and so on: what a filter may have."""
WORDS = (*(struct.pack("<HBBI", code, 0, 0, 0) for code in CODES), b"\0\0\xff\x7f", b"\x01\0\x05\0")


def check_program(data: bytes) -> None:
    """In both byte orders."""
    chooser = chance(data)
    for big_endian in (False, True):
        try:
            program = Program(data, big_endian=big_endian)
        except FilterError:
            continue
        assert 0 < len(program.instructions) <= BPF_MAXINSNS
        for nr in (0, -1, 0x40000000, chooser.getrandbits(32)):
            args = [chooser.getrandbits(64) for _ in range(6)]
            code = program.verdict(0xC000003E, nr, args, chooser.getrandbits(64))
            assert 0 <= code < 1 << 32
            assert program.outcome(0xC000003E, nr, args) == decoded(program.verdict(0xC000003E, nr, args))
            outcome = decoded(code)
            assert decoded(encoded(outcome)) == outcome
            assert encoded(outcome) & SECCOMP_RET_ACTION_FULL == encoded(outcome) & ~0xFFFF


def programs() -> list[bytes]:
    """What libseccomp makes of small profiles, and one of each instruction."""
    found = [word + struct.pack("<HBBI", 6, 0, 0, 0x7FFF0000) for word in WORDS if len(word) == 8]
    for names in (("read",), ("read", "write", "openat")):
        profile = Profile(RuleAction.ERRNO, 1, ("SCMP_ARCH_X86_64",), (Rule(names, RuleAction.ALLOW),))
        content = write_profile(profile, "bpf").content
        assert isinstance(content, bytes)
        found.append(content)
    return found


TARGETS = (Target("program", check_program, programs, WORDS),)
