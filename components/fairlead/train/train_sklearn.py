"""Trains a linear model or a random forest with scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from fairlead.train.train_config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from fairlead.artifacts.bundle import ModelBundle, Signature
    from fairlead.train.training_data import Examples


class TrainSklearnConfig(TrainConfig):
    """Which model, over what `TrainConfig` holds.

    Attributes:
        estimator: "linear" (ridge or logistic regression) or "random_forest".
        max_categories: the most columns that a category may become; rarer texts share the last of them.
        l2: linear only: the penalty on the weights.
        num_trees: random_forest only: how many.
        max_depth: random_forest only: the most questions on the way to a leaf.
        min_data_in_leaf: random_forest only: the least training rows in a leaf.
    """

    estimator: Literal["linear", "random_forest"] = "linear"
    max_categories: int = Field(default=32, ge=2, le=1000)
    l2: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    num_trees: int = Field(default=100, ge=1, le=10_000)
    max_depth: int = Field(default=12, ge=1, le=64)
    min_data_in_leaf: int = Field(default=5, ge=1)


def train_sklearn(train: Path, validation: Path, config: TrainSklearnConfig, model: Path) -> ModelBundle:
    """Fits on one dataset, measures on the other, and writes a bundle.

    A missing number becomes the training mean (0 where none is known); numbers are then centred and divided by their
    deviation. Text becomes one column per frequent text, a missing text being one of its own. An unseen text counts as
    a rare one, or as none where no text is rare. `native/model.skops` holds the scikit-learn pipeline, which takes an
    object array [rows, features] in the signature's order.

    Args:
        train: the Dataset to fit.
        validation: the Dataset to measure on; the same columns and types.
        config: columns, task and model.
        model: the ModelBundle to write.

    Raises:
        DataError: data that cannot be learnt from; see `read_training_data`.
        ArtifactError: a dataset is missing or damaged, or the bundle cannot be written.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it has no stubs

    from fairlead.train.pack_model import pack_model
    from fairlead.train.sklearn_onnx import sklearn_onnx
    from fairlead.train.skops_bytes import skops_bytes
    from fairlead.train.training_data import read_training_data

    data = read_training_data(train, validation, config)
    with threadpool_limits(1):  # sums in BLAS depend on the number of threads
        pipeline = _pipeline(config, data.signature).fit(_matrix(data.train, data.signature), data.train.target)
        # Threads that predict add up the trees in any order.
        pipeline.set_params(**{name: None for name in pipeline.get_params() if name.endswith("__n_jobs")})
        measured = _matrix(data.validation, data.signature)
        answers = pipeline.predict_proba(measured) if data.signature.classes else pipeline.predict(measured)
    return pack_model(
        model,
        component="train_sklearn",
        config=config,
        data=data,
        onnx=sklearn_onnx(pipeline, data.signature),
        native={"model.skops": skops_bytes(pipeline)},
        native_answers=answers,
        metrics={},
        libraries=("numpy", "onnx", "onnxruntime", "scikit-learn", "skops"),
    )


def _matrix(examples: Examples, signature: Signature) -> np.ndarray:
    """Features as the pipeline takes them: objects [rows, features], float or str."""
    import numpy as np

    matrix = np.empty((len(examples.target), len(signature.features)), dtype=object)
    for place, feature in enumerate(signature.features):
        matrix[:, place] = examples.columns[feature.name]
    return matrix


def _pipeline(config: TrainSklearnConfig, signature: Signature) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = Pipeline([("impute", SimpleImputer(keep_empty_features=True)), ("scale", StandardScaler())])
    categories = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=config.max_categories, sparse_output=False
    )
    branches = (("numbers", numbers, "number"), ("categories", categories, "category"))
    places = {kind: [i for i, f in enumerate(signature.features) if f.kind == kind] for _, _, kind in branches}
    used = [(name, step, places[kind]) for name, step, kind in branches if places[kind]]
    return Pipeline([("prepare", ColumnTransformer(used)), ("model", _model(config))])


def _model(config: TrainSklearnConfig) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    regression = config.task == "regression"
    if config.estimator == "linear":
        return Ridge(alpha=config.l2) if regression else LogisticRegression(C=1 / config.l2, max_iter=1000)
    forest = RandomForestRegressor if regression else RandomForestClassifier
    return forest(
        config.num_trees,
        max_depth=config.max_depth,
        min_samples_leaf=config.min_data_in_leaf,
        max_features=1 / 3 if regression else "sqrt",
        random_state=config.seed,
        n_jobs=config.threads,
    )
