"""Small real models that are worked out on paper, with their golden rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from onnx import parser

from fairlead.artifacts.bundle import Feature, ModelBundle, Signature, write_bundle
from fairlead.artifacts.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

HEAD = '<ir_version: 10, opset_import: ["" : 21, "ai.onnx.ml" : 5]>'
CODE = """code = ai.onnx.ml.LabelEncoder
            <keys_strings = ["UA", "ü"], values_floats = [1.0, 2.0], default_float = 0.0> (carrier)
        wide = Cast <to = 11> (code)"""
FEATURES = (Feature("distance", "number"), Feature("carrier", "category"))
INPUTS = {"distance": [0.1, 1400.25, None, -3e-7, 1e17], "carrier": ["UA", "ü", "UA", None, "other"]}
CLASSES = ("late", "on time", "ütile")


def regression(path: Path, *, slope: float = 2.0, golden: list[float] | None = None, times: int = 1) -> ModelBundle:
    """The prediction is slope * distance, plus 1 for UA and 2 for ü.

    Args:
        path: of the bundle.
        slope: tells models apart.
        golden: in place of the right answers.
        times: that the golden rows are repeated.
    """
    graph = f"""{HEAD} linear (double[N,1] distance, string[N,1] carrier) => (double[N,1] prediction)
        <double[1] slope = {{{slope!r}}}> {{
        {CODE}
        steep = Mul (distance, slope)
        prediction = Add (steep, wide)
    }}"""
    codes = [1.0, 2.0, 1.0, 0.0, 0.0]
    answers = [None if x is None else slope * x + code for x, code in zip(INPUTS["distance"], codes, strict=True)]
    outputs = {"prediction": (golden or answers) * times}
    inputs = {name: values * times for name, values in INPUTS.items()}
    return _bundle(path, graph, Signature("regression", "delay", FEATURES), {"inputs": inputs, "outputs": outputs})


def classification(path: Path) -> ModelBundle:
    """Class k of the classes gets the weight exp(k * (distance / 1000 + code))."""
    graph = f"""{HEAD} logistic (double[N,1] distance, string[N,1] carrier)
        => (string[N] prediction, double[N,3] probabilities)
        <double[1,3] weights = {{0.0, 1.0, 2.0}}, double[1] thousand = {{1000.0}}> {{
        {CODE}
        small = Div (distance, thousand)
        both = Add (small, wide)
        scores = MatMul (both, weights)
        probabilities = Softmax <axis = 1> (scores)
        best = ArgMax <axis = 1, keepdims = 0> (scores)
        prediction = ai.onnx.ml.LabelEncoder
            <keys_int64s = [0, 1, 2], values_strings = ["late", "on time", "ütile"]> (best)
    }}"""
    return _bundle(path, graph, Signature("classification", "delay", FEATURES, CLASSES))


def remade(model: ModelBundle, path: Path, **changes: Any) -> ModelBundle:
    """A sealed bundle that differs from another in one thing."""
    parts = {name: getattr(model, name) for name in ("signature", "golden", "baseline", "metrics", "lineage")}
    return write_bundle(path, **{"onnx": model.onnx.read_bytes(), "native": {"model.txt": b"-"}, **parts, **changes})


def wants_seven_rows() -> bytes:
    """A graph of the same signature that loads, and fails on any other number of rows."""
    graph = f"""{HEAD} picky (double[N,1] distance, string[N,1] carrier) => (double[N,1] prediction)
        <int64[2] seven = {{7, 1}}> {{
        {CODE}
        shaped = Reshape (distance, seven)
        prediction = Add (shaped, wide)
    }}"""
    return parser.parse_model(graph).SerializeToString(deterministic=True)


def _bundle(path: Path, graph: str, signature: Signature, golden: dict[str, Any] | None = None) -> ModelBundle:
    onnx = parser.parse_model(graph).SerializeToString(deterministic=True)
    return write_bundle(
        path,
        onnx=onnx,
        native={"model.txt": b"-"},
        signature=signature,
        golden=golden or {"inputs": INPUTS, "outputs": _answers(onnx, signature)},
        baseline={},
        metrics={"parity_max_abs": 0.0},
        lineage={},
    )


def _answers(onnx: bytes, signature: Signature) -> dict[str, Any]:
    """What is not worked out on paper, such as a softmax."""
    answers = Scorer(onnx, signature).predict(INPUTS)
    rows = [[None if math.isnan(value) else value for value in row] for row in answers["probabilities"].tolist()]
    return {"prediction": answers["prediction"].tolist(), "probabilities": rows}
