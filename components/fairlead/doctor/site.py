"""Site: what the doctor looks at, and what it has learnt of it so far."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.cluster.connect import FORBIDDEN
from fairlead.errors import ClusterError
from fairlead.push.push_model import PushModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fairlead.cluster.connect import Cluster
    from fairlead.object_store import Store
    from fairlead.run.cluster_file import ClusterFile
    from fairlead.run.kfp_api import KfpApi

    Json = dict[str, Any]

PATIENCE_S = 2.0
HIDDEN = "***"
SHORTEST_SECRET = 6
#: What brings our namespace, runtime, storage container and rights.
MANIFESTS = "kubectl apply -k manifests/overlays/kind (on your own cluster: your overlay of manifests/base)"
#: What a push takes unless it is told otherwise.
RUNTIME = str(PushModelConfig.model_fields["runtime"].default)
PREDICTOR_ACCOUNT = str(PushModelConfig.model_fields["service_account"].default)
#: What is said of a check that needs what is not there.
WHY = {
    "file": "nothing says where it is; give --cluster FILE, such as manifests/kind.cluster.yaml",
    "cluster": "the Kubernetes API does not answer",
    "pipelines": "Kubeflow Pipelines' API does not answer",
    "kserve": "KServe is not there",
    "store": "this machine cannot write to the object store",
}


@dataclass
class Site:
    """A machine and the cluster that it works with; checks fill it in.

    Attributes:
        settings: what the cluster file says, or its defaults.
        file: there is such a file, or this is a pod of the cluster.
        cluster: the Kubernetes API, once it has answered; its namespace is that of the models.
        pipelines: Kubeflow Pipelines' API, once it has answered.
        kserve: KServe is there.
        store: the object store as this machine reaches it, once it could be read.
        stop: set when the doctor is interrupted.
    """

    settings: ClusterFile
    file: bool
    cluster: Cluster | None = None
    pipelines: KfpApi | None = None
    kserve: bool = False
    store: Store | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    _secrets: set[str] = field(default_factory=set)

    @property
    def api(self) -> Cluster:
        """The Kubernetes API, for a check that has it among its needs."""
        assert self.cluster is not None  # noqa: S101 - for mypy: `lacks` has seen to it
        return self.cluster

    def lacks(self, needs: tuple[str, ...]) -> str:
        """Why a check with these needs cannot be made; "" when it can."""
        return next((WHY[need] for need in needs if not getattr(self, need)), "")

    def keep_secret(self, *values: str) -> None:
        """Takes care that these are never shown."""
        self._secrets.update(value for value in values if len(value) >= SHORTEST_SECRET)

    def hide(self, text: str) -> str:
        """The text without the secrets that are known."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def allowed(ask: Callable[[], Any]) -> tuple[Any, bool]:
    """An answer, and whether this user may have it.

    Raises:
        ClusterError: for any other reason than that.
    """
    try:
        return ask(), True
    except ClusterError as error:
        if error.status != FORBIDDEN:
            raise
        return None, False
