"""Servers in their real work: recorded, and confined by what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, run
from tests.e2e.audit_records import kept, needs_audit_records
from tests.e2e.machine import needs
from tests.e2e.servers import Nginx, Redis, Server

pytestmark = [needs("nginx", "redis-server", "redis-benchmark", "redis-cli"), needs_audit_records]

RECORDINGS = 5
"""What depends on time, such as whether data is there at once, may show in the third recording only, or the fourth."""


@pytest.fixture(params=[Nginx, Redis])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    folder = tmp_path / "server"
    folder.mkdir()
    made: Server = request.param(folder)
    return made


def lives(server: Server, *under: str | Path, rarely: bool = True) -> None:
    """A server's life under another command."""
    with server.started(*under):
        server.load()
        if rarely:
            server.load_rarely()


def under(profile: Path) -> tuple[str | Path, ...]:
    return (SCRIPT, "run", "--profile", profile, "--")


def succeeds(*words: str | Path) -> None:
    done = run(*words)
    assert done.status == 0, done.stderr


def test_the_loop_ends_with_a_profile_that_is_enough(server: Server, tmp_path: Path) -> None:
    audit, profile, log = (tmp_path / name for name in ("audit.json", "profile.json", "audit.log"))

    def recorded(*, rarely: bool) -> int:
        with kept(log):
            lives(server, *under(audit), rarely=rarely)
        return log.read_text().count(f' exe="{server.exe}" ')

    succeeds("audit-profile", "-o", audit)
    counts = [recorded(rarely=False)]
    succeeds("--strict", "--exe", str(server.exe), "--allow", "execve", log, "-o", profile)
    while counts[-1] and len(counts) < RECORDINGS:
        succeeds("audit-profile", profile, "-o", audit)
        counts.append(recorded(rarely=True))
        succeeds("--strict", "--update", profile, "--exe", str(server.exe), log)
    assert counts[0] > 500
    assert 0 < counts[1] <= counts[0] / 10
    assert counts[-1] == 0
    lives(server, *under(profile))


@pytest.mark.parametrize("way", ["notify", "audit"])
def test_a_recorded_command_s_profile_is_enough(server: Server, way: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    # By notification a signal may interrupt a call unseen: then the result is incomplete, though it was made again.
    strict = ["--strict"] if way == "audit" else []
    lives(server, SCRIPT, "record", *strict, "--via", way, "-o", profile, "--")
    lives(server, *under(profile))
