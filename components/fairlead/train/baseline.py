"""The training baseline: how each column is distributed, for a monitor to hold live data against."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fairlead.train.training_data import TrainingData

BINS = 10
TOP = 50


def baseline_of(data: TrainingData, predictions: np.ndarray) -> dict[str, Any]:
    """Distributions of the training rows, and of the model's answers.

    Args:
        data: what was trained on.
        predictions: the graph's answers for the validation rows, which are nearer to live answers than those for rows
            that the model has learnt.

    Returns:
        `features` by column, `target` and `prediction`, each as `numbers` or `categories` describes.
    """
    columns = data.train.columns
    describe = {"number": numbers, "category": categories}
    features = {feature.name: describe[feature.kind](columns[feature.name]) for feature in data.signature.features}
    if not data.signature.classes:
        return {"features": features, "target": numbers(data.train.target), "prediction": numbers(predictions)}
    target = np.array(data.signature.classes, dtype=object)[data.train.target]
    return {"features": features, "target": categories(target), "prediction": categories(predictions)}


def numbers(values: np.ndarray) -> dict[str, Any]:
    """The distribution of float64 values, NaN where missing.

    Returns:
        `rows`, `missing`; `mean`, `std`, `min`, `max` of the others (None without any); `edges`, the distinct inner
        deciles; and `counts`, one more than edges: below the first edge, from each edge to below the next, and from
        the last edge on.
    """
    known = values[~np.isnan(values)]
    facts: dict[str, Any] = {"kind": "number", "rows": len(values), "missing": len(values) - len(known)}
    if not len(known):
        return {**facts, "mean": None, "std": None, "min": None, "max": None, "edges": [], "counts": [0]}
    known = np.sort(known)
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS))
    below = np.searchsorted(known, edges, side="left")
    moments = {"mean": known.mean(), "std": known.std(), "min": known[0], "max": known[-1]}
    facts |= {name: float(value) for name, value in moments.items()}
    return {**facts, "edges": edges.tolist(), "counts": np.diff(below, prepend=0, append=len(known)).tolist()}


def categories(values: np.ndarray) -> dict[str, Any]:
    """The distribution of text values, "" where missing.

    Returns:
        `rows`, `missing`, `counts` of the 50 most frequent texts, and `other`, the number of rows with none of these.
    """
    found = Counter(values.tolist())
    missing = found.pop("", 0)
    top = dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[:TOP])
    other = len(values) - missing - sum(top.values())
    return {"kind": "category", "rows": len(values), "missing": missing, "counts": top, "other": other}
