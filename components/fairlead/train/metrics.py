"""How good answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.artifacts.bundle import Signature


def metrics_of(signature: Signature, target: np.ndarray, answers: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Metrics over rows with known answers.

    Args:
        signature: the task and the classes.
        target: values, or positions in the classes.
        answers: of the graph.

    Returns:
        Of a regression `rmse`, `mae` and, where the target varies, `r2`. Of a classification `log_loss`, `accuracy`
        and, with two classes that both occur, `roc_auc`.
    """
    if not signature.classes:
        return _of_regression(target, answers["prediction"])
    return _of_classification(len(signature.classes), target, answers["probabilities"])


def _of_regression(target: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    rmse = metrics.root_mean_squared_error(target, prediction)
    found = {"rmse": rmse, "mae": metrics.mean_absolute_error(target, prediction)}
    if np.ptp(target):
        found["r2"] = metrics.r2_score(target, prediction)
    return {name: float(value) for name, value in found.items()}


def _of_classification(classes: int, target: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "log_loss": metrics.log_loss(target, probabilities, labels=list(range(classes))),
        "accuracy": metrics.accuracy_score(target, probabilities.argmax(axis=1)),
    }
    if classes == 2 and np.ptp(target):  # noqa: PLR2004 - two classes
        found["roc_auc"] = metrics.roc_auc_score(target, probabilities[:, 1])
    return {name: float(value) for name, value in found.items()}
