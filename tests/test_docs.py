"""What the pages show was run: `console` blocks, and the Python in README.md, give what stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")
BLOCKS = {page.name: blocks for page in PAGES if (blocks := CONSOLE.findall(page.read_text()))}


def run(command: list[str]) -> str:
    """What a command prints, in the root of the project with the program on PATH."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100", "TZ": "UTC"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


@pytest.mark.parametrize("page", BLOCKS)
def test_each_command_prints_what_the_page_shows(page: str) -> None:
    for block in BLOCKS[page]:  # one after the other: a file that one writes another may read
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            assert run(["bash", "-c", command]) == shown, f"{page}: {command}"


def test_the_python_example_prints_what_the_readme_shows() -> None:
    examples = PYTHON.findall((ROOT / "README.md").read_text())
    assert examples
    for code, shown in examples:
        assert run([sys.executable, "-c", code]) == shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(re.sub(r"`[^`]*`", "", page.read_text())):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_makes_the_folder_that_it_writes_to(page: Path) -> None:
    """A fresh clone has no build/."""
    commands = re.findall(r"^\$ (.*)$", "".join(CONSOLE.findall(page.read_text())), re.MULTILINE)
    first = next((command for command in commands if "build" in command), "mkdir -p build")
    assert first == "mkdir -p build"


def test_there_is_something_to_run() -> None:
    assert len(BLOCKS) >= 4
