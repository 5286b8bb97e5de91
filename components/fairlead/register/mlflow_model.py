"""A bundle as MLflow knows it: a folder with its ONNX flavour, a signature, tags and parameters."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from fairlead import __version__
from fairlead.register.registry import FINGERPRINT_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle, Signature

EXAMPLE_ROWS = 5
LONGEST_NAME, LONGEST_PARAM = 250, 6000  # characters, MLflow's limits


def save_mlflow_model(path: Path, bundle: ModelBundle, model_id: str = "", run_id: str = "") -> None:
    """Writes the folder that a registry keeps: MLflow's ONNX model, and the sealed bundle in `bundle/`.

    The requirements are given, since MLflow would start processes and ask a package index to infer them.
    """
    from importlib.metadata import version

    import mlflow.onnx
    import onnx
    from mlflow.models import Model

    mlflow.onnx.save_model(
        onnx.load(bundle.onnx),
        path,
        mlflow_model=Model(run_id=run_id or None, model_id=model_id or None),
        signature=mlflow_signature(bundle.signature),
        input_example=_example(bundle),
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnx", "onnxruntime")],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    shutil.copytree(bundle.path, path / "bundle")


def mlflow_signature(signature: Signature) -> Any:
    """The graph's tensors in MLflow's words; with columns in their place its tools would feed flat arrays and fail."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    number, text = np.dtype("float64"), np.dtype("object")
    inputs = [TensorSpec(number if f.kind == "number" else text, (-1, 1), f.name) for f in signature.features]
    if signature.task == "regression":
        return ModelSignature(Schema(inputs), Schema([TensorSpec(number, (-1, 1), "prediction")]))
    outputs = [
        TensorSpec(text, (-1,), "prediction"),
        TensorSpec(number, (-1, len(signature.classes)), "probabilities"),
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _example(bundle: ModelBundle) -> dict[str, Any]:
    """The first golden rows as the tensors that the graph takes."""
    import numpy as np

    rows, tensors = bundle.golden["inputs"], {}
    for feature in bundle.signature.features:
        kind, missing = (np.float64, np.nan) if feature.kind == "number" else (object, "")
        values = [missing if value is None else value for value in rows[feature.name][:EXAMPLE_ROWS]]
        tensors[feature.name] = np.array(values, dtype=kind).reshape(-1, 1)
    return tensors


def tags_of(bundle: ModelBundle) -> dict[str, str]:
    """What a run, a model and a version are found by."""
    tags = {
        FINGERPRINT_TAG: bundle.fingerprint,
        "fairlead.version": __version__,
        "fairlead.task": bundle.signature.task,
    }
    data = bundle.lineage.get("data")
    return {**tags, "fairlead.data": data} if isinstance(data, str) else tags


def params_of(lineage: Mapping[str, Any]) -> dict[str, str]:
    """Lineage as MLflow's flat text: `config.learning_rate`, `versions.lightgbm`; lists and deeper values as JSON."""
    params: dict[str, str] = {}
    for name, value in lineage.items():
        inner = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        for key, part in inner.items():
            text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, sort_keys=True)
            params[re.sub(r"[^\w.\- :/]", "_", key)[:LONGEST_NAME]] = text[:LONGEST_PARAM]
    return params
