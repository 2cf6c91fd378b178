"""Check syscall_tables/ and kernel/abi.py: python -m tools.check_tables

First against the manifest and themselves, then against two that made theirs independently: libseccomp (through
pyseccomp) and PyPI's system-calls. Either may know fewer calls or newer ones, neither may say anything else of a call
that both know. docs/tables.md.
"""

from __future__ import annotations

import argparse
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyseccomp
import system_calls

from audit2seccomp.kernel.abi import all_abis, oci_abis
from audit2seccomp.profile.libseccomp import token_of
from tools.kernel_tree import PLACEHOLDER
from tools.table_files import FOLDER, Row, read_manifest, read_rows, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Tables = dict[str, dict[int, str]]
"""The name of each number, by table."""

SINCE_SOURCES = {"db", "generic", "arch-floor", "db-low", "tree"}

SYSTEM_CALLS_TABLES = {
    "arm64": "aarch64",
    "i386": "x86",
    "mipso32": "mips",
    "powerpc": "ppc",
    "powerpc64": "ppc64",
}
"""system-calls' names of tables that we call something else."""

SYSTEM_CALLS_SPELLINGS = {
    ("alpha", "getgid"): "getxgid",
    ("alpha", "getpid"): "getxpid",
    ("alpha", "getuid"): "getxuid",
    ("alpha", "osf_shmat"): "shmat",
    ("alpha", "umount"): "umount2",
    ("arm", "sync_file_range2"): "arm_sync_file_range",
    ("csky", "sync_file_range2"): "sync_file_range",
    ("hexagon", "sync_file_range2"): "sync_file_range",
    ("ia64", "umount"): "umount2",
}
"""Second names that arch/*/include/uapi/asm/unistd.h gives to calls of the kernel's tables; system-calls has these."""

LIBSECCOMP_OUTDATED = {("parisc64", 140): "_llseek"}
"""Calls that the kernel has taken away (commit da3680f564bd) and libseccomp's table before Linux 7.1's still has."""


def main(arguments: list[str] | None = None) -> int:
    """Print what was compared and every disagreement; 1 if there is any."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_tables", description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, default=FOLDER, metavar="FOLDER", help="instead of syscall_tables/")
    folder = parser.parse_args(arguments).tables
    problems: list[str] = []
    try:
        rows = {file.stem: read_rows(file) for file in sorted(folder.glob("*.csv"))}
        problems += manifest_problems(folder, rows)
    except (OSError, ValueError) as error:
        problems.append(str(error))
        rows = {}
    tables = {table: {row.number: row.name for row in those} for table, those in rows.items()}
    for table, those in rows.items():
        problems += [f"{table}.csv: {problem}" for problem in row_problems(those)]
    problems += abi_problems(tables)
    problems += libseccomp_problems(tables)
    problems += system_calls_problems(tables)
    for problem in problems:
        print(f"check_tables: {problem}", file=sys.stderr)
    print(f"{len(tables)} tables, {sum(map(len, tables.values()))} calls, {len(problems)} problems")
    return 1 if problems or not tables else 0


def manifest_problems(folder: Path, rows: Mapping[str, list[Row]]) -> Iterator[str]:
    """Files and manifest tell of each other, and the sums are right."""
    _, entries = read_manifest(folder)
    for table in sorted(entries.keys() ^ rows.keys()):
        yield f"{table}: " + ("no such file, but in the manifest" if table in entries else "not in the manifest")
    for table in sorted(entries.keys() & rows.keys()):
        if sha256((folder / f"{table}.csv").read_text("ascii")) != entries[table].sha256:
            yield f"{table}.csv: not the file that the manifest has the sha256 of"
        if len(rows[table]) != entries[table].calls:
            yield f"{table}.csv: {len(rows[table])} calls, the manifest says {entries[table].calls}"
        names = {row.name for row in rows[table]}
        for name in entries[table].not_in_kernel:
            if name not in names:
                yield f"{table}.csv: no {name}, which the manifest says was kept"


def row_problems(rows: list[Row]) -> Iterator[str]:
    """Order, uniqueness and the form of each column."""
    for before, row in pairwise(rows):
        if before.number >= row.number:
            yield f"{row.number} follows {before.number}"
    names: set[str] = set()
    for row in rows:
        if row.name in names:
            yield f"{row.name} is there twice"
        names.add(row.name)
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", row.name) or PLACEHOLDER.fullmatch(row.name):
            yield f"{row.number}: {row.name!r} is no name of a call"
        if not re.fullmatch(r"((<=)?\d+\.\d+(\.\d+)?)?", row.since):
            yield f"{row.number} {row.name}: {row.since!r} is no kernel version"
        if row.since_source not in (SINCE_SOURCES if row.since else {""}):
            yield f"{row.number} {row.name}: since {row.since!r} cannot come from {row.since_source!r}"


def abi_problems(tables: Tables) -> Iterator[str]:
    """kernel/abi.py names each table, and its audit numbers are pyseccomp's tokens."""
    named = {abi.table for abi in all_abis() if abi.table is not None}
    for table in sorted(named ^ tables.keys()):
        yield f"{table}: " + ("kernel/abi.py wants this table" if table in named else "no ABI has this table")
    for abi in oci_abis():
        token = getattr(pyseccomp.Arch, abi.name.upper(), None)
        if token is not None and token != token_of(abi):
            yield f"{abi.name}: kernel/abi.py gives {token_of(abi):#x}, pyseccomp {token:#x}"


def libseccomp_problems(tables: Tables) -> Iterator[str]:
    """libseccomp, which need not know all names, gives none of them another number and no number another name."""
    every_name = sorted({name for table in tables.values() for name in table.values()})
    for abi in oci_abis():
        ours = tables.get(abi.table or "", {})
        token = token_of(abi)
        # -1 is __NR_SCMP_ERROR; other negative numbers are names without a number on this architecture.
        if pyseccomp.resolve_syscall(token, "read") == -1:
            print(f"{abi.name}: not compared with libseccomp, this version lacks the architecture")
            continue
        theirs = [(pyseccomp.resolve_syscall(token, name), name) for name in every_name]
        theirs = [call for call in theirs if call[0] >= 0 and LIBSECCOMP_OUTDATED.get((abi.name, call[0])) != call[1]]
        # Calls that are multiplexed on this architecture have a number, which only this direction shows.
        theirs += [(number, name) for number in ours if (name := libseccomp_name(token, number)) is not None]
        yield from other_problems(abi.name, "libseccomp", ours, theirs)


def libseccomp_name(token: int, number: int) -> str | None:
    """libseccomp's name of a number, None if it has none."""
    try:
        return str(pyseccomp.resolve_syscall(token, number), "ascii")
    except ValueError:
        return None


def system_calls_problems(tables: Tables) -> Iterator[str]:
    """PyPI's system-calls, which need not know all names, has no call with another name or number."""
    theirs = system_calls.syscalls()
    for arch in theirs.archs():
        table = SYSTEM_CALLS_TABLES.get(arch, arch)
        if table in tables:  # it also has architectures that the kernel dropped long ago
            calls = [
                (number, SYSTEM_CALLS_SPELLINGS.get((table, spelling), spelling))
                for spelling, number in theirs.load_arch_table(arch).items()
            ]
            yield from other_problems(table, "system-calls", tables[table], calls)


def other_problems(subject: str, other: str, ours: dict[int, str], theirs: list[tuple[int, str]]) -> Iterator[str]:
    """What `other` says of the calls that it knows, and in what it differs."""
    newest = max(ours, default=0)
    names = set(ours.values())
    newer = {number for number, name in theirs if number > newest and name not in names}
    for number, name in sorted(set(theirs)):
        if number not in newer and ours.get(number) != name:
            yield f"{subject}: {number} is {ours.get(number)}, but {name} in {other}"
    lacking = len(ours.keys() - {number for number, _ in theirs})
    print(f"{subject}: {len(ours)} calls; {other} lacks {lacking}, has {len(newer)} newer ones")


if __name__ == "__main__":
    sys.exit(main())
