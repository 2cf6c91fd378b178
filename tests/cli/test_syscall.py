"""`audit2seccomp syscall`: names and numbers, looked up both ways."""

from __future__ import annotations

import json
import platform

import pytest

from audit2seccomp.kernel.abi import abi_named
from tests.cli.command import run

OPENAT2 = {"arch": "x86_64", "number": 437, "name": "openat2", "since": "5.6"}


def _rows(*args: str) -> list[list[str]]:
    result = run("syscall", *args)
    assert (result.status, result.stderr) == (0, "")
    return [text.split(maxsplit=3) for text in result.stdout.decode().splitlines()]


@pytest.mark.parametrize("call", ["openat2", "437", "0x1b5", "0X1B5"])
def test_both_ways_with_the_kernel_that_brought_it(call: str) -> None:
    assert _rows(call, "--arch", "x86_64") == [["x86_64", "437", "openat2", "since Linux 5.6"]]


@pytest.mark.parametrize(
    ("arch", "name", "number"),
    [
        ("aarch64", "openat", 56),
        ("arm64", "openat", 56),
        ("SCMP_ARCH_AARCH64", "openat", 56),
        ("c00000b7", "openat", 56),
        ("x86", "openat", 295),
        ("x32", "openat", 0x40000101),
        ("mips", "openat", 4288),
        ("alpha", "openat", 450),
    ],
)
def test_one_architecture(arch: str, name: str, number: int) -> None:
    abi = abi_named(arch)
    assert abi is not None
    (by_name,) = json.loads(run("syscall", name, "--arch", arch, "--json").stdout)
    (by_number,) = json.loads(run("syscall", str(number), "--arch", arch, "--json").stdout)
    assert by_name == by_number
    assert (by_name["arch"], by_name["number"], by_name["name"]) == (abi.name, number, name)
    assert by_name["since"]


def test_the_default_is_this_machine() -> None:
    if abi_named(platform.machine()) is None:
        pytest.skip(f"nobody knows {platform.machine()}")
    assert _rows("openat2") == _rows("openat2", "--arch", platform.machine())


def test_json() -> None:
    result = run("syscall", "openat2", "--arch", "x86_64", "--json")
    assert json.loads(result.stdout) == [OPENAT2]
    assert result.stdout.endswith(b"]\n")


def test_all_by_name() -> None:
    found = json.loads(run("syscall", "openat2", "--arch", "all", "--json").stdout)
    assert OPENAT2 in found
    assert {one["arch"]: one["number"] for one in found}.items() >= {
        "x86_64": 437, "x32": 0x400001B5, "aarch64": 437, "mips": 4437, "alpha": 547, "ia64": 1461,
    }.items()  # fmt: skip
    assert len(_rows("openat2", "--arch", "all")) == len(found)


def test_all_by_number() -> None:
    names = {row[0]: row[2] for row in _rows("3", "--arch", "all")}
    assert names.items() >= {"x86_64": "close", "x86": "read", "aarch64": "io_cancel"}.items()
    assert "x32" not in names
    assert "mips" not in names


def test_a_call_of_few_architectures() -> None:
    assert {row[0] for row in _rows("riscv_hwprobe", "--arch", "all")} == {"riscv64", "riscv32"}


def test_bit_30_means_x32() -> None:
    assert _rows("0x40000003", "--arch", "x86_64")[0][:3] == ["x32", "1073741827", "close"]
    assert run("syscall", "3", "--arch", "x32").status == 3


@pytest.mark.parametrize("call", ["opennat2", "99999", "-1", "0x", "", "9" * 5000])
def test_not_found(call: str) -> None:
    result = run("syscall", "--arch", "x86_64", "--", call)
    assert (result.status, result.stdout) == (3, b"")
    assert result.stderr.startswith(f"audit2seccomp: {call}: no such call on x86_64 in the tables of Linux ")
    assert len(result.stderr.splitlines()) == 1


def test_did_you_mean() -> None:
    assert "did you mean openat2, openat" in run("syscall", "opennat2", "--arch", "x86_64").stderr
    assert "on any architecture" in run("syscall", "opennat2", "--arch", "all").stderr


def test_an_unknown_architecture_shows_which_are_known() -> None:
    result = run("syscall", "read", "--arch", "vax")
    assert (result.status, result.stdout) == (2, b"")
    assert "--arch: no architecture 'vax': all, or one of x86_64, x32, x86, arm, aarch64" in result.stderr


def test_a_missing_argument() -> None:
    result = run("syscall")
    assert (result.status, result.stdout) == (2, b"")
    assert "NAME|NUMBER" in result.stderr


def test_control_characters_are_not_echoed() -> None:
    assert r"\x1b[31m: no such call" in run("syscall", "\x1b[31m").stderr
