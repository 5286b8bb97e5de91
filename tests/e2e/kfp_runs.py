"""Runs of a pipeline: by the public kfp client on the cluster, and by the in-process runner here."""

from __future__ import annotations

import importlib
import json
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import fingerprint_of
from fairlead.object_store import download
from fairlead.run.compile import compile_pipeline
from fairlead.run.kfp_runtime import load_compiler
from fairlead.run.runner import run_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cluster_here import ClusterHere

LONGEST_S = 600
LOGS = "executor-logs"  # what the launcher stores beside a step's outputs


class Pipeline:
    """A pipeline of ours, compiled under a name of its own: KFP finds steps to reuse by the pipeline's name.

    Attributes:
        name: its module in fairlead_pipelines.
        root: where its artifacts go, s3://...
        parameters: the names of those that it takes.
    """

    def __init__(self, name: str, cluster: ClusterHere, folder: Path) -> None:
        self.name, self.cluster, self.folder = name, cluster, folder
        self.root, self.own_name = cluster.folder(), cluster.name(name.replace("_", "-"))
        self.package = folder / f"{name}.yaml"
        function = getattr(importlib.import_module(f"fairlead_pipelines.{name}"), name)
        load_compiler()().compile(function, str(self.package), pipeline_name=self.own_name)
        self.parameters = set(function.component_spec.inputs)

    def run(self, parameters: Mapping[str, Any]) -> Run:
        """Runs it to its end on the cluster."""
        client = self.cluster.kfp
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # kfp's own
            started = client.create_run_from_pipeline_package(
                str(self.package),
                arguments=parameters,
                pipeline_root=self.root.replace("s3://", "minio://"),
                service_account=self.cluster.settings["service_account"],
                enable_caching=True,
            )
            self.cluster.after.callback(client.delete_run, started.run_id)
            ended = client.wait_for_run_completion(started.run_id, timeout=LONGEST_S, sleep_duration=1)
        return Run(self, started.run_id, ended.state)

    def run_here(self, parameters: Mapping[str, Any]) -> dict[str, Path]:
        """Runs it in this process; gives where artifacts lie, by `task.artifact`."""
        out = self.folder / f"{self.name}-here"
        ir = compile_pipeline(self.name, self.folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own
            result = run_pipeline(ir, runner="in-process", parameters=dict(parameters), out=out)
        found = {
            f"{name}.{key}": item.path for name, task in result.tasks.items() for key, item in task.artifacts.items()
        }
        return {name: path for name, path in found.items() if path.is_file() or (path.is_dir() and any(path.iterdir()))}


@dataclass(frozen=True)
class Run:
    """A run that ended."""

    pipeline: Pipeline
    id: str
    state: str

    def succeeded(self) -> Run:
        """Itself; one that failed fails the test, with the last lines of its pods."""
        assert self.state == "SUCCEEDED", f"run {self.id}: {self.state}\n{self.last_words()}"
        return self

    def last_words(self) -> str:
        """The last lines of its pods that failed."""
        kubectl, runs = self.pipeline.cluster.kubectl, self.pipeline.cluster.runs
        pods = json.loads(kubectl("get", "pods", "-n", runs, "-l", f"pipeline/runid={self.id}", "-o", "json"))["items"]
        names = [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Failed"]
        return "\n".join(kubectl("logs", "-n", runs, name, "-c", "main", "--tail=30") for name in names)

    @cached_property
    def artifacts(self) -> dict[str, Path]:
        """What its own steps wrote, fetched, by `task.artifact`; a reused step wrote nothing."""
        cluster, pipeline = self.pipeline.cluster, self.pipeline
        place = pipeline.folder / self.id
        download(f"{pipeline.root}/{pipeline.own_name}/{self.id}", place, cluster.store)
        paths = [path for path in place.glob("*/*/*") if path.name != LOGS]
        found = {f"{path.parts[-3]}.{path.name}": path for path in paths}
        assert len(found) == len(paths), f"a step ran twice: {paths}"
        return found

    @property
    def steps(self) -> set[str]:
        """The tasks whose steps ran and wrote an artifact."""
        return {name.partition(".")[0] for name in self.artifacts}


def fingerprints(artifacts: Mapping[str, Path]) -> dict[str, str]:
    """Of each artifact."""
    return {name: fingerprint_of(path) for name, path in artifacts.items()}
