"""The baseline counts every value once."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairlead.train.baseline import categories, numbers


@given(values=st.lists(st.floats(-1e38, 1e38) | st.just(float("nan")) | st.sampled_from([0.0, 1.0])))
def test_numbers(values: list[float]) -> None:
    found = numbers(np.array(values, dtype=np.float64))
    known = [value for value in values if not np.isnan(value)]
    assert found["rows"] == len(values)
    assert found["missing"] + sum(found["counts"]) == len(values)
    assert len(found["counts"]) == len(found["edges"]) + 1
    bounds = [-np.inf, *found["edges"], np.inf]
    for count, low, high in zip(found["counts"], bounds[:-1], bounds[1:], strict=True):
        assert count == sum(low <= value < high for value in known)
    json.dumps(found, allow_nan=False)


def test_numbers_without_ties_fill_ten_equal_bins() -> None:
    found = numbers(np.arange(100.0))
    assert found["counts"] == [10] * 10
    assert (found["min"], found["max"], found["mean"]) == (0.0, 99.0, 49.5)


def test_a_constant_has_one_edge() -> None:
    found = numbers(np.array([3.0, 3.0, np.nan]))
    assert (found["edges"], found["counts"], found["missing"], found["std"]) == ([3.0], [0, 2], 1, 0.0)


@given(values=st.lists(st.text(max_size=2), max_size=200))
def test_categories(values: list[str]) -> None:
    found = categories(np.array(values, dtype=object))
    assert found["missing"] == values.count("")
    assert found["missing"] + found["other"] + sum(found["counts"].values()) == len(values)
    assert len(found["counts"]) <= 50
    assert all(count == values.count(text) for text, count in found["counts"].items())


def test_equally_frequent_texts_are_kept_in_order() -> None:
    values = [f"{number:03}" for number in range(80)]
    found = categories(np.array(values[::-1], dtype=object))
    assert list(found["counts"]) == values[:50]
    assert found["other"] == 30
