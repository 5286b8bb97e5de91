"""MLflow, which the steps of a run log to."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fairlead.doctor.finding import fix, ok, skip
from fairlead.doctor.site import allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.doctor.finding import Finding
    from fairlead.doctor.site import Site

WHAT, TIMEOUT_S = "MLflow", 5.0
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"


def check_mlflow(site: Site) -> Iterator[Finding]:
    """The server that the cluster file names is up: a service of the cluster has a ready pod, another answers."""
    address = tracking_uri(site)
    if not address:
        yield skip(WHAT, "the cluster file names no tracking_uri; steps log to MLflow only when their parameters do")
        return
    service = service_of(address)
    yield _in_cluster(site, address, *service) if service else _asked(address)


def tracking_uri(site: Site) -> str:
    """Where steps log to; "" when nothing says so."""
    return str(site.settings.parameters.get("tracking_uri", ""))


def service_of(address: str) -> tuple[str, str] | None:
    """The Service and namespace that an address inside a cluster names."""
    name, *rest = (urlsplit(address).hostname or "").split(".")
    inside = len(rest) == 1 or rest[1:] in (["svc"], ["svc", "cluster", "local"])
    return (name, rest[0]) if rest and inside and not name.isdecimal() else None


def _in_cluster(site: Site, address: str, name: str, namespace: str) -> Finding:
    if site.cluster is None:
        return skip(WHAT, f"{address}: the Kubernetes API does not answer")
    cluster, chosen = site.cluster, f"kubernetes.io/service-name={name}"
    slices, may = allowed(lambda: cluster.items(SLICES.format(namespace), labelSelector=chosen))
    if not may:
        return skip(WHAT, f"{address}: this user may not look whether it has pods")
    ready = [
        point
        for found in slices
        for point in found.get("endpoints") or []
        if (point.get("conditions") or {}).get("ready", True)
    ]
    if ready:
        return ok(WHAT, f"{address} has {len(ready)} ready pod{'s' if len(ready) > 1 else ''}")
    if slices:
        by = f"kubectl -n {namespace} get pods; kubectl -n {namespace} describe service {name}"
        return fix(WHAT, f"{address}: no pod of it is ready", by)
    by = "kubectl apply -k manifests/overlays/kind (or your overlay), or mend tracking_uri in the cluster file"
    return fix(WHAT, f"{address}: there is no such Service", by)


def _asked(address: str) -> Finding:
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=TIMEOUT_S):  # noqa: S310 - the user's own
            return ok(WHAT, f"{address} answers")
    except (OSError, ValueError) as error:
        return fix(WHAT, f"{address} does not answer: {error}", "start it, or mend tracking_uri in the cluster file")
