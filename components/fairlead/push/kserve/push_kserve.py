"""Pushes a bundle to KServe: preflight, candidate, proof, switch, proof again."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.directory import fingerprint_of
from fairlead.cluster.connect import Cluster
from fairlead.errors import ConfigError, ServeError
from fairlead.object_store import as_s3, is_remote, upload
from fairlead.push.kserve.lease import Lease
from fairlead.push.kserve.preflight import FORMAT, preflight
from fairlead.push.kserve.prove import endpoint_of, prove
from fairlead.push.kserve.service import LINEAGE, MODEL, RUN, SOURCE, InferenceService, Revision
from fairlead.push.kserve.switch import Switch
from fairlead.push.push_result import PushResult

if TYPE_CHECKING:
    from fairlead.artifacts.bundle import ModelBundle
    from fairlead.push.kserve.preflight import Ground
    from fairlead.push.push_model import PushModelConfig
    from fairlead.push.push_result import Action

    Json = dict[str, Any]

LONGEST_LINEAGE = 40_000  # an object's annotations hold 256 KiB, and this is kept of three revisions
#: The parts of a predictor that say what it runs; everything else there is the operator's.
FRAMEWORKS = {
    "containers", "huggingface", "lightgbm", "model", "onnx", "paddle", "pmml", "pytorch", "sklearn", "tensorflow",
    "triton", "xgboost",
}  # fmt: skip


def push_kserve(bundle: ModelBundle, uri: str, config: PushModelConfig) -> PushResult:
    """Serves a bundle in the cluster.

    Args:
        bundle: the model, on this machine.
        uri: where the same bundle lies, when that is an object store.
        config: where it goes.

    Raises:
        ConfigError: the model lies nowhere that the cluster reads, or the service's name is too long.
        ClusterError: rights or the runtime are missing, the cluster refuses, or another push goes on.
        ServeError: the model cannot come up there, answers wrongly or too slowly; what served before serves.
    """
    cluster = Cluster.connect(config.namespace)
    ground = preflight(cluster, config)
    storage = _store(bundle, uri, config)
    push = uuid.uuid4().hex
    with Lease.hold(cluster, config.service, push, 2 * config.rollout_timeout) as lease:
        switch = Switch(cluster, config.service, push, lease, ground.mode, config.rollout_timeout, config.timeout)
        before = switch.settle()
        notes = {MODEL: bundle.fingerprint, SOURCE: uri, RUN: config.run, LINEAGE: _lineage(bundle)}
        predictor = predictor_of(storage, config, ground, before)
        wanted = Revision(predictor, {key: value for key, value in notes.items() if value})
        if before and _serves_already(switch, before, wanted, bundle, config):
            return _result("unchanged", before, bundle, config)
        after = switch.run(wanted, before, lambda endpoint: prove(endpoint, bundle, config.latency_slo_ms))
        return _result("updated" if before else "created", after, bundle, config)


def _store(bundle: ModelBundle, uri: str, config: PushModelConfig) -> str:
    """Where the storage initialiser finds the bundle; copies it there when a place was given."""
    if config.storage:
        place = f"{as_s3(config.storage).rstrip('/')}/{config.service}/{bundle.fingerprint}"
        upload(bundle.path, place)
        return place
    if is_remote(uri):
        return as_s3(uri)
    advice = "give storage, such as s3://models/fairlead: the bundle is copied there"
    raise ConfigError("the cluster cannot read a model on this machine", where=uri or bundle.path, do=advice)


def predictor_of(storage: str, config: PushModelConfig, ground: Ground, before: InferenceService | None) -> Json:
    """What the service shall run; what an operator set on its predictor stays."""
    live = before.revision.predictor if before else {}
    predictor: Json = {key: value for key, value in live.items() if key not in FRAMEWORKS}
    predictor["serviceAccountName"] = config.service_account
    predictor["deploymentStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    if ground.initializer:
        predictor["storageContainerName"] = ground.initializer
    if config.min_replicas:
        predictor["minReplicas"] = config.min_replicas
        predictor["maxReplicas"] = max(config.min_replicas, predictor.get("maxReplicas", 0))
    kind = {"name": FORMAT, "version": "1"}
    predictor["model"] = {
        "modelFormat": kind,
        "runtime": config.runtime,
        "protocolVersion": "v2",
        "storageUri": storage,
    }
    return predictor


def _lineage(bundle: ModelBundle) -> str:
    text = json.dumps(bundle.lineage, sort_keys=True)
    if len(text) <= LONGEST_LINEAGE:
        return text
    short = {key: value for key, value in bundle.lineage.items() if len(json.dumps(value)) < LONGEST_LINEAGE / 10}
    return json.dumps({**short, "shortened": fingerprint_of(bundle.path / "lineage.json")}, sort_keys=True)


def _serves_already(
    switch: Switch, before: InferenceService, wanted: Revision, bundle: ModelBundle, config: PushModelConfig
) -> bool:
    """The same model under the same settings, and it proves itself."""
    live = before.revision
    here = {**wanted.predictor, "model": {**wanted.predictor["model"], "storageUri": live.storage}}
    if live.fingerprint != wanted.fingerprint or not _within(here, live.predictor):
        return False
    try:
        prove(endpoint_of(switch.cluster, before, config.timeout), bundle, config.latency_slo_ms)
    except ServeError:
        return False
    return True


def _within(wanted: Any, live: Any) -> bool:
    """What is wanted is there; KServe adds defaults of its own."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_within(value, live.get(key)) for key, value in wanted.items())
    return bool(wanted == live)


def _result(action: Action, service: InferenceService, bundle: ModelBundle, config: PushModelConfig) -> PushResult:
    from fairlead.push.endpoint import Endpoint

    previous = service.revision.previous
    curl = Endpoint(service.url, config.service, config.timeout).curl(bundle)
    return PushResult(action, service.url, bundle.fingerprint, previous.fingerprint if previous else "", curl)
