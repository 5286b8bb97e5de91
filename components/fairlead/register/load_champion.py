"""Fetches the model that serves now, so that a new one can be held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.config import Config
from fairlead.artifacts.directory import new_directory
from fairlead.errors import ArtifactError
from fairlead.register.registry import FINGERPRINT_TAG, NAME, Registry, database_of, default_uri, open_registry

if TYPE_CHECKING:
    from pathlib import Path


class LoadChampionConfig(Config):
    """Which model to fetch, and from where.

    Attributes:
        name: of the registered model.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        alias: that points at the version.
    """

    name: str = Field(pattern=NAME)
    tracking_uri: str = ""
    alias: str = Field(default="champion", pattern=NAME)


def load_champion(config: LoadChampionConfig, champion: Path) -> ModelBundle | None:
    """Fetches and checks the bundle behind an alias.

    Args:
        config: name, registry and alias.
        champion: the ModelBundle to write; an empty directory when there is none yet.

    Returns:
        The bundle, None when there is no champion yet.

    Raises:
        ArtifactError: the registry's copy is damaged or gone.
        ConfigError: an address that cannot be used.
        RunError: the registry does not answer.
    """
    database = database_of(config.tracking_uri or default_uri())
    if database is not None and not database.exists():
        with new_directory(champion):
            return None  # before the first model: no reason to make a database
    with open_registry(config.tracking_uri) as registry, new_directory(champion) as draft:
        version = registry.aliases(config.name).get(config.alias)
        if version is not None:
            _fetch_bundle(registry, config.name, version, draft)
    return ModelBundle.open(champion) if version is not None else None


def _fetch_bundle(registry: Registry, name: str, version: str, directory: Path) -> None:
    entry = registry.client.get_model_version(name, version)
    fetched = registry.fetch(entry, "bundle", directory)
    bundle = ModelBundle.open(fetched)
    expected = entry.tags.get(FINGERPRINT_TAG)
    if bundle.fingerprint != expected:
        where = f"{name} version {version}"
        advice = "register the model again; this version's files are of another one"
        raise ArtifactError("the bundle is not the one registered", where=where, got=bundle.fingerprint, do=advice)
    for path in sorted(fetched.iterdir()):
        path.rename(directory / path.name)
    fetched.rmdir()
