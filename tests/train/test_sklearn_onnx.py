"""The graph gives scikit-learn's own answers, for any table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from training_tables import TARGETS, train

from fairlead.artifacts.scorer import Scorer
from fairlead.train.skops_bytes import skops_bytes


def any_table(random: np.random.Generator, levels: int, missing: float) -> pa.Table:
    rows = int(random.integers(30, 120))
    number, text = random.normal(1e6, 10, rows), random.integers(0, levels, rows)
    signal = number + text % 3 + random.normal(size=rows)
    hidden = random.random((2, rows)) < missing
    texts = pa.array([f"level {level}" for level in text], pa.string(), mask=hidden[1])
    grades = np.array(list("abc"))[np.digitize(signal, np.quantile(signal, [0.3, 0.6]))]
    names = [*TARGETS.values(), "number", "text"]
    return pa.table([signal, signal > np.median(signal), grades, pa.array(number, mask=hidden[0]), texts], names=names)


@pytest.mark.parametrize("trainer", ["linear", "forest"])
@pytest.mark.parametrize("task", TARGETS)
@given(
    seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([1, 2, 6, 7, 40]), missing=st.sampled_from([0.0, 0.3, 1.0])
)
@settings(max_examples=6, deadline=None)
def test_any_table(trainer: str, task: str, seed: int, levels: int, missing: float) -> None:
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place:
        bundle = train(Path(place), trainer, task, any_table(random, levels, missing), max_categories=7)
        native = bundle.path / "native" / "model.skops"
        pipeline = skops.io.load(native, trusted=skops.io.get_untrusted_types(file=native))
        scorer = Scorer.of(bundle)
    numbers = random.choice([np.nan, 0.0, 1e6, 1e6 + 1 / 3, -1e30], 50)
    texts = random.choice(np.array(["", "never seen", "level 0", "level 5", "level 39"], dtype=object), 50)
    answers = scorer.predict({"number": numbers, "text": texts})
    ours = answers["prediction" if task == "regression" else "probabilities"]
    matrix = np.column_stack([numbers.astype(object), texts])
    expected = pipeline.predict(matrix) if task == "regression" else pipeline.predict_proba(matrix)
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9)


def test_skops_bytes_are_the_same_for_equal_models_and_load() -> None:
    from sklearn.linear_model import LinearRegression

    def fitted() -> LinearRegression:
        return LinearRegression().fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 4.0])

    kept = [fitted() for _ in range(3)]  # alive together, so each lies elsewhere in memory
    assert len({skops_bytes(model) for model in kept}) == 1
    loaded = skops.io.loads(skops_bytes(kept[0]))
    np.testing.assert_allclose(loaded.predict([[3.0]]), [3.0])
