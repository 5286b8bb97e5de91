"""The graph gives LightGBM's own answers, for any table."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.artifacts.bundle import Feature, Signature
from fairlead.artifacts.scorer import Scorer
from fairlead.train.lightgbm_onnx import lightgbm_onnx, trees_of

CLASSES = {"regression": (), "binary": ("no", "yes"), "multiclass": ("a", "b", "c", "d")}
HARD_NUMBERS = (0.0, -0.0, 0.1, 1 / 3, -1e-36, 1e-35, 1e-300, 2.0**24 + 1, 1e30, -1e30, 5e-324)


def fit(random: np.random.Generator, task: str, levels: int, missing: float, leaves: int) -> tuple[Any, np.ndarray]:
    """A booster over two numbers (one of them of hard values) and a category, and its matrix."""
    rows = int(random.integers(40, 200))
    numbers = np.column_stack([random.normal(size=rows), random.choice(HARD_NUMBERS, rows)])
    codes = random.integers(0, levels, rows).astype(float)
    matrix = np.column_stack([numbers, codes])
    signal = numbers[:, 0] + (codes % 3) + np.sign(numbers[:, 1])
    matrix[random.random(matrix.shape) < missing] = np.nan
    count = len(CLASSES[task])
    label = np.digitize(signal, np.quantile(signal, np.arange(1, count) / count)) if count else signal * 1000
    params = {
        "objective": task,
        "num_leaves": leaves,
        "min_data_in_leaf": 2,
        "min_data_per_group": 2,
        "cat_smooth": 0.1,
    }
    params |= {"verbosity": -1, "num_threads": 1, **({"num_class": count} if task == "multiclass" else {})}
    return lightgbm.train(params, lightgbm.Dataset(matrix, label, categorical_feature=[2]), 15), matrix


def differs(booster: Any, task: str, levels: int, matrix: np.ndarray) -> float:
    """The greatest difference between graph and library on a matrix whose last column holds codes."""
    features = (Feature("x", "number"), Feature("hard", "number"), Feature("c", "category"))
    signature = Signature("classification" if CLASSES[task] else "regression", "y", features, CLASSES[task])
    onnx = lightgbm_onnx(booster.model_to_string(), signature, {"c": {f"level {i}": float(i) for i in range(levels)}})
    texts = ["" if np.isnan(code) else f"level {int(code)}" for code in matrix[:, 2]]
    answers = Scorer(onnx, signature).predict({"x": matrix[:, 0], "hard": matrix[:, 1], "c": texts})
    native = booster.predict(matrix, num_threads=1)
    ours = answers["probabilities"] if CLASSES[task] else answers["prediction"]
    ours = ours[:, 1] if task == "binary" else ours
    return float(np.abs(ours - native).max() / max(1.0, np.abs(native).max()))


@pytest.mark.parametrize("task", CLASSES)
@given(
    seed=st.integers(0, 2**32 - 1),
    levels=st.sampled_from([1, 2, 5, 31, 32, 33, 64, 65, 150]),
    missing=st.sampled_from([0.0, 0.2, 1.0]),
    leaves=st.integers(2, 15),
)
@settings(max_examples=25, deadline=None)
def test_any_table(task: str, seed: int, levels: int, missing: float, leaves: int) -> None:
    random = np.random.default_rng(seed)
    booster, matrix = fit(random, task, levels, missing, leaves)
    assert differs(booster, task, levels, matrix) < 1e-9
    strange = matrix[random.integers(0, len(matrix), 60)].copy()
    strange[:, :2] += random.choice([0.0, 1e-12, -1e-12, 1e6], (60, 2))
    strange[random.random(strange.shape) < 0.4] = np.nan  # also where training had none, which LightGBM takes for 0
    strange[::5, 2] = levels + 7  # never seen
    assert differs(booster, task, levels, strange) < 1e-9


def test_rows_on_a_threshold_go_where_lightgbm_sends_them() -> None:
    random = np.random.default_rng(0)
    booster, _ = fit(random, "regression", 5, 0.0, 15)
    cuts = [
        split.threshold for tree in trees_of(booster.model_to_string(), 1) for split in tree.splits if not split.members
    ]
    around = np.array([near for cut in cuts for near in (np.nextafter(cut, -np.inf), cut, np.nextafter(cut, np.inf))])
    matrix = np.column_stack([around, around, np.zeros(len(around))])
    assert differs(booster, "regression", 5, matrix) < 1e-12


def test_a_tree_deeper_than_pythons_stack() -> None:
    rows = 3000
    steps = np.arange(rows, dtype=float)
    params = {"num_leaves": 1500, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0, "max_bin": 3000, "verbosity": -1}
    booster = lightgbm.train(
        params | {"min_data_in_bin": 1, "num_threads": 1}, lightgbm.Dataset(steps[:, None], 1.02**steps), 2
    )
    signature = Signature("regression", "y", (Feature("x", "number"),))
    answers = Scorer(lightgbm_onnx(booster.model_to_string(), signature, {}), signature).predict({"x": steps})
    np.testing.assert_allclose(answers["prediction"], booster.predict(steps[:, None]), rtol=1e-12)


def test_zero_as_missing_is_refused() -> None:
    values = np.random.default_rng(0).integers(-3, 3, (100, 1)).astype(float)
    params = {"zero_as_missing": True, "verbosity": -1, "min_data_in_leaf": 2, "num_threads": 1}
    booster = lightgbm.train(params, lightgbm.Dataset(values, values[:, 0]), 2)
    with pytest.raises(ValueError, match="zero_as_missing"):
        list(trees_of(booster.model_to_string(), 1))
