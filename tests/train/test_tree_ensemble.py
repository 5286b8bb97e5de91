"""The encoding of trees, against trees that are walked in Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.artifacts.bundle import Feature, Signature
from fairlead.artifacts.scorer import Scorer
from fairlead.train.onnx_graph import ML, OnnxGraph
from fairlead.train.tree_ensemble import Split, Tree, encode

SIGNATURE = Signature("regression", "y", (Feature("a", "number"), Feature("b", "number")))
VALUES = (-1.0, 0.0, 1.0, 2.0, 63.0, 64.0, 65.0, float("nan"))


def walk(tree: Tree, row: tuple[float, float]) -> float:
    place = 0 if tree.splits else ~0
    while place >= 0:
        split = tree.splits[place]
        value = row[split.feature]
        inside = value in split.members if split.members is not None else value <= split.threshold
        yes = split.missing_left if np.isnan(value) else inside
        place = split.left if yes else split.right
    return tree.leaves[~place]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    size = draw(st.integers(0, 6))
    waiting, children, leaves = [], [[0, 0] for _ in range(size)], 0
    for place in range(size):  # each split takes a free side of an earlier one, the root none
        if place:
            parent, side = waiting.pop(draw(st.integers(0, len(waiting) - 1)))
            children[parent][side] = place
        waiting += [(place, 0), (place, 1)]
    for leaves, (parent, side) in enumerate(waiting):
        children[parent][side] = ~leaves
    splits = []
    for left, right in children:
        members = draw(st.none() | st.lists(st.sampled_from(VALUES[1:-1]), min_size=1, max_size=4, unique=True))
        feature, threshold = draw(st.integers(0, 1)), draw(st.sampled_from(VALUES[:-1]))
        splits.append(Split(feature, left, right, threshold, members, members is None and draw(st.booleans())))
    return Tree(splits, [draw(st.floats(-10, 10)) for _ in range(len(waiting) or 1)])


@given(ensemble=st.lists(trees(), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_onnx_runtime_walks_as_we_do(ensemble: list[Tree]) -> None:
    graph = OnnxGraph(SIGNATURE)
    scores = graph.op("TreeEnsemble", graph.op("Concat", "a", "b", axis=1), domain=ML, **encode(ensemble, 1))
    rows = [(a, b) for a in VALUES for b in VALUES]
    columns = dict(zip("ab", np.array(rows).T, strict=True))
    answers = Scorer(graph.answer(scores), SIGNATURE).predict(columns)["prediction"]
    np.testing.assert_allclose(answers, [sum(walk(tree, row) for tree in ensemble) for row in rows], atol=1e-12)


@pytest.mark.parametrize("targets", [1, 3])
def test_each_tree_adds_to_its_own_target(targets: int) -> None:
    attributes = encode([Tree([], [float(place)], place % targets) for place in range(6)], targets)
    assert attributes["leaf_targetids"] == [place % targets for place in range(6)]
    assert attributes["n_targets"] == targets
