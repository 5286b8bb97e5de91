"""Scorer: the one way from raw columns to answers, used in training, evaluation and serving alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.errors import ArtifactError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairlead.artifacts.bundle import Feature, ModelBundle, Signature

MISSING_CATEGORY = ""
# Unless this is set before it loads, ONNX Runtime starts a thread that sends its makers events, and writes to the home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class Scorer:
    """An ONNX Runtime session over a bundle's graph.

    Args:
        onnx: the serialised graph or its path.
        signature: the columns it takes.
        threads: within one request; 1 gives the same bits on every machine.

    Raises:
        ArtifactError: the graph does not load.
    """

    def __init__(self, onnx: bytes | Path, signature: Signature, threads: int = 1) -> None:
        import onnxruntime

        self.signature = signature
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.log_severity_level = 3
        graph = onnx if isinstance(onnx, bytes) else str(onnx)
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's own exceptions share no base
            raise ArtifactError(
                "the ONNX graph does not load", where=onnx if graph is not onnx else "graph", got=error
            ) from None
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._check_names()

    def _check_names(self) -> None:
        takes = {tensor.name for tensor in self._session.get_inputs()}
        told = {feature.name for feature in self.signature.features}
        if takes != told or "prediction" not in self._outputs:
            got = f"takes {sorted(takes)}, gives {self._outputs}"
            raise ArtifactError("the ONNX graph is of another signature", where=f"features {sorted(told)}", got=got)

    @classmethod
    def of(cls, bundle: ModelBundle, threads: int = 1) -> Scorer:
        """Loads a bundle's graph."""
        return cls(bundle.onnx, bundle.signature, threads)

    def predict(self, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> dict[str, np.ndarray]:
        """Answers for rows given by column.

        Args:
            columns: a value per row for every feature; None (or NaN, or "") is missing; other columns are ignored.

        Returns:
            `prediction` [rows], and `probabilities` [rows, classes] of a classification.

        Raises:
            DataError: a column is missing, columns differ in length, or a value is of the wrong kind.
        """
        feeds = {feature.name: _feed(feature, columns) for feature in self.signature.features}
        if len({len(feed) for feed in feeds.values()}) > 1:
            got = ", ".join(f"{name}: {len(feed)}" for name, feed in feeds.items())
            raise DataError("columns differ in their number of rows", got=got, do="send a value per row for each")
        answers = dict(zip(self._outputs, self._session.run(None, feeds), strict=True))
        answers["prediction"] = answers["prediction"].reshape(-1)
        return answers


def _feed(feature: Feature, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> np.ndarray:
    if feature.name not in columns:
        raise DataError(
            f"feature {feature.name!r} is missing",
            got=", ".join(columns),
            do="send every feature of the signature",
        )
    values = columns[feature.name]
    make = _categories if feature.kind == "category" else _numbers
    return make(feature.name, values).reshape(-1, 1)


def _numbers(name: str, values: Sequence[Any] | np.ndarray) -> np.ndarray:
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64, copy=False)
    numbers = [np.nan if value is None else value for value in values]
    bad = [
        {"row": row, name: value} for row, value in enumerate(numbers) if not isinstance(value, (int, float, np.number))
    ]
    if bad:
        raise DataError(f"feature {name!r} takes numbers", got=repr(bad[0][name]), do="send a number or null", rows=bad)
    try:
        return np.asarray(numbers, dtype=np.float64)
    except OverflowError as error:
        raise DataError(f"feature {name!r} takes numbers of 64 bits", got=error, do="send a smaller number") from None


def _categories(name: str, values: Sequence[Any] | np.ndarray) -> np.ndarray:
    texts = [MISSING_CATEGORY if value is None else value for value in values]
    bad = [{"row": row, name: value} for row, value in enumerate(texts) if not isinstance(value, str)]
    if bad:
        raise DataError(f"feature {name!r} takes text", got=repr(bad[0][name]), do="send a string or null", rows=bad)
    try:
        "".join(texts).encode()  # JSON can hold half a surrogate pair, which has no UTF-8 form
    except UnicodeEncodeError as error:
        raise DataError(f"feature {name!r} takes Unicode text", got=error, do="send whole characters") from None
    return np.asarray(texts, dtype=object)


def columns_of(table: Any, signature: Signature) -> dict[str, np.ndarray]:
    """The features of an Arrow table as a Scorer takes them: float64 with NaN, or text with ""."""
    import pyarrow.compute as pc

    columns = {}
    for feature in signature.features:
        column = table.column(feature.name)
        if feature.kind == "category":
            columns[feature.name] = pc.fill_null(column, MISSING_CATEGORY).to_numpy(zero_copy_only=False)
        else:
            numbers = pc.cast(column, "float64", safe=False)  # integers beyond 2**53 are rounded, as a client's are
            columns[feature.name] = pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False)
    return columns
