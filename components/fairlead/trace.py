"""From a served model back to the data, config and code that it came from."""

from __future__ import annotations

from typing import Any

from fairlead.served import find_model


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
