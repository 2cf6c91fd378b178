"""The files under syscall_tables/: rows of a table, and the manifest that says where each table comes from."""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parent.parent / "syscall_tables"
MANIFEST = "MANIFEST.toml"


class Row(NamedTuple):
    """One call; the fields are the columns of the CSV file."""

    number: int
    """As in a record's `syscall=`."""
    name: str
    since: str
    """`5.6`, `<=4.0`, or empty."""
    since_source: str
    """How `since` is known (docs/tables.md), empty if it is not."""


class Entry(NamedTuple):
    """What the manifest says about one table."""

    kernel: str
    """The tree that the table was last made from: older than the manifest's for an ABI that kernels no longer have."""
    source: list[str]
    columns: list[str]
    """Values of the source's ABI column that were taken; empty for all."""
    calls: int
    not_in_kernel: list[str]
    """Calls of the table that its kernel does not have: removed before, or known from a newer kernel."""
    sha256: str


def read_rows(file: Path) -> list[Row]:
    """The rows of a table; ValueError if it is not one."""
    with file.open(encoding="ascii", newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines or tuple(lines[0]) != Row._fields:
        raise ValueError(f"{file.name}: the first line is not {','.join(Row._fields)}")
    rows = []
    for at, line in enumerate(lines[1:], 2):
        if len(line) != len(Row._fields) or not line[0].isascii() or not line[0].isdigit():
            raise ValueError(f"{file.name}:{at}: not a row: {','.join(line)}")
        rows.append(Row(int(line[0]), *line[1:]))
    return rows


def rows_text(rows: list[Row]) -> str:
    """The text of a table's file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(rows)
    return text.getvalue()


def sha256(text: str) -> str:
    """The checksum that the manifest has of a file with that text."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def read_manifest(folder: Path) -> tuple[str, dict[str, Entry]]:
    """The kernel version and each table's entry; ValueError if the file is not such a manifest."""
    content: dict[str, Any] = tomllib.loads((folder / MANIFEST).read_text("ascii"))
    try:
        return content["kernel"], {name: Entry(**entry) for name, entry in content["tables"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{MANIFEST}: not in the form that the generator writes: {error}") from error


def manifest_text(kernel: str, entries: dict[str, Entry]) -> str:
    """The text of the manifest."""
    parts = [
        "# Where the tables beside this file come from: docs/tables.md. Generated, never edited.\n\n"
        f'kernel = "{kernel}"\n'
        f'command = "make tables KERNEL=linux-{kernel}"\n'
    ]
    for table in sorted(entries):
        lines = [f"{key} = {_toml(value)}\n" for key, value in entries[table]._asdict().items()]
        parts.append(f"\n[tables.{table}]\n" + "".join(lines))
    return "".join(parts)


def _toml(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
