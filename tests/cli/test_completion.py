"""Shell completion, asked as the shells ask."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from audit2seccomp.cli.start import COMMANDS
from tests.cli.command import SCRIPT, run, shell

LEVELS = ["authenticated", "anchored", "embedded"]


def _bash(text: str) -> list[str]:
    """The candidates for the last word of a command line; an empty one after a space."""
    result = run(
        env={
            "_AUDIT2SECCOMP_COMPLETE": "complete_bash",
            "COMP_WORDS": text,
            "COMP_CWORD": str(len(text.split()) - (not text.endswith(" "))),
        }
    )
    assert result.stderr == ""
    return result.stdout.decode().split()


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("audit2seccomp --tr", ["--trust"]),
        ("audit2seccomp --include", ["--include-denied"]),
        ("audit2seccomp --ver", ["--version", "--verbose"]),
        ("audit2seccomp -q --tr", ["--trust"]),
        ("audit2seccomp kern.log --tr", ["--trust"]),
        ("audit2seccomp generate --tr", ["--trust"]),
        ("audit2seccomp sy", ["syscall"]),
        ("audit2seccomp convert p.json --to ku", ["kubernetes"]),
        ("audit2seccomp convert p.json --cap CAP_B", ["CAP_BLOCK_SUSPEND", "CAP_BPF"]),
        ("audit2seccomp ", [*COMMANDS]),
        ("audit2seccomp --trust ", LEVELS),
        ("audit2seccomp --trust a", LEVELS[:2]),
        ("audit2seccomp --assume-arch aa", ["aarch64"]),
        ("audit2seccomp --arch x3", ["x32"]),
        ("audit2seccomp --default-action SCMP_ACT_T", ["SCMP_ACT_TRAP", "SCMP_ACT_TRACE"]),
        ("audit2seccomp --action SCMP_ACT_L", ["SCMP_ACT_LOG"]),
        ("audit2seccomp explain --sort ", ["name", "rarest", "frequent", "first"]),
        ("audit2seccomp decide p.json openat", ["openat", "openat2"]),
        ("audit2seccomp decide p.json read --host-a", ["--host-arch"]),
        ("audit2seccomp syscall --a", ["--arch"]),
        ("audit2seccomp syscall --arch c6", ["c6x", "c6xbe"]),
        ("audit2seccomp syscall --arch al", ["alpha", "all"]),
        ("audit2seccomp syscall openat", ["openat", "openat2"]),
        ("audit2seccomp kern", []),
    ],
)
def test_bash(text: str, candidates: list[str]) -> None:
    assert _bash(text) == candidates


def test_the_first_word_can_be_any_option_once() -> None:
    options = _bash("audit2seccomp --")
    assert set(options) >= {"--version", "--output", "--trust", "--strict", "--keep-going", "--help"}
    assert len(set(options)) == len(options)


def _other(shell_name: str, text: str) -> str:
    environment = {
        "_AUDIT2SECCOMP_COMPLETE": f"complete_{shell_name}",
        "_TYPER_COMPLETE_ARGS": text,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COLUMNS": "40",
    }
    result = run(env=environment)
    assert result.stderr == ""
    return result.stdout.decode()


def test_zsh() -> None:
    assert _other("zsh", "audit2seccomp --tr").startswith('_arguments \'*: :(("--trust":"How far a line must prove')
    assert _other("zsh", "audit2seccomp sy").startswith('_arguments \'*: :(("syscall":')
    levels = _other("zsh", "audit2seccomp --trust ")
    assert [level for level in LEVELS if f'"{level}"' in levels] == LEVELS


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("audit2seccomp --tr", ["--trust"]),
        ("audit2seccomp sy", ["syscall"]),
        ("audit2seccomp --trust ", LEVELS),
    ],
)
def test_fish(text: str, candidates: list[str]) -> None:
    # One candidate in each line, with its help behind a tab.
    assert [row.split("\t")[0] for row in _other("fish", text).splitlines()] == candidates


def test_help_of_a_candidate_stays_in_its_line() -> None:
    assert len(_other("zsh", "audit2seccomp --tr").splitlines()) == 1


@pytest.mark.parametrize(
    ("shell_name", "words"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef audit2seccomp"),
        ("fish", "complete --command audit2seccomp"),
    ],
)
def test_the_script_for_a_shell(shell_name: str, words: str) -> None:
    result = run(env={"_AUDIT2SECCOMP_COMPLETE": f"source_{shell_name}"})
    assert (result.status, result.stderr) == (0, "")
    assert words in result.stdout.decode()


def test_show_completion_works_or_fails_cleanly() -> None:
    result = run("--show-completion")
    assert "Traceback" not in result.stderr
    assert (result.status, bool(result.stdout)) in ((0, True), (1, False))
    assert bool(result.stderr) is (result.status == 1)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here to be asked")
def test_in_bash_itself() -> None:
    script = """
        eval "$("$1" --show-completion)" || exit 9
        COMP_WORDS=(audit2seccomp --tr) COMP_CWORD=1
        _audit2seccomp_completion audit2seccomp
        echo "${COMPREPLY[@]}"
    """
    path = f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"
    result = run(program=("bash", "-c", script, *shell("")[3:]), env={"PATH": path})
    assert (result.status, result.stdout.decode(), result.stderr) == (0, "--trust\n", "")
