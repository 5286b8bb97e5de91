"""Waits until a service's pods are those of one push, and tells early what keeps them from it.

"Ready" is no help: it is the old pods' as long as they serve, and `status.observedGeneration` is the Deployment's, not
the service's (both read in KServe 0.20). What counts is the Deployment: its pods carry the push's mark, all of them are
up to date and available, and no other is left.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fairlead.cluster.pods import STUCK, containers_of, last_words, pods_by, why_no_pod
from fairlead.errors import ClusterError, ServeError
from fairlead.push.kserve.service import PUSH, pods_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.cluster.connect import Cluster
    from fairlead.push.kserve.service import InferenceService, Services

    Json = dict[str, Any]

POLL_S = 0.5
LOG_LINES = 12
#: How often a container may end before it is taken to be broken: storage and nodes have their moments.
ENDS = 2
UNUSABLE = ("InvalidSpec",)  # of status.modelStatus.transitionStatus


def await_rollout(cluster: Cluster, services: Services, name: str, push: str, timeout: float) -> InferenceService:
    """Waits until every pod of a service is this push's, and available.

    Args:
        cluster: where.
        services: of the namespace.
        name: of the service.
        push: the id that its pods will carry.
        timeout: seconds.

    Raises:
        ServeError: it cannot come up, or not in time; with the reason that the cluster tells.
        ClusterError: another hand wrote the service meanwhile.
    """
    deadline = time.monotonic() + timeout
    while True:
        service = services.read(name)
        if service is None or service.push != push:
            got = f"written by {service.push or 'somebody else'}" if service else "it is gone"
            raise ClusterError("another hand changed the service during this push", where=name, got=got)
        deployment = cluster.get(f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/{name}-predictor") or {}
        if _complete(deployment, push):
            return service
        trouble = next(_troubles(cluster, service, deployment), "")
        if trouble:
            raise ServeError("the service cannot come up", where=name, got=trouble, do=_advice(trouble))
        if time.monotonic() > deadline:
            got = "; ".join(_progress(cluster, service)) or "no pods yet"
            advice = f"see kubectl -n {cluster.namespace} describe pods, or give it a longer rollout_timeout"
            raise ServeError(f"the service is not up within {timeout:.0f} s", where=name, got=got, do=advice)
        time.sleep(POLL_S)


def _complete(deployment: Json, push: str) -> bool:
    if not deployment or _push_of(deployment["spec"]["template"]) != push:
        return False
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == [wanted] * 3


def _push_of(pod: Json) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(PUSH, ""))


def pods_of(cluster: Cluster, service: InferenceService) -> list[Json]:
    """The service's pods that carry its latest push."""
    return [pod for pod in pods_by(cluster, pods_label(service.name)) if _push_of(pod) == service.push]


def _troubles(cluster: Cluster, service: InferenceService, deployment: Json) -> Iterator[str]:
    """What will not pass by itself, in the cluster's words."""
    model = (service.body.get("status") or {}).get("modelStatus") or {}
    if model.get("transitionStatus") in UNUSABLE:
        told = model.get("lastFailureInfo") or {}
        yield f"{told.get('reason', '')} {told.get('message', '')}".strip() or "KServe finds the spec invalid"
    if deployment and _push_of(deployment["spec"]["template"]) == service.push and (said := why_no_pod(deployment)):
        yield said
    for pod in pods_of(cluster, service):
        for container in containers_of(pod):
            yield from _container_troubles(cluster, pod, container)


def _container_troubles(cluster: Cluster, pod: Json, container: Json) -> Iterator[str]:
    waiting = container["state"].get("waiting") or {}
    where = f"{container['name']}, image {container['image']}"
    if waiting.get("reason") in STUCK:
        yield f"{where}: {waiting['reason']} {waiting.get('message', '')}".strip()
    ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated") or {}
    ends = container.get("restartCount", 0) + bool(container["state"].get("terminated"))
    if ended.get("exitCode") and ends >= ENDS:
        yield f"{where}: {ended.get('reason')}, exit code {ended['exitCode']}\n{_last_words(cluster, pod, container)}"


def _last_words(cluster: Cluster, pod: Json, container: Json) -> str:
    try:
        text = last_words(cluster, pod, container, LOG_LINES)
    except ClusterError as error:
        return error.got
    return "\n".join(f"    {line}" for line in text.splitlines())


def _progress(cluster: Cluster, service: InferenceService) -> Iterator[str]:
    """What each pod waits for."""
    for pod in pods_of(cluster, service):
        status = pod.get("status", {})
        words = [
            f"{item['reason']} {item.get('message', '')}" for item in status.get("conditions", []) if item.get("reason")
        ]
        yield f"pod {pod['metadata']['name']}: {status.get('phase')} {' '.join(words[:1])}".strip()


def _advice(trouble: str) -> str:
    for word, advice in (
        ("storage-initializer", "see that the service account's Secret opens this storage: fairlead doctor"),
        ("golden answers", "nothing is wrong with the cluster; push a model that answers rightly"),
        ("Image", "see that the nodes can pull the image: fairlead doctor"),
        ("exceeded quota", "raise the namespace's quota, or ask for less"),
        ("PodSecurity", "use a runtime that meets the namespace's PodSecurity level: see manifests/README.md"),
        ("OOMKilled", "give the predictor more memory"),
        ("Runtime", "see fairlead doctor: the runtime and its formats"),
    ):
        if word in trouble:
            return advice
    return "mend that and push again"
