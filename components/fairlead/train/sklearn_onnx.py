"""The pipeline of `train_sklearn` to ONNX, exactly.

The common converter (skl2onnx) writes an imputer and forests that exist in float32 only, so ONNX Runtime refuses the
graph for double inputs. Here every step is double, and forests read their features rounded to float32, as
scikit-learn's own do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fairlead.train.onnx_graph import ML, OnnxGraph
from fairlead.train.tree_ensemble import Split, Tree, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.artifacts.bundle import Signature

#: What an unseen category is to the graph where no column stands for the rare ones: equal to no position.
NO_POSITION = -1.0


def sklearn_onnx(pipeline: Any, signature: Signature) -> bytes:
    """The graph from raw columns to answers.

    Args:
        pipeline: fitted; its step `prepare` is a ColumnTransformer with the branches `numbers` (a pipeline of `impute`
            and `scale`) and `categories` (a one-hot encoder), its step `model` is linear or a forest.
        signature: the columns and answers.
    """
    graph = OnnxGraph(signature)
    branches = pipeline.named_steps["prepare"].named_transformers_
    names = {kind: [f.name for f in signature.features if f.kind == kind] for kind in ("number", "category")}
    parts = [_scaled(graph, branches["numbers"], names["number"])] if names["number"] else []
    if names["category"]:
        parts += _one_hot(graph, branches["categories"], names["category"])
    matrix = graph.op("Concat", *parts, axis=1)
    model = pipeline.named_steps["model"]
    end = _forest if hasattr(model, "estimators_") else _linear
    return graph.answer(end(graph, model, matrix, signature))


def _scaled(graph: OnnxGraph, branch: Any, names: list[str]) -> str:
    """Numbers with the mean for NaN, less the mean, in standard deviations."""
    impute, scale = branch.named_steps["impute"], branch.named_steps["scale"]
    raw = graph.op("Concat", *names, axis=1)
    known = graph.op("Where", graph.op("IsNaN", raw), graph.constant(impute.statistics_), raw)
    centred = graph.op("Sub", known, graph.constant(scale.mean_))
    return graph.op("Div", centred, graph.constant(scale.scale_))


def _one_hot(graph: OnnxGraph, encoder: Any, names: list[str]) -> Iterator[str]:
    """A column of 0 and 1 for each frequent text, and one for all rare and unseen texts if there are rare ones."""
    for name, texts, rare in zip(names, encoder.categories_, encoder.infrequent_categories_, strict=True):
        rare_texts = set() if rare is None else set(rare)
        frequent = [text for text in texts if text not in rare_texts]
        other = float(len(frequent)) if rare_texts else NO_POSITION
        codes = {text: float(place) for place, text in enumerate(frequent)}
        width = len(frequent) + bool(rare_texts)
        positions = graph.constant(np.arange(width, dtype=np.float64)[None, :])
        matches = graph.op("Equal", graph.codes(name, codes, other), positions)
        yield graph.op("Cast", matches, to=_double())


def _linear(graph: OnnxGraph, model: Any, matrix: str, signature: Signature) -> str:
    weights = np.atleast_2d(model.coef_).T
    scores = graph.op(
        "Add", graph.op("MatMul", matrix, graph.constant(weights)), graph.constant(np.atleast_1d(model.intercept_))
    )
    if not signature.classes:
        return scores
    return graph.op("Softmax", scores, axis=1) if weights.shape[1] > 1 else graph.op("Sigmoid", scores)


def _forest(graph: OnnxGraph, model: Any, matrix: str, signature: Signature) -> str:
    from onnx import TensorProto

    rounded = graph.op("Cast", graph.op("Cast", matrix, to=TensorProto.FLOAT), to=_double())
    columns = {0: [0], 2: [1]}.get(len(signature.classes), list(range(len(signature.classes))))
    trees = [
        _tree(estimator.tree_, column, target)
        for target, column in enumerate(
            columns
        )  # a leaf adds to one target, so each class has its own copy of the trees
        for estimator in model.estimators_
    ]
    total = graph.op("TreeEnsemble", rounded, domain=ML, **encode(trees, len(columns)))
    return graph.op("Div", total, graph.constant(np.array([[float(len(model.estimators_))]])))


def _tree(tree: Any, column: int, target: int) -> Tree:
    """A tree whose leaves hold one column of scikit-learn's `value`."""
    leaf = tree.children_left < 0
    place = np.where(leaf, ~(np.cumsum(leaf) - 1), np.cumsum(~leaf) - 1)
    inner = np.flatnonzero(~leaf)
    left, right = place[tree.children_left[inner]], place[tree.children_right[inner]]
    columns = (tree.feature[inner].tolist(), left.tolist(), right.tolist(), tree.threshold[inner].tolist())
    splits = [Split(*values) for values in zip(*columns, strict=True)]
    return Tree(splits, tree.value[leaf, 0, column].tolist(), target)


def _double() -> int:
    from onnx import TensorProto

    return int(TensorProto.DOUBLE)
