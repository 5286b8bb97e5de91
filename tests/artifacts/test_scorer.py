"""Scorer: the right answers, and plain words for rows that a model cannot take."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from fairlead.artifacts.bundle import Feature, Signature
from fairlead.artifacts.scorer import Scorer, columns_of
from fairlead.errors import ArtifactError, DataError

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = Signature("regression", "y", (Feature("x", "number"), Feature("c", "category")))


def graph(answer: str = "prediction") -> bytes:
    """The answer is x + 1 where c is "a", x + 2 where it is "" and x elsewhere."""
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N", 1])
    c = helper.make_tensor_value_info("c", TensorProto.STRING, ["N", 1])
    y = helper.make_tensor_value_info(answer, TensorProto.DOUBLE, ["N", 1])
    codes = {"keys_strings": ["a", ""], "values_floats": [1.0, 2.0], "default_float": 0.0}
    nodes = [
        helper.make_node("LabelEncoder", ["c"], ["code"], domain="ai.onnx.ml", **codes),
        helper.make_node("Cast", ["code"], ["number"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["x", "number"], [answer]),
    ]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    made = helper.make_model(helper.make_graph(nodes, "sum", [x, c], [y]), opset_imports=opsets, ir_version=9)
    return bytes(made.SerializeToString())


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(graph(), SIGNATURE)


def test_lists_and_arrays_with_any_kind_of_missing(scorer: Scorer) -> None:
    answers = scorer.predict({"x": [1, 2.5, True, None], "c": ["a", None, "ü", ""], "ignored": [object()]})
    assert answers["prediction"][:3].tolist() == [2.0, 4.5, 1.0]
    assert math.isnan(answers["prediction"][3])
    again = scorer.predict({"x": np.array([1, 2], np.int8), "c": np.array(["a", "b"])})
    assert again["prediction"].tolist() == [2.0, 2.0]


def test_no_rows_have_no_answers(scorer: Scorer) -> None:
    assert scorer.predict({"x": [], "c": []})["prediction"].shape == (0,)


def test_a_table_is_taken_as_a_scorer_takes_columns(scorer: Scorer) -> None:
    table = pa.table({"x": pa.array([1, None]), "c": pa.array(["a", None]), "y": [0, 0]})
    answers = scorer.predict(columns_of(table, SIGNATURE))["prediction"]
    assert answers[0] == 2.0
    assert math.isnan(answers[1])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"x": [1]}, "'c' is missing"),
        ({}, "'x' is missing"),
        ({"x": [1, 2], "c": ["a"]}, "differ in their number of rows"),
        ({"x": ["1"], "c": ["a"]}, "'x' takes numbers"),
        ({"x": [[1]], "c": ["a"]}, "'x' takes numbers"),
        ({"x": np.array(["1"]), "c": ["a"]}, "'x' takes numbers"),
        ({"x": [10**400], "c": ["a"]}, "'x' takes numbers of 64 bits"),
        ({"x": [1], "c": [1]}, "'c' takes text"),
        ({"x": [1], "c": [b"a"]}, "'c' takes text"),
        ({"x": [1], "c": ["\ud800"]}, "'c' takes Unicode text"),
    ],
)
def test_rows_that_do_not_fit_are_told(columns: dict[str, Any], words: str, scorer: Scorer) -> None:
    with pytest.raises(DataError, match=words) as caught:
        scorer.predict(columns)
    assert caught.value.do


def test_offending_rows_are_shown_with_their_number(scorer: Scorer) -> None:
    with pytest.raises(DataError) as caught:
        scorer.predict({"x": [0, *"abcdefgh"], "c": ["a"] * 9})
    assert (caught.value.count, caught.value.rows[0], len(caught.value.rows)) == (8, {"row": 1, "x": "a"}, 5)


@pytest.mark.parametrize("content", [b"", b"no graph", graph()[:-20]])
def test_a_graph_that_does_not_load_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    for onnx in (content, tmp_path / "model.onnx"):
        with pytest.raises(ArtifactError, match="does not load"):
            Scorer(onnx, SIGNATURE)


@pytest.mark.parametrize(
    ("onnx", "features"),
    [
        (graph("answer"), SIGNATURE.features),
        (graph(), SIGNATURE.features[:1]),
        (graph(), (*SIGNATURE.features, Feature("z", "number"))),
    ],
)
def test_a_graph_of_another_signature_is_told(onnx: bytes, features: tuple[Feature, ...]) -> None:
    with pytest.raises(ArtifactError, match="another signature"):
        Scorer(onnx, Signature("regression", "y", features))


def test_the_library_sends_nothing_to_its_makers_and_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(graph())
    (tmp_path / "home").mkdir()
    code = """
import os, sys
from pathlib import Path
from fairlead.artifacts.bundle import Feature, Signature
from fairlead.artifacts.scorer import Scorer
before = len(os.listdir("/proc/self/task"))  # BLAS has threads of its own
Scorer(Path(sys.argv[1]), Signature("regression", "y", (Feature("x", "number"), Feature("c", "category"))))
print(len(os.listdir("/proc/self/task")) - before)
"""
    kept = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    words = [sys.executable, "-c", code, str(tmp_path / "model.onnx")]
    environment = {**kept, "HOME": str(tmp_path / "home")}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("0", "")
    assert list((tmp_path / "home").rglob("*")) == []
