"""LightGBM's model text to ONNX, exactly.

The common converter (onnxmltools) rounds thresholds to float32, which sends rows near a threshold the other way, and
turns one categorical split into a chain of equalities. Here thresholds and leaves stay double, and a categorical split
is one set membership. Format of the text and meaning of `decision_type`: LightGBM 4, src/io/tree.cpp and
include/LightGBM/tree.h.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fairlead.train.onnx_graph import ML, OnnxGraph
from fairlead.train.tree_ensemble import Split, Tree, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairlead.artifacts.bundle import Signature

#: Bits of decision_type, and the values of its two bits for missing numbers.
CATEGORICAL, DEFAULT_LEFT, MISSING_SHIFT = 1, 2, 2
MISSING_NONE, MISSING_ZERO = 0, 1
#: What a missing or unseen category is to the graph: a member of no set, so it goes right, as NaN does in LightGBM.
NO_CODE = -1.0
#: LightGBM reads numbers up to this size as 0 and cuts negative numbers off at -ZERO; a number of just -ZERO is a 0.
ZERO = float(np.float32(1e-35))


def lightgbm_onnx(text: str, signature: Signature, codes: Mapping[str, Mapping[str, float]]) -> bytes:
    """The graph from raw columns to answers.

    Args:
        text: the model as `Booster.model_to_string` gives it; feature i is feature i of the signature.
        signature: the columns and answers.
        codes: for each category feature, the number that stands for each text.
    """
    graph = OnnxGraph(signature)
    columns = [
        graph.codes(f.name, codes[f.name], NO_CODE) if f.kind == "category" else f.name for f in signature.features
    ]
    matrix = graph.op("Concat", *columns, axis=1)
    width = len(signature.classes) if len(signature.classes) > 2 else 1  # noqa: PLR2004 - two classes share one score
    attributes = encode(list(trees_of(text, width)), width)
    scores = graph.op("TreeEnsemble", matrix, domain=ML, **attributes)
    if signature.classes:
        scores = graph.op("Softmax", scores, axis=1) if width > 1 else graph.op("Sigmoid", scores)
    return graph.answer(scores)


def trees_of(text: str, targets: int) -> Iterator[Tree]:
    """The trees in a model's text; tree i adds to target i modulo `targets`."""
    body = text.partition("\nend of trees")[0]
    for place, block in enumerate(body.split("\nTree=")[1:]):
        fields = dict(line.split("=", 1) for line in block.splitlines()[1:] if line)
        leaves = [float(value) for value in fields["leaf_value"].split()]
        splits = list(_splits(fields)) if int(fields["num_leaves"]) > 1 else []
        yield Tree(splits, leaves, place % targets)


def _splits(fields: Mapping[str, str]) -> Iterator[Split]:
    names = ("split_feature", "decision_type", "left_child", "right_child")
    whole = [[int(value) for value in fields[name].split()] for name in names]
    thresholds = [float(value) for value in fields["threshold"].split()]
    bounds, words = (
        [int(value) for value in fields.get(name, "").split()] for name in ("cat_boundaries", "cat_threshold")
    )
    for feature, decision, left, right, threshold in zip(*whole, thresholds, strict=True):
        if decision & CATEGORICAL:
            start, stop = bounds[int(threshold)], bounds[int(threshold) + 1]
            yield Split(feature, left, right, members=_members(words[start:stop]))
        else:
            cut = math.nextafter(-ZERO, -math.inf) if threshold == -ZERO else threshold
            yield Split(feature, left, right, cut, missing_left=_missing_left(decision, threshold))


def _members(words: Sequence[int]) -> list[float]:
    """The positions of the bits that are set, words of 32 bits, lowest first."""
    bits = np.unpackbits(np.array(words, "<u4").view(np.uint8), bitorder="little")
    return [float(place) for place in np.flatnonzero(bits)]


def _missing_left(decision: int, threshold: float) -> bool:
    """Where NaN goes: as LightGBM has learnt, or where zero goes if it saw none in training."""
    missing = decision >> MISSING_SHIFT
    if missing == MISSING_ZERO:
        raise ValueError("zero_as_missing is not converted; no trainer here sets it")
    return threshold >= 0.0 if missing == MISSING_NONE else bool(decision & DEFAULT_LEFT)
