"""Names and numbers from the shipped tables, and that reading them costs what it must and no more."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.kernel.abi import Abi, abi_named, all_abis
from audit2seccomp.kernel.syscalls import Table, table_of, tables_kernel

ROOT = Path(__file__).resolve().parent.parent.parent

WITH_TABLE = [abi for abi in all_abis() if abi.table is not None]


def table(name: str) -> Table:
    abi = abi_named(name)
    assert abi is not None
    return table_of(abi)


@pytest.mark.parametrize(
    ("abi", "nr", "name"),
    [
        ("x86_64", 0, "read"),
        ("x86_64", 59, "execve"),
        ("x86_64", 472, "fchroot"),
        ("x32", 0x40000000, "read"),
        ("x32", 0x40000208, "execve"),
        ("x86", 11, "execve"),
        ("arm", 11, "execve"),
        ("arm", 341, "arm_sync_file_range"),
        ("arm", 983041, "breakpoint"),
        ("arm", 983045, "set_tls"),
        ("arm", 983046, "get_tls"),
        ("aarch64", 221, "execve"),
        ("loongarch64", 221, "execve"),
        ("riscv64", 221, "execve"),
        ("riscv64", 259, "riscv_flush_icache"),
        ("mips", 4011, "execve"),
        ("mipsel", 4011, "execve"),
        ("mips64", 5057, "execve"),
        ("mipsel64", 5057, "execve"),
        ("mips64n32", 6057, "execve"),
        ("mipsel64n32", 6057, "execve"),
        ("ppc64le", 11, "execve"),
        ("s390", 11, "execve"),
        ("s390x", 11, "execve"),
        ("sh", 11, "execve"),
        ("sheb", 11, "execve"),
    ],
)
def test_known_calls(abi: str, nr: int, name: str) -> None:
    assert table(abi).name_of(nr) == name
    assert table(abi).number_of(name) == nr


@pytest.mark.parametrize(
    ("abi", "nr"),
    [
        ("x86_64", -1),
        ("x86_64", 400),
        ("x86_64", 11111),
        ("x86_64", 0x40000000),
        ("x32", 0),
        ("mips", 11),
        ("mips", 4221),  # reserved221
        ("s390x", 0),
        ("aarch64", 983045),
    ],
)
def test_numbers_without_a_call(abi: str, nr: int) -> None:
    assert table(abi).name_of(nr) is None
    assert table(abi).since(nr) is None


@pytest.mark.parametrize(
    ("abi", "name"),
    [("aarch64", "open"), ("x86_64", "Execve"), ("x86_64", ""), ("mips", "reserved221"), ("x86_64", "name")],
)
def test_names_without_a_number(abi: str, name: str) -> None:
    assert table(abi).number_of(name) is None


@pytest.mark.parametrize(
    ("abi", "name", "since"),
    [
        ("x86_64", "openat2", "5.6"),
        ("x86_64", "fchroot", "7.3"),
        ("loongarch64", "read", "5.19"),
        ("loongarch64", "memfd_secret", "<=7.2"),
        ("alpha", "osf_syscall", None),
    ],
)
def test_since(abi: str, name: str, since: str | None) -> None:
    number = table(abi).number_of(name)
    assert number is not None
    assert table(abi).since(number) == since


@pytest.mark.parametrize("abi", WITH_TABLE, ids=lambda abi: abi.name)
def test_round_trip(abi: Abi) -> None:
    calls = table_of(abi)
    pairs = list(calls)
    assert len(pairs) == len(calls) > 300
    assert [number for number, _ in pairs] == sorted({number for number, _ in pairs})
    for number, name in pairs:
        assert calls.name_of(number) == name
        assert calls.number_of(name) == number


@given(st.sampled_from(WITH_TABLE), st.integers(-(2**31), 2**31 - 1))
def test_any_number_is_answered(abi: Abi, nr: int) -> None:
    name = table_of(abi).name_of(nr)
    assert name is None or table_of(abi).number_of(name) == nr


def test_both_byte_orders_share_a_table() -> None:
    assert table("mips") is table("mipsel")
    assert table("mips") is not table("mips64")


def test_an_architecture_without_a_table_knows_no_call() -> None:
    calls = table("tilegx")
    assert (len(calls), list(calls), calls.name_of(0), calls.number_of("read")) == (0, [], None, None)


def test_tables_kernel_is_the_manifests() -> None:
    manifest = tomllib.loads((ROOT / "syscall_tables" / "MANIFEST.toml").read_text("ascii"))
    assert tables_kernel() == manifest["kernel"]


def test_a_run_reads_only_the_tables_that_it_meets_and_each_once() -> None:
    """Also shows that the source tree works without an installation: -S hides that of the tests."""
    program = (
        "import sys; opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "from audit2seccomp.kernel.abi import abi_of\n"
        "from audit2seccomp.kernel.syscalls import table_of\n"
        "abi = abi_of(0xC000003E, 59)\n"
        "for _ in range(3): print(table_of(abi).name_of(59))\n"
        "print(*[name.rpartition('/')[2] for name in opened if name.endswith('.csv')])"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["execve", "execve", "execve", "x86_64.csv"]
