"""The shims show each parameter of the configs, with the same defaults, and run in a pipeline."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from training_tables import TRAINERS, flights, write_pair

from fairlead.train import component
from fairlead.train.train_lightgbm import TrainLightgbmConfig
from fairlead.train.train_sklearn import TrainSklearnConfig

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.artifacts.config import Config

ARTIFACTS = ["train", "validation", "model", "train_fingerprint", "validation_fingerprint"]
SHIMS = [(component.train_lightgbm, TrainLightgbmConfig), (component.train_sklearn, TrainSklearnConfig)]
LIGHTGBM_TYPES = {"num_trees": "Integer", "learning_rate": "Float", "features": "List[String]", "task": "String"}


class Artifact:
    """What kfp hands to a shim: a path and metadata."""

    def __init__(self, path: Path) -> None:
        self.path, self.metadata = str(path), dict[str, Any]()


@pytest.mark.parametrize(("shim", "config"), SHIMS)
def test_parameters_are_those_of_the_config(shim: Any, config: type[Config]) -> None:
    shown = dict(inspect.signature(shim.__wrapped__).parameters)
    assert [shown.pop(name).name for name in ARTIFACTS] == ARTIFACTS
    defaults = {name: field.get_default() for name, field in config.model_fields.items() if not field.is_required()}
    assert set(shown) == set(config.model_fields)
    given = {name: p.default for name, p in shown.items() if p.default is not p.empty}
    assert {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()} == defaults
    assert all(f"{name}:" in shim.__doc__ for name in [*ARTIFACTS, *shown])


@pytest.mark.parametrize(
    ("shim", "trainer"), [(component.train_lightgbm, "lightgbm"), (component.train_sklearn, "linear")]
)
def test_a_shim_trains_and_tells(tmp_path: Path, shim: Any, trainer: str) -> None:
    pair = write_pair(tmp_path, flights())
    model = Artifact(tmp_path / "model")
    values = {"target": "delay", "task": "regression", "exclude": ["id", "late", "grade"]}
    shim.__wrapped__(*map(Artifact, pair), model, **values)
    function, config = TRAINERS[trainer](**values)
    assert model.metadata["task"] == "regression"
    assert model.metadata["rmse"] > 0
    assert len(model.metadata["fingerprint"]) == 64
    assert function(*pair, config, tmp_path / "again").signature.target == "delay"


def test_kfp_reads_the_types() -> None:
    inputs = component.train_lightgbm.kfp.component_spec.inputs
    assert {name: inputs[name].type for name in LIGHTGBM_TYPES} == LIGHTGBM_TYPES
