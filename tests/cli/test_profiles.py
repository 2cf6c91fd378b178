"""What the commands say that read a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Result, line, run

UNIT = b"[Service]\nSystemCallFilter=read write\n"
COMMANDS = {
    "convert": ("convert", "UNIT", "--to", "oci"),
    "merge": ("merge", "UNIT"),
    "diff": ("diff", "UNIT", "UNIT"),
    "check": ("check", "UNIT", "LOG"),
    "decide": ("decide", "UNIT", "read"),
    "lint": ("lint", "UNIT"),
    "audit-profile": ("audit-profile", "UNIT"),
    "generate": ("LOG", "--base", "UNIT"),
}


def ran(folder: Path, command: tuple[str, ...], unit: bytes = UNIT) -> Result:
    """A command with the unit and a log."""
    (folder / "web.service").write_bytes(unit)
    (folder / "log").write_bytes(line(0))
    files = {"UNIT": folder / "web.service", "LOG": folder / "log"}
    return run(*(files.get(word, word) for word in command))


def losses(result: Result) -> list[str]:
    """What a command says that reading loses."""
    assert result.status in (0, 1), result.stderr
    return [said for said in result.stderr.splitlines() if said.startswith("loss: ")]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_what_reading_loses_is_said(command: tuple[str, ...], tmp_path: Path) -> None:
    said = losses(ran(tmp_path, command))
    assert len(said) == command.count("UNIT")
    assert said[0].startswith(f"loss: {tmp_path}/web.service: the unit has no SystemCallArchitectures=")
    assert not losses(ran(tmp_path, command, UNIT + b"SystemCallArchitectures=native\n"))


@pytest.mark.parametrize("command", [one for name, one in COMMANDS.items() if name != "convert"])
def test_a_quiet_command_says_nothing_of_it(command: tuple[str, ...], tmp_path: Path) -> None:
    assert not losses(ran(tmp_path, (*command, "-q")))


def test_a_strict_conversion_fails_for_it(tmp_path: Path) -> None:
    result = ran(tmp_path, (*COMMANDS["convert"], "--strict"))
    assert (result.status, result.stdout) == (1, b"")
    assert "something is lost" in result.stderr
