"""From a fitted model to its bundle: what every trainer does last."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from fairlead import __version__
from fairlead.artifacts.bundle import ModelBundle, write_bundle
from fairlead.artifacts.scorer import Scorer
from fairlead.errors import RunError
from fairlead.train.baseline import baseline_of
from fairlead.train.golden import golden_rows
from fairlead.train.metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairlead.train.train_config import TrainConfig
    from fairlead.train.training_data import TrainingData

#: How far the graph may be from the library, relative to its greatest answer.
TOLERANCE = 1e-9


def pack_model(
    path: Path,
    *,
    component: str,
    config: TrainConfig,
    data: TrainingData,
    onnx: bytes,
    native: Mapping[str, bytes],
    native_answers: np.ndarray,
    metrics: Mapping[str, float],
    libraries: Sequence[str],
) -> ModelBundle:
    """Measures the graph on the validation rows and writes the bundle.

    Args:
        path: the bundle to write.
        component: the trainer's name.
        config: its parameters.
        data: what it learnt from.
        onnx: the serialised graph.
        native: the library's own files.
        native_answers: its predictions [rows] or probabilities [rows, classes] for the validation rows.
        metrics: more numbers to keep.
        libraries: the packages whose versions matter.

    Raises:
        RunError: the graph and the library disagree.
        ArtifactError: the bundle cannot be written.
    """
    scorer = Scorer(onnx, data.signature)
    answers = scorer.predict(data.validation.columns)
    found = metrics_of(data.signature, data.validation.target, answers)
    parity = _parity(answers["probabilities" if data.signature.classes else "prediction"], native_answers)
    versions = {name: version(name) for name in libraries}
    facts = {"component": component, "fairlead": __version__, "config": config.facts, "libraries": versions}
    return write_bundle(
        path,
        onnx=onnx,
        native=native,
        signature=data.signature,
        golden=golden_rows(data.train.columns, scorer),
        baseline=baseline_of(data, answers["prediction"]),
        metrics={**found, **metrics, "parity_max_abs": parity},
        lineage={**facts, **data.lineage},
    )


def _parity(answers: np.ndarray, native: np.ndarray) -> float:
    """The greatest difference between the graph's answers and the library's."""
    difference = float(np.abs(answers - native).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(native).max())):
        got = f"a difference of {difference:g} on a validation row"
        raise RunError(
            "the ONNX graph does not answer as the trained model", got=got, do="report this with the data's schema"
        )
    return difference
