"""What container runtimes call: the table, held against recordings and against the runtimes themselves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import audit2seccomp
from audit2seccomp.errors import UsageError
from audit2seccomp.evidence.decide import is_runtime
from audit2seccomp.evidence.model import observe
from audit2seccomp.kernel.abi import oci_abis
from audit2seccomp.kernel.syscalls import table_of
from audit2seccomp.profile.building.runtimes import ELSEWHERE, can_start, runtime_calls, runtime_choices
from tests.cli.command import line
from tests.programs import Make, program
from tests.runtimes import COMMANDS

RECORDED = Path(__file__).parents[2] / "fixtures" / "recorded"


def calls(*values: str) -> dict[str, tuple[str, ...]]:
    """What some values of --runtime add."""
    return runtime_calls(runtime_choices(values))


def test_each_call_has_a_number_everywhere_or_another_name() -> None:
    for abi in oci_abis():
        table = table_of(abi)
        for name in calls("any"):
            found = table.number_of(name) or table.number_of(ELSEWHERE.get(name, name))
            assert found is not None, f"{name} on {abi.name}"


def test_without_a_suffix_it_is_both_cases() -> None:
    for name in ("runc", "crun", "any"):
        both, nnp = calls(name), calls(f"{name}:nnp")
        assert nnp.keys() < both.keys()
        assert calls(f"{name}:no-nnp") == both
        assert all("without" not in why for whys in nnp.values() for why in whys)
    assert calls("any").keys() == calls("runc").keys() | calls("crun").keys() == calls("runc,crun").keys()


def test_what_is_measured_rarely_is_there() -> None:
    assert {"futex", "rt_sigreturn", "mmap"} <= calls("runc:nnp").keys()


def test_the_reason_says_whose_call_and_when() -> None:
    assert calls("any")["close"] == ("runtime runc", "runtime crun")
    assert calls("any")["capset"] == (
        "runtime runc, without noNewPrivileges",
        "runtime crun, without noNewPrivileges",
    )
    assert calls("runc")["fsopen"] == ("runtime runc, exec without noNewPrivileges",)
    assert calls("crun:nnp")["capset"] == ("runtime crun, exec",)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("rnc", "no runtime 'rnc': one of runc, crun, any: did you mean runc"),
        ("", "no runtime ''"),
        ("runc,", "no runtime ''"),
        ("runc:", "'runc:': behind the colon"),
        ("runc:NNP", "'runc:NNP': behind the colon"),
    ],
)
def test_other_values(value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        runtime_choices([value])


def test_what_is_enough_to_start() -> None:
    assert can_start(set(calls("any")))
    assert can_start(set(calls("runc:nnp")))
    assert can_start(set(calls("crun")))
    assert not can_start(set(calls("crun:nnp")))
    assert not can_start(set(calls("runc")) - {"getdents64"})


@pytest.mark.parametrize("log", ["dmesg-runc-busybox-httpd.txt", "dmesg-crun.txt", "rsyslog-long-fileformat.log"])
def test_what_runtimes_were_recorded_to_call_is_in_the_table(log: str) -> None:
    evidence = audit2seccomp.read(RECORDED / log)
    seen = {observe(key, count).name for key, count in evidence.counts.items() if is_runtime(key.comm, key.exe)}
    assert seen
    assert seen <= calls("any").keys()


@pytest.mark.skipif(os.geteuid() != 0, reason="a container needs root here")
@pytest.mark.parametrize("no_new_privileges", [True, False], ids=["nnp", "no-nnp"])
@pytest.mark.parametrize(("runtime", "command"), COMMANDS.items(), ids=COMMANDS)
def test_a_container_starts_with_these_and_not_without(
    tmp_path: Path, runtime: str, command: tuple[str, ...], *, no_new_privileges: bool
) -> None:
    if shutil.which(runtime) is None:
        pytest.skip(f"{runtime} is not installed")
    evidence = audit2seccomp.read([line(231)])  # exit_group is all that the program calls
    case = "nnp" if no_new_privileges else "no-nnp"
    container = Container(tmp_path, runtime, command, no_new_privileges)
    assert container.run(audit2seccomp.build(evidence, runtimes=[f"{runtime}:{case}"])) == 7
    assert container.run(audit2seccomp.build(evidence)) != 7


class Container:
    """A container with a program in it that exits with status 7."""

    def __init__(self, folder: Path, runtime: str, command: tuple[str, ...], no_new_privileges: bool) -> None:
        """Make the bundle."""
        self._folder = folder
        self._command = command
        root = folder / "rootfs"
        root.mkdir()
        (root / "program").write_bytes(program([Make(231, first=7)], 64))
        (root / "program").chmod(0o755)
        subprocess.run([runtime, "spec"], cwd=folder, check=True)
        config = json.loads((folder / "config.json").read_text())
        config["process"] |= {"args": ["/program"], "terminal": False, "noNewPrivileges": no_new_privileges}
        config["root"]["path"] = str(root)
        config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
        config["linux"] |= {"resources": None}
        spaces = config["linux"]["namespaces"]
        config["linux"]["namespaces"] = [space for space in spaces if space["type"] != "cgroup"]
        self._config = config

    def run(self, built: audit2seccomp.Built) -> int:
        """The exit status under a profile."""
        self._config["linux"]["seccomp"] = json.loads(audit2seccomp.write_profile(built.profile).content)
        (self._folder / "config.json").write_text(json.dumps(self._config))
        name = f"audit2seccomp-{os.getpid()}"
        command: list[str | Path] = [
            *self._command,
            "--root",
            self._folder / "state",
            "run",
            "--bundle",
            self._folder,
            name,
        ]
        return subprocess.run(command, timeout=60, check=False, capture_output=True).returncode
