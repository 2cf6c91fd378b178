"""Container ids, as runtimes write them into the names of cgroups."""

from __future__ import annotations

import re
from functools import lru_cache

_ID = "[0-9a-f]{64}"
_CONTAINER = re.compile(
    # systemd's scopes: docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, crio-ID.scope. The monitor that
    # podman and CRI-O put beside a container has a scope of its own, crio-conmon-ID.scope: it is not in the container.
    rf"/(?:docker|libpod|cri-containerd|crio)-({_ID})\.scope(?=/|\Z)"
    # Without systemd: /docker/ID, /libpod_parent/libpod-ID, /kubepods/podUID/crio-ID, /kubepods/burstable/podUID/ID.
    rf"|/docker/({_ID})(?=/|\Z)"
    rf"|/(?:libpod|crio)-({_ID})(?=/|\Z)"
    rf"|/kubepods(?:/(?:burstable|besteffort))?/pod[0-9a-f_-]{{1,64}}/({_ID})(?=/|\Z)"
    # containerd with systemd's names where it should not use them: kubepods-podUID.slice:cri-containerd:ID.
    rf"|:cri-containerd:({_ID})(?=/|\Z)"
)
_WHOLE_ID = re.compile(_ID)


@lru_cache(maxsize=4096)
def container_of(cgroup: str) -> str | None:
    """The id of the innermost container of a cgroup's path, 64 hex digits; None where no runtime is known by it."""
    found = None
    for match in _CONTAINER.finditer(cgroup):
        found = match
    return None if found is None else found[found.lastindex or 0]


def container_id(text: str) -> str | None:
    """A container's id as a log driver gives it (`CONTAINER_ID_FULL`)."""
    return text if _WHOLE_ID.fullmatch(text) else None
