"""Profiles as they are shipped: read, and written again with the same meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit2seccomp.formats import read_profile, write_profile

PROFILES = [
    Path("fixtures/profiles/docker-like.json"),
    Path("/usr/share/containers/seccomp.json"),  # Debian: golang-github-containers-common
]


def meaning(value: object) -> object:
    """JSON without what says nothing: null, and empty arrays and objects."""
    if isinstance(value, dict):
        return {key: meaning(inner) for key, inner in value.items() if inner not in (None, [], {})}
    return [meaning(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", PROFILES, ids=str)
def test_nothing_is_lost(path: Path) -> None:
    if not path.exists():
        pytest.skip(f"{path} is not there: apt-get install golang-github-containers-common")
    data = path.read_bytes()
    file = read_profile(data, str(path))
    written = write_profile(file.sound(), "docker").content
    assert file.format == "docker"
    assert meaning(json.loads(written)) == meaning(json.loads(data))
    assert [rule["names"] for rule in json.loads(written)["syscalls"]] == [
        rule["names"] for rule in json.loads(data)["syscalls"]
    ]
