"""Servers in their real work: recorded, and confined by what was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import SCRIPT, run
from tests.e2e.audit_records import kept, needs_audit_records
from tests.e2e.machine import needs
from tests.e2e.servers import Nginx, Redis, Server

pytestmark = [needs("nginx", "redis-server", "redis-benchmark", "redis-cli"), needs_audit_records]

LIVES = 4
"""What depends on time, such as whether data is there at once, shows in one of so many."""


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
            for _ in range(LIVES):
                lives(server, *under(audit), rarely=rarely)
        return log.read_text().count(f' exe="{server.exe}" ')

    succeeds("audit-profile", "-o", audit)
    first = recorded(rarely=False)
    succeeds("--strict", "--exe", str(server.exe), "--allow", "execve", log, "-o", profile)
    succeeds("audit-profile", profile, "-o", audit)
    second = recorded(rarely=True)
    succeeds("--strict", "--update", profile, "--exe", str(server.exe), log)
    succeeds("audit-profile", profile, "-o", audit)
    third = recorded(rarely=True)
    assert first > 500
    assert 0 < second <= first / 10
    assert third == 0, log.read_text()
    lives(server, *under(profile))


@pytest.mark.parametrize("way", ["notify", "audit"])
def test_a_recorded_command_s_profile_is_enough(server: Server, way: str, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    # By notification a signal may interrupt a call unseen: then the result is incomplete, though it was made again.
    strict = ["--strict"] if way == "audit" else []
    lives(server, SCRIPT, "record", *strict, "--via", way, "-o", profile, "--")
    lives(server, *under(profile))
