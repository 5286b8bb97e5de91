"""TrainingData: two datasets as a model sees them, after every check that a trainer relies on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fairlead.artifacts.bundle import Signature, features_of
from fairlead.artifacts.dataset import Dataset
from fairlead.artifacts.scorer import columns_of
from fairlead.artifacts.source import name_of
from fairlead.errors import SHOWN_ROWS, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fairlead.train.train_config import TrainConfig

#: Features beyond this are taken for infinite: scikit-learn's trees read float32.
LARGEST = float(np.finfo(np.float32).max)
MOST_CLASSES = 1000
ANSWERS = ("prediction", "probabilities")
TARGET_TYPES = {"regression": ("int64", "float64"), "classification": ("string", "bool", "int64")}


@dataclass(frozen=True)
class Examples:
    """Rows with known answers.

    Attributes:
        columns: by feature, float64 where NaN is missing or text where "" is missing; shape [rows].
        target: float64 values, or int64 positions in the signature's classes; shape [rows].
    """

    columns: dict[str, np.ndarray]
    target: np.ndarray


@dataclass(frozen=True)
class TrainingData:
    """What to learn from and what to measure on.

    Attributes:
        signature: the model's columns and answers.
        train: rows to fit.
        validation: rows to stop early and to measure on.
        lineage: fingerprints and sources of the data.
    """

    signature: Signature
    train: Examples
    validation: Examples
    lineage: dict[str, Any]


def read_training_data(train: Path, validation: Path, config: TrainConfig) -> TrainingData:
    """Reads the columns that the config asks for.

    Raises:
        ArtifactError: a dataset is missing or damaged.
        DataError: a column is missing, a point in time or of another type in validation; there are no rows; the target
            is missing somewhere, infinite, of a type that the task has no use for, or of one class only; a feature is
            infinite. It shows rows.
    """
    datasets = Dataset.open(train), Dataset.open(validation)
    names = _feature_names(datasets[0], config)
    for dataset in datasets:
        _check_columns(dataset, datasets[0], [*names, config.target], config)
    features = features_of(datasets[0].columns, names, train)
    classes = _classes(datasets[0], config) if config.task == "classification" else ()
    signature = Signature(config.task, config.target, features, classes)
    fitted, measured = (_examples(dataset, signature, config) for dataset in datasets)
    return TrainingData(signature, fitted, measured, _lineage(*datasets))


def _feature_names(train: Dataset, config: TrainConfig) -> list[str]:
    train.require([config.target, *config.features, *config.exclude])
    names = list(config.features) or [n for n in train.columns if n not in {config.target, *config.exclude}]
    if not names:
        raise DataError(
            "no feature is left", where=train.path, got=", ".join(train.columns), do="exclude fewer columns"
        )
    for name in names:
        if name in ("", *ANSWERS):
            raise DataError(
                "a feature has a reserved name", where=train.path, got=repr(name), do="rename it in the ingest query"
            )
    return names


def _check_columns(dataset: Dataset, train: Dataset, names: Sequence[str], config: TrainConfig) -> None:
    dataset.require(names)
    for name in names:
        if dataset.columns[name] != train.columns[name]:
            got = f"{dataset.columns[name]}, in training {train.columns[name]}"
            where = f"{dataset.path}, column {name!r}"
            raise DataError(
                "a column has another type than in training", where=where, got=got, do="split one dataset in two"
            )
    if not dataset.rows:
        raise DataError("the dataset has no rows", where=dataset.path, do="check the query or the split that wrote it")
    kind = dataset.columns[config.target]
    if kind not in TARGET_TYPES[config.task]:
        do = f"set another task, or cast the target to one of {', '.join(TARGET_TYPES[config.task])}"
        where = f"{dataset.path}, column {config.target!r}"
        raise DataError(f"a {config.task} cannot have this target", where=where, got=kind, do=do)


def _examples(dataset: Dataset, signature: Signature, config: TrainConfig) -> Examples:
    table = dataset.table([*(feature.name for feature in signature.features), config.target])
    columns = columns_of(table, signature)
    for feature in signature.features:
        if feature.kind == "number":
            infinite = np.abs(columns[feature.name]) > LARGEST
            if infinite.any():
                what = "a feature is infinite or beyond what float32 can hold"
                _refuse(what, dataset, feature.name, infinite, config, "clean or drop the column in the ingest query")
    target = table.column(config.target)
    return Examples(
        columns,
        _positions(dataset, target, signature, config) if signature.classes else _values(dataset, target, config),
    )


def _values(dataset: Dataset, column: Any, config: TrainConfig) -> np.ndarray:
    """A regression's target as float64."""
    import pyarrow.compute as pc

    values: np.ndarray = pc.fill_null(pc.cast(column, "float64", safe=False), np.nan).to_numpy()
    _check_known(dataset, np.isnan(values), config)
    infinite = np.abs(values) > LARGEST
    if infinite.any():
        _refuse(
            "the target is infinite or beyond what float32 can hold",
            dataset,
            config.target,
            infinite,
            config,
            "clean it or drop these rows",
        )
    return values


def _positions(dataset: Dataset, column: Any, signature: Signature, config: TrainConfig) -> np.ndarray:
    """A classification's target as positions in the classes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = _text(column)
    _check_known(dataset, pc.equal(text, "").to_numpy(), config)
    found = pc.index_in(text, value_set=pa.array(signature.classes, pa.string()))
    unknown = pc.is_null(found).to_numpy()
    if unknown.any():
        _refuse(
            "the target has a class that training does not have",
            dataset,
            config.target,
            unknown,
            config,
            "split by class, or drop these rows",
        )
    positions: np.ndarray = found.to_numpy().astype(np.int64)
    return positions


def _classes(train: Dataset, config: TrainConfig) -> tuple[str, ...]:
    import pyarrow.compute as pc

    text = _text(train.table([config.target]).column(0))
    _check_known(train, pc.equal(text, "").to_numpy(), config)
    classes = tuple(sorted(text.unique().to_pylist()))
    if not 1 < len(classes) <= MOST_CLASSES:
        got = f"{len(classes):,} classes, such as {classes[0]!r}"
        where = f"{train.path}, column {config.target!r}"
        do = f"check the target, the task and the split; a classification takes 2 to {MOST_CLASSES:,} classes"
        raise DataError("the target's classes cannot be learnt", where=where, got=got, do=do)
    return classes


def _text(column: Any) -> Any:
    """The name of each value's class, "" where missing."""
    import pyarrow.compute as pc

    return pc.fill_null(pc.cast(column, "string"), "")


def _check_known(dataset: Dataset, missing: np.ndarray, config: TrainConfig) -> None:
    if missing.any():
        share = "every row" if missing.all() else f"{missing.sum():,} of {len(missing):,} rows"
        do = "drop these rows in the ingest query, or name another target"
        _refuse(f"the target is missing in {share}", dataset, config.target, missing, config, do)


def _refuse(what: str, dataset: Dataset, column: str, bad: np.ndarray, config: TrainConfig, do: str) -> NoReturn:
    places = np.flatnonzero(bad)
    shown = places[:SHOWN_ROWS]
    table = dataset.table(list(dict.fromkeys([*(n for n in config.exclude if n in dataset.columns), column])))
    rows = [{"row": int(place), **row} for place, row in zip(shown, table.take(shown).to_pylist(), strict=True)]
    raise DataError(what, where=f"{dataset.path}, column {column!r}", do=do, rows=rows, count=len(places))


def _lineage(train: Dataset, validation: Dataset) -> dict[str, Any]:
    """Fingerprints and sources, without the paths of this machine."""
    known = {}
    for source in (*train.sources, *validation.sources):
        name = name_of(str(source.get("uri")), str(source.get("sha256")))
        known[name, source.get("sha256")] = {**{k: v for k, v in source.items() if k != "path"}, "uri": name}
    sources = list(known.values())
    return {"inputs": {"train": train.fingerprint, "validation": validation.fingerprint}, "sources": sources}
