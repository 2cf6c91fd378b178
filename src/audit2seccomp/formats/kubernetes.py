"""Kubernetes' objects that bring a profile to every node: a ConfigMap that holds it, a DaemonSet that installs it where
the kubelet looks for profiles, and a Pod that shows how it is used.

A ConfigMap holds at most 1 MiB (k8s.io/api/core/v1, ConfigMap); the kubelet reads profiles below its folder `seccomp`
(kubernetes.io/docs/tutorials/security/seccomp)."""

from __future__ import annotations

import json

from audit2seccomp.errors import FormatError
from audit2seccomp.formats.writing import json_document
from audit2seccomp.formats.writing.plain import plain
from audit2seccomp.formats.written import NO_OPTIONS, WriteOptions, Written
from audit2seccomp.profile.model import Profile

OPTIONS = ("name", "pod_annotations", "image")
FOLDER = "/var/lib/kubelet/seccomp"
MAX_CONFIG_MAP = 1 << 20
_OLD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"

INSTALL = """\
set -eu
file=$1 folder=$2  # POD_UID says whose the profile in the folder is
name=${file##*/}
mark=$folder/.$name.owner
pause=
ours() { [ -f "$mark" ] && read -r owner <"$mark" && [ "$owner" = "$POD_UID" ]; }
# A file appears whole or not at all.
put() { cat >"$1.$POD_UID" && mv -f "$1.$POD_UID" "$1"; }
leave() {
  kill "$pause" 2>/dev/null || :
  # The pod that takes this one's place has marked the profile as its own.
  if ours; then rm -f "$folder/$name" "$mark"; fi
  exit 0
}
trap leave TERM INT
echo "$POD_UID" | put "$mark"
while :; do
  # Also after the ConfigMap has changed, or somebody took the file away.
  if ours && ! cmp -s "$file" "$folder/$name"; then put "$folder/$name" <"$file"; fi
  sleep "${POLL_SECONDS:-5}" &
  pause=$!
  wait "$pause" || :
done
"""
"""What the DaemonSet's container runs."""

READY = 'read -r owner <"$2/.${1##*/}.owner" && [ "$owner" = "$POD_UID" ] && cmp -s "$1" "$2/${1##*/}"'
"""Whether the profile is installed, by this pod."""

_CONFIG_MAP = "# The profile.\n"
_DAEMON_SET = f"""\
# Copies the profile to {FOLDER} on every node, also when it changes, and removes it when it is deleted.
# hostPath needs a namespace that allows it (pod-security.kubernetes.io/enforce: privileged).
"""
_POD = """\
# Only an example: take what it says of seccomp over into your pods, and delete it.
"""


def write(profile: Profile, options: WriteOptions = NO_OPTIONS) -> Written:
    """The objects, in one file of several documents. Raises FormatError for a profile that no ConfigMap holds, and
    UsageError for a name that is none."""
    from audit2seccomp.formats.writing.manifests import Block, object_name, to_yaml

    name = object_name(options.name)
    made, losses = plain("kubernetes", profile)
    # As ASCII: some characters are line breaks in YAML.
    text = json.dumps(json_document.document_of(made), indent=2) + "\n"
    size = len(text) + len(_file(name))
    if size > MAX_CONFIG_MAP:
        raise FormatError(f"kubernetes: {size:,} bytes do not fit into a ConfigMap: at most {MAX_CONFIG_MAP:,}")
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": _object(name), "labels": _labels(name)},
        "data": {_file(name): Block(text)},
    }
    documents = (
        _CONFIG_MAP + to_yaml(config_map),
        _DAEMON_SET + to_yaml(_daemon_set(name, options.image, Block(INSTALL), old=options.pod_annotations)),
        _POD + to_yaml(_pod(name, old=options.pod_annotations)),
    )
    return Written("---\n".join(documents), losses)


def _file(name: str) -> str:
    return f"{name}.json"


def _object(name: str) -> str:
    """What the objects are called: a program named so may have objects of that name itself."""
    return f"seccomp-{name}"


def _labels(name: str) -> dict[str, object]:
    """No service that looks for the program finds the installer's pods."""
    return {"app.kubernetes.io/name": "seccomp-profile", "app.kubernetes.io/instance": name}


def _daemon_set(name: str, image: str, script: str, *, old: bool) -> dict[str, object]:
    spec: dict[str, object] = {"selector": {"matchLabels": _labels(name)}}
    if not old:
        # The next pod marks the file as its own before the last one goes, so that it is there all the time. (1.22)
        spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    metadata: dict[str, object] = {"labels": _labels(name)}
    if old:
        metadata["annotations"] = {_OLD_ANNOTATION: "runtime/default"}
    pod: dict[str, object] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
    }
    if not old:
        pod["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
    pod["containers"] = [_installer(name, image, script)]
    pod["volumes"] = [
        {"name": "profile", "configMap": {"name": _object(name)}},
        {"name": "seccomp", "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}},
    ]
    spec["template"] = {"metadata": metadata, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": _object(name), "labels": _labels(name)},
        "spec": spec,
    }


def _installer(name: str, image: str, script: str) -> dict[str, object]:
    """The container. The kubelet's folder belongs to root, who needs no capability to write there."""
    paths = [f"/profile/{_file(name)}", "/seccomp"]
    return {
        "name": "install",
        "image": image,
        "command": ["/bin/sh", "-c", script, "install", *paths],
        "env": [{"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
        "readinessProbe": {"exec": {"command": ["/bin/sh", "-c", READY, "ready", *paths]}, "periodSeconds": 5},
        "resources": {
            "requests": {"cpu": "5m", "memory": "8Mi"},
            "limits": {"cpu": "50m", "memory": "32Mi"},
        },
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "profile", "mountPath": "/profile", "readOnly": True},
            {"name": "seccomp", "mountPath": "/seccomp"},
        ],
    }


def _pod(name: str, *, old: bool) -> dict[str, object]:
    metadata: dict[str, object] = {"name": f"{name}-example"}
    spec: dict[str, object] = {}
    if old:
        metadata["annotations"] = {_OLD_ANNOTATION: f"localhost/{_file(name)}"}
    else:
        spec["securityContext"] = {"seccompProfile": {"type": "Localhost", "localhostProfile": _file(name)}}
    spec["containers"] = [{"name": "app", "image": "registry.example/your/image:tag"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
