"""How far a bundle's graph is from the LightGBM model beside it, over every row of a dataset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.dataset import Dataset
from fairlead.artifacts.scorer import Scorer, columns_of

if TYPE_CHECKING:
    from pathlib import Path


def parity(model: Path, test: Path) -> tuple[float, int]:
    """The greatest absolute difference, and the number of rows; both sides are read back from disk."""
    import lightgbm

    bundle, rows = ModelBundle.open(model), Dataset.open(test)
    columns = columns_of(rows.table(), bundle.signature)
    matrix = []
    for column in json.loads((model / "native" / "columns.json").read_text()):
        values = columns[column["name"]]
        if column["categories"] is not None:
            codes = {text: code for code, text in enumerate(column["categories"])}
            values = np.array([codes.get(text, np.nan) for text in values])
        matrix.append(values)
    native = lightgbm.Booster(model_file=model / "native" / "model.txt").predict(np.column_stack(matrix))
    answers = Scorer.of(bundle).predict(columns)["prediction"]
    return float(np.abs(answers - native).max()), rows.rows
