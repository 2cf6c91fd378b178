"""The names of capabilities, against the kernel's header."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from audit2seccomp.kernel.capabilities import CAPABILITIES, capability_named

HEADER = Path("/usr/include/linux/capability.h")


@pytest.mark.skipif(not HEADER.exists(), reason="no linux-libc-dev")
def test_they_are_those_of_the_header() -> None:
    found = re.findall(r"^#define (CAP_[A-Z_]+)\s+(\d+)$", HEADER.read_text(), re.MULTILINE)
    assert [name for name, _ in sorted(found, key=lambda one: int(one[1]))] == list(CAPABILITIES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CAP_BPF", "CAP_BPF"),
        ("sys_admin", "CAP_SYS_ADMIN"),
        ("cap_kill", "CAP_KILL"),
        ("CAP_CAP_KILL", None),
        ("", None),
    ],
)
def test_how_a_user_may_write_them(text: str, name: str | None) -> None:
    assert capability_named(text) == name
