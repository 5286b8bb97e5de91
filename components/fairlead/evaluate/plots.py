"""The drawings of an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairlead.evaluate.drawing import ACCENT, INK, PALETTE, SOFT, WARM, drawing, short
from fairlead.evaluate.metrics import BINARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.colors import Colormap

    from fairlead.evaluate.answers import Answers
    from fairlead.evaluate.slices import Slice

SHOWN_SHARE = (0.5, 99.5)  # percentiles: a few far points would leave the rest in a corner
SHOWN_CLASSES, SHOWN_CURVES, CURVE_POINTS, BINS = 8, 5, 150, 10


def errors_of(answers: Answers) -> list[str]:
    """Where a model errs, as SVG elements."""
    if answers.task == "regression":
        return [density(answers), residuals(answers)]
    return [confusion(answers), *roc(answers), reliability(answers)]


def density(answers: Answers) -> str:
    """How many rows have which actual and predicted value."""
    both = np.concatenate([answers.actual, answers.predicted])
    low, high = np.percentile(both, SHOWN_SHARE)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    with drawing("Predicted and actual values", "actual", "predicted", height=4) as drawn:
        box = (low, high, low, high)
        drawn.axes.hexbin(
            answers.actual, answers.predicted, gridsize=18, extent=box, bins="log", mincnt=1, cmap=_shades(0.95), lw=0
        )
        drawn.axes.plot([low, high], [low, high], color=WARM, linewidth=1.2, linestyle="--")
        drawn.axes.set(xlim=(low, high), ylim=(low, high))
    return drawn.svg


def residuals(answers: Answers) -> str:
    """How often the model errs by how much."""
    errors = answers.predicted - answers.actual
    low, high = np.percentile(errors, SHOWN_SHARE)
    low, high = (low - 1, high + 1) if low == high else (low, high)
    with drawing("Errors", "predicted minus actual", "rows", height=4) as drawn:
        drawn.axes.hist(errors, bins=40, range=(low, high), color=ACCENT)
        drawn.axes.axvline(0, color=WARM, linewidth=1.2, linestyle="--")
    return drawn.svg


def confusion(answers: Answers) -> str:
    """The share of each actual class that gets each answer, with counts; the most frequent classes."""
    counts = np.zeros((len(answers.classes),) * 2, np.int64)
    np.add.at(counts, (answers.actual, answers.predicted), 1)
    shown = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:SHOWN_CLASSES])
    totals = counts.sum(axis=1, keepdims=True)
    shares = (counts / np.maximum(totals, 1))[np.ix_(shown, shown)]
    labels = [short(answers.classes[at], 12) for at in shown]
    with drawing("Confusion matrix", "predicted", "actual", height=4) as drawn:
        drawn.axes.pcolormesh(shares, cmap=_shades(0.55), vmin=0, vmax=1, edgecolors="none")
        drawn.axes.set_xticks(np.arange(len(shown)) + 0.5, labels, rotation=0 if len(shown) <= 4 else 40)  # noqa: PLR2004 - what fits
        drawn.axes.set_yticks(np.arange(len(shown)) + 0.5, labels)
        drawn.axes.invert_yaxis()
        drawn.axes.grid(visible=False)
        for (row, column), count in np.ndenumerate(counts[np.ix_(shown, shown)]):
            drawn.axes.text(column + 0.5, row + 0.5, f"{count:,}", ha="center", va="center", color=INK, fontsize=8)
    return drawn.svg


def roc(answers: Answers) -> list[str]:
    """Caught and falsely caught rows for every cut; one curve for two classes, else the most frequent ones."""
    from sklearn.metrics import roc_curve

    present, counts = np.unique(answers.actual, return_counts=True)
    if len(present) < BINARY:
        return []
    binary = len(answers.classes) == BINARY
    chosen = [1] if binary else present[np.argsort(-counts, kind="stable")[:SHOWN_CURVES]]
    with drawing("ROC", "false positive rate", "true positive rate", height=4) as drawn:
        drawn.axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--")
        for at, color in zip(chosen, PALETTE, strict=False):
            across, up, _ = roc_curve(answers.actual == at, answers.probabilities[:, at])
            some = np.linspace(0, len(across) - 1, min(len(across), CURVE_POINTS)).astype(int)
            drawn.axes.plot(across[some], up[some], color=color, linewidth=1.6, label=short(answers.classes[at]))
        drawn.axes.legend(loc="lower right")
    return [drawn.svg]


def reliability(answers: Answers) -> str:
    """How often the model is right when it says so: of the second of two classes, else of the answer it gives."""
    if len(answers.classes) == BINARY:
        said, true = answers.probabilities[:, 1], answers.actual == 1
        across = f"probability of {short(answers.classes[1])}"
    else:
        said, true = answers.probabilities.max(axis=1), answers.actual == answers.predicted
        across = "probability of the answer"
    places = np.clip((said * BINS).astype(int), 0, BINS - 1)
    rows = np.bincount(places, minlength=BINS)
    full = rows > 0
    means = (np.bincount(places, weights, BINS)[full] / rows[full] for weights in (said, true))
    with drawing("Reliability", across, "share of rows where it is so", height=4) as drawn:
        drawn.axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--")
        drawn.axes.plot(*means, color=ACCENT, linewidth=1.6, marker="o", markersize=4)
        drawn.axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return drawn.svg


def slice_bars(slices: Sequence[Slice], metric: str, overall: float | None) -> str:
    """The metric of each slice of one column, beside that of all rows."""
    labels = [f"{short(part.label)} ({part.rows:,})" for part in slices]
    values = [part.value or 0.0 for part in slices]
    with drawing(f"{metric} by {short(slices[0].column)}", metric, "", height=1 + 0.3 * len(slices)) as drawn:
        drawn.axes.barh(np.arange(len(slices)), values, color=ACCENT, height=0.65)
        drawn.axes.set_yticks(np.arange(len(slices)), labels)
        drawn.axes.invert_yaxis()
        drawn.axes.grid(visible=False, axis="y")
        if overall is not None:
            drawn.axes.axvline(overall, color=WARM, linewidth=1.2, linestyle="--")
    return drawn.svg


def _shades(strongest: float) -> Colormap:
    """The accent colour from faint to an opacity that leaves what lies over it readable, on light and dark pages."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    return LinearSegmentedColormap.from_list("shades", [(*to_rgb(ACCENT), 0.06), (*to_rgb(ACCENT), strongest)], N=24)
