"""Decision trees as plain values, and their encoding as ONNX's TreeEnsemble with double tensors.

The encoding is that of ai.onnx.ml opset 5: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LESS_OR_EQUAL, MEMBER = 0, 6
SUM = 1


@dataclass(frozen=True)
class Split:
    """A question about one feature.

    Attributes:
        feature: its position.
        left: where a yes goes: the position of a split, or ~position of a leaf.
        right: where a no goes.
        threshold: the question "is it <= threshold?", unless there are members.
        members: the question "is it one of these?".
        missing_left: NaN is a yes.
    """

    feature: int
    left: int
    right: int
    threshold: float = 0.0
    members: Sequence[float] | None = None
    missing_left: bool = False


@dataclass(frozen=True)
class Tree:
    """Splits, the first of them the root, and the leaves' values; with one leaf there are no splits.

    Attributes:
        target: the column of the answer that the leaves add to.
    """

    splits: Sequence[Split]
    leaves: Sequence[float]
    target: int = 0


def encode(trees: Sequence[Tree], targets: int) -> dict[str, Any]:
    """The attributes of a TreeEnsemble operator that sums the trees.

    Args:
        trees: of all targets.
        targets: the number of columns of the answer.
    """
    from onnx import numpy_helper

    nodes: list[tuple[int, int, int, int, int, int]] = []
    splits: list[Split] = []
    leaves: list[float] = []
    roots, leaf_targets = [], []
    for tree in trees:
        roots.append(len(nodes))
        first, first_leaf = len(nodes), len(leaves)
        for split in tree.splits or [Split(0, ~0, ~0)]:  # a lone leaf is written as a split with the same leaf twice
            mode = LESS_OR_EQUAL if split.members is None else MEMBER
            yes, yes_leaf = _place(split.left, first, first_leaf)
            no, no_leaf = _place(split.right, first, first_leaf)
            nodes.append((mode, split.missing_left, yes, yes_leaf, no, no_leaf))
            splits.append(split)
        leaves += tree.leaves
        leaf_targets += [tree.target] * len(tree.leaves)
    modes, missing, yes_ids, yes_leaves, no_ids, no_leaves = (
        list(map(int, column)) for column in zip(*nodes, strict=True)
    )
    attributes = {
        "n_targets": targets,
        "aggregate_function": SUM,
        "post_transform": 0,
        "tree_roots": roots,
        "nodes_featureids": [split.feature for split in splits],
        "nodes_modes": numpy_helper.from_array(np.array(modes, np.uint8), "modes"),
        "nodes_splits": numpy_helper.from_array(np.array([split.threshold for split in splits]), "splits"),
        "nodes_missing_value_tracks_true": missing,
        "nodes_truenodeids": yes_ids,
        "nodes_trueleafs": yes_leaves,
        "nodes_falsenodeids": no_ids,
        "nodes_falseleafs": no_leaves,
        "leaf_targetids": leaf_targets,
        "leaf_weights": numpy_helper.from_array(np.array(leaves, np.float64), "weights"),
    }
    members = [value for split in splits if split.members is not None for value in (*split.members, np.nan)]
    if members:
        attributes["membership_values"] = numpy_helper.from_array(np.array(members), "members")
    return attributes


def _place(child: int, first: int, first_leaf: int) -> tuple[int, int]:
    """A child's place in the ensemble, and 1 if it is a leaf."""
    return (first + child, 0) if child >= 0 else (first_leaf + ~child, 1)
