"""`evaluate_model`: measures a model on test data and decides whether it may be promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.config import Config
from fairlead.artifacts.dataset import Dataset
from fairlead.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.evaluate.answers import Truth
    from fairlead.evaluate.evaluation import Evaluation


class EvaluateModelConfig(Config):
    """What a model must reach.

    Attributes:
        primary_metric: what the champion and the slices are compared by; empty takes `rmse` for a regression and
            `log_loss` for a classification.
        thresholds: metric to the most that an error, or the least that a score, may be.
        max_regression: by which share of the champion's primary metric the candidate may be worse; 0 for not at all.
        slices: columns to measure by.
        min_slice_rows: a slice with fewer rows is shown, but is not called the worst.
    """

    primary_metric: str = ""
    thresholds: dict[str, float] = {}
    max_regression: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    slices: tuple[str, ...] = ()
    min_slice_rows: int = Field(default=30, ge=1)


def evaluate_model(
    model: Path, test: Path, champion: Path, config: EvaluateModelConfig, report: Path, result: Path
) -> Evaluation:
    """Measures a candidate on the test split, beside the champion, and decides.

    Args:
        model: the candidate's ModelBundle.
        test: a Dataset that no training has seen; rows without a target are left out.
        champion: the ModelBundle that serves; a path that is not there, or an empty directory, when there is none.
        config: what the candidate must reach.
        report: the HTML page to write.
        result: the JSON file to write.

    Raises:
        ArtifactError: a bundle or the dataset is missing or damaged.
        ConfigError: a metric that the task does not have.
        DataError: the test split cannot be used, or the model answers NaN or infinity.
    """
    from fairlead.evaluate.answers import ask, read_truth
    from fairlead.evaluate.decide import Check, check_champion, check_thresholds, require_metrics
    from fairlead.evaluate.evaluation import Evaluation
    from fairlead.evaluate.metrics import METRICS, measure_all
    from fairlead.evaluate.page import page_of
    from fairlead.evaluate.slices import slices_of, worst_of

    bundle, dataset, rival = ModelBundle.open(model), Dataset.open(test), _champion(champion)
    task = bundle.signature.task
    primary = config.primary_metric or next(iter(METRICS[task]))
    require_metrics(task, {"primary_metric": primary, **{f"thresholds.{name}": name for name in config.thresholds}})
    truth = read_truth(dataset, bundle.signature)
    answers = ask(bundle, truth)
    metrics = measure_all(answers)
    rival_metrics, against = _against(rival, bundle, truth)
    checks = check_thresholds(task, metrics, config.thresholds)
    if rival_metrics is not None:
        rest = metrics.get(primary), rival_metrics.get(primary), config.max_regression
        checks.append(check_champion(task, primary, *rest))
    elif against:
        checks.append(Check("champion", "a model that can be asked about the same rows", against, held=False))
    slices = tuple(slices_of(answers, truth, config.slices, primary))
    worst = worst_of(answers, slices, primary, config.min_slice_rows)
    decision = "promote" if all(check.held for check in checks) else "reject"
    found = Evaluation(decision, tuple(checks), primary, metrics, rival_metrics, slices, worst)
    page_of(found, bundle, rival, truth, answers).write(report, result)
    return found


def _champion(path: Path) -> ModelBundle | None:
    nobody = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    return None if nobody else ModelBundle.open(path)


def _against(rival: ModelBundle | None, bundle: ModelBundle, truth: Truth) -> tuple[dict[str, float] | None, str]:
    """The champion's metrics; or None, and why it cannot be compared, "" when there is none."""
    from fairlead.evaluate.answers import ask
    from fairlead.evaluate.metrics import measure_all

    if rival is None:
        return None, ""
    here, there = bundle.signature, rival.signature
    if (here.task, here.target) != (there.task, there.target):
        return None, f"a {there.task} of {there.target!r}, and the candidate is a {here.task} of {here.target!r}"
    try:
        return measure_all(ask(rival, truth)), ""
    except DataError as error:
        return None, error.what
