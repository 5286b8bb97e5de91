"""Golden rows are few, spread and strange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from training_tables import flights, train

from fairlead.train.training_data import LARGEST

if TYPE_CHECKING:
    from pathlib import Path


def test_they_are_spread_over_the_training_rows(tmp_path: Path) -> None:
    inputs = train(tmp_path, "linear", "regression").golden["inputs"]
    expected = flights().take(np.linspace(0, 299, 16).astype(int))
    assert inputs["distance"][:16] == expected.column("distance").to_pylist()
    assert inputs["carrier"][:16] == expected.column("carrier").to_pylist()


def test_the_strange_row_is_unlike_any_training_row(tmp_path: Path) -> None:
    table = flights().set_column(4, "carrier", pa.array(["unseen", "unseen_", "AA"] * 100))
    golden = train(tmp_path, "lightgbm", "binary", table).golden
    assert golden["inputs"]["carrier"][-1] == "unseen__"
    assert golden["inputs"]["hour"][-1] == 23 + 10 * 23


@pytest.mark.parametrize("trainer", ["lightgbm", "linear", "forest"])
def test_the_greatest_number_has_a_finite_answer(tmp_path: Path, trainer: str) -> None:
    table = flights().set_column(1, "distance", pa.array([LARGEST, -LARGEST, 1.0] * 100))
    golden = train(tmp_path, trainer, "regression", table).golden
    assert golden["inputs"]["distance"][-1] == LARGEST
    assert np.isfinite(golden["outputs"]["prediction"]).all()
