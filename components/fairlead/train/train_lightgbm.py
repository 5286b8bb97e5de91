"""Trains gradient-boosted trees with LightGBM."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fairlead.train.train_config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from fairlead.artifacts.bundle import ModelBundle, Signature
    from fairlead.train.training_data import Examples, TrainingData

Codes = dict[str, dict[str, float]]
LEAST_PROBABILITY = 1e-15


class TrainLightgbmConfig(TrainConfig):
    """How the trees grow, over what `TrainConfig` holds; names and meanings are LightGBM's.

    Attributes:
        num_leaves: the most leaves of a tree.
        learning_rate: the weight of each new tree.
        num_trees: the most rounds of boosting; a round grows a tree, or one per class where there are more than two.
        min_data_in_leaf: the least training rows in a leaf.
        feature_fraction: the share of features that each tree may use.
        lambda_l2: the penalty on leaf values.
        early_stopping_rounds: stop after so many rounds without a better validation loss and keep the best; 0 never.
    """

    num_leaves: int = Field(default=31, ge=2, le=65_536)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    num_trees: int = Field(default=200, ge=1, le=100_000)
    min_data_in_leaf: int = Field(default=20, ge=1)
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    lambda_l2: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    early_stopping_rounds: int = Field(default=20, ge=0)


def train_lightgbm(train: Path, validation: Path, config: TrainLightgbmConfig, model: Path) -> ModelBundle:
    """Fits on one dataset, stops early and measures on the other, and writes a bundle.

    Numbers are features as they are and may be missing. Text is a category: LightGBM splits on sets of the texts that
    training holds, and a missing or unseen text goes where none of them does. LightGBM keeps a regression's target as
    float32. `native/` holds `model.txt`, LightGBM's text, and `columns.json`, the name of each feature and the texts
    whose positions are its codes.

    Args:
        train: the Dataset to fit.
        validation: the Dataset to stop early and to measure on; the same columns and types.
        config: columns, task and trees.
        model: the ModelBundle to write.

    Raises:
        DataError: data that cannot be learnt from; see `read_training_data`.
        ArtifactError: a dataset is missing or damaged, or the bundle cannot be written.
    """
    import numpy as np

    from fairlead.train.lightgbm_onnx import lightgbm_onnx
    from fairlead.train.pack_model import pack_model
    from fairlead.train.training_data import read_training_data

    data = read_training_data(train, validation, config)
    codes = _codes(data)
    measured = _matrix(data.validation, data.signature, codes)
    booster = _fit(data, config, codes, measured)
    rounds = booster.best_iteration if booster.best_iteration > 0 else booster.current_iteration()
    text = booster.model_to_string(num_iteration=rounds)
    answers = booster.predict(measured, num_iteration=rounds, num_threads=config.threads)
    binary = len(data.signature.classes) == 2  # noqa: PLR2004 - two classes
    return pack_model(
        model,
        component="train_lightgbm",
        config=config,
        data=data,
        onnx=lightgbm_onnx(text, data.signature, codes),
        native={"model.txt": text.encode(), "columns.json": _columns_json(data.signature, codes)},
        native_answers=np.column_stack([1 - answers, answers]) if binary else answers,
        metrics={"rounds": rounds},
        libraries=("lightgbm", "numpy", "onnx", "onnxruntime"),
    )


def _codes(data: TrainingData) -> Codes:
    """For each category, its texts in order and their numbers from 0."""
    texts = {
        f.name: set(data.train.columns[f.name].tolist()) - {""} for f in data.signature.features if f.kind == "category"
    }
    return {name: {text: float(code) for code, text in enumerate(sorted(found))} for name, found in texts.items()}


def _matrix(examples: Examples, signature: Signature, codes: Codes) -> np.ndarray:
    """Features as LightGBM takes them: float64 [rows, features], NaN where missing or unseen."""
    import numpy as np

    columns = []
    for feature in signature.features:
        values = examples.columns[feature.name]
        if feature.kind == "category":
            known = codes[feature.name]
            values = np.array([known.get(text, np.nan) for text in values.tolist()])
        columns.append(values)
    return np.column_stack(columns)


def _columns_json(signature: Signature, codes: Codes) -> bytes:
    columns = [
        {"name": f.name, "categories": list(codes[f.name]) if f.name in codes else None} for f in signature.features
    ]
    return (json.dumps(columns, indent=1, ensure_ascii=False) + "\n").encode()


def _fit(data: TrainingData, config: TrainLightgbmConfig, codes: Codes, measured: np.ndarray) -> Any:
    import lightgbm

    categorical = [place for place, feature in enumerate(data.signature.features) if feature.kind == "category"]
    matrix = _matrix(data.train, data.signature, codes)
    fitted = lightgbm.Dataset(matrix, data.train.target, categorical_feature=categorical)
    params = _params(config, len(data.signature.classes))
    if not config.early_stopping_rounds:
        return lightgbm.train(params, fitted, config.num_trees)
    return lightgbm.train(
        params,
        fitted,
        config.num_trees,
        valid_sets=[lightgbm.Dataset(measured, data.validation.target, reference=fitted)],
        feval=_loss(data.validation.target, len(data.signature.classes)),
        callbacks=[lightgbm.early_stopping(config.early_stopping_rounds, verbose=False)],
    )


def _params(config: TrainLightgbmConfig, classes: int) -> dict[str, Any]:
    """LightGBM's parameters, so chosen that the number of threads leaves no trace in the model.

    Column-wise, one thread sums a feature's histogram in row order; row-wise, the sums depend on the threads. The
    built-in metrics do too, so early stopping reads `_loss`.
    """
    objective = {0: "regression", 2: "binary"}.get(classes, "multiclass")
    own = config.model_dump(
        include={"num_leaves", "learning_rate", "min_data_in_leaf", "feature_fraction", "lambda_l2", "seed"}
    )
    fixed = {"deterministic": True, "force_col_wise": True, "metric": "None", "verbosity": -1}
    number = {"num_class": classes} if objective == "multiclass" else {}
    return {"objective": objective, **own, **fixed, **number, "num_threads": config.threads}


def _loss(target: np.ndarray, classes: int) -> Callable[[np.ndarray, Any], tuple[str, float, bool]]:
    """The validation loss, summed in one thread: squared error, or log loss."""
    import numpy as np

    rows = np.arange(len(target))

    def loss(answers: np.ndarray, _dataset: Any) -> tuple[str, float, bool]:
        if not classes:
            return "loss", float(np.mean((answers - target) ** 2)), False
        likely = answers[rows, target] if answers.ndim > 1 else np.where(target == 1, answers, 1 - answers)
        return "loss", float(-np.mean(np.log(np.maximum(likely, LEAST_PROBABILITY)))), False

    return loss
