"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Dataset, Input, Model, Output


@component(image=TABULAR)
def train_lightgbm(
    train: Input[Dataset],
    validation: Input[Dataset],
    model: Output[Model],
    target: str,
    task: str,
    features: list[str] = [],
    exclude: list[str] = [],
    num_leaves: int = 31,
    learning_rate: float = 0.1,
    num_trees: int = 200,
    min_data_in_leaf: int = 20,
    feature_fraction: float = 1.0,
    lambda_l2: float = 0.0,
    early_stopping_rounds: int = 20,
    seed: int = 0,
    threads: int = 1,
    train_fingerprint: str = "",
    validation_fingerprint: str = "",
) -> NamedTuple("Outputs", [("model_fingerprint", str)]):
    """Trains gradient-boosted trees with LightGBM and writes a ModelBundle.

    Args:
        train: the rows to fit.
        validation: the rows to stop early and to measure on.
        model: the ONNX graph with its signature, golden rows, baseline, metrics and lineage.
        target: the column to predict.
        task: regression or classification.
        features: the columns to learn from; empty takes all but target and exclude.
        exclude: columns that are no features, such as keys.
        num_leaves: the most leaves of a tree.
        learning_rate: the weight of each new tree.
        num_trees: the most rounds of boosting.
        min_data_in_leaf: the least training rows in a leaf.
        feature_fraction: the share of features that each tree may use.
        lambda_l2: the penalty on leaf values.
        early_stopping_rounds: stop after so many rounds without a better validation loss; 0 never.
        seed: of everything random.
        threads: to train with, at most the cores of the step; the model is the same for any number.
        train_fingerprint: of train; other rows are refused. A pipeline fills it in.
        validation_fingerprint: of validation, likewise.
        model_fingerprint: of all files of the model.
    """
    from pathlib import Path

    from fairlead.artifacts.received import received
    from fairlead.train.train_lightgbm import TrainLightgbmConfig, train_lightgbm

    config = TrainLightgbmConfig(
        target=target,
        task=task,
        features=features,
        exclude=exclude,
        num_leaves=num_leaves,
        learning_rate=learning_rate,
        num_trees=num_trees,
        min_data_in_leaf=min_data_in_leaf,
        feature_fraction=feature_fraction,
        lambda_l2=lambda_l2,
        early_stopping_rounds=early_stopping_rounds,
        seed=seed,
        threads=threads,
    )
    bundle = train_lightgbm(
        train=received(train.path, train_fingerprint),
        validation=received(validation.path, validation_fingerprint),
        config=config,
        model=Path(model.path),
    )
    model.metadata.update(bundle.metadata)
    return (bundle.fingerprint,)


@component(image=TABULAR)
def train_sklearn(
    train: Input[Dataset],
    validation: Input[Dataset],
    model: Output[Model],
    target: str,
    task: str,
    features: list[str] = [],
    exclude: list[str] = [],
    estimator: str = "linear",
    max_categories: int = 32,
    l2: float = 1.0,
    num_trees: int = 100,
    max_depth: int = 12,
    min_data_in_leaf: int = 5,
    seed: int = 0,
    threads: int = 1,
    train_fingerprint: str = "",
    validation_fingerprint: str = "",
) -> NamedTuple("Outputs", [("model_fingerprint", str)]):
    """Trains a linear model or a random forest with scikit-learn and writes a ModelBundle.

    Args:
        train: the rows to fit.
        validation: the rows to measure on.
        model: the ONNX graph with its signature, golden rows, baseline, metrics and lineage.
        target: the column to predict.
        task: regression or classification.
        features: the columns to learn from; empty takes all but target and exclude.
        exclude: columns that are no features, such as keys.
        estimator: linear or random_forest.
        max_categories: the most columns that a category may become; rarer texts share the last of them.
        l2: linear only, the penalty on the weights.
        num_trees: random_forest only, how many.
        max_depth: random_forest only, the most questions on the way to a leaf.
        min_data_in_leaf: random_forest only, the least training rows in a leaf.
        seed: of everything random.
        threads: to train with, at most the cores of the step; the model is the same for any number.
        train_fingerprint: of train; other rows are refused. A pipeline fills it in.
        validation_fingerprint: of validation, likewise.
        model_fingerprint: of all files of the model.
    """
    from pathlib import Path

    from fairlead.artifacts.received import received
    from fairlead.train.train_sklearn import TrainSklearnConfig, train_sklearn

    config = TrainSklearnConfig(
        target=target,
        task=task,
        features=features,
        exclude=exclude,
        estimator=estimator,
        max_categories=max_categories,
        l2=l2,
        num_trees=num_trees,
        max_depth=max_depth,
        min_data_in_leaf=min_data_in_leaf,
        seed=seed,
        threads=threads,
    )
    bundle = train_sklearn(
        train=received(train.path, train_fingerprint),
        validation=received(validation.path, validation_fingerprint),
        config=config,
        model=Path(model.path),
    )
    model.metadata.update(bundle.metadata)
    return (bundle.fingerprint,)
