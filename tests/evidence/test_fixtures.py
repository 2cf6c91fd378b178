"""Every case under fixtures/: minted shapes, hostile lines, and recorded logs with their ground truth."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from audit2seccomp.evidence.carriers import Trust, locate
from audit2seccomp.evidence.model import Parsed
from audit2seccomp.evidence.record import parse_record
from tests.corpus import FIXTURES, NOT_READ, Case, Seen, cases, is_right, read_bytes, recorded, seen_by, yields

if TYPE_CHECKING:
    from pathlib import Path

SMALL_RUN = [
    path
    for pattern in ("dmesg-fmt-*.txt", "dev-kmsg.txt", "journal-k.txt", "journal-x.txt", "journal-no-hostname.txt")
    for path in sorted((FIXTURES / "recorded").glob(pattern))
]
BOTH_TRANSPORTS = [
    path
    for pattern in ("journal-short*.txt", "journal-with-unit.txt", "journal-cat.txt")
    for path in sorted((FIXTURES / "recorded").glob(pattern))
]
ACCEPTED = [case for case in cases("shapes") if case.meta["default"] == "accept" and case.sample_class not in NOT_READ]
ONE_FORM = {"dmesg-json", "journal-export", "journal-export-binary", "journal-json-pretty", "journal-verbose"}
# Below a line that an application may have dated, JSON may belong to its message.
ONE_FORM |= {"chromeos-severity-word"}
"""Classes whose entries have several lines: such a form is that of a whole input."""
TRUTHS = sorted((FIXTURES / "recorded").glob("*.expect.json"))


def ids(found: list[Case]) -> list[str]:
    """Test names."""
    return [case.name for case in found]


@pytest.mark.parametrize("case", cases("shapes"), ids=ids(cases("shapes")))
def test_a_shape_yields_what_it_must(case: Case) -> None:
    seen = seen_by(read_bytes(case.data))
    if case.sample_class in NOT_READ:
        assert seen <= case.wanted
    else:
        assert is_right(case, seen), (case.meta["shape"], seen, case.wanted)


@pytest.mark.parametrize("case", cases("hostile"), ids=ids(cases("hostile")))
def test_a_hostile_line_yields_only_what_is_genuine(case: Case) -> None:
    seen = seen_by(read_bytes(case.data))
    wanted = Counter[object]() if case.sample_class in NOT_READ and not seen else case.wanted
    assert seen == wanted, case.meta["why"]
    assert case.meta["naive_syscall"] not in {number for _, number, *_ in seen}


def test_the_classes_that_are_not_yet_read_exist_and_are_not_read() -> None:
    by_class: dict[str, list[Case]] = {}
    for case in [*cases("shapes"), *cases("hostile")]:
        by_class.setdefault(case.sample_class, []).append(case)
    for name in NOT_READ:
        assert any(not is_right(case, seen_by(read_bytes(case.data))) for case in by_class[name]), f"{name} is read"


@pytest.mark.parametrize("case", ACCEPTED, ids=ids(ACCEPTED))
def test_a_shape_is_trusted_as_far_as_its_structure_goes(case: Case) -> None:
    # Of JSON that another program than journalctl wrote, nobody knows whose fields stand there.
    if case.meta["trust"] == "authenticated" and case.sample_class != "json-shipper-journald":
        assert is_right(case, seen_by(read_bytes(case.data, Trust.AUTHENTICATED)))
    fewest = min(reading.total() for reading in (case.wanted, *case.also))
    assert seen_by(read_bytes(case.data, Trust.EMBEDDED)).total() >= fewest


def test_lines_of_all_carriers_may_be_mixed() -> None:
    chosen = [case for case in ACCEPTED if case.sample_class not in ONE_FORM]
    random.Random(1).shuffle(chosen)
    wanted: Seen = Counter()
    for case in chosen:
        # What `accept` means of a sample alone, with its own choice among the readings that are right.
        wanted += seen_by(read_bytes(case.data))
    assert seen_by(read_bytes(b"".join(case.data for case in chosen))) == wanted
    assert wanted.total() > len(chosen)


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.name)
def test_a_recorded_log_yields_what_was_reviewed(path: Path) -> None:
    assert yields(path) == path.with_name(f"{path.name}.yields").read_text()


@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.name)
def test_a_recorded_log_yields_its_ground_truth(path: Path) -> None:
    truth = {row["serial"]: row["expect"] for row in json.loads(path.read_text())}
    log = path.with_name(path.name.removesuffix(".expect.json"))
    found: dict[int | None, dict[str, object]] = {}
    for line in log.read_bytes().split(b"\n"):
        located = locate(line)
        parsed = None if located is None or located.carrier is None else parse_record(located.body)
        if isinstance(parsed, Parsed):
            record = parsed.record
            found[record.serial] = {
                "arch_hex": f"{record.arch:x}",
                "syscall": record.nr,
                "comm": (record.comm or b"").decode(errors="surrogateescape"),
                "exe": None if record.exe is None else record.exe.decode(errors="surrogateescape"),
                "code": None if record.code is None else f"{record.code:#x}",
            }
    assert set(found) == {serial for serial, expect in truth.items() if expect is not None}
    for serial, fields in found.items():
        assert {name: truth[serial][name] for name in fields} == fields


@pytest.mark.parametrize("path", SMALL_RUN, ids=lambda path: path.name)
def test_each_way_to_print_the_kernel_log_yields_the_same(path: Path) -> None:
    plain = seen_by(read_bytes((FIXTURES / "recorded" / "dmesg-fmt-plain.txt").read_bytes()))
    assert plain.total() == 16
    assert seen_by(read_bytes(path.read_bytes())) == plain


@pytest.mark.parametrize("path", BOTH_TRANSPORTS, ids=lambda path: path.name)
def test_each_way_to_print_the_journal_yields_the_same(path: Path) -> None:
    once = seen_by(read_bytes((FIXTURES / "recorded" / "dmesg-fmt-plain.txt").read_bytes()))
    assert seen_by(read_bytes(path.read_bytes())) == once


def test_there_are_recorded_logs_for_each_comparison() -> None:
    assert len(SMALL_RUN) >= 10
    assert len(BOTH_TRANSPORTS) >= 6
    assert len(TRUTHS) == 5
