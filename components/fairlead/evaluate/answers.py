"""Answers: what a model says about rows, beside what is true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.artifacts.bundle import KIND_OF_TYPE
from fairlead.artifacts.scorer import Scorer, columns_of
from fairlead.errors import SHOWN_ROWS, ArtifactError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.artifacts.bundle import ModelBundle, Signature, Task
    from fairlead.artifacts.dataset import Dataset

TARGET_TYPES = {"regression": ("int64", "float64"), "classification": ("string", "bool", "int64")}


@dataclass(frozen=True)
class Answers:
    """Truth and predictions of the same rows.

    Attributes:
        task: regression or classification.
        actual: float64 values, or int64 positions in `classes`; shape [rows].
        predicted: the same of the model.
        probabilities: float64 [rows, classes], without columns for a regression.
        classes: the model's, then those that only the data has, which the model gives probability 0.
    """

    task: Task
    actual: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...] = ()

    def at(self, rows: np.ndarray) -> Answers:
        """Only some rows, by mask or position."""
        picked = (values[rows] for values in (self.actual, self.predicted, self.probabilities))
        actual, predicted, probabilities = picked
        return replace(self, actual=actual, predicted=predicted, probabilities=probabilities)


@dataclass(frozen=True)
class Truth:
    """The rows of a test split that have a target.

    Attributes:
        dataset: the test split.
        rows: the positions of those rows in it.
        values: their targets: float64, or text for a classification.
    """

    dataset: Dataset
    rows: np.ndarray
    values: np.ndarray

    def table(self, columns: Sequence[str]) -> Any:
        """Columns of those rows, as an Arrow table."""
        table = self.dataset.table(columns)
        return table if len(self.rows) == table.num_rows else table.take(self.rows)


def read_truth(dataset: Dataset, signature: Signature) -> Truth:
    """Reads the target; rows without one cannot be judged and are left out.

    Raises:
        DataError: no rows, no such column, a type that the task has no use for, no row with a target, or an infinite
            target.
    """
    import pyarrow.compute as pc

    name, where = signature.target, f"{dataset.path}, column {signature.target!r}"
    dataset.require([name])
    if not dataset.rows:
        raise DataError("the test split has no rows", where=dataset.path, do="check the split that wrote it")
    kind = dataset.columns[name]
    if kind not in TARGET_TYPES[signature.task]:
        do = f"test on data where it is one of {', '.join(TARGET_TYPES[signature.task])}"
        raise DataError(f"a {signature.task} cannot have this target", where=where, got=kind, do=do)
    column = dataset.table([name]).column(0)
    if signature.task == "regression":
        values = pc.fill_null(pc.cast(column, "float64", safe=False), np.nan).to_numpy()
        known = ~np.isnan(values)
        _refuse(
            np.flatnonzero(np.isinf(values)), "a target is infinite", dataset, [name], "clean it or drop these rows"
        )
    else:
        values = pc.fill_null(pc.cast(column, "string"), "").to_numpy()
        known = values != ""
    if not known.any():
        got = f"{dataset.rows:,} rows without one"
        raise DataError("the test split has no target", where=where, got=got, do="test on rows whose answer is known")
    return Truth(dataset, np.flatnonzero(known), values[known])


def obstacle(signature: Signature, columns: Mapping[str, str]) -> str:
    """Why a model cannot be asked about a dataset with these columns and types, "" when it can."""
    for feature in signature.features:
        if feature.name not in columns:
            return f"it takes the column {feature.name!r}, which the test split lacks"
        if KIND_OF_TYPE.get(columns[feature.name]) != feature.kind:
            return f"it takes {feature.name!r} as a {feature.kind}, and in the test split it is {columns[feature.name]}"
    return ""


def ask(bundle: ModelBundle, truth: Truth) -> Answers:
    """Scores the rows with the bundle's graph.

    Raises:
        ArtifactError: the graph does not load, or answers a class that its signature does not have.
        DataError: the data lacks what the model takes, or the model answers NaN or infinity.
    """
    signature, dataset = bundle.signature, truth.dataset
    reason = obstacle(signature, dataset.columns)
    if reason:
        raise DataError(
            f"the model cannot be tested: {reason}", where=dataset.path, do="test on data like its training's"
        )
    names = [feature.name for feature in signature.features]
    found = Scorer.of(bundle).predict(columns_of(truth.table(names), signature))
    numbers = found["probabilities"] if signature.task == "classification" else found["prediction"].reshape(-1, 1)
    bad = truth.rows[~np.isfinite(numbers).all(axis=1)]
    _refuse(bad, "the model answers NaN or infinity", dataset, names, "look at these rows; train without such a gap")
    if signature.task == "regression":
        predicted = found["prediction"].astype(np.float64)
        return Answers("regression", truth.values, predicted, np.empty((len(predicted), 0)))
    return _classified(bundle, truth.values, found["prediction"], numbers)


def _classified(bundle: ModelBundle, actual: np.ndarray, predicted: np.ndarray, probabilities: np.ndarray) -> Answers:
    known = bundle.signature.classes
    classes = (*known, *sorted(set(actual) - set(known)))
    places = {name: at for at, name in enumerate(classes)}
    try:
        positions = np.array([places[name] for name in predicted], np.int64)
    except KeyError as error:
        do = "train it again"
        raise ArtifactError("the model answers a class it does not list", where=bundle.path, got=error, do=do) from None
    unseen = np.zeros((len(actual), len(classes) - len(known)))
    padded = np.hstack([probabilities.astype(np.float64), unseen])
    return Answers("classification", np.array([places[name] for name in actual], np.int64), positions, padded, classes)


def _refuse(bad: np.ndarray, what: str, dataset: Dataset, columns: list[str], do: str) -> None:
    if len(bad):
        table = dataset.table(columns).take(bad[:SHOWN_ROWS]).to_pylist()
        rows = [{"row": int(row), **values} for row, values in zip(bad, table, strict=False)]
        raise DataError(what, where=dataset.path, do=do, rows=rows, count=len(bad))
