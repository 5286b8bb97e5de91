"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Input, Model, Output


@component(image=TABULAR, needs="network")
def register_model(
    model: Input[Model],
    name: str,
    tracking_uri: str = "",
    experiment: str = "fairlead",
    alias: str = "candidate",
) -> NamedTuple("Outputs", [("version", str)]):
    """Registers a model in MLflow under a name and an alias; an equal model keeps its version.

    Args:
        model: the bundle to register.
        name: of the registered model.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        experiment: that the run belongs to; made when it is not there.
        alias: that points at the version afterwards.
        version: that the registry gave it.
    """
    from pathlib import Path

    from fairlead.register.register_model import RegisterModelConfig, register_model

    config = RegisterModelConfig(name=name, tracking_uri=tracking_uri, experiment=experiment, alias=alias)
    return (register_model(Path(model.path), config).version,)


@component(image=TABULAR, needs="network")
def load_champion(
    champion: Output[Model],
    name: str,
    tracking_uri: str = "",
    alias: str = "champion",
) -> NamedTuple("Outputs", [("found", bool), ("champion_fingerprint", str)]):
    """Fetches the model that serves now from MLflow; an empty directory when there is none yet.

    Args:
        champion: its bundle.
        name: of the registered model.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        alias: that points at the version.
        found: True when there is one.
        champion_fingerprint: of all files of the champion; "" when there is none.
    """
    from pathlib import Path

    from fairlead.register.load_champion import LoadChampionConfig, load_champion

    bundle = load_champion(LoadChampionConfig(name=name, tracking_uri=tracking_uri, alias=alias), Path(champion.path))
    champion.metadata.update(bundle.metadata if bundle else {})
    return (bundle is not None, bundle.fingerprint if bundle else "")


@component(image=TABULAR, needs="network")
def promote_model(
    name: str,
    version: str,
    tracking_uri: str = "",
    alias: str = "champion",
    candidate: str = "candidate",
) -> None:
    """Moves an alias to a version in MLflow, after its push was verified.

    Args:
        name: of the registered model.
        version: that becomes champion.
        tracking_uri: `http(s)://...` or `sqlite:///FILE`; empty takes MLFLOW_TRACKING_URI or a file in FAIRLEAD_HOME.
        alias: that moves to the version.
        candidate: the alias that the version loses, if it has it.
    """
    from fairlead.register.promote_model import PromoteModelConfig, promote_model

    promote_model(
        PromoteModelConfig(name=name, version=version, tracking_uri=tracking_uri, alias=alias, candidate=candidate)
    )
