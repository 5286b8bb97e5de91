"""Registers a model: a run with its numbers, a model with its signature and bundle, and a version with an alias."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.config import Config
from fairlead.errors import ArtifactError
from fairlead.register.mlflow_model import params_of, save_mlflow_model, tags_of
from fairlead.register.registry import FINGERPRINT_TAG, NAME, Registry, database_of, open_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RegisterModelConfig(Config):
    """Where a model is registered and as what.

    Attributes:
        name: of the registered model; letters, digits, dots, dashes and underscores.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        experiment: that the run belongs to; made when it is not there.
        alias: that points at the version afterwards.
    """

    name: str = Field(pattern=NAME)
    tracking_uri: str = ""
    experiment: str = Field(default="fairlead", min_length=1)
    alias: str = Field(default="candidate", pattern=NAME)


@dataclass(frozen=True)
class Registration:
    """What the registry now holds.

    Attributes:
        name: of the registered model.
        version: of this model, a whole number as text.
        run_id: of the MLflow run that tells its story.
        created: False when an equal model was there already.
    """

    name: str
    version: str
    run_id: str
    created: bool


def register_model(model: Path, config: RegisterModelConfig) -> Registration:
    """Registers a bundle once: a model with the same fingerprint keeps its version.

    The version's model holds MLflow's ONNX flavour, so that its tools can load it, and the sealed bundle in `bundle/`.

    Args:
        model: a ModelBundle.
        config: name, registry, experiment and alias.

    Raises:
        ArtifactError: the bundle is damaged, or the registry lost the signature.
        ConfigError: an address or name that cannot be used.
        RunError: the registry does not answer.
    """
    bundle = ModelBundle.open(model)
    with open_registry(config.tracking_uri) as registry:
        found = _find_version(registry, config.name, bundle.fingerprint)
        version = found or _create_version(registry, config, bundle)
        require_signature(registry, version)
        registry.move_alias(config.name, config.alias, str(version.version))
    return Registration(config.name, str(version.version), version.run_id, created=found is None)


def require_signature(registry: Registry, version: Any) -> None:
    """Looks whether a version's model has its signature; MLflow can drop one without a word (mlflow#25593).

    Raises:
        ArtifactError: it has none, or the model cannot be fetched.
    """
    from mlflow.models import Model

    with TemporaryDirectory() as directory:
        signature = Model.load(str(registry.fetch(version, "MLmodel", Path(directory)))).signature
    if signature is None or signature.inputs is None or signature.outputs is None:
        where = f"{version.name} version {version.version}"
        raise ArtifactError(
            "the registered model has no signature", where=where, do="delete this version and register again"
        )


def _find_version(registry: Registry, name: str, fingerprint: str) -> Any:
    """The latest ready version of an equal model, or None."""
    tagged = f"name = '{name}' and tags.`{FINGERPRINT_TAG}` = '{fingerprint}'"
    found = [version for version in registry.client.search_model_versions(tagged) if version.status == "READY"]
    return max(found, key=lambda version: int(version.version), default=None)


def _create_version(registry: Registry, config: RegisterModelConfig, bundle: ModelBundle) -> Any:
    """Logs everything first, so that a version exists only when all of it does."""
    client, tags, params = registry.client, tags_of(bundle), params_of(bundle.lineage)
    with _run(registry, config, tags) as run:
        run_id = run.info.run_id
        logged = client.create_logged_model(
            run.info.experiment_id, config.name, run_id, tags, params, model_type="onnx"
        )
        with TemporaryDirectory() as directory:
            save_mlflow_model(Path(directory) / "model", bundle, logged.model_id, run_id)
            client.log_model_artifacts(logged.model_id, str(Path(directory) / "model"))
        client.finalize_logged_model(logged.model_id, "READY")
        _log_numbers(client, run_id, logged.model_id, bundle, params)
    _ensure_registered(client, config.name)
    return client.create_model_version(
        config.name, logged.artifact_location, run_id, tags=tags, model_id=logged.model_id
    )


@contextmanager
def _run(registry: Registry, config: RegisterModelConfig, tags: Mapping[str, str]) -> Iterator[Any]:
    """The run that Kubeflow Pipelines opened for this step (KEP-12862), or one of our own."""
    client, given = registry.client, os.environ.get("MLFLOW_RUN_ID", "")
    if given and registry.uri == os.environ.get("MLFLOW_TRACKING_URI"):
        for key, value in tags.items():
            client.set_tag(given, key, value)
        yield client.get_run(given)
        return
    run = client.create_run(_experiment(registry, config.experiment), tags=dict(tags), run_name=config.name)
    try:
        yield run
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id)


def _experiment(registry: Registry, name: str) -> str:
    """The experiment's id; in a SQLite registry a new one keeps its files beside the database."""
    from mlflow.exceptions import MlflowException

    if (found := registry.client.get_experiment_by_name(name)) is not None:
        return str(found.experiment_id)
    database = database_of(registry.uri)
    place = (database.parent / "mlartifacts").as_uri() if database else None
    try:
        return str(registry.client.create_experiment(name, place))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(registry.client.get_experiment_by_name(name).experiment_id)  # another process was first


def _ensure_registered(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _log_numbers(client: Any, run_id: str, model_id: str, bundle: ModelBundle, params: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = [Metric(name, value, now, 0, model_id=model_id, run_id=run_id) for name, value in bundle.metrics.items()]
    client.log_batch(run_id, metrics, [Param(name, value) for name, value in params.items()])
