"""Every name and number by which somebody calls an ABI."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.kernel.abi import Abi, abi_named, abi_of, all_abis, kernels_of, oci_abis

ROOT = Path(__file__).resolve().parent.parent.parent

OCI_NAMES = [
    "X86",
    "X86_64",
    "X32",
    "ARM",
    "AARCH64",
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PPC",
    "PPC64",
    "PPC64LE",
    "S390",
    "S390X",
    "SH",
    "SHEB",
    "PARISC",
    "PARISC64",
    "RISCV64",
]
"""The OCI runtime specification's SCMP_ARCH_*, config-linux.md."""

every_abi = pytest.mark.parametrize("abi", all_abis(), ids=lambda abi: abi.name)


def named(text: str) -> Abi:
    abi = abi_named(text)
    assert abi is not None, text
    return abi


def test_the_oci_abis_are_those_of_the_specification() -> None:
    assert sorted(abi.scmp_name or "" for abi in oci_abis()) == sorted(f"SCMP_ARCH_{name}" for name in OCI_NAMES)
    assert all(abi.table is not None for abi in oci_abis())


@pytest.mark.parametrize("name", OCI_NAMES)
def test_every_oci_name_resolves(name: str) -> None:
    abi = named(f"SCMP_ARCH_{name}")
    assert abi.name == name.lower()
    assert abi is named(name) is named(name.lower())


@every_abi
def test_every_audit_number_resolves(abi: Abi) -> None:
    nr = 0x40000000 if abi.name == "x32" else 0
    assert abi_of(abi.audit_arch, nr) is abi


@every_abi
def test_every_name_resolves(abi: Abi) -> None:
    names = [name for name in (abi.name, abi.scmp_name, abi.go_name, *abi.machines) if name is not None]
    if abi.name != "x32":
        names += [abi.audit_name, f"{abi.audit_arch:x}", f"{abi.audit_arch:08X}", f"0x{abi.audit_arch:x}"]
    for name in names:
        assert named(name) is named(name.upper()) is abi, name


def test_no_name_stands_for_two_abis() -> None:
    owner: dict[str, Abi] = {}
    for abi in all_abis():
        names = {abi.name, abi.scmp_name, abi.go_name, *abi.machines} - {None}
        assert owner.keys().isdisjoint(names)
        owner |= dict.fromkeys(filter(None, names), abi)
    numbers = [abi.audit_arch for abi in all_abis() if abi.name != "x32"]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("amd64", "x86_64"),
        ("i686", "x86"),
        ("i386", "x86"),
        ("386", "x86"),
        ("arm64", "aarch64"),
        ("armv7l", "arm"),
        ("mips", "mips"),
        ("mipsle", "mipsel"),
        ("mips64le", "mipsel64"),
        ("loong64", "loongarch64"),
        ("sh4", "sh"),
        ("AUDIT_ARCH_SH", "sheb"),
        ("AUDIT_ARCH_SHEL", "sh"),
        ("AUDIT_ARCH_I386", "x86"),
        ("AUDIT_ARCH_X86_64", "x86_64"),
        ("c000003e", "x86_64"),
        ("0xC000003E", "x86_64"),
        ("16", "s390"),
        ("f", "parisc"),
    ],
)
def test_names_of_others(text: str, name: str) -> None:
    assert named(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0x",
        "-1",
        "+16",
        "1_6",
        " 16",
        "16\n",
        "c000003e0",
        "0x0x16",
        "\u0661\u0666",
        "x86-64",
        "SCMP_ARCH_",
        "4000003e",
        "deadbeef",
    ],
)
def test_what_nobody_calls_an_abi(text: str) -> None:
    assert abi_named(text) is None


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    abi = abi_named(text)
    assert abi is None or abi in all_abis()


@pytest.mark.parametrize(
    ("nr", "name"),
    [
        (0, "x86_64"),
        (59, "x86_64"),
        (0x3FFFFFFF, "x86_64"),
        (0x40000000, "x32"),
        (1073741934, "x32"),
        (0x7FFFFFFF, "x32"),
        (-1, "x86_64"),
        (-2147483648, "x86_64"),
        (-1073741824, "x86_64"),
    ],
)
def test_bit_30_tells_x32_from_x86_64(nr: int, name: str) -> None:
    abi = abi_of(0xC000003E, nr)
    assert abi is not None
    assert abi.name == name


@given(st.integers(-(2**31), 2**31 - 1))
def test_bit_30_means_nothing_elsewhere(nr: int) -> None:
    for abi in all_abis():
        if abi.audit_arch != 0xC000003E:
            assert abi_of(abi.audit_arch, nr) is abi


@pytest.mark.parametrize("arch", [0, 0x3E, 0x4000003E, 0x8000003E, 0xC0000028, 0xFFFFFFFF])
def test_an_arch_that_the_kernel_does_not_define(arch: int) -> None:
    assert abi_of(arch, 59) is None


@pytest.mark.parametrize(
    ("name", "kernels"),
    [
        ("x86_64", ["x86_64"]),
        ("x86", ["x86_64", "x86"]),
        ("x32", ["x86_64"]),
        ("arm", ["aarch64", "arm"]),
        ("ppc64le", ["ppc64le"]),
        ("alpha", ["alpha"]),
    ],
)
def test_whose_kernels_run_a_program(name: str, kernels: list[str]) -> None:
    abi = abi_named(name)
    assert abi is not None
    assert [one.name for one in kernels_of(abi)] == kernels


@every_abi
def test_there_is_one_object_for_each_abi(abi: Abi) -> None:
    assert pickle.loads(pickle.dumps(abi)) is abi  # noqa: S301 (our own bytes)
    assert copy.deepcopy(abi) is abi


def test_import_stays_cheap() -> None:
    """Every run of the program imports this: nothing that reads tables, packages or manifests."""
    program = (
        "import sys\n"
        "import audit2seccomp.kernel.abi, audit2seccomp.kernel.syscalls, audit2seccomp.kernel.uapi\n"
        "print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(ran.stdout.split())
    assert "audit2seccomp.kernel.abi" in imported
    assert not imported & {"csv", "importlib.metadata", "importlib.resources", "pyparsing", "rich", "tomllib", "typer"}
