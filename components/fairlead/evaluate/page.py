"""The page that shows an evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.artifacts.report import Report, Section, Table
from fairlead.evaluate import plots
from fairlead.evaluate.metrics import METRICS

if TYPE_CHECKING:
    from fairlead.artifacts.bundle import ModelBundle
    from fairlead.evaluate.answers import Answers, Truth
    from fairlead.evaluate.evaluation import Evaluation
    from fairlead.evaluate.metrics import Metric

#: The greatest difference between the answers of ONNX and of the native library, as training found it.
PARITY = "parity_max_abs"


def page_of(
    found: Evaluation, model: ModelBundle, champion: ModelBundle | None, truth: Truth, answers: Answers
) -> Report:
    """Lays out what was found: checks, metrics, where the model errs, slices."""
    sections = [_metrics_section(found), Section("Where it errs", "", (), plots.errors_of(answers))]
    if found.checks:
        sections.insert(0, _checks_section(found))
    if found.slices:
        sections.append(_slices_section(found))
    title = f"Evaluation of {model.signature.target}"
    return Report(title, found.decision, _reasons(found), _facts(found, model, champion, truth, answers), sections)


def _reasons(found: Evaluation) -> list[str]:
    broken = [str(check) for check in found.checks if not check.held]
    if any(check.name == "champion" for check in found.checks):
        broken.append("To promote without a comparison, run this step without a champion.")
    if broken or found.checks:
        return broken or [str(check) for check in found.checks]
    return ["No threshold was set and there is no champion to be better than."]


def _facts(
    found: Evaluation, model: ModelBundle, champion: ModelBundle | None, truth: Truth, answers: Answers
) -> dict[str, Any]:
    unseen = set(answers.classes) - set(model.signature.classes)
    facts = {
        "test rows": len(truth.rows),
        "rows without a target": truth.dataset.rows - len(truth.rows) or None,
        "classes the model does not know": ", ".join(sorted(unseen)) or None,
        "primary metric": found.primary,
        "worst slice": str(found.worst) if found.worst else None,
        "parity": model.metrics.get(PARITY),
        "model fingerprint": model.fingerprint,
        "champion fingerprint": champion.fingerprint if champion else None,
        "test fingerprint": truth.dataset.fingerprint,
        "metrics": found.metrics,
        "champion metrics": found.champion,
        "slices": [part.as_dict() for part in found.slices],
    }
    return {name: value for name, value in facts.items() if value is not None}


def _checks_section(found: Evaluation) -> Section:
    rows = [[check.name, check.wanted, check.got, "yes" if check.held else "no"] for check in found.checks]
    return Section("What must hold", "", [Table(["check", "expected", "got", "holds"], rows)])


def _metrics_section(found: Evaluation) -> Section:
    headers = ["metric", "better", "this model"] + (["champion"] if found.champion is not None else [])
    rows = []
    for name, metric in _task(found).items():
        values = [found.metrics.get(name)] + ([found.champion.get(name)] if found.champion is not None else [])
        if any(value is not None for value in values):
            rows.append([name, metric.better, *values])
    text = f"Measured on the test rows. The primary metric is {found.primary}."
    return Section("Metrics", text, [Table(headers, rows)])


def _slices_section(found: Evaluation) -> Section:
    lower = _task(found)[found.primary].better == "lower"
    worst = f" The worst is {found.worst}, with {found.worst.rows:,} rows." if found.worst else ""
    text = f"{found.primary} for parts of the test rows; {'lower' if lower else 'higher'} is better.{worst}"
    rows = [[part.column, part.label, part.rows, part.value] for part in found.slices]
    table = Table(["column", "slice", "rows", found.primary], rows)
    overall = found.metrics.get(found.primary)
    columns = list(dict.fromkeys(part.column for part in found.slices))
    figures = [
        plots.slice_bars([part for part in found.slices if part.column == name], found.primary, overall)
        for name in columns
    ]
    return Section("Slices", text, [table], figures)


def _task(found: Evaluation) -> dict[str, Metric]:
    """The metrics of the model's task."""
    return next(metrics for metrics in METRICS.values() if found.primary in metrics)
