"""OnnxGraph: the graph of a bundle from a signature's columns to its answers, in double precision throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.artifacts.bundle import Signature

ML = "ai.onnx.ml"
OPSETS = {"": 21, ML: 5}
IR_VERSION = 10


class OnnxGraph:
    """Collects operators; its inputs are the features by name, float64 or text, shape [rows, 1].

    Args:
        signature: what goes in and what comes out.
    """

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._taken = {feature.name for feature in signature.features} | {"prediction", "probabilities"}
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def op(self, kind: str, *inputs: str, domain: str = "", out: str = "", **attributes: Any) -> str:
        """Adds an operator with one output; gives the output's name."""
        from onnx import helper

        out = out or self._name(kind)
        self._nodes.append(helper.make_node(kind, inputs, [out], domain=domain, **attributes))
        return out

    def constant(self, value: np.ndarray) -> str:
        """Adds a constant tensor; gives its name."""
        from onnx import numpy_helper

        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def codes(self, feature: str, codes: Mapping[str, float], default: float) -> str:
        """Text to numbers, shape [rows, 1]; a text that is not listed becomes the default."""
        from onnx import helper, numpy_helper

        codes = {"": default, **codes}  # ONNX Runtime refuses an empty list
        keys = helper.make_tensor("keys", helper.TensorProto.STRING, [len(codes)], [key.encode() for key in codes])
        values = numpy_helper.from_array(np.array(list(codes.values()), np.float64), "values")
        other = numpy_helper.from_array(np.array([default], np.float64), "default")
        return self.op("LabelEncoder", feature, domain=ML, keys_tensor=keys, values_tensor=values, default_tensor=other)

    def answer(self, scores: str) -> bytes:
        """Ends the graph and serialises it, the same bytes for the same graph.

        Args:
            scores: of a regression, the predictions [rows, 1]; of two classes, the probability of the second [rows, 1];
                of more, the probabilities [rows, classes].
        """
        classes = list(self._signature.classes)
        if not classes:
            self.op("Identity", scores, out="prediction")
            return self._serialise({"prediction": ("double", 1)})
        if len(classes) == 2:  # noqa: PLR2004 - two classes
            first = self.op("Sub", self.constant(np.ones((1, 1))), scores)
            scores = self.op("Concat", first, scores, axis=1)
        self.op("Identity", scores, out="probabilities")
        best = self.op("ArgMax", scores, axis=1, keepdims=0)
        places = list(range(len(classes)))
        self.op("LabelEncoder", best, domain=ML, out="prediction", keys_int64s=places, values_strings=classes)
        return self._serialise({"prediction": ("string", 0), "probabilities": ("double", len(classes))})

    def _serialise(self, answers: Mapping[str, tuple[str, int]]) -> bytes:
        from onnx import helper

        kinds = {"number": "double", "category": "string"}
        inputs = [_tensor(feature.name, kinds[feature.kind], 1) for feature in self._signature.features]
        outputs = [_tensor(name, kind, width) for name, (kind, width) in answers.items()]
        graph = helper.make_graph(self._nodes, "fairlead", inputs, outputs, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        model.producer_name, model.producer_version = "fairlead", __version__
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised

    def _name(self, kind: str) -> str:
        name = f"{kind}_{len(self._nodes)}_{len(self._constants)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name


def _tensor(name: str, kind: str, width: int) -> Any:
    """A tensor of [rows, width], or [rows] where the width is 0."""
    from onnx import TensorProto, helper

    types = {"double": TensorProto.DOUBLE, "string": TensorProto.STRING}
    return helper.make_tensor_value_info(name, types[kind], ["rows", width] if width else ["rows"])
