"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Input, Model


@component(image=TABULAR, needs="machine")
def push_model(
    model: Input[Model],
    service: str,
    target: str = "local",
    timeout: float = 60.0,
    host: str = "127.0.0.1",
    port: int = 0,
    state: str = "",
    namespace: str = "",
    storage: str = "",
    runtime: str = "fairlead-predictor",
    service_account: str = "fairlead-predictor",
    min_replicas: int = 0,
    latency_slo_ms: float = 0.0,
    rollout_timeout: float = 300.0,
    run: str = "",
) -> NamedTuple("Outputs", [("url", str), ("action", str), ("curl", str)]):
    """Serves a model once it has given its golden answers; on any failure what served before goes on serving.

    Args:
        model: a ModelBundle.
        service: the endpoint's name, a DNS label; also the model's name in the paths.
        target: "local" is a process on this machine, "kserve" an InferenceService of a cluster.
        timeout: seconds that a predictor is given for each answer, and, locally, to start.
        host: local; the address to listen on.
        port: local; 0 keeps the service's port, or picks one the first time.
        state: local; the directory that services live in; empty is $FAIRLEAD_HOME, or ~/.fairlead.
        namespace: kserve; of the service; empty is the pod's own, or the context's.
        storage: kserve; a folder in an object store that the model is copied to; empty serves it from where it lies.
        runtime: kserve; the ServingRuntime or ClusterServingRuntime.
        service_account: kserve; of the predictor, whose Secret opens the storage.
        min_replicas: kserve; 0 keeps what the service has.
        latency_slo_ms: kserve; the greatest 99th percentile of the latency of one row, in ms; 0 asks for none.
        rollout_timeout: kserve; seconds that pods are given to come up.
        run: kserve; the run that pushes, kept with the service's lineage.
        url: the service's address.
        action: what was done, created, updated or unchanged.
        curl: a shell command that asks the service for a prediction.
    """
    from pathlib import Path

    from fairlead.push.push_model import PushModelConfig, push_model

    config = PushModelConfig(
        service=service,
        target=target,
        timeout=timeout,
        host=host,
        port=port,
        state=state,
        namespace=namespace,
        storage=storage,
        runtime=runtime,
        service_account=service_account,
        min_replicas=min_replicas,
        latency_slo_ms=latency_slo_ms,
        rollout_timeout=rollout_timeout,
        run=run,
    )
    result = push_model(Path(model.path), config, model.uri)
    return (result.url, result.action, result.curl)
