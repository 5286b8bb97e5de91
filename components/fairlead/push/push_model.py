"""Puts a model behind an address, or leaves there what was there before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.config import Config
from fairlead.errors import ConfigError
from fairlead.push.local import push_local
from fairlead.push.push_result import PushResult
from fairlead.push.service_home import home_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PushModelConfig", "PushResult", "push_model"]


class PushModelConfig(Config):
    """Where a model goes.

    Attributes:
        service: the endpoint's name, a DNS label; also the model's name in the paths.
        target: "local" is a process on this machine, "kserve" an InferenceService of a cluster.
        timeout: seconds that a predictor is given for each answer, and, locally, to start.

        host: local; the address to listen on.
        port: local; 0 keeps the service's port, or picks one the first time.
        state: local; the directory that services live in; "" is $FAIRLEAD_HOME, or ~/.fairlead.

        namespace: kserve; of the service; "" is the pod's own, or the context's.
        storage: kserve; an object store's folder that the bundle is copied to, such as s3://models/fairlead; "" serves
            it from where the pipeline put it.
        runtime: kserve; the ServingRuntime or ClusterServingRuntime.
        service_account: kserve; of the predictor, whose Secret opens the storage.
        min_replicas: kserve; 0 keeps what the service has.
        latency_slo_ms: kserve; the greatest 99th percentile of the latency of one row, in milliseconds; 0 asks for
            none.
        rollout_timeout: kserve; seconds that pods are given to come up.
        run: kserve; the run that pushes, kept with the service's lineage.
    """

    service: str = Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")
    target: Literal["local", "kserve"] = "local"
    timeout: float = Field(default=60.0, gt=0)

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
    state: str = ""

    namespace: str = ""
    storage: str = ""
    runtime: str = Field(default="fairlead-predictor", min_length=1)
    service_account: str = Field(default="fairlead-predictor", min_length=1)
    min_replicas: int = Field(default=0, ge=0)
    latency_slo_ms: float = Field(default=0.0, ge=0)
    rollout_timeout: float = Field(default=300.0, gt=0)
    run: str = ""

    @property
    def home(self) -> Path:
        """The directory that local services live in, absolute."""
        return home_of(self.state)


def push_model(model: Path, config: PushModelConfig, uri: str = "") -> PushResult:
    """Serves a bundle once it has given its golden answers; on any failure what served before goes on serving.

    Args:
        model: a ModelBundle.
        config: where it goes.
        uri: where the same bundle lies in an object store, if it does.

    Raises:
        ArtifactError: the bundle is missing or damaged.
        ServeError: the new predictor does not start, or answers wrongly or too slowly; or the port is taken.
        ClusterError: rights or the runtime are missing, the cluster refuses, or another push of the service goes on.
        ConfigError: the target cannot be reached from here.
    """
    bundle = ModelBundle.open(model)
    if config.target == "kserve":
        from fairlead.push.kserve.push_kserve import push_kserve

        return push_kserve(bundle, uri, config)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        advice = "push with target kserve (the pipeline's push_target)"
        raise ConfigError("a local service would end with this pod", where="target", got="local", do=advice)
    return push_local(bundle, config)
