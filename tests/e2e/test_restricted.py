"""Kubeflow Pipelines' own pods under PodSecurity `restricted`: what overlays/restricted achieves, and the rest.

Each pod of a real run is offered to a namespace that enforces it; the API server says yes or no and creates nothing.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster_here import ClusterHere

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kfp's own
    from restricted_pipeline import every_kind_of_pod

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

OVERLAY = Path(__file__).parents[2] / "manifests/overlays/restricted"
#: Of Kubeflow Pipelines' own deployments, those that the label keeps out. Upstream's: the cache of version 1. The rest
#: belong to a cluster without a registry; upstream's manifests of the same names pass.
KEPT_OUT = {"cache-deployer-deployment", "metadata-grpc-deployment", "minio", "mysql", "workflow-controller"}


@pytest.fixture(scope="module")
def lent() -> Iterator[ClusterHere]:
    with ClusterHere.lent() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def guarded(lent: ClusterHere) -> str:
    """A namespace that enforces `restricted`."""
    name = lent.name("guarded")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    lent.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    lent.kubectl("wait", "-n", name, "serviceaccount/default", "--for=create", "--timeout=30s")
    return name


@pytest.fixture(scope="module")
def pods(lent: ClusterHere) -> dict[str, Any]:
    """The pods' specs of a run that went through, by template and number."""
    words = ["--server-side", "--force-conflicts", "--field-manager", "fairlead", "-k", str(OVERLAY)]
    lent.kubectl("apply", *words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # kfp's own
        run = lent.kfp.create_run_from_pipeline_func(
            every_kind_of_pod,
            arguments={"uri": "minio://mlpipeline/none"},
            service_account=lent.settings["service_account"],
            enable_caching=False,
        )
        lent.after.callback(lent.kfp.delete_run, run.run_id)
        ended = lent.kfp.wait_for_run_completion(run.run_id, timeout=500, sleep_duration=1)
    assert ended.state == "SUCCEEDED"
    found = lent.api.items(f"/api/v1/namespaces/{lent.runs}/pods", labelSelector=f"pipeline/runid={run.run_id}")
    return {kind(pod["metadata"]["name"]): pod["spec"] for pod in found}


def kind(name: str) -> str:
    """The template and number at the end of a pod's name."""
    return re.sub(r"^.*?-((?:retry-)?system-)", r"\1", name)


def refusal(spec: dict[str, Any], namespace: str) -> str:
    """Why a namespace would not start a pod; "" when it would."""
    own = {"nodeName", "serviceAccount", "serviceAccountName", "priority", "priorityClassName", "tolerations"}
    left = {key: value for key, value in spec.items() if key not in own}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": namespace}, "spec": left}
    words = ["kubectl", "create", "--dry-run=server", "-f", "-"]
    done = subprocess.run(words, input=json.dumps(pod), capture_output=True, text=True, check=False)
    assert not done.returncode or "violates PodSecurity" in done.stderr, done.stderr
    return done.stderr.strip() if done.returncode else ""


def test_every_pod_of_a_run_is_let_in(pods: dict[str, Any], guarded: str) -> None:
    kinds = {name.rpartition("-")[0] for name in pods}
    assert {
        "system-dag-driver",
        "system-container-driver",
        "system-container-impl",
        "retry-system-container-impl",
        "system-importer",
    } <= kinds
    assert {name: words for name, spec in pods.items() if (words := refusal(spec, guarded))} == {}


def test_every_container_of_a_run_shuts_itself_in(pods: dict[str, Any]) -> None:
    names = set()
    for spec in pods.values():
        for box in spec["initContainers"] + spec["containers"]:
            names.add(box["name"])
            assert box["securityContext"]["capabilities"] == {"drop": ["ALL"]}, box["name"]
            assert box["securityContext"]["allowPrivilegeEscalation"] is False, box["name"]
    assert names == {"init", "kfp-launcher", "wait", "main"}


@pytest.mark.parametrize("container", ["init", "kfp-launcher", "wait", "main"])
def test_without_the_overlay_it_would_be_kept_out(pods: dict[str, Any], guarded: str, container: str) -> None:
    spec = copy.deepcopy(next(spec for name, spec in pods.items() if name.startswith("system-container-impl")))
    for box in spec["initContainers"] + spec["containers"]:
        if box["name"] == container:
            del box["securityContext"]
    assert f'container "{container}" must set' in refusal(spec, guarded)


def test_the_rest_are_deployments_that_are_known(lent: ClusterHere, guarded: str) -> None:
    found = lent.api.items(f"/apis/apps/v1/namespaces/{lent.runs}/deployments")
    specs = {item["metadata"]["name"]: item["spec"]["template"]["spec"] for item in found}
    kept_out = {name for name, spec in specs.items() if refusal(spec, guarded)}
    assert kept_out <= KEPT_OUT
    assert {"ml-pipeline", "ml-pipeline-persistenceagent", "ml-pipeline-scheduledworkflow"} <= set(specs) - kept_out
