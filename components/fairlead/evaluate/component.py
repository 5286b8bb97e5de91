"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Model, Output


@component(image=TABULAR)
def evaluate_model(
    model: Input[Model],
    test: Input[Dataset],
    champion: Input[Model],
    report: Output[HTML],
    result: Output[Artifact],
    metrics: Output[Metrics],
    primary_metric: str = "",
    thresholds: dict[str, float] = {},
    max_regression: float = 0.0,
    slices: list[str] = [],
    min_slice_rows: int = 30,
    model_fingerprint: str = "",
    test_fingerprint: str = "",
    champion_fingerprint: str = "",
) -> NamedTuple("Outputs", [("decision", str)]):
    """Measures a model on test data, beside the champion, and decides: "promote" or "reject".

    Args:
        model: the candidate.
        test: rows that no training has seen.
        champion: the model that serves now; an empty directory when there is none.
        report: the page that shows metrics, checks, errors and slices.
        result: the same as JSON.
        metrics: the candidate's metrics.
        primary_metric: what the champion and the slices are compared by; empty takes rmse or log_loss.
        thresholds: metric to the most that an error, or the least that a score, may be.
        max_regression: by which share of the champion's primary metric the candidate may be worse.
        slices: columns to measure by.
        min_slice_rows: a slice with fewer rows is shown, but is not called the worst.
        model_fingerprint: of model; another model is refused. A pipeline fills it in.
        test_fingerprint: of test, likewise.
        champion_fingerprint: of champion, likewise.
        decision: "promote" or "reject".
    """
    from pathlib import Path

    from fairlead.artifacts.received import received
    from fairlead.evaluate.evaluate_model import EvaluateModelConfig, evaluate_model

    config = EvaluateModelConfig(
        primary_metric=primary_metric,
        thresholds=thresholds,
        max_regression=max_regression,
        slices=slices,
        min_slice_rows=min_slice_rows,
    )
    found = evaluate_model(
        model=received(model.path, model_fingerprint),
        test=received(test.path, test_fingerprint),
        champion=received(champion.path, champion_fingerprint),
        config=config,
        report=Path(report.path),
        result=Path(result.path),
    )
    metrics.metadata.update(found.metrics)  # as log_metric does, one by one
    result.metadata.update(decision=found.decision)
    return (found.decision,)
