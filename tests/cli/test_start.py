"""The short way from a command line to a profile is typer's."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit2seccomp.cli import app, generate, generation, start
from tests.cli.command import PATIENCE

WORDS = (
    "a.log",
    "-",
    "-q",
    "--journal",
    "--quiet",
    "-o",
    "--output",
    "--jobs",
    "2",
    "0",
    "p.json",
    "no.log",
    "lint",
    "linf",
    "",
)
OTHERS = ("-qo", "-op.json", "--output=p.json", "--jobs=2", "--", "--strict", "-v", "x y", "--trust", "embedded", "1_0")
"""What the short way leaves to typer, or may."""


def asked_for(run: Any) -> dict[str, Any] | str:
    """What `make_profile` is asked for; or how the command line fails."""
    asked: list[inspect.BoundArguments] = []
    signature = inspect.signature(generation.make_profile)

    def make_profile(*args: Any, **settings: Any) -> int:
        asked.append(signature.bind(*args, **settings))
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "make_profile", make_profile)
        patch.setattr(generate, "make_profile", make_profile)
        with pytest.raises((SystemExit, Exception)) as ended:
            run()
    if not asked:
        return f"{ended.type.__name__}: {ended.value}"
    asked[0].apply_defaults()
    return dict(asked[0].arguments)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where there is one log, and a file that is called like a command, nearly."""
    path: Path = tmp_path_factory.mktemp("start")
    for name in ("a.log", "linf", "-q", "x y"):
        (path / name).touch()
    before = Path.cwd()
    os.chdir(path)
    yield
    os.chdir(before)


@given(st.lists(st.sampled_from(WORDS) | st.sampled_from(OTHERS), max_size=6))
def test_what_it_takes_means_the_same_to_typer(words: list[str]) -> None:
    plain = start.plain_run(words)
    if plain is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["audit2seccomp", *words])
        assert asked_for(lambda: start._run_plain(plain)) == asked_for(app.run)


@pytest.mark.parametrize(
    "words", [[], ["-o", "p.json"], ["a.log", "-q"], ["--journal"], ["-", "--output", "p.json", "--jobs", "2"]]
)
def test_the_usual_lines_take_it(words: list[str]) -> None:
    assert start.plain_run(words) is not None


@pytest.mark.parametrize(
    "words", [["lint"], ["lnit"], ["--help"], ["-o"], ["-o", "-"], ["--jobs", "x"], ["a.log", "-v"]]
)
def test_others_do_not(words: list[str]) -> None:
    assert start.plain_run(words) is None


@pytest.mark.parametrize("module", ["audit2seccomp.cli.app", "audit2seccomp.cli.shape"])
def test_ctrl_c_while_it_starts_ends_it_as_any_program(module: str) -> None:
    """Before anybody else takes the signal over: a shell is to know what ended it, and nobody to see a traceback."""
    words = ["lint"] if module.endswith("app") else ["-q"]
    script = (
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *rest):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        f"sys.argv[1:] = {words!r}\n"
        "from audit2seccomp.cli.start import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
