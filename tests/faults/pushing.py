"""Pushes as a user does them, from outside the cluster, and what the cluster shows of a service."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.push.kserve.service import InferenceService, Services
from fairlead.push.push_model import PushModelConfig, push_model
from served_models import regression

if TYPE_CHECKING:
    from cluster_here import ClusterHere
    from fairlead.artifacts.bundle import ModelBundle
    from fairlead.cluster.connect import Cluster
    from fairlead.push.push_result import PushResult

STORAGE = "s3://models/tests"
OLD = 2.0  # the slope of the model that stands


@dataclass
class Service:
    """A service under test.

    Attributes:
        cluster: where it is.
        api: of the cluster, in the service's namespace.
        name: of the service.
        folder: where its models are made.
        settings: of each push.
    """

    cluster: ClusterHere
    api: Cluster
    name: str
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def model(self, slope: float, **how: Any) -> ModelBundle:
        """A model whose answer to the clients is its slope."""
        return regression(self.folder / str(slope), slope=slope, **how)

    def push(self, model: ModelBundle, uri: str = "", **settings: Any) -> PushResult:
        """Pushes in this process."""
        values = {"target": "kserve", "namespace": self.api.namespace, "storage": "" if uri else STORAGE}
        config = PushModelConfig(service=self.name, **{**values, **self.settings, **settings})
        return push_model(model.path, config, uri)

    def start(self, model: ModelBundle, kubeconfig: str = "", **settings: Any) -> subprocess.Popen[str]:
        """Begins a push in a process of its own."""
        values = {"target": "kserve", "namespace": self.api.namespace, "storage": STORAGE, **self.settings, **settings}
        words = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        environment = {**os.environ, **({"KUBECONFIG": kubeconfig} if kubeconfig else {})}
        return subprocess.Popen(
            [Path(sys.executable).parent / "fairlead", "push", str(model.path), self.name, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def body(self) -> InferenceService | None:
        """What the cluster has."""
        return Services(self.api).read(self.name)

    @property
    def serves(self) -> str:
        """The fingerprint of the model that the cluster says is served; "" when there is no service."""
        return self.body.revision.fingerprint if self.body else ""

    def leftovers(self) -> list[str]:
        """Candidates and leases that no push needs any more."""
        leases = self.api.items(f"/apis/coordination.k8s.io/v1/namespaces/{self.api.namespace}/leases")
        names = [lease["metadata"]["name"] for lease in leases]
        candidates = [candidate.name for candidate in Services(self.api).candidates(self.name)]
        return candidates + [name for name in names if name == f"fairlead-push-{self.name}"]
