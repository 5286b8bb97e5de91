"""Small tables that trainers can learn from, and the trainers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairlead.artifacts.dataset import Dataset, write_table
from fairlead.train.train_lightgbm import TrainLightgbmConfig, train_lightgbm
from fairlead.train.train_sklearn import TrainSklearnConfig, train_sklearn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.artifacts.bundle import ModelBundle

TARGETS = {"regression": "delay", "binary": "late", "multiclass": "grade"}
TRAINERS: dict[str, Callable[..., Any]] = {
    "lightgbm": lambda **v: (train_lightgbm, TrainLightgbmConfig(**{"num_trees": 12, "min_data_in_leaf": 5, **v})),
    "linear": lambda **v: (train_sklearn, TrainSklearnConfig(**{"max_categories": 6, **v})),
    "forest": lambda **v: (train_sklearn, TrainSklearnConfig(**{"estimator": "random_forest", "num_trees": 8, **v})),
}


def flights(rows: int = 300, seed: int = 0) -> pa.Table:
    """Numbers, whole numbers, bools and text, each with missing values, and a target for each task."""
    random = np.random.default_rng(seed)
    distance, hour = random.normal(1000, 300, rows), random.integers(0, 24, rows)
    carrier = random.choice(["AA", "B6", "DL", "ä €", "UA", "VX", "WN", "ZZ"], rows)
    signal = distance / 100 + hour - 8 * np.isin(carrier, ["AA", "UA"]) + random.normal(0, 1, rows)
    hidden = random.random((4, rows)) < 0.1
    return pa.table(
        {
            "id": np.arange(rows),
            "distance": pa.array(distance, mask=hidden[0]),
            "hour": pa.array(hour, pa.int64(), mask=hidden[1]),
            "weekend": pa.array(random.random(rows) < 0.3, mask=hidden[2]),
            "carrier": pa.array(carrier, pa.string(), mask=hidden[3]),
            "delay": signal,
            "late": signal > np.median(signal),
            "grade": np.array(["good", "fair", "poor"])[np.digitize(signal, np.quantile(signal, [0.4, 0.8]))],
        }
    )


def write_pair(place: Path, table: pa.Table, validation: pa.Table | None = None) -> tuple[Path, Path]:
    """The table as training data, and itself or another as validation data."""
    write_table(place / "train", table)
    write_table(place / "validation", table if validation is None else validation)
    return place / "train", place / "validation"


def train(place: Path, trainer: str, task: str, table: pa.Table | None = None, **values: Any) -> ModelBundle:
    """A bundle of one trainer for "regression", "binary" or "multiclass"; flights unless a table is given."""
    target = TARGETS[task]
    others = [name for name in ("id", *TARGETS.values()) if name != target]
    kind = "regression" if task == "regression" else "classification"
    data = flights() if table is None else table
    values = {"target": target, "task": kind, "exclude": [n for n in others if n in data.column_names], **values}
    function, config = TRAINERS[trainer](**values)
    pair = write_pair(place, data, data.slice(0, len(data) // 2))
    bundle: ModelBundle = function(*pair, config, place / "model")
    return bundle


def features_table(bundle: ModelBundle, place: Path) -> pa.Table:
    """The validation rows' features."""
    return Dataset.open(place / "validation").table([feature.name for feature in bundle.signature.features])
