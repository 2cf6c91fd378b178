"""The OCI runtime specification's JSON, which runc, crun, containerd, CRI-O, Docker, podman and Kubernetes all load."""

from __future__ import annotations

import json

from audit2seccomp.profile.model import Profile


def write(profile: Profile) -> str:
    """The profile as text: fixed key order, final newline; the same profile always gives the same text."""
    document: dict[str, object] = {"defaultAction": profile.default_action.value}
    if profile.default_errno is not None:
        document["defaultErrnoRet"] = profile.default_errno
    document["architectures"] = list(profile.architectures)
    document["syscalls"] = [{"names": list(rule.names), "action": rule.action.value} for rule in profile.rules]
    return json.dumps(document, indent=2) + "\n"
