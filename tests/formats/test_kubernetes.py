"""Kubernetes' objects: they fit together, and the published schemas accept them."""

from __future__ import annotations

import os
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given

from audit2seccomp.errors import FormatError, UsageError
from audit2seccomp.formats import read_profile, write_profile
from audit2seccomp.formats.kubernetes import INSTALL, READY
from audit2seccomp.formats.written import WriteOptions
from audit2seccomp.profile.model import Profile, Rule, RuleAction
from tests.profile.profiles import profiles

SMALL = Profile(RuleAction.ERRNO, 38, ("SCMP_ARCH_X86_64",), (Rule(("read", "write"), RuleAction.ALLOW),))
VERSIONS = (kubernetes_validate.utils.all_versions()[0], kubernetes_validate.latest_version())


def documents(profile: Profile = SMALL, **options: Any) -> list[Any]:
    """The ConfigMap, the DaemonSet and the Pod."""
    content = write_profile(profile, "kubernetes", WriteOptions(**{"name": "web", **options})).content
    made = list(yaml.safe_load_all(content))
    assert made == list(yaml.load_all(content, Loader=yaml.CSafeLoader))
    assert [one["kind"] for one in made] == ["ConfigMap", "DaemonSet", "Pod"]
    return made


@given(profiles(dockers=False))
def test_the_profile_inside_is_the_profile(profile: Profile) -> None:
    text = documents(profile)[0]["data"]["web.json"]
    assert read_profile(text.encode(), lenient=True).sound() == profile


@pytest.mark.parametrize("old", [False, True], ids=["today", "before 1.19"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_published_schemas_accept_the_objects(version: str, old: bool) -> None:
    for one in documents(pod_annotations=old):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_objects_fit_together() -> None:
    config_map, daemon_set, pod = documents()
    (installer,) = daemon_set["spec"]["template"]["spec"]["containers"]
    volumes = {one["name"]: one for one in daemon_set["spec"]["template"]["spec"]["volumes"]}
    mounts = {one["mountPath"]: volumes[one["name"]] for one in installer["volumeMounts"]}
    (file,) = config_map["data"]
    source, folder = installer["command"][-2:]
    assert mounts[os.path.dirname(source)]["configMap"]["name"] == config_map["metadata"]["name"]
    assert os.path.basename(source) == file
    assert mounts[folder]["hostPath"] == {"path": "/var/lib/kubelet/seccomp", "type": "DirectoryOrCreate"}
    assert installer["command"][2] == INSTALL
    assert installer["readinessProbe"]["exec"]["command"][2:] == [READY, "ready", source, folder]
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    assert daemon_set["spec"]["selector"]["matchLabels"] == labels
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "Localhost", "localhostProfile": file}


def test_the_installer_may_do_as_little_as_it_can() -> None:
    template = documents()[1]["spec"]["template"]["spec"]
    (installer,) = template["containers"]
    assert installer["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert template["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert template["automountServiceAccountToken"] is False
    assert not {"hostPID", "hostNetwork", "hostIPC", "serviceAccountName"} & set(template)
    assert [one for one in template["volumes"] if "hostPath" in one] == [template["volumes"][1]]
    assert installer["resources"]["limits"]


def test_clusters_before_1_19_read_annotations() -> None:
    _, daemon_set, pod = documents(pod_annotations=True)
    key = "seccomp.security.alpha.kubernetes.io/pod"
    assert pod["metadata"]["annotations"] == {key: "localhost/web.json"}
    assert daemon_set["spec"]["template"]["metadata"]["annotations"] == {key: "runtime/default"}
    assert "seccompProfile" not in yaml.dump([daemon_set, pod])
    assert "updateStrategy" not in daemon_set["spec"]


def test_another_image() -> None:
    assert documents(image="registry.example/sh:1")[1]["spec"]["template"]["spec"]["containers"][0]["image"] == (
        "registry.example/sh:1"
    )


def test_a_profile_that_no_config_map_holds() -> None:
    rules = tuple(Rule((f"call{index}" * 20,), RuleAction.ALLOW) for index in range(7000))
    with pytest.raises(FormatError, match=r"kubernetes: 1,.* bytes do not fit into a ConfigMap: at most 1,048,576"):
        documents(SMALL._replace(rules=rules))


def test_a_name_that_is_none() -> None:
    with pytest.raises(UsageError, match='--name: "Web": 1 to 63 of a-z, 0-9 and -'):
        documents(name="Web")


def test_the_script_has_nothing_that_kubernetes_expands() -> None:
    assert not re.search(r"\$\$|\$\(", INSTALL + READY)
