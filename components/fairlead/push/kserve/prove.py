"""Proof: the running service serves this very model, rightly and in time."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.golden import golden_request
from fairlead.errors import ClusterError, ServeError
from fairlead.push.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.artifacts.bundle import ModelBundle
    from fairlead.cluster.connect import Cluster
    from fairlead.push.kserve.service import InferenceService

PROBES = 100
SETTLE_S, POLL_S = 15.0, 0.2  # how long the cluster may take to send everybody to the new pods
LOOK_S = 5.0  # a connection that began while its address moved may lead to a pod that is gone, and hang
IN_A_ROW = 5


@dataclass(frozen=True)
class Proxied(Endpoint):
    """A service that is reached through the API server, by a push that runs outside the cluster."""

    call: Callable[[str, str, Any], Any] = print

    def ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """As `Endpoint.ask`."""
        try:
            return dict(self.call(method, path, json.loads(body) if body else None))
        except ClusterError as error:
            got = error.got
            raise ServeError("the predictor does not answer", where=f"{self.url}{path}", got=got, do=error.do) from None
        except ValueError as error:
            raise ServeError("the answer is not JSON", where=f"{self.url}{path}", got=error) from None


def endpoint_of(cluster: Cluster, service: InferenceService, timeout: float) -> Endpoint:
    """The service as this process reaches it: by its address in a pod, else through the API server."""
    if cluster.inside:
        return Endpoint(service.url, service.name, timeout)
    root = f"/api/v1/namespaces/{cluster.namespace}/services/{service.name}-predictor:80/proxy"
    return Proxied(service.url, service.name, timeout, lambda *words: cluster.once(words[0], root + words[1], words[2]))


def prove(endpoint: Endpoint, bundle: ModelBundle, slo_ms: float) -> None:
    """Asks for the golden rows, and whether the answers come in time.

    Args:
        endpoint: of the service.
        bundle: the model that it shall serve.
        slo_ms: the greatest 99th percentile of the latency of one row, in milliseconds; 0 asks for none.

    Raises:
        ServeError: another model, another answer, or too slow.
    """
    await_model(endpoint, bundle.fingerprint)
    endpoint.verify(bundle)
    if slo_ms:
        _in_time(endpoint, bundle, slo_ms)


def await_model(endpoint: Endpoint, fingerprint: str) -> None:
    """Waits until the address leads to this model, several times in a row.

    Raises:
        ServeError: another model still answers, or none.
    """
    quick = replace(endpoint, timeout=min(endpoint.timeout, LOOK_S))
    deadline, right = time.monotonic() + SETTLE_S, 0
    while right < IN_A_ROW:
        try:
            found = quick.ask("GET", f"/v2/models/{endpoint.service}").get("versions")
            failure = ServeError("another model answers", where=endpoint.url, got=found, do="see what serves there")
        except ServeError as error:
            found, failure = None, error
        right = right + 1 if found == [fingerprint] else 0
        if not right:
            if time.monotonic() > deadline:
                raise failure
            time.sleep(POLL_S)


def _in_time(endpoint: Endpoint, bundle: ModelBundle, slo_ms: float) -> None:
    body, seconds = golden_request(bundle, rows=1), []
    for _ in range(PROBES):
        began = time.perf_counter()
        endpoint.ask("POST", f"/v2/models/{endpoint.service}/infer", body)
        seconds.append(time.perf_counter() - began)
    p99 = 1000 * sorted(seconds)[int(PROBES * 0.99) - 1]
    if p99 > slo_ms:
        got = f"{p99:.1f} ms at the 99th percentile of {PROBES} requests of one row, bound {slo_ms:g} ms"
        advice = "make the model smaller, give the predictor more CPU, or raise latency_slo_ms"
        raise ServeError("the model is too slow for its SLO", where=endpoint.url, got=got, do=advice)
