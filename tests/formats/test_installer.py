"""The installer's script, as shells run it, and in a container that may as little as the DaemonSet says."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from audit2seccomp.formats import write_profile
from audit2seccomp.formats.kubernetes import INSTALL, READY
from audit2seccomp.profile.model import Profile, RuleAction

SHELLS = (("busybox", "sh"), ("dash",), ("bash", "--posix"))
PATIENCE = 20
"""Seconds until a shell that does not answer is stuck."""


class Node:
    """A folder as the kubelet has it, and a ConfigMap's."""

    def __init__(self, folder: Path, shell: tuple[str, ...]) -> None:
        """Make both folders."""
        self.shell = shell
        self.source = folder / "profile" / "web.json"
        self.target = folder / "seccomp" / "web.json"
        for path in (self.source, self.target):
            path.parent.mkdir()
        self.source.write_text("one\n")

    def ready(self, uid: str) -> bool:
        """What the probe says."""
        return not self._run(READY, uid, subprocess.DEVNULL).wait(PATIENCE)

    @contextmanager
    def pod(self, uid: str) -> Iterator[subprocess.Popen[bytes]]:
        """A pod that installs the profile; it has when this yields."""
        process = self._run(INSTALL, uid, subprocess.PIPE)
        try:
            until(lambda: self.ready(uid))
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def _run(self, script: str, uid: str, said: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.shell, "-c", script, "install", str(self.source), str(self.target.parent)],
            env={"PATH": os.environ["PATH"], "POD_UID": uid, "POLL_SECONDS": "0.2"},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )

    def files(self) -> list[str]:
        """What is in the kubelet's folder."""
        return sorted(path.name for path in self.target.parent.iterdir())


def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """The exit status after SIGTERM, and what it said."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def node(tmp_path: Path, request: pytest.FixtureRequest) -> Node:
    """One for each shell."""
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"no {request.param[0]}")
    return Node(tmp_path, request.param)


def test_a_pod_installs_the_profile_and_takes_it_away(node: Node) -> None:
    with node.pod("uid-1") as pod:
        assert node.target.read_text() == "one\n"
        assert node.files() == [".web.json.owner", "web.json"]
        assert ended(pod) == (0, b"")
        assert node.files() == []


def test_a_changed_profile_replaces_the_old_one_as_a_whole(node: Node) -> None:
    with node.pod("uid-1") as pod, node.target.open() as opened:
        node.source.write_text("two\n" * 100_000)
        until(lambda: node.target.read_text() != "one\n")
        assert node.target.read_text() == "two\n" * 100_000
        assert opened.read() == "one\n"  # another file took its place: nobody sees half of it
        assert ended(pod) == (0, b"")


def test_what_somebody_took_away_comes_back(node: Node) -> None:
    with node.pod("uid-1") as pod:
        node.target.unlink()
        until(node.target.exists)
        assert ended(pod) == (0, b"")


def test_a_container_that_is_started_again_goes_on(node: Node) -> None:
    with node.pod("uid-1") as pod:
        os.killpg(pod.pid, signal.SIGKILL)
        pod.wait(PATIENCE)
        assert node.target.read_text() == "one\n"
    node.source.write_text("two\n")
    with node.pod("uid-1") as pod:
        assert node.target.read_text() == "two\n"
        assert ended(pod) == (0, b"")
        assert node.files() == []


def test_the_profile_stays_where_another_pod_takes_over(node: Node) -> None:
    with node.pod("uid-1") as old, node.pod("uid-2") as new:
        assert not node.ready("uid-1")
        assert ended(old) == (0, b"")
        assert node.target.read_text() == "one\n"
        assert node.ready("uid-2")
        assert ended(new) == (0, b"")
        assert node.files() == []


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A container of BusyBox, with what the DaemonSet says of it."""
    busybox = shutil.which("busybox")
    if busybox is None or shutil.which("runc") is None or os.geteuid() != 0:
        pytest.skip("needs busybox-static, runc and root")
    if subprocess.run(["ldd", busybox], capture_output=True, check=False).returncode == 0:
        pytest.skip("this BusyBox needs libraries: busybox-static has none")
    daemon_set = list(yaml.safe_load_all(write_profile(Profile(RuleAction.LOG, None, (), ()), "kubernetes").content))[1]
    (container,) = daemon_set["spec"]["template"]["spec"]["containers"]
    allowed = container["securityContext"]
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    (tmp_path / "root" / "bin").mkdir(parents=True)
    shutil.copy(busybox, tmp_path / "root" / "bin" / "busybox")
    for tool in ("sh", "cat", "cmp", "mv", "rm", "sleep"):
        (tmp_path / "root" / "bin" / tool).symlink_to("busybox")
    mounts: list[dict[str, object]] = [{"destination": "/proc", "type": "proc", "source": "proc"}]
    for mount in container["volumeMounts"]:
        inside, outside = mount["mountPath"], tmp_path / mount["name"]
        for path in (outside, tmp_path / "root" / inside.lstrip("/")):
            path.mkdir(exist_ok=True)
        access = "ro" if mount.get("readOnly") else "rw"
        mounts.append({"destination": inside, "type": "bind", "source": str(outside), "options": ["rbind", access]})
    (tmp_path / "root" / "proc").mkdir()
    (tmp_path / "profile" / "audit2seccomp.json").write_text("one\n")
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": "root", "readonly": allowed["readOnlyRootFilesystem"]},
        "mounts": mounts,
        "process": {
            "user": {"uid": allowed["runAsUser"], "gid": allowed["runAsGroup"]},
            "args": container["command"],
            "env": ["PATH=/bin", "POD_UID=uid-1", "POLL_SECONDS=0.2"],
            "cwd": "/",
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            "noNewPrivileges": not allowed["allowPrivilegeEscalation"],
        },
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network")]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_a_container_without_any_privilege_can_do_it(bundle: Path) -> None:
    target = bundle / "seccomp" / "audit2seccomp.json"
    with container(bundle) as (process, signal_it):
        until(lambda: target.exists() and target.read_text() == "one\n")
        (bundle / "profile" / "audit2seccomp.json").write_text("two\n")
        until(lambda: target.read_text() == "two\n")
        signal_it("TERM")
        assert process.wait(PATIENCE) == 0
    assert (bundle / "said").read_bytes() == b""
    assert list(target.parent.iterdir()) == []


@contextmanager
def container(bundle: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[str], None]]]:
    """A container that runs, and what sends it signals; it is not there any more afterwards."""
    runc = ["runc", "--root", str(bundle / "state")]

    def send(name: str) -> None:
        subprocess.run([*runc, "kill", "installer", name], check=True, timeout=PATIENCE)

    with (bundle / "said").open("wb") as said:
        command = [*runc, "run", "--bundle", str(bundle), "installer"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process:
            try:
                yield process, send
            finally:
                subprocess.run([*runc, "delete", "--force", "installer"], check=True, timeout=PATIENCE)
                process.wait(PATIENCE)
