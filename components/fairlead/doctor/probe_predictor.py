"""The probe read by KServe: a service whose model it is, so that the real webhook, initialiser and Secret fetch it.

The predictor then finds that a probe is no model and ends, which shows that its image starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fairlead.cluster.connect import Cluster
from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import PREDICTOR_ACCOUNT
from fairlead.doctor.storage import put_keys
from fairlead.errors import ClusterError
from fairlead.push.kserve.preflight import Ground, initializer_of, standard_mode
from fairlead.push.kserve.push_kserve import predictor_of
from fairlead.push.kserve.rollout import STUCK
from fairlead.push.kserve.service import GROUP, VERSION
from fairlead.push.push_model import PushModelConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.probe import Probe
    from fairlead.doctor.site import Site

    Json = dict[str, Any]

INITIALIZER, PREDICTOR = "initializer reads store", "predictor starts"
CONTAINERS = {INITIALIZER: "storage-initializer", PREDICTOR: "kserve-container"}
LONGEST_S, POLL_S = 120.0, 0.5
PULLING = ("ErrImagePull", *STUCK)


def read_by_kserve(site: Site, probe: Probe) -> Iterator[Finding]:
    """Makes the service, and removes it at the end whatever happens."""
    cluster = Cluster.connect(site.settings.models)  # of this thread
    path = f"/apis/{VERSION}/namespaces/{cluster.namespace}/inferenceservices"
    try:
        cluster.create(path, _service(cluster, probe))
        yield from _follow(site, cluster, probe.name)
    finally:
        cluster.delete(f"{path}/{probe.name}")


def _service(cluster: Cluster, probe: Probe) -> Json:
    config = PushModelConfig(service=probe.name, target="kserve", namespace=cluster.namespace, min_replicas=1)
    mode = standard_mode(cluster)
    predictor = predictor_of(probe.folder, config, Ground(mode, initializer_of(cluster)), None)
    metadata = {"name": probe.name, "namespace": cluster.namespace, "annotations": {f"{GROUP}/deploymentMode": mode}}
    return {"apiVersion": VERSION, "kind": "InferenceService", "metadata": metadata, "spec": {"predictor": predictor}}


def _follow(site: Site, cluster: Cluster, name: str) -> Iterator[Finding]:
    """Waits for the initialiser's end, then for the predictor's start."""
    deadline, waiting = time.monotonic() + LONGEST_S, list(CONTAINERS)
    while waiting and not site.stop.wait(POLL_S):
        pod = next(iter(cluster.items(f"/api/v1/namespaces/{cluster.namespace}/pods", labelSelector=_label(name))), {})
        found = _finding(site, cluster, name, pod, waiting[0])
        if found is None and time.monotonic() > deadline:
            by = f"kubectl -n {cluster.namespace} describe pods; fairlead doctor again"
            found = fix(waiting[0], f"nothing has come of it within {LONGEST_S:.0f} s: {_state(pod)}", by)
        if found is None:
            continue
        yield found
        waiting.pop(0)
        if found.state == "FIX":
            yield from (skip(what, "the storage initialiser comes first") for what in waiting)
            return


def _label(name: str) -> str:
    return f"{GROUP}/inferenceservice={name}"


def _finding(site: Site, cluster: Cluster, name: str, pod: Json, what: str) -> Finding | None:
    """What is known of a container; None as long as it may still come."""
    if not pod:
        return _no_pod(cluster, name, what)
    status = pod.get("status", {})
    both = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    container = next((item for item in both if item["name"] == CONTAINERS[what]), None)
    if container is None:
        return None
    reason = (container["state"].get("waiting") or {}).get("reason", "")
    if reason in PULLING:
        got = f"{container['image']}: {reason} {container['state']['waiting'].get('message', '')}"
        return fix(what, got, _mend_start(site, reason, container["image"]))
    ended = container["state"].get("terminated") or (container.get("lastState") or {}).get("terminated")
    if what == PREDICTOR:
        return ok(what, f"{container['image']}") if ended or "running" in container["state"] else None
    if ended and ended["exitCode"]:
        return fix(what, _last_words(cluster, pod, container), put_keys(site))
    return ok(what, f"{container['image']}, by the keys of predictors") if ended else None


def _no_pod(cluster: Cluster, name: str, what: str) -> Finding | None:
    """Why a Deployment makes none: quota, PodSecurity, no such account."""
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{name}-predictor"
    deployment = cluster.get(path) or {}
    for condition in deployment.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return fix(what, condition.get("message", "no pod is made"), _mend_admission(cluster, condition))
    return None


def _mend_admission(cluster: Cluster, condition: Json) -> str:
    said, namespace = str(condition.get("message", "")), cluster.namespace
    if "PodSecurity" in said:
        return "kubectl apply -k manifests/base brings a runtime and a storage container that `restricted` admits"
    if "service account" in said:
        return f"kubectl -n {namespace} create serviceaccount {PREDICTOR_ACCOUNT}"
    if "quota" in said:
        return f"kubectl -n {namespace} describe resourcequota, and raise it"
    return f"kubectl -n {namespace} describe replicasets"


def _mend_start(site: Site, reason: str, image: str) -> str:
    namespace = site.settings.models
    if "Config" in reason:
        return f"kubectl -n {namespace} describe pods; mend the Secret or the runtime that it names"
    return f"bring {image} to the nodes, or to a registry that they may pull from: fairlead doctor --quick tells how"


def _last_words(cluster: Cluster, pod: Json, container: Json) -> str:
    """The last line of what the initialiser printed: the exception that ended it."""
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{pod['metadata']['name']}/log"
    before = {"previous": "true"} if "running" in container["state"] else {}
    try:
        lines = cluster.text(path, container=container["name"], tailLines="40", **before).strip().splitlines()
    except ClusterError as error:
        return f"it failed, and its log cannot be read: {error.got}"
    return lines[-1].strip() if lines else "it failed without a word"


def _state(pod: Json) -> str:
    if not pod:
        return "no pod"
    conditions = [item for item in pod.get("status", {}).get("conditions", []) if item["status"] != "True"]
    words = [f"{item['type']} {item.get('reason', '')} {item.get('message', '')}" for item in conditions]
    return "; ".join(words[:2]) or str(pod.get("status", {}).get("phase"))
