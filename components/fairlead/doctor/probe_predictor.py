"""The probe read by KServe: a service whose model it is, so that the real webhook, initialiser and Secret fetch it.

The predictor then finds that a probe is no model and ends, which shows that its image starts.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fairlead.cluster.connect import Cluster
from fairlead.cluster.pods import STUCK, containers_of, last_words, pods_by, why_no_pod
from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import MANIFESTS, PREDICTOR_ACCOUNT
from fairlead.doctor.storage import put_keys
from fairlead.errors import ClusterError
from fairlead.push.kserve.preflight import Ground, initializer_of, standard_mode
from fairlead.push.kserve.push_kserve import predictor_of
from fairlead.push.kserve.service import Revision, new_service, pods_label, services_path
from fairlead.push.push_model import PushModelConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.probe import Probe
    from fairlead.doctor.site import Site

    Json = dict[str, Any]

INITIALIZER, PREDICTOR = "initializer reads store", "predictor starts"
CONTAINERS = {INITIALIZER: "storage-initializer", PREDICTOR: "kserve-container"}
LONGEST_S, POLL_S, LOG_LINES = 120.0, 0.5, 40
PULLING = ("ErrImagePull", *STUCK)


def read_by_kserve(site: Site, probe: Probe) -> Iterator[Finding]:
    """Makes the service, and removes it at the end whatever happens."""
    cluster = Cluster.connect(site.settings.models)  # of this thread
    path = services_path(cluster.namespace)
    try:
        cluster.create(path, _service(cluster, probe))
        yield from _follow(site, cluster, probe.name)
    finally:
        cluster.delete(f"{path}/{probe.name}")


def _service(cluster: Cluster, probe: Probe) -> Json:
    config = PushModelConfig(service=probe.name, target="kserve", namespace=cluster.namespace, min_replicas=1)
    mode = standard_mode(cluster)
    predictor = predictor_of(probe.folder, config, Ground(mode, initializer_of(cluster)), None)
    return new_service(probe.name, cluster.namespace, mode).serving(Revision(predictor, {})).body


def _follow(site: Site, cluster: Cluster, name: str) -> Iterator[Finding]:
    """Waits for the initialiser's end, then for the predictor's start."""
    deadline, waiting = time.monotonic() + LONGEST_S, list(CONTAINERS)
    while waiting and not site.stop.wait(POLL_S):
        pod = next(iter(pods_by(cluster, pods_label(name))), {})
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


def _finding(site: Site, cluster: Cluster, name: str, pod: Json, what: str) -> Finding | None:
    """What is known of a container; None as long as it may still come."""
    if not pod:
        return _no_pod(cluster, name, what)
    container = next((item for item in containers_of(pod) if item["name"] == CONTAINERS[what]), None)
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
    said = why_no_pod(deployment)
    return fix(what, said, _mend_admission(cluster, said)) if said else None


def _mend_admission(cluster: Cluster, said: str) -> str:
    namespace = cluster.namespace
    if "PodSecurity" in said:
        return f"{MANIFESTS}: it has a runtime and a storage container that `restricted` admits"
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
    try:
        lines = last_words(cluster, pod, container, LOG_LINES).splitlines()
    except ClusterError as error:
        return f"it failed, and its log cannot be read: {error.got}"
    return lines[-1].strip() if lines else "it failed without a word"


def _state(pod: Json) -> str:
    if not pod:
        return "no pod"
    conditions = [item for item in pod.get("status", {}).get("conditions", []) if item["status"] != "True"]
    words = [f"{item['type']} {item.get('reason', '')} {item.get('message', '')}" for item in conditions]
    return "; ".join(words[:2]) or str(pod.get("status", {}).get("phase"))
