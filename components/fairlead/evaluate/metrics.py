"""The numbers a model is judged by, and which way each is better. The formulas are scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.artifacts.bundle import Task
    from fairlead.evaluate.answers import Answers

BINARY = 2


@dataclass(frozen=True)
class Metric:
    """One number.

    Attributes:
        better: which way.
        formula: takes `sklearn.metrics` and answers; gives None where the metric is not defined.
    """

    better: Literal["lower", "higher"]
    formula: Callable[[Any, Answers], float | None]


def measure(answers: Answers, name: str) -> float | None:
    """One metric over these rows, None where it is not defined for them."""
    from sklearn import metrics

    value = METRICS[answers.task][name].formula(metrics, answers)
    return None if value is None else float(value)


def measure_all(answers: Answers) -> dict[str, float]:
    """Every metric that is defined for these rows."""
    found = {name: measure(answers, name) for name in METRICS[answers.task]}
    return {name: value for name, value in found.items() if value is not None}


def _r2(sk: Any, a: Answers) -> float | None:
    """Needs a target that varies."""
    return sk.r2_score(a.actual, a.predicted) if np.ptp(a.actual) else None


def _log_loss(sk: Any, a: Answers) -> float:
    """A class that the model does not know has the least probability that a float can hold."""
    sums = a.probabilities.sum(axis=1, keepdims=True)  # 1 but for float32 graphs' last digits, which sklearn warns of
    return float(sk.log_loss(a.actual, a.probabilities / sums, labels=range(len(a.classes))))


def _roc_auc(sk: Any, a: Answers) -> float | None:
    """One class against the others, the mean over the classes that occur; needs two of them."""
    present = np.unique(a.actual)
    if len(present) < BINARY:
        return None
    if len(a.classes) == BINARY:
        present = present[1:]
    return float(np.mean([sk.roc_auc_score(a.actual == at, a.probabilities[:, at]) for at in present]))


def _brier(sk: Any, a: Answers) -> float | None:
    """Of two classes only."""
    if len(a.classes) != BINARY:
        return None
    return float(sk.brier_score_loss(a.actual == 1, a.probabilities[:, 1].clip(0, 1), pos_label=True))


#: By task; the first is the primary metric unless another is named.
METRICS: dict[Task, dict[str, Metric]] = {
    "regression": {
        "rmse": Metric("lower", lambda sk, a: sk.root_mean_squared_error(a.actual, a.predicted)),
        "mae": Metric("lower", lambda sk, a: sk.mean_absolute_error(a.actual, a.predicted)),
        "median_ae": Metric("lower", lambda sk, a: sk.median_absolute_error(a.actual, a.predicted)),
        "r2": Metric("higher", _r2),
    },
    "classification": {
        "log_loss": Metric("lower", _log_loss),
        "accuracy": Metric("higher", lambda sk, a: sk.accuracy_score(a.actual, a.predicted)),
        "roc_auc": Metric("higher", _roc_auc),
        "f1_macro": Metric(
            "higher", lambda sk, a: sk.f1_score(a.actual, a.predicted, average="macro", zero_division=0)
        ),
        "brier": Metric("lower", _brier),
    },
}
