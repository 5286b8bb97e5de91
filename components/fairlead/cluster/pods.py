"""What pods and their Deployments say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.cluster.connect import Cluster

    Json = dict[str, Any]

#: Reasons of a waiting container that time does not mend.
STUCK = (
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
)


def pods_by(cluster: Cluster, label: str) -> list[Json]:
    """The pods of the cluster's namespace that a label selects."""
    return cluster.items(f"/api/v1/namespaces/{cluster.namespace}/pods", labelSelector=label)


def containers_of(pod: Json) -> list[Json]:
    """The statuses of its containers, in the order in which they start."""
    status = pod.get("status", {})
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def last_words(cluster: Cluster, pod: Json, container: Json, lines: int) -> str:
    """The end of a container's log; of the try before, when it runs again.

    Raises:
        ClusterError: it cannot be read.
    """
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/log"
    before = {"previous": "true"} if container.get("restartCount") and "running" in container["state"] else {}
    return cluster.text(path, container=container["name"], tailLines=str(lines), **before).strip()


def why_no_pod(deployment: Json) -> str:
    """Why a Deployment makes none, in the cluster's words: quota, PodSecurity, no such account; "" when it does."""
    conditions = deployment.get("status", {}).get("conditions", [])
    failed = (item for item in conditions if item["type"] == "ReplicaFailure" and item["status"] == "True")
    return next((str(item.get("message", "no pod is made")) for item in failed), "")
