"""From a served model back to the data, config and code that it came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.push.kserve.service import LINEAGE, RUN, SOURCE
from fairlead.served import find_model

if TYPE_CHECKING:
    from fairlead.push.kserve.service import Revision


def trace_service(service: str, namespace: str) -> dict[str, Any]:
    """What a cluster knows of an InferenceService: what it serves, what it served before, and where both came from.

    Args:
        service: its name.
        namespace: "" is the context's.

    Returns:
        `service` (name, namespace, url, ready), `model` (fingerprint, storage, run), `lineage`, and the same of what
        served `before`, when something did.

    Raises:
        ServeError: there is no such service.
        ClusterError: the cluster refuses or does not answer.
    """
    from fairlead.cluster.connect import Cluster
    from fairlead.push.kserve.roll_back import found_service

    cluster = Cluster.connect(namespace)
    found = found_service(cluster, service)
    place = {"name": found.name, "namespace": cluster.namespace, "url": found.url, "ready": found.ready}
    previous = found.revision.previous
    return {"service": place, **_told(found.revision), **({"before": _told(previous)} if previous else {})}


def _told(revision: Revision) -> dict[str, Any]:
    notes = revision.notes
    model = {"fingerprint": revision.fingerprint, "storage": revision.storage, "run": notes.get(RUN, "")}
    return {"model": {**model, "source": notes.get(SOURCE, "")}, "lineage": json.loads(notes.get(LINEAGE, "{}"))}


def trace_model(name: str) -> dict[str, Any]:
    """What is known of a model's origin, read from the bundle alone.

    Args:
        name: a local service, or a bundle's folder.

    Returns:
        `service` (name, url, pid) when it is one, `model` (fingerprint, task, target, metrics) and `lineage`
        (component, version, config, data fingerprints, sources, libraries).

    Raises:
        ServeError: there is no such service or folder.
        ArtifactError: the bundle is damaged.
    """
    bundle, record = find_model(name)
    signature = bundle.signature
    model = {
        "fingerprint": bundle.fingerprint,
        "task": signature.task,
        "target": signature.target,
        "metrics": bundle.metrics,
    }
    service = {"service": {"name": name, "url": record.url, "pid": record.pid}} if record else {}
    return {**service, "model": model, "lineage": bundle.lineage}
