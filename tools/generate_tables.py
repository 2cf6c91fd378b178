"""Make syscall_tables/ from a kernel source tree: python -m tools.generate_tables KERNEL_SOURCE_TREE

What is known of a call stays: its `since`, and the call itself when this tree does not have it, because logs and
profiles of other kernels still do. Says what differs from the tables that were there. Writes all files or none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from audit2seccomp.kernel.abi import all_abis
from tools.kernel_tree import TABLES, Calls, NotInTreeError, audit_archs, calls_of, version
from tools.table_files import FOLDER, MANIFEST, Entry, Row, manifest_text, read_manifest, read_rows, rows_text, sha256


def main(arguments: list[str] | None = None) -> int:
    """Write the tables; 1 if the tree cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate_tables", description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path, metavar="KERNEL_SOURCE_TREE")
    parser.add_argument("--tables", type=Path, default=FOLDER, metavar="FOLDER", help="instead of syscall_tables/")
    options = parser.parse_args(arguments)
    try:
        compare_archs(options.tree)
        files = new_files(options.tree, options.tables)
    except (OSError, ValueError) as error:
        print(f"generate_tables: {error}", file=sys.stderr)
        return 1
    changed = 0
    for name, text in files.items():
        file = options.tables / name
        if not file.is_file() or file.read_text("ascii") != text:
            changed += 1
            file.write_text(text, "ascii")
    print(f"{len(files)} files, {changed} changed")
    return 0


def compare_archs(tree: Path) -> None:
    """Compare kernel/abi.py with the tree's headers; ValueError where they differ."""
    ours = {abi.audit_name: abi.audit_arch for abi in all_abis()}
    for name, value in audit_archs(tree).items():
        if name not in ours:
            raise ValueError(f"{name} = {value:#x} is not in kernel/abi.py: add it first")
        if ours[name] != value:
            raise ValueError(f"{name} is {value:#x} in the tree and {ours[name]:#x} in kernel/abi.py")


def new_files(tree: Path, folder: Path) -> dict[str, str]:
    """The text of each file in `folder` after this tree has been read, by file name."""
    kernel = version(tree)
    entries: dict[str, Entry] = {}
    if (folder / MANIFEST).is_file():
        _, entries = read_manifest(folder)
    files = {}
    for table in TABLES:
        file = folder / f"{table}.csv"
        old = read_rows(file) if file.is_file() else []
        try:
            calls = calls_of(tree, table)
        except NotInTreeError as reason:
            if table in entries:
                print(f"{table}: stays as made from {entries[table].kernel}: {reason}")
            elif old:
                raise ValueError(
                    f"{file.name} is not in {MANIFEST} and cannot be made from this tree: {reason}"
                ) from None
            else:
                print(f"{table}: no table: {reason}")
            continue
        rows = merged(table, old, calls.names, kernel)
        files[file.name] = rows_text(rows)
        entries[table] = _entry(kernel, rows, calls)
    files[MANIFEST] = manifest_text(kernel, entries)
    return files


def merged(table: str, old: list[Row], names: dict[int, str], kernel: str) -> list[Row]:
    """The rows of a table that had the rows `old`, after a tree with the calls `names`; prints what differs."""
    known = {row.number: row for row in old}
    in_tree = set(names.values())
    rows = []
    for number in sorted(known.keys() | names.keys()):
        row, name = known.get(number), names.get(number)
        if row is not None and name is None:
            moved = row.name in in_tree
            print(f"{table}: {number} {row.name}: {'moved to another number' if moved else 'not in this tree, kept'}")
            if not moved:
                rows.append(row)
        elif row is not None and row.name == name:
            rows.append(row)
        elif name is not None:
            print(f"{table}: {number} {name}: {'new' if row is None else 'was ' + row.name}")
            # An older kernel may have had it: nobody looked.
            rows.append(Row(number, name, f"<={_release(kernel)}", "tree"))
    return rows


def _release(kernel: str) -> str:
    """`7.2` for 7.2.13 and for 7.2-rc7: calls come with a release, never with a stable update."""
    major, minor = kernel.partition("-")[0].split(".")[:2]
    return f"{major}.{minor}"


def _entry(kernel: str, rows: list[Row], calls: Calls) -> Entry:
    return Entry(
        kernel=kernel,
        source=calls.source,
        columns=calls.columns,
        calls=len(rows),
        not_in_kernel=[row.name for row in rows if row.number not in calls.names],
        sha256=sha256(rows_text(rows)),
    )


if __name__ == "__main__":
    sys.exit(main())
