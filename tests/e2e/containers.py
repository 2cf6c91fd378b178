"""Containers of runc and crun with a shell, and with a program that tries what the shell does not do."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.undo import to_be_undone_by
from tests.runtimes import COMMANDS

PATIENCE = 60
"""Seconds after which a container is stuck."""
ATTEMPT = r"""
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void try(const char *name, long result) { printf("%s %s\n", name, result < 0 ? strerror(errno) : "done"); }

int main(int argc, char **argv)
{
    printf("%d attempts\n", 3 * (argc > 1));
    if (argc > 1) {
        try("mkdir", mkdir("/tmp/made", 0700));
        try("ptrace", ptrace(PTRACE_CONT, 0, 0, 0));
        try("socket", socket(AF_INET, SOCK_RAW, 1));
    }
    return 0;
}
"""
APPLETS = ("sh", "cat", "head", "rm", "sleep", "sort", "wc")


class Container(NamedTuple):
    """A bundle, of which one container runs at a time."""

    runtime: str
    bundle: Path
    """The folder."""
    name: str
    """Of the container, and of the folder inside that holds all programs: it is nowhere else."""

    @property
    def inside(self) -> str:
        """That folder."""
        return f"/{self.name}"

    def run(self, *words: str, profile: dict[str, Any] | None) -> subprocess.CompletedProcess[str]:
        """What a container whose process is this command leaves behind."""
        self._configure(words, profile)
        return self._call("run", "--bundle", str(self.bundle), self.name)

    @contextmanager
    def started(self, *words: str, profile: dict[str, Any]) -> Iterator[str]:
        """The name of a container that runs this command in the background."""
        self._configure(words, profile)
        said = self.bundle / "said"
        try:
            with said.open("wb") as stream:  # the container keeps it open: a pipe would not end
                done = subprocess.run(
                    self._words("run", "--detach", "--bundle", str(self.bundle), self.name),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    timeout=PATIENCE,
                    check=False,
                )
            assert done.returncode == 0, said.read_text()
            yield self.name
        finally:
            subprocess.run(self.end, check=True, timeout=PATIENCE)

    def execute(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """What a command leaves behind that joins a container."""
        return self._call("exec", name, *words)

    @property
    def end(self) -> list[str]:
        """The command that leaves nothing of a container."""
        return self._words("delete", "--force", self.name)

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._words(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def _words(self, *words: str) -> list[str]:
        return [*COMMANDS[self.runtime], "--root", str(self.bundle / "state"), *words]

    def _configure(self, words: tuple[str, ...], profile: dict[str, Any] | None) -> None:
        file = self.bundle / "config.json"
        config = json.loads(file.read_text())
        config["process"]["args"] = list(words)
        config["linux"]["seccomp"] = profile
        file.write_text(json.dumps(config))


def make_container(runtime: str, bundle: Path, *, no_new_privileges: bool) -> Container:
    """A bundle in an empty folder. The attempts are no matter of capabilities."""
    made = Container(runtime, bundle, f"audit2seccomp-{uuid.uuid4().hex}")
    programs = bundle / "rootfs" / made.name
    programs.mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", programs / "busybox")
    for applet in APPLETS:
        (programs / applet).symlink_to("busybox")
    subprocess.run(
        ["gcc", "-static", "-O", "-x", "c", "-", "-o", programs / "attempt"], input=ATTEMPT, text=True, check=True
    )
    subprocess.run([runtime, "spec"], cwd=bundle, check=True)
    config = json.loads((bundle / "config.json").read_text())
    process = config["process"]
    process |= {"terminal": False, "noNewPrivileges": no_new_privileges, "env": [f"PATH={made.inside}"]}
    for granted in process["capabilities"].values():
        granted.append("CAP_NET_RAW")
    config["root"]["readonly"] = False
    config["mounts"] = [mount for mount in config["mounts"] if mount["type"] != "cgroup"]
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})  # noqa: S108
    linux = config["linux"]
    linux.pop("resources", None)
    linux["namespaces"] = [space for space in linux["namespaces"] if space["type"] != "cgroup"]
    (bundle / "config.json").write_text(json.dumps(config))
    to_be_undone_by(*made.end)
    return made
