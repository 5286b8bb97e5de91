"""Slices: how good a model is for each part of the test rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.artifacts.bundle import KIND_OF_TYPE
from fairlead.errors import DataError
from fairlead.evaluate.metrics import METRICS, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.evaluate.answers import Answers, Truth

TOP_VALUES = 8
MISSING = "missing"


@dataclass(frozen=True)
class Slice:
    """The rows with the same value, or in the same quarter of a number's values.

    Attributes:
        column: what they are sliced by.
        label: the value or the quarter.
        rows: how many.
        value: of the primary metric, None where it is not defined.
    """

    column: str
    label: str
    rows: int
    value: float | None

    def __str__(self) -> str:
        return f"{self.column} {self.label}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def slices_of(answers: Answers, truth: Truth, columns: Sequence[str], metric: str) -> list[Slice]:
    """Measures every slice.

    Args:
        answers: of all rows.
        truth: the same rows.
        columns: to slice by. Texts and booleans give their eight most frequent values and the rest, numbers their
            quarters.
        metric: what to measure.

    Raises:
        DataError: a column is not there, or is a point in time.
    """
    found = []
    for name in columns:
        for label, rows in _groups(truth, name):
            found.append(Slice(name, label, len(rows), measure(answers.at(rows), metric)))
    return found


def worst_of(answers: Answers, slices: Sequence[Slice], metric: str, least_rows: int) -> Slice | None:
    """The slice with the worst metric among those with enough rows."""
    fit = [found for found in slices if found.value is not None and found.rows >= least_rows]
    sign = 1 if METRICS[answers.task][metric].better == "lower" else -1
    return max(fit, key=lambda found: sign * (found.value or 0.0), default=None)


def _groups(truth: Truth, name: str) -> Iterator[tuple[str, np.ndarray]]:
    import pyarrow.compute as pc

    column, kind = truth.table([name]).column(0), truth.dataset.columns[name]
    if kind not in KIND_OF_TYPE:
        do = "slice by a column made of it in the ingest query, such as the month"
        raise DataError("a slice is a point in time", where=f"{truth.dataset.path}, column {name!r}", got=kind, do=do)
    if kind in ("string", "bool"):
        yield from _by_value(pc.fill_null(pc.cast(column, "string"), "").to_numpy())
    else:
        yield from _by_quarter(pc.fill_null(pc.cast(column, "float64", safe=False), np.nan).to_numpy())


def _by_value(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    labels, places, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    for at in order[:TOP_VALUES]:
        yield str(labels[at]) or MISSING, np.flatnonzero(places == at)
    if len(order) > TOP_VALUES:
        yield f"{len(order) - TOP_VALUES} other values", np.flatnonzero(np.isin(places, order[TOP_VALUES:]))


def _by_quarter(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    finite = values[np.isfinite(values)]
    if len(finite):
        ends = np.unique(np.quantile(finite, (0, 0.25, 0.5, 0.75, 1)))
        ends = np.repeat(ends, 2) if len(ends) == 1 else ends
        places = np.searchsorted(ends[1:-1], values)
        for at, (low, high) in enumerate(pairwise(ends)):
            label = f"{low:.4g} to {high:.4g}" if high > low else f"{low:.4g}"
            yield label, np.flatnonzero((places == at) & ~np.isnan(values))
    if np.isnan(values).any():
        yield MISSING, np.flatnonzero(np.isnan(values))
