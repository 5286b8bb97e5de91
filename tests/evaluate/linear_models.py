"""Small models made by hand: every answer can be worked out on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from onnx import parser

from fairlead.artifacts.bundle import Feature, ModelBundle, Signature, write_bundle
from fairlead.artifacts.dataset import write_table

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.artifacts.dataset import Dataset

HEAD = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.ml" : 5]>'
CODES = 'code = ai.onnx.ml.LabelEncoder <keys_strings = ["b"], values_floats = [1.0], default_float = 0.0> (c)'


def regression(path: Path, *, slope: float = 2.0, feature: str = "x", target: str = "y") -> ModelBundle:
    """The prediction is slope * feature, plus 1 where c is b."""
    graph = f"""{HEAD} linear (double[N,1] {feature}, string[N,1] c) => (double[N,1] prediction)
        <double[1] slope = {{{slope}}}> {{
        {CODES}
        wide = Cast <to = 11> (code)
        steep = Mul ({feature}, slope)
        prediction = Add (steep, wide)
    }}"""
    features = (Feature(feature, "number"), Feature("c", "category"))
    return _bundle(path, graph, Signature("regression", target, features))


def classification(path: Path, classes: tuple[str, ...] = ("no", "yes"), *, steep: float = 1.0) -> ModelBundle:
    """Class k of the classes gets the weight exp(steep * k * x)."""
    weights = ", ".join(str(steep * at) for at in range(len(classes)))
    names = ", ".join(f'"{name}"' for name in classes)
    places = ", ".join(str(at) for at in range(len(classes)))
    graph = f"""{HEAD} logistic (double[N,1] x) => (string[N] prediction, double[N,{len(classes)}] probabilities)
        <double[1,{len(classes)}] weights = {{{weights}}}> {{
        scores = MatMul (x, weights)
        probabilities = Softmax <axis = 1> (scores)
        best = ArgMax <axis = 1, keepdims = 0> (scores)
        prediction = ai.onnx.ml.LabelEncoder <keys_int64s = [{places}], values_strings = [{names}]> (best)
    }}"""
    return _bundle(path, graph, Signature("classification", "y", (Feature("x", "number"),), classes))


def _bundle(path: Path, graph: str, signature: Signature) -> ModelBundle:
    onnx = parser.parse_model(graph).SerializeToString(deterministic=True)
    empty = {"golden": {"inputs": {}, "outputs": {}}, "baseline": {}, "lineage": {}}
    return write_bundle(
        path, onnx=onnx, native={"model.txt": b"-"}, signature=signature, metrics={"parity_max_abs": 1e-12}, **empty
    )


def numbers(path: Path, rows: int = 200, **columns: list[object]) -> Dataset:
    """The truth is 2 * x, plus 1 where c is b, plus noise."""
    random = np.random.default_rng(0)
    x, c = random.normal(size=rows), np.array(["a", "b", "c"])[random.integers(0, 3, rows)]
    y = 2 * x + (c == "b") + random.normal(scale=0.1, size=rows)
    return write_table(path, pa.table({"x": x, "c": c, "y": y, **columns}))


def labels(path: Path, classes: tuple[str, ...] = ("no", "yes"), rows: int = 200) -> Dataset:
    """The truth grows with x."""
    random = np.random.default_rng(0)
    x = random.normal(size=rows)
    noisy = x + random.normal(scale=0.5, size=rows)
    places = np.searchsorted(np.quantile(noisy, np.linspace(0, 1, len(classes) + 1)[1:-1]), noisy)
    return write_table(path, pa.table({"x": x, "y": np.array(classes)[places]}))
