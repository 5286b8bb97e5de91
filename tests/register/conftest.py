"""A small real model, and a registry of its own for every test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from onnx import TensorProto, helper

from fairlead.artifacts.bundle import Feature, ModelBundle, Signature, write_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def graph() -> bytes:
    """`prediction` = x + the number of category c, which is 1 for "a", 2 for "b" and 0 for others."""
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N", 1])
    c = helper.make_tensor_value_info("c", TensorProto.STRING, ["N", 1])
    y = helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, ["N", 1])
    codes = {"keys_strings": ["a", "b"], "values_floats": [1.0, 2.0], "default_float": 0.0}
    nodes = [
        helper.make_node("LabelEncoder", ["c"], ["code"], domain="ai.onnx.ml", **codes),
        helper.make_node("Cast", ["code"], ["number"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["x", "number"], ["prediction"]),
    ]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(helper.make_graph(nodes, "sum", [x, c], [y]), opset_imports=opsets, ir_version=9)
    return bytes(made.SerializeToString())


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., ModelBundle]:
    def make(name: str = "model", rmse: float = 1.5) -> ModelBundle:
        return write_bundle(
            tmp_path / name,
            onnx=graph(),
            native={"model.txt": b"tree"},
            signature=Signature("regression", "y", (Feature("x", "number"), Feature("c", "category"))),
            golden={
                "inputs": {"x": [1.0, None, 3.0], "c": ["a", "b", None]},
                "outputs": {"prediction": [2.0, None, 3.0]},
            },
            baseline={"x": {"nulls": 1}},
            metrics={"rmse": rmse},
            lineage={
                "component": "train_sum",
                "data": "d" * 64,
                "config": {"target": "y", "rate": 0.1, "features": ["x", "c"], "note": "", "odd?name": "ö" * 7000},
                "versions": {"onnx": "1"},
            },
        )

    return make


@pytest.fixture
def bundle(make_bundle: Callable[..., ModelBundle]) -> ModelBundle:
    return make_bundle()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once: its migrations take longer than a test."""
    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    code = f"from fairlead.register.registry import open_registry\nwith open_registry('sqlite:///{path}'): pass"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=path.parent)
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_database: Path) -> str:
    """A registry without models."""
    path = tmp_path / "registry" / "mlflow.db"
    path.parent.mkdir()
    shutil.copyfile(empty_database, path)
    return f"sqlite:///{path}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the developer's own MLflow gets in, and nothing of the test gets out."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FAIRLEAD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"
