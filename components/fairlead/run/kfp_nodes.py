"""A run's nodes: what the workflow behind a Kubeflow Pipelines run has come to.

The API's own task details name no parents; the workflow's manifest, which the same API gives, has every node under its
full path, with the words of its driver (skip, reuse, the step's pod) and where its log was archived:

    root.TASK-driver                      decides; its outputs say how
    root.TASK.executor                    the step's pod; with retries executor(0), executor(1), ...
    root.GROUP-driver, root.GROUP.TASK    a condition, a nested pipeline
    root.GROUP.onExit.TASK                an exit handler
    root.LOOP.iteration-iterations(0:0).iteration-item.TASK
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAME = "{{workflow.name}}"  # in the keys of archived logs
ENDED = ("Succeeded", "Failed", "Error", "Skipped", "Omitted")
ITERATION = re.compile(r"\.iteration-iterations\((?P<index>\d+):[^)]*\)\.iteration-item")
ATTEMPT = re.compile(r"\((\d+)\)")


@dataclass(frozen=True)
class Node:
    """One node of the workflow; most are pods."""

    given: dict[str, Any]
    workflow: str
    bucket: str

    @property
    def phase(self) -> str:
        """Pending, Running, or one of ENDED; "" before all that."""
        return str(self.given.get("phase", ""))

    @property
    def ended(self) -> bool:
        """It will not change any more."""
        return self.phase in ENDED

    @property
    def message(self) -> str:
        """Why it waits, was left out, or failed."""
        return str(self.given.get("message", ""))

    @property
    def pod(self) -> str:
        """The name of its pod."""
        number = self.given["id"].rpartition("-")[2]
        return f"{self.workflow}-{self.given['templateName']}-{number}"

    @property
    def log(self) -> str:
        """Where its log was archived; "" when it was not, or not yet."""
        for artifact in self.given.get("outputs", {}).get("artifacts", []):
            for scheme, store in (("s3", "s3"), ("gs", "gcs")):
                if artifact["name"] == "main-logs" and artifact.get(store):
                    return f"{scheme}://{artifact[store].get('bucket') or self.bucket}/{artifact[store]['key']}"
        return ""

    def output(self, name: str) -> str:
        """An output parameter of a driver."""
        for parameter in self.given.get("outputs", {}).get("parameters", []):
            if parameter["name"] == name:
                return str(parameter.get("value", ""))
        return ""

    def argument(self, name: str) -> str:
        """What the launcher of a driver's step is told, such as `--executor_input`; "" when there is no such pod."""
        patch = self.output("pod-spec-patch")
        command = json.loads(patch)["containers"][0]["command"] if patch else []
        return str(command[command.index(name) + 1]) if name in command else ""

    @property
    def began(self) -> float:
        """When it began, in seconds; 0 before."""
        return _seconds(self.given.get("startedAt"))

    @property
    def finished(self) -> float:
        """When it ended, likewise."""
        return _seconds(self.given.get("finishedAt"))


class Nodes:
    """All nodes of a workflow, by their path below its name.

    Args:
        manifest: the workflow.

    Attributes:
        archives: the logs of its pods go to the object store.
        archive: below which they all lie there; "" when that is not known.
        phase: of the whole.
        message: why it failed as a whole.
    """

    def __init__(self, manifest: dict[str, Any]) -> None:
        status, name = manifest.get("status", {}), manifest.get("metadata", {}).get("name", "")
        packed = status.get("compressedNodes")  # of a large workflow
        nodes = json.loads(gzip.decompress(base64.b64decode(packed))) if packed else status.get("nodes") or {}
        store = status.get("artifactRepositoryRef", {}).get("artifactRepository", {})
        scheme, kept = ("gs", store["gcs"]) if store.get("gcs") else ("s3", store.get("s3") or {})
        bucket, (before, named, _) = str(kept.get("bucket", "")), str(kept.get("keyFormat", "")).partition(NAME)
        self.archives = bool(store.get("archiveLogs"))
        self.archive = f"{scheme}://{bucket}/{before}{name}" if self.archives and named else ""
        self.phase, self.message = str(status.get("phase", "")), str(status.get("message", ""))
        self._nodes: dict[str, Node] = {
            item["name"].removeprefix(f"{name}."): Node(item, name, bucket) for item in nodes.values()
        }

    @property
    def ended(self) -> bool:
        """The whole workflow has."""
        return self.phase in ENDED

    def get(self, path: str) -> Node | None:
        """The node at a path."""
        return self._nodes.get(path)

    def attempts(self, path: str) -> list[Node]:
        """The pods of a step, in the order in which they were tried."""
        tried = {name: node for name, node in self._nodes.items() if name.startswith(f"{path}.executor(")}
        if tried:
            return [tried[name] for name in sorted(tried, key=lambda name: int(ATTEMPT.findall(name)[-1]))]
        only = self.get(f"{path}.executor")
        return [only] if only else []

    def iterations(self, path: str) -> dict[int, str]:
        """The paths of a loop's iterations by their index."""
        found = (ITERATION.fullmatch(name.removeprefix(path)) for name in self._nodes if name.startswith(path))
        return {int(match["index"]): f"{path}{match[0]}" for match in found if match}

    def of_execution(self, execution: str) -> str:
        """The path of the step that ML Metadata knows by this id; "" when it is none of these."""
        for path, node in self._nodes.items():
            if path.endswith("-driver") and node.argument("--execution_id") == execution:
                return path.removesuffix("-driver")
        return ""


def _seconds(text: str | None) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() if text else 0.0
