"""The tables' files: the committed ones are sound, the check can fail, the generator works on a tiny kernel tree."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyseccomp
import pytest

from audit2seccomp.kernel.abi import all_abis
from tools import check_tables, generate_tables, kernel_tree
from tools.table_files import FOLDER, MANIFEST, Row, manifest_text, read_manifest, read_rows, rows_text, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TREE = {
    "Makefile": "VERSION = 9\nPATCHLEVEL = 1\nSUBLEVEL = 4\nEXTRAVERSION =\n",
    "include/uapi/linux/elf-em.h": "#define EM_X86_64\t62\t/* AMD */\n#define EM_ALPHA\t0x9026\n#define EM_MIPS\t\t8\n",
    "include/uapi/linux/audit.h": (
        "#define __AUDIT_ARCH_CONVENTION_MIPS64_N32 0x20000000\n"
        "#define __AUDIT_ARCH_64BIT 0x80000000\n"
        "#define __AUDIT_ARCH_LE\t   0x40000000\n"
        "#define AUDIT_ARCH_X86_64\t(EM_X86_64|__AUDIT_ARCH_64BIT|__AUDIT_ARCH_LE)\n"
        "#define AUDIT_ARCH_ALPHA\t(EM_ALPHA|__AUDIT_ARCH_64BIT|__AUDIT_ARCH_LE)\n"
        "#define AUDIT_ARCH_MIPS64N32\t(EM_MIPS|__AUDIT_ARCH_64BIT|\\\n\t\t\t __AUDIT_ARCH_CONVENTION_MIPS64_N32)\n"
        "#define AUDIT_ARCH_MIPS\t\t(EM_MIPS)\n"
    ),
    "arch/x86/entry/syscalls/syscall_64.tbl": (
        "# number abi name entry\n"
        "0\tcommon\tread\t\tsys_read\n"
        "\n"
        "13\t64\trt_sigaction\tsys_rt_sigaction\n"
        "512\tx32\trt_sigaction\tcompat_sys_rt_sigaction\n"
        "600\tcommon\tolder\tsys_older\n"
    ),
    "arch/arm/tools/syscall.tbl": "0\tcommon\tread\tsys_read\n9\toabi\tgone\tsys_gone\n12\teabi\tnice\tsys_nice\n",
    "arch/arm/include/uapi/asm/unistd.h": (
        "#define __ARM_NR_BASE\t\t\t(__NR_SYSCALL_BASE+0x0f0000)\n#define __ARM_NR_set_tls\t\t(__ARM_NR_BASE+5)\n"
    ),
    "arch/mips/kernel/syscalls/syscall_o32.tbl": "0\to32\tsyscall\tsys_syscall\n18\to32\tunused18\tsys_ni_syscall\n",
    "arch/s390/kernel/syscalls/syscall.tbl": "3\tcommon\tread\tsys_read\n",
    "scripts/syscall.tbl": (
        "63\tcommon\tread\tsys_read\n"
        "80\t64\tfstat\tsys_newfstat\n"
        "259\triscv\tflush\tsys_flush\n"
        "300\tarc\tnot\tsys_not\n"
    ),
    "arch/riscv/kernel/Makefile.syscalls": "syscall_abis_64 += riscv rlimit\n",
    "arch/arm64/kernel/Makefile.syscalls": "syscall_abis_64 +=\n\nsyscalltbl = arch/arm64/tools/syscall_%.tbl\n",
    "arch/arm64/tools/syscall_64.tbl": "5\tcommon\tsetxattr\tsys_setxattr\n",
}
MADE = {
    "x86_64": {0: "read", 13: "rt_sigaction", 600: "older"},
    "x32": {0x40000000: "read", 0x40000200: "rt_sigaction", 0x40000258: "older"},
    "arm": {0: "read", 12: "nice", 0xF0005: "set_tls"},
    "mips": {4000: "syscall"},
    "s390x": {3: "read"},
    "riscv64": {63: "read", 80: "fstat", 259: "flush"},
    "aarch64": {5: "setxattr"},
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A kernel source tree with a few small tables."""
    for name, text in TREE.items():
        file = tmp_path / "linux" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "linux"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the generator writes: an empty folder."""
    (tmp_path / "tables").mkdir()
    return tmp_path / "tables"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the committed tables to damage."""
    return shutil.copytree(FOLDER, tmp_path / "copy")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text("ascii")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "ascii")


def sign(folder: Path) -> None:
    """Make the manifest agree with damaged tables, so that only other checks can see the damage."""
    kernel, entries = read_manifest(folder)
    for table, entry in entries.items():
        text = (folder / f"{table}.csv").read_text("ascii")
        entries[table] = entry._replace(sha256=sha256(text), calls=text.count("\n") - 1)
    (folder / MANIFEST).write_text(manifest_text(kernel, entries), "ascii")


def generate(tree: Path, folder: Path) -> int:
    return generate_tables.main([str(tree), "--tables", str(folder)])


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text("ascii") for file in folder.iterdir() if file.is_file()}


# The committed tables


def test_committed_tables_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_tables.main([]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "x86_64: 386 calls; libseccomp lacks " in told.out
    assert "x86_64: 386 calls; system-calls lacks " in told.out
    assert told.out.endswith("31 tables, 12172 calls, 0 problems\n")


def test_generator_and_abis_speak_of_the_same_tables() -> None:
    assert set(kernel_tree.TABLES) == {abi.table for abi in all_abis() if abi.table is not None}


def test_a_table_is_written_as_it_was_read() -> None:
    file = FOLDER / "x32.csv"
    assert rows_text(read_rows(file)) == file.read_text("ascii")


# The check


def other_name(folder: Path) -> None:
    replace(folder / "x86_64.csv", "\n59,execve,", "\n59,execute,")
    sign(folder)


def other_name_of_a_multiplexed_call(folder: Path) -> None:
    replace(folder / "x86.csv", "\n359,socket,", "\n359,plug,")
    sign(folder)


def other_number(folder: Path) -> None:
    replace(folder / "aarch64.csv", "\n221,execve,", "\n999,execve,")
    sign(folder)


def other_number_of_an_arch_that_libseccomp_lacks(folder: Path) -> None:
    replace(folder / "xtensa.csv", ",fchroot,", ",open,")
    replace(folder / "xtensa.csv", "\n8,open,", "\n8,close2,")
    sign(folder)


def unsigned(folder: Path) -> None:
    replace(folder / "x86_64.csv", "\n59,execve,1.0,", "\n59,execve,1.2,")


def short(folder: Path) -> None:
    file = folder / "x86_64.csv"
    file.write_text(file.read_text("ascii").replace("472,fchroot,7.3,generic\n", ""), "ascii")


def unsorted(folder: Path) -> None:
    replace(
        folder / "x86_64.csv", "0,read,1.0,generic\n1,write,1.0,generic\n", "1,write,1.0,generic\n0,read,1.0,generic\n"
    )
    sign(folder)


def twice(folder: Path) -> None:
    replace(folder / "xtensa.csv", ",fchroot,", ",futex,")
    sign(folder)


def placeholder(folder: Path) -> None:
    replace(folder / "mips.csv", ",fchroot,", ",unused472,")
    sign(folder)


def no_version(folder: Path) -> None:
    replace(folder / "x86_64.csv", ",fchroot,7.3,", ",fchroot,new,")
    sign(folder)


def no_source(folder: Path) -> None:
    replace(folder / "x86_64.csv", ",fchroot,7.3,generic", ",fchroot,7.3,guess")
    sign(folder)


def no_row(folder: Path) -> None:
    replace(folder / "x86_64.csv", "\n59,execve,1.0,", "\n-59,execve,1.0,")


def no_header(folder: Path) -> None:
    replace(folder / "x86_64.csv", "number,name,since,since_source\n", "number,name,since\n")


def missing(folder: Path) -> None:
    (folder / "sh.csv").unlink()


def unlisted(folder: Path) -> None:
    shutil.copy(folder / "sh.csv", folder / "vax.csv")


def no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def other_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text('kernel = "7.2"\n[tables.x86_64]\nrows = 3\n', "ascii")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (other_name, "x86_64: 59 is execute, but execve in libseccomp"),
        (other_name_of_a_multiplexed_call, "x86: 359 is plug, but socket in libseccomp"),
        (other_number, "aarch64: 221 is None, but execve in libseccomp"),
        (other_number_of_an_arch_that_libseccomp_lacks, "xtensa: 8 is close2, but open in system-calls"),
        (unsigned, "x86_64.csv: not the file that the manifest has the sha256 of"),
        (short, "x86_64.csv: 385 calls, the manifest says 386"),
        (short, "x86_64.csv: no fchroot, which the manifest says was kept"),
        (unsorted, "x86_64.csv: 0 follows 1"),
        (twice, "xtensa.csv: futex is there twice"),
        (placeholder, "mips.csv: 4472: 'unused472' is no name of a call"),
        (no_version, "x86_64.csv: 472 fchroot: 'new' is no kernel version"),
        (no_source, "x86_64.csv: 472 fchroot: since '7.3' cannot come from 'guess'"),
        (no_row, "x86_64.csv:61: not a row: -59,execve,1.0,generic"),
        (no_header, "x86_64.csv: the first line is not number,name,since,since_source"),
        (missing, "sh: no such file, but in the manifest"),
        (missing, "sh: kernel/abi.py wants this table"),
        (unlisted, "vax: not in the manifest"),
        (unlisted, "vax: no ABI has this table"),
        (no_manifest, "No such file or directory"),
        (other_manifest, "MANIFEST.toml: not in the form that the generator writes"),
    ],
)
def test_the_check_sees_damage(
    copy: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], told: str
) -> None:
    damage(copy)
    assert check_tables.main(["--tables", str(copy)]) == 1
    assert told in capsys.readouterr().err


def test_the_check_sees_another_audit_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pyseccomp.Arch, "S390X", 0x80000017)
    assert check_tables.main([]) == 1
    assert "s390x: kernel/abi.py gives 0x80000016, pyseccomp 0x80000017" in capsys.readouterr().err


def test_newer_calls_of_others_are_no_disagreement(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = {1: "one", 2: "two"}, [(2, "two"), (3, "three")]
    assert list(check_tables.other_problems("vax", "theirs", ours, theirs)) == []
    assert capsys.readouterr().out == "vax: 2 calls; theirs lacks 1, has 1 newer ones\n"
    # The same name with another number is one, and so is a number below the newest.
    assert list(check_tables.other_problems("vax", "theirs", ours, [(3, "two")])) == [
        "vax: 3 is None, but two in theirs"
    ]
    assert list(check_tables.other_problems("vax", "theirs", ours, [(0, "zero")])) == [
        "vax: 0 is None, but zero in theirs"
    ]


# The generator


def test_every_kind_of_source(tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tree, folder) == 0
    made = {file.stem: {row.number: row.name for row in read_rows(file)} for file in folder.glob("*.csv")}
    assert made == MADE
    told = capsys.readouterr().out
    assert "s390: no table: nothing for 32 in arch/s390/kernel/syscalls/syscall.tbl" in told
    assert "riscv32: no table: no syscall_abis_32 in arch/riscv/kernel/Makefile.syscalls" in told
    assert "sparc: no table: no arch/sparc/kernel/syscalls/syscall.tbl" in told


def test_manifest_says_where_a_table_comes_from(tree: Path, folder: Path) -> None:
    generate(tree, folder)
    kernel, entries = read_manifest(folder)
    assert kernel == "9.1.4"
    assert entries.keys() == MADE.keys()
    assert entries["arm"].source == ["arch/arm/tools/syscall.tbl", "arch/arm/include/uapi/asm/unistd.h"]
    assert entries["aarch64"].source == ["arch/arm64/tools/syscall_64.tbl"]
    assert entries["riscv64"].columns == ["common", "64", "riscv", "rlimit"]
    assert entries["x32"].calls == 3
    assert entries["x32"].sha256 == sha256((folder / "x32.csv").read_text("ascii"))


def test_audit_numbers_of_a_tree(tree: Path) -> None:
    assert kernel_tree.audit_archs(tree) == {
        "AUDIT_ARCH_X86_64": 0xC000003E,
        "AUDIT_ARCH_ALPHA": 0xC0009026,
        "AUDIT_ARCH_MIPS64N32": 0xA0000008,
        "AUDIT_ARCH_MIPS": 8,
    }


def test_a_second_run_changes_nothing(tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(tree, folder)
    before = contents(folder)
    capsys.readouterr()
    assert generate(tree, folder) == 0
    assert contents(folder) == before
    assert capsys.readouterr().out.endswith("8 files, 0 changed\n")


def test_a_newer_tree(tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(tree, folder)
    replace(folder / "x86_64.csv", "0,read,<=9.1,tree", "0,read,1.0,generic")
    replace(
        tree / "Makefile",
        "PATCHLEVEL = 1\nSUBLEVEL = 4\nEXTRAVERSION =\n",
        "PATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n",
    )
    table = tree / "arch/x86/entry/syscalls/syscall_64.tbl"
    replace(table, "13\t64\trt_sigaction", "13\t64\tsigaction2")
    replace(table, "600\tcommon\tolder\tsys_older\n", "601\tcommon\tnewer\tsys_newer\n")
    capsys.readouterr()
    assert generate(tree, folder) == 0
    assert read_rows(folder / "x86_64.csv") == [
        Row(0, "read", "1.0", "generic"),
        Row(13, "sigaction2", "<=9.3", "tree"),
        Row(600, "older", "<=9.1", "tree"),
        Row(601, "newer", "<=9.3", "tree"),
    ]
    kernel, entries = read_manifest(folder)
    assert kernel == entries["x86_64"].kernel == "9.3-rc7"
    assert entries["x86_64"].not_in_kernel == ["older"]
    told = capsys.readouterr().out
    assert "x86_64: 13 sigaction2: was rt_sigaction\n" in told
    assert "x86_64: 600 older: not in this tree, kept\n" in told
    assert "x86_64: 601 newer: new\n" in told


def test_a_call_that_got_another_number_is_not_kept_twice(
    tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tree, folder)
    replace(tree / "arch/x86/entry/syscalls/syscall_64.tbl", "600\tcommon\tolder", "602\tcommon\tolder")
    capsys.readouterr()
    assert generate(tree, folder) == 0
    assert [row.number for row in read_rows(folder / "x86_64.csv") if row.name == "older"] == [602]
    assert "x86_64: 600 older: moved to another number\n" in capsys.readouterr().out


def test_an_abi_that_the_kernel_dropped_keeps_its_table(
    tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tree, folder)
    before = contents(folder)
    (tree / "arch/mips/kernel/syscalls/syscall_o32.tbl").unlink()
    replace(tree / "Makefile", "PATCHLEVEL = 1", "PATCHLEVEL = 2")
    capsys.readouterr()
    assert generate(tree, folder) == 0
    assert (folder / "mips.csv").read_text("ascii") == before["mips.csv"]
    kernel, entries = read_manifest(folder)
    assert (kernel, entries["mips"].kernel) == ("9.2.4", "9.1.4")
    told = capsys.readouterr().out
    assert "mips: stays as made from 9.1.4: no arch/mips/kernel/syscalls/syscall_o32.tbl\n" in told


def damaged(file: str, old: str, new: str) -> Callable[[Path], None]:
    return lambda tree: replace(tree / file, old, new)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (damaged("Makefile", "PATCHLEVEL = 1\n", ""), "no PATCHLEVEL: is this a kernel source tree?"),
        (
            damaged("include/uapi/linux/audit.h", "AUDIT_ARCH_ALPHA", "AUDIT_ARCH_NEWEST"),
            "AUDIT_ARCH_NEWEST = 0xc0009026 is not in kernel/abi.py: add it first",
        ),
        (
            damaged("include/uapi/linux/elf-em.h", "0x9026", "0x9027"),
            "AUDIT_ARCH_ALPHA is 0xc0009027 in the tree and 0xc0009026 in kernel/abi.py",
        ),
        (
            damaged("scripts/syscall.tbl", "80\t64\tfstat", "0x80\t64\tfstat"),
            "scripts/syscall.tbl:2: not a line of a system call table",
        ),
        (
            damaged("scripts/syscall.tbl", "80\t64\tfstat", "63\t64\tfstat"),
            "scripts/syscall.tbl: fstat or its number 63 is there twice",
        ),
        (
            damaged("arch/arm/include/uapi/asm/unistd.h", "__ARM_NR_set_tls", "__ARM_set_tls"),
            "arch/arm/include/uapi/asm/unistd.h: no ARM private calls in it",
        ),
        (lambda tree: (tree / "Makefile").unlink(), "No such file or directory"),
    ],
)
def test_an_unsound_tree_changes_nothing(
    tree: Path, folder: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], told: str
) -> None:
    generate(tree, folder)
    before = contents(folder)
    damage(tree)
    assert generate(tree, folder) == 1
    assert contents(folder) == before
    assert told in capsys.readouterr().err


def test_a_table_of_unknown_origin_is_not_taken_over(
    tree: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tree, folder)
    shutil.copy(folder / "x32.csv", folder / "sparc.csv")
    assert generate(tree, folder) == 1
    assert "sparc.csv is not in MANIFEST.toml and cannot be made from this tree" in capsys.readouterr().err
