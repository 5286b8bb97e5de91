"""What kustomize makes of manifests/, and what PodSecurity `restricted` asks of it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"


@functools.cache
def rendered(folder: str) -> list[Object]:
    """The objects of a kustomization below manifests/."""
    if not shutil.which("kubectl"):
        required = os.environ.get("FAIRLEAD_CLUSTER") == "required"
        (pytest.fail if required else pytest.skip)("no kubectl on PATH, which renders kustomizations")
    done = subprocess.run(["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert not done.stderr, "kustomize warns"
    return list(yaml.safe_load_all(done.stdout))


def one(folder: str, kind: str, name: str) -> Object:
    """The only object of a kind and name."""
    found = [item for item in rendered(folder) if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1
    return found[0]


def pod_specs(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Whatever becomes a pod; KServe's storage container as the pod that it is put into."""
    for item in objects:
        name, spec = f"{item['kind']} {item['metadata']['name']}", item.get("spec", {})
        if item["kind"] == "ClusterServingRuntime":
            yield name, spec
        elif item["kind"] == "ClusterStorageContainer":
            yield name, {"containers": [spec["container"]]}
        elif "template" in spec:
            yield name, spec["template"]["spec"]


def violations(pod: Object) -> list[str]:
    """What `restricted` refuses in a pod, of what a container says of itself."""
    found, around = [], pod.get("securityContext", {})
    for container in pod.get("initContainers", []) + pod["containers"]:
        own = container.get("securityContext", {})
        whole = {**around, **own}
        checks = {
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "runAsNonRoot": whole.get("runAsNonRoot") is True,
            "seccompProfile": whole.get("seccompProfile") == {"type": "RuntimeDefault"},
            "runAsUser": whole.get("runAsUser") != 0,
            "privileged": not own.get("privileged"),
        }
        found += [f"{container['name']}: {name}" for name, fine in checks.items() if not fine]
    volumes = [set(volume) - {"name"} for volume in pod.get("volumes", [])]
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    found += [f"volume {kind}" for kinds in volumes for kind in kinds - allowed]
    return found + [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)]
