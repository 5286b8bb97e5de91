"""Golden rows: inputs with the answers that every server of the model must give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.train.training_data import LARGEST

if TYPE_CHECKING:
    from fairlead.artifacts.scorer import Scorer

ROWS = 16
BEYOND = 10


def golden_rows(columns: dict[str, np.ndarray], scorer: Scorer) -> dict[str, Any]:
    """Sixteen rows spread evenly over the training data, one with nothing known, and one like nothing seen.

    Args:
        columns: the training features.
        scorer: of the graph; its answers are the expected ones.

    Returns:
        `inputs` by column, None where missing, and `outputs` by name.
    """
    rows = len(next(iter(columns.values())))
    places = np.unique(np.linspace(0, rows - 1, ROWS).astype(int))
    inputs = {name: [*map(_json, values[places]), None, _strange(values)] for name, values in columns.items()}
    answers = scorer.predict(inputs)
    return {"inputs": inputs, "outputs": {name: values.tolist() for name, values in answers.items()}}


def _json(value: Any) -> str | float | None:
    if isinstance(value, str):
        return value or None
    return None if np.isnan(value) else float(value)


def _strange(values: np.ndarray) -> str | float:
    """A text that training did not hold, or a number ten ranges above its greatest."""
    if values.dtype == object:
        text = "unseen"
        while text in values:
            text += "_"
        return text
    known = values[~np.isnan(values)]
    if not len(known):
        return 1.0
    low, high = float(known.min()), float(known.max())
    return min(high + BEYOND * ((high - low) or 1.0), LARGEST)
