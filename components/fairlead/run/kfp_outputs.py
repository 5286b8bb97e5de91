"""What finished steps on a cluster gave, read from the Kubeflow Pipelines API and the object store alone.

KFP keeps outputs in ML Metadata, which only the cluster's inside reaches. But every pod's log is archived in the object
store (Argo's `archiveLogs`, on in upstream's manifests), and says what is wanted: the launcher's log the output
parameters and artifacts' metadata of its step, the log of a driver that reused a step which execution it took. Where
the artifacts lie stands in the workflow itself. Where logs are not archived, the Kubernetes API is asked for them.

A parameter that a step writes to a `dsl.OutputPath` file is in neither, and stays unknown here.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import fingerprint_of
from fairlead.errors import ClusterError, DataError, RunError
from fairlead.object_store import download, exists, read
from fairlead.run.executor_io import file_name
from fairlead.run.kfp_log import cached_execution, executor_output
from fairlead.run.kfp_nodes import Nodes
from fairlead.run.parameters import convert
from fairlead.run.result import Artifact

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.object_store import Store
    from fairlead.run.kfp_api import KfpApi
    from fairlead.run.kfp_nodes import Node
    from fairlead.run.pipeline_ir import Task
    from fairlead.run.placement import RunFolder

TASKS = "/apis/v1alpha1/tasks"


def nodes_of(api: KfpApi, run: str) -> Nodes:
    """The nodes of a run as they are now.

    Raises:
        ClusterError: there is no such run, or no answer.
    """
    manifest = api.get(f"/apis/v1beta1/runs/{run}").get("pipeline_runtime", {}).get("workflow_manifest")
    return Nodes(json.loads(manifest) if manifest else {})


class PodLogs:
    """The logs of pods: archived ones of the object store, else what the Kubernetes API still has.

    Args:
        namespace: of the pods.
        store: the object store.
    """

    def __init__(self, namespace: str, store: Store) -> None:
        self._namespace, self._store = namespace, store
        self._cluster: Any = None
        self.why_not_live = self._connect()

    def _connect(self) -> str:
        """Why the Kubernetes API gives no logs; "" when it does."""
        from fairlead.cluster.connect import Cluster

        try:
            cluster = Cluster.connect(self._namespace, patience=0)
            if not cluster.may("get", "pods", namespace=self._namespace, subresource="log"):
                return f"no right to read logs in {self._namespace}"
        except ClusterError as error:
            return error.what
        self._cluster = cluster
        return ""

    def text(self, node: Node) -> str:
        """The log of a node's pod as far as it goes; "" when nobody has it."""
        if node.log:
            with suppress(DataError):
                return read(node.log, self._store).decode("utf-8", "replace")
        if self._cluster:
            with suppress(ClusterError):  # no container yet, or no pod any more
                path = f"/api/v1/namespaces/{self._namespace}/pods/{node.pod}/log"
                return str(self._cluster.text(path, container="main"))
        return ""


class Outputs:
    """Fetches what steps gave into the folder of a run.

    Args:
        api: Kubeflow Pipelines.
        store: the object store.
        logs: of pods.
        folder: takes the artifacts.
    """

    def __init__(self, api: KfpApi, store: Store, logs: PodLogs, folder: RunFolder) -> None:
        self._api, self._store, self._logs, self._folder = api, store, logs, folder
        self._runs: dict[str, Nodes] = {}

    def of_step(self, nodes: Nodes, path: str, task: Task, label: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """The output parameters and artifacts of a step that ended well, or whose earlier outputs were reused.

        Raises:
            RunError: where they are is not known any more.
            ClusterError: the object store or Kubeflow Pipelines does not answer, or refuses.
        """
        component = task.component
        if not component.output_parameters and not component.output_artifacts:
            return {}, {}
        driver = nodes.get(f"{path}-driver")
        if driver is not None and driver.output("cached-decision") == "true":
            nodes, path = self._original(driver, label)
            driver = nodes.get(f"{path}-driver")
        attempts = nodes.attempts(path)
        said = executor_output(self._logs.text(attempts[-1])) if attempts else None
        if said is None or driver is None:
            raise _unknown(label, "its log is neither in the object store nor in the cluster")
        given = json.loads(driver.argument("--executor_input") or "{}").get("outputs", {}).get("artifacts", {})
        parameters = {
            name: convert(component.output_parameters[name].type, value)
            for name, value in said.get("parameterValues", {}).items()
            if name in component.output_parameters
        }
        artifacts = {}
        for name, kind in component.output_artifacts.items():
            told = [*said.get("artifacts", {}).get(name, {}).get("artifacts", []), {}][0]
            place = [*given.get(name, {}).get("artifacts", []), {}][0]
            metadata = {**place.get("metadata", {}), **(told.get("metadata") or {})}
            artifacts[name] = self.fetch(told.get("uri") or place["uri"], label, name, kind, metadata)
        return parameters, artifacts

    def fetch(self, uri: str, label: str, name: str, kind: dict[str, str], metadata: dict[str, Any]) -> Artifact:
        """Downloads an artifact to `<out>/<task>/<artifact>`; one that the step did not write is not there."""
        draft = self._folder.draft(label) / "it"
        if exists(uri, self._store):
            download(uri, draft, self._store)
        path: Path = self._folder.place(draft, label, file_name(name, kind))
        return Artifact(name, kind, path, metadata, fingerprint_of(path))

    def _original(self, driver: Node, label: str) -> tuple[Nodes, str]:
        """The run and the step in it whose outputs a driver reused."""
        execution = cached_execution(self._logs.text(driver))
        wanted = {"predicates": [{"op": "EQUALS", "key": "mlmdExecutionID", "stringValue": execution}]}
        known = self._api.get(TASKS, filter=json.dumps(wanted)).get("tasks", []) if execution else []
        if not known:
            raise _unknown(label, "nothing says which run its outputs were taken from")
        run = known[0]["runId"]
        try:
            self._runs.setdefault(run, nodes_of(self._api, run))
        except ClusterError as error:
            raise _unknown(label, f"run {run}, which gave them, is gone ({error.got})") from None
        path = self._runs[run].of_execution(execution)
        if not path:
            raise _unknown(label, f"run {run} does not show the step that gave them")
        return self._runs[run], path


def _unknown(label: str, got: str) -> RunError:
    advice = "run with --no-cache, which makes them anew; let Argo archive logs (archiveLogs: true)"
    return RunError("the outputs of a step cannot be found", where=f"step {label!r}", got=got, do=advice)
