"""Help, version, wrong command lines, our own bugs, and what a start costs."""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from audit2seccomp.evidence.text import compiled
from tests.cli.command import line, run, running
from tests.e2e.machine import COMPILED, needs

OPTIONS = [
    "--output", "--directory", "--per", "--follow", "--where", "--format-in", "--recursive", "--trust", "--assume-arch",
    "--include-denied", "--default-action", "--errno", "--action", "--arch",
    "--strict", "--keep-going", "--quiet", "--verbose",
]  # fmt: skip


@pytest.mark.parametrize("args", [("--help",), ("generate", "--help"), ("kern.log", "--help")])
def test_help_says_it_all(args: tuple[str, ...]) -> None:
    result = run(*args)
    assert (result.status, result.stderr) == (0, "")
    text = result.stdout.decode()
    assert [option for option in OPTIONS if not re.search(rf"^ .*{option}\b", text, re.MULTILINE)] == []
    statuses = text[text.index("Exit status:") :]
    assert re.findall(r"^ +(\d+) ", statuses, re.MULTILINE) == ["0", "1", "2", "3", "70", "130", "141"]
    assert "143" in statuses
    for words in ("[LOGS]...", "authenticated, anchored, or embedded", "[default: anchored]", "[default: ENOSYS]",
                  "audit2seccomp syscall NAME|NUMBER", "audit2seccomp --version", "--install-completion"):  # fmt: skip
        assert words in " ".join(text.split())


def test_help_of_syscall() -> None:
    result = run("syscall", "--help")
    assert result.status == 0
    assert all(words in result.stdout.decode() for words in ("NAME|NUMBER", "--arch ARCH|all", "--json"))


@pytest.mark.parametrize(
    ("env", "scan"),
    [pytest.param({}, "compiled", marks=needs(COMPILED)), ({compiled.PURE: "1"}, "pure Python")],
    ids=["compiled", "pure"],
)
def test_version_tells_that_of_the_tables_and_which_scan_runs(env: dict[str, str], scan: str) -> None:
    result = run("--version", env=env)
    version, tables = re.escape(metadata.version("audit2seccomp")), r"system call tables of Linux \d+\.\d+.*"
    assert re.fullmatch(rf"audit2seccomp {version} \({tables}, {scan} scan\)\n", result.stdout.decode())


def test_it_is_a_module_too() -> None:
    result = run("--version")
    assert result.status == 0
    assert run("--version", program=(sys.executable, "-m", "audit2seccomp")) == result


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--trust", "some"), "--trust: no level 'some': one of authenticated, anchored, embedded"),
        (("--errno", "EFOO"), "--errno: no errno 'EFOO': a name such as EPERM, or a number from 0 to 4094"),
        (("--errno", "4096"), "--errno: no errno '4096': a name such as EPERM"),
        (("--errno", "-1"), "--errno: no errno '-1'"),
        (("--errno", "9" * 5000), "--errno: no errno '9999"),
        (("--errno", "\u0661"), "--errno: no errno"),
        (("--default-action", "SCMP_ACT_DENY"), "--default-action: no action 'SCMP_ACT_DENY': one of SCMP_ACT_ALLOW, "),
        (("--action", "yes"), "--action: no action 'yes': one of SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_ERRNO"),
        (("--arch", "vax"), "--arch: no architecture 'vax': one of x86_64, x32, x86, arm, aarch64"),
        (("--arch", "alpha"), "--arch: profiles have no name for 'alpha'"),
        (("--assume-arch", "vax"), "--assume-arch: no architecture 'vax': one of x86_64, x32, x86, arm, aarch64"),
        (("--action", "ERRNO"), "--action: SCMP_ACT_ERRNO is the default action too"),
        (("--default-action", "KILL", "--errno", "1"), "--errno: SCMP_ACT_KILL takes none: only SCMP_ACT_ERRNO"),
    ],
)
def test_a_bad_value_is_explained_before_anything_is_read(args: tuple[str, ...], said: str) -> None:
    with running("-v", *args) as stream:
        result = stream.result()  # its input is still open
    assert (result.status, result.stdout) == (2, b"")
    assert result.stderr.startswith(f"audit2seccomp: {said}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "said"), [(("--trusst", "a"), "No such option: --trusst"), (("-x",), "No such option: -x")]
)
def test_an_unknown_option(args: tuple[str, ...], said: str) -> None:
    result = run(*args, stdin=line(0))
    assert (result.status, result.stdout) == (2, b"")
    assert said in result.stderr
    assert "--help" in result.stderr


_WITH_A_BUG = """
import sys
from audit2seccomp.cli.start import main
from audit2seccomp.evidence.scan import Scanner
def feed(self, block):
    raise ZeroDivisionError("the reactor")
Scanner.feed = feed
main()
"""


def test_a_bug_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    profile = tmp_path / "p.json"
    profile.write_text("old\n")
    result = run("-o", profile, stdin=line(0), program=(sys.executable, "-c", _WITH_A_BUG))
    assert (result.status, result.stdout) == (70, b"")
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError: the reactor" in result.stderr
    assert result.stderr.endswith("this is a bug in audit2seccomp: please report it with the lines above\n")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old\n"]


_SHOW_MODULES = """
import sys
before = set(sys.modules)
from audit2seccomp.cli.start import main
try:
    main()
finally:
    after = set(sys.modules) - before
    import json
    print(json.dumps(sorted(after)), file=sys.stderr)
"""
_NOT_NEEDED = {
    "rich", "pyparsing", "pyseccomp", "tomllib", "importlib.resources", "importlib.metadata", "asyncio", "pydantic",
    "multiprocessing", "audit2seccomp.evidence.grammar", "audit2seccomp.evidence.inputs.archives", "zlib_ng",
    "backports.zstd", "compression.zstd", "typer", "dataclasses", "inspect", "pathlib", "threading", "subprocess",
    "difflib", "zlib", "bz2", "lzma", "datetime",
}  # fmt: skip
"""Each costs milliseconds."""


def test_a_plain_run_imports_only_what_it_needs() -> None:
    unmeasured = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
    result = run("-q", stdin=line(0), program=(sys.executable, "-c", _SHOW_MODULES), env=unmeasured)
    assert (result.status, result.names) == (0, ["read"])
    modules = set(json.loads(result.stderr))
    assert modules >= {"audit2seccomp.evidence.scan", "audit2seccomp.formats.oci"}
    assert modules & _NOT_NEEDED == set()


def test_a_log_is_not_replaced_by_its_profile(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    text = line()
    log.write_bytes(text)
    (tmp_path / "link").symlink_to(log)
    for output in ("a.log", "link", "./a.log"):
        done = run(log, "-o", output, cwd=tmp_path)
        assert done.status == 2
        assert f"-o: {output} is one of the logs: name another file" in done.stderr
    assert log.read_bytes() == text


def test_a_misspelt_command_is_no_log(tmp_path: Path) -> None:
    done = run("lnit", "p.json", cwd=tmp_path)
    assert done.status == 2
    assert "lnit: no such command or file: did you mean lint?" in done.stderr
    (tmp_path / "lnit").write_bytes(line())
    assert run("lnit", cwd=tmp_path).status == 0
    assert run("kern", cwd=tmp_path).status == 3
