"""Makes a version the champion, once its push has been verified."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from fairlead.artifacts.config import Config
from fairlead.register.registry import NAME, open_registry


class PromoteModelConfig(Config):
    """Which version becomes champion.

    Attributes:
        name: of the registered model.
        version: a whole number as text.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        alias: that moves to the version.
        candidate: the alias that the version loses, if it has it.
    """

    name: str = Field(pattern=NAME)
    version: str = Field(pattern=r"^[1-9][0-9]{0,8}$")
    tracking_uri: str = ""
    alias: str = Field(default="champion", pattern=NAME)
    candidate: str = Field(default="candidate", pattern=NAME)


@dataclass(frozen=True)
class Promotion:
    """What was moved.

    Attributes:
        version: that is champion now.
        previous: that was before, "" for the first; the same as `version` when nothing changed.
    """

    version: str
    previous: str


def promote_model(config: PromoteModelConfig) -> Promotion:
    """Moves the alias to a version; twice is the same as once.

    Raises:
        ArtifactError: the registry has no such version.
        ConfigError: an address that cannot be used.
        RunError: the registry does not answer, or another run moved the alias at the same time.
    """
    with open_registry(config.tracking_uri) as registry:
        registry.client.get_model_version(config.name, config.version)
        before = registry.aliases(config.name)
        registry.move_alias(config.name, config.alias, config.version)
        if before.get(config.candidate) == config.version:
            registry.client.delete_registered_model_alias(config.name, config.candidate)
    return Promotion(config.version, before.get(config.alias, ""))
