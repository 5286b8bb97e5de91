"""Whether a model may take the place of the one that serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.errors import ConfigError
from fairlead.evaluate.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.artifacts.bundle import Task


@dataclass(frozen=True)
class Check:
    """One condition of promotion.

    Attributes:
        name: what is looked at.
        wanted: what must hold, in words.
        got: what was found.
        held: whether it does.
    """

    name: str
    wanted: str
    got: str
    held: bool

    def __str__(self) -> str:
        return f"{self.name}: expected {self.wanted}, got {self.got}"


def require_metrics(task: Task, names: Mapping[str, str]) -> None:
    """Checks that metrics are of the task.

    Args:
        task: of the model.
        names: the parameter that names a metric, and that metric.

    Raises:
        ConfigError: an unknown one; it lists those that are known.
    """
    for parameter, name in names.items():
        if name not in METRICS[task]:
            do = f"name one of {', '.join(METRICS[task])}"
            raise ConfigError(f"a {task} has no such metric", where=parameter, got=name, do=do)


def check_thresholds(task: Task, metrics: Mapping[str, float], thresholds: Mapping[str, float]) -> list[Check]:
    """Errors may not exceed their threshold, scores may not fall below it; what is not defined does not pass."""
    checks = []
    for name, bound in sorted(thresholds.items()):  # a cluster hands mappings over in an order of its own
        lower, value = METRICS[task][name].better == "lower", metrics.get(name)
        held = value is not None and (value <= bound if lower else value >= bound)
        got = "not defined for these rows" if value is None else f"{value:.6g}"
        checks.append(Check(name, f"{'at most' if lower else 'at least'} {bound:.6g}", got, held))
    return checks


def check_champion(task: Task, name: str, value: float | None, champion: float | None, max_regression: float) -> Check:
    """The candidate may be worse than the champion by a share of the champion's metric."""
    lower = METRICS[task][name].better == "lower"
    name = f"{name} beside the champion"
    if value is None or champion is None:
        return Check(name, "a number for both", "not defined for these rows", held=False)
    bound = champion + (1 if lower else -1) * abs(champion) * max_regression
    held = value <= bound if lower else value >= bound
    slack = f", which is its {champion:.6g} and {100 * max_regression:.4g} %" if max_regression else ""
    return Check(name, f"{'at most' if lower else 'at least'} {bound:.6g}{slack}", f"{value:.6g}", held)
