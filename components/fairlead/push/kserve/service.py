"""InferenceService: one service as the cluster has it, and what a push writes into it.

A service's annotations go to its pods, so each change of them rolls the pods. All that a push has to say is therefore
written once, together with the spec, and nothing afterwards.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.cluster.connect import CONFLICT
from fairlead.errors import ArtifactError, ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.cluster.connect import Cluster

    Json = dict[str, Any]

GROUP = "serving.kserve.io"
VERSION = f"{GROUP}/v1beta1"
MARK = "fairlead.dev/"
MODEL, PUSH, RUN, SOURCE, LINEAGE, PREVIOUS = (
    f"{MARK}{name}" for name in ("model", "push", "run", "source", "lineage", "previous")
)
CANDIDATE_OF = f"{MARK}candidate-of"
MODE = f"{GROUP}/deploymentMode"
CONFLICT_S, POLL_S = 30.0, 0.2


@dataclass(frozen=True)
class Revision:
    """What a service serves: a predictor, and what is known of its model.

    Attributes:
        predictor: `spec.predictor`.
        notes: the annotations of ours that belong to it, the push that wrote it and what served before among them.
    """

    predictor: Json
    notes: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Of the model; "" when it is not ours."""
        return self.notes.get(MODEL, "")

    @property
    def storage(self) -> str:
        """Where the model lies, as the storage initialiser reads it."""
        return str((self.predictor.get("model") or {}).get("storageUri", ""))

    @property
    def previous(self) -> Revision | None:
        """What served before.

        Raises:
            ArtifactError: somebody changed the annotation.
        """
        text = self.notes.get(PREVIOUS)
        if not text:
            return None
        try:
            kept = json.loads(text)
            return Revision(dict(kept["predictor"]), dict(kept["notes"]))
        except (ValueError, KeyError, TypeError) as error:
            advice = "push the model that it shall serve"
            where = f"annotation {PREVIOUS}"
            raise ArtifactError("what served before cannot be read", where=where, got=error, do=advice) from None

    def by(self, push: str) -> Revision:
        """The same, written by this push."""
        return Revision(self.predictor, {**self.notes, PUSH: push})

    def after(self, previous: Revision | None) -> Revision:
        """The same, with a note of what served before, two revisions back at most."""
        notes = {key: value for key, value in self.notes.items() if key != PREVIOUS}
        if previous:
            before = previous.previous
            kept = previous.after(None) if before is None else previous.after(before.after(None))
            notes[PREVIOUS] = json.dumps({"predictor": kept.predictor, "notes": dict(kept.notes)}, sort_keys=True)
        return Revision(self.predictor, notes)


@dataclass(frozen=True)
class InferenceService:
    """A service in a cluster, or one about to be."""

    body: Json

    @property
    def name(self) -> str:
        """The service's."""
        return str(self.body["metadata"]["name"])

    @property
    def annotations(self) -> dict[str, str]:
        """Everybody's."""
        return dict(self.body["metadata"].get("annotations") or {})

    @property
    def push(self) -> str:
        """The push that wrote it last; "" when that was somebody else."""
        return self.annotations.get(PUSH, "")

    @property
    def revision(self) -> Revision:
        """What it serves."""
        notes = {key: value for key, value in self.annotations.items() if key.startswith(MARK)}
        return Revision(self.body["spec"]["predictor"], notes)

    @property
    def ready(self) -> bool:
        """What KServe says; while pods change, it says it of the old ones."""
        conditions = (self.body.get("status") or {}).get("conditions") or []
        return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)

    @property
    def url(self) -> str:
        """Its address inside the cluster, as KServe tells it."""
        told = ((self.body.get("status") or {}).get("address") or {}).get("url", "")
        return str(told) or f"http://{self.name}-predictor.{self.body['metadata']['namespace']}"

    def serving(self, revision: Revision) -> InferenceService:
        """The same service with another revision; everybody else's labels, annotations and components stay."""
        theirs = {key: value for key, value in self.annotations.items() if not key.startswith(MARK)}
        metadata = {**self.body["metadata"], "annotations": {**theirs, **revision.notes}}
        return InferenceService(
            {**self.body, "metadata": metadata, "spec": {**self.body["spec"], "predictor": revision.predictor}}
        )


def services_path(namespace: str) -> str:
    """Where the API server has the services of a namespace."""
    return f"/apis/{VERSION}/namespaces/{namespace}/inferenceservices"


def pods_label(name: str) -> str:
    """What selects the pods of a service."""
    return f"{GROUP}/inferenceservice={name}"


def new_service(name: str, namespace: str, mode: str, labels: Mapping[str, str] | None = None) -> InferenceService:
    """A service that is not in the cluster yet."""
    metadata = {"name": name, "namespace": namespace, "annotations": {MODE: mode}, "labels": dict(labels or {})}
    return InferenceService(
        {"apiVersion": VERSION, "kind": "InferenceService", "metadata": metadata, "spec": {"predictor": {}}}
    )


class Services:
    """The services of a namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._path = services_path(cluster.namespace)

    def read(self, name: str) -> InferenceService | None:
        """The service, if it is there."""
        body = self._cluster.get(f"{self._path}/{name}")
        return InferenceService(body) if body else None

    def names(self) -> list[str]:
        """Every service that a user made."""
        found = [item["metadata"] for item in self._cluster.items(self._path)]
        return sorted(item["name"] for item in found if CANDIDATE_OF not in (item.get("labels") or {}))

    def candidates(self, name: str) -> list[InferenceService]:
        """What pushes of this service try out, or have left."""
        found = self._cluster.items(self._path, labelSelector=f"{CANDIDATE_OF}={name}")
        return [InferenceService(body) for body in found if "deletionTimestamp" not in body["metadata"]]

    def write(self, wanted: InferenceService, over: InferenceService | None) -> InferenceService:
        """Creates a service, or writes it over what was read before.

        Args:
            wanted: the service with its new revision and the id of this push.
            over: what was read; None when there was none.

        Raises:
            ClusterError: somebody else wrote it in between; or the cluster refuses.
        """
        deadline = time.monotonic() + CONFLICT_S
        while True:
            now = self.read(wanted.name)
            if now and now.push == wanted.push:
                return now  # our own write, whose answer was lost
            if not _unchanged(now, over):
                got = f"written by {now.push or 'somebody else'}" if now else "it is gone"
                advice = "see who that was, and push again"
                raise ClusterError(
                    "another hand changed the service during this push", where=wanted.name, got=got, do=advice
                )
            try:
                return self._put(wanted, now)
            except ClusterError as error:  # the controller marks a service's status at any time
                if error.status != CONFLICT or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_S)

    def _put(self, wanted: InferenceService, now: InferenceService | None) -> InferenceService:
        if now is None:
            return InferenceService(self._cluster.create(self._path, wanted.body))
        version = now.body["metadata"]["resourceVersion"]
        body = {**wanted.body, "metadata": {**wanted.body["metadata"], "resourceVersion": version}}
        return InferenceService(self._cluster.replace(f"{self._path}/{wanted.name}", body))

    def delete(self, service: InferenceService) -> None:
        """Removes exactly this service, not one that took its name since."""
        uid, deadline = service.body["metadata"]["uid"], time.monotonic() + CONFLICT_S
        now: InferenceService | None = service
        while now and now.body["metadata"]["uid"] == uid:
            try:
                self._cluster.delete(f"{self._path}/{service.name}", {"preconditions": {"uid": uid}})
                now = None
            except ClusterError as error:
                if error.status != CONFLICT or time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)
                now = self.read(service.name)


def _unchanged(now: InferenceService | None, before: InferenceService | None) -> bool:
    """Nobody but the controller, which writes the status, touched it."""
    if now is None or before is None:
        return now is before
    mine, theirs = now.body["metadata"], before.body["metadata"]
    return (mine["uid"], mine["generation"], now.annotations) == (
        theirs["uid"],
        theirs["generation"],
        before.annotations,
    )
