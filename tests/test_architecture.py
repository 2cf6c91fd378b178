"""The rules of the house that a machine can see: imports go down only, and public things say what they are."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "audit2seccomp"
MODULES = sorted(PACKAGE.rglob("*.py"))
LEVELS = ["errors", "kernel", "evidence", "profile", "formats", "live", "cli"]
"""From the bottom up; what stands higher may import what stands lower."""
ONLY_IN = {
    "typer": ["cli"],
    "rich": ["cli"],
    "pyparsing": ["evidence/grammar.py", "evidence/query/language.py"],
    "yaml": ["formats/reading/yaml_places.py", "formats/writing/manifests.py"],
    "pyseccomp": ["profile/libseccomp.py"],
    "zlib_ng": ["evidence/inputs/archives.py"],
    "zlib": ["evidence/inputs/archives.py"],
    "bz2": ["evidence/inputs/archives.py"],
    "lzma": ["evidence/inputs/archives.py"],
    "backports": ["evidence/inputs/archives.py"],
    "compression": ["evidence/inputs/archives.py"],
    "msgspec": ["evidence/entries/json_", "evidence/stored/decoding.py"],
}


def name_of(path: Path) -> str:
    """The path inside the package."""
    return str(path.relative_to(PACKAGE))


def level_of(module: str) -> int | None:
    """The level of a dotted module of the package; None for the package itself and its version."""
    part = module.removeprefix("audit2seccomp").lstrip(".").split(".")[0]
    return LEVELS.index(part) if part in LEVELS else None


def imports(path: Path) -> Iterator[tuple[str, ast.stmt, bool]]:
    """Each imported module, where, and whether at the top level; what only a type checker sees is left out."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or "", node, node in tree.body


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    own = level_of(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    for module, node, _ in imports(path):
        if not module.startswith("audit2seccomp"):
            continue
        level = level_of(module)
        if own is not None and level is not None:
            assert level <= own, f"{name_of(path)}:{node.lineno} imports {module}"
        assert own is None or module != "audit2seccomp", f"{name_of(path)}:{node.lineno} imports the whole package"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_each_dependency_has_its_place(path: Path) -> None:
    for module, node, top in imports(path):
        places = ONLY_IN.get(module.split(".")[0])
        if places is not None:
            assert any(name_of(path).startswith(place) for place in places), f"{name_of(path)}:{node.lineno}: {module}"
            assert not (top and module.startswith(("pyparsing", "rich"))), f"{module} is imported where it is used"


@pytest.mark.parametrize("path", [path for path in MODULES if not name_of(path).startswith("cli")], ids=name_of)
def test_only_the_command_line_speaks_and_exits(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "sys.exit", "exit", "sys.stderr.write", "sys.stdout.write"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_things_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), name_of(path)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        nested = any(
            isinstance(outer, ast.FunctionDef) and node in ast.walk(outer) and node is not outer
            for outer in ast.walk(tree)
        )
        assert nested or ast.get_docstring(node), f"{name_of(path)}:{node.lineno} {node.name}"


def test_what_tests_share_stands_in_no_module_of_tests() -> None:
    modules = sorted((ROOT / "tests").rglob("*.py"))
    assert len(modules) > 100
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                of_tests = [name for name in names if name.startswith("test_")]
                assert not of_tests, f"{path.relative_to(ROOT)}:{node.lineno} imports {of_tests}"


def test_each_package_is_shipped() -> None:
    packages = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted({*packages, "audit2seccomp.syscall_tables"})


def test_the_rules_have_something_to_hold() -> None:
    assert len(MODULES) > 25
    assert sum(1 for path in MODULES for module, _, _ in imports(path) if module.startswith("audit2seccomp")) > 50
    assert {module.split(".")[0] for path in MODULES for module, _, _ in imports(path)} >= {
        "typer",
        "rich",
        "pyparsing",
    }
