from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from linear_models import classification, labels, numbers, regression
from sklearn import metrics as sk

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.dataset import write_table
from fairlead.errors import ArtifactError, ConfigError, DataError
from fairlead.evaluate.evaluate_model import EvaluateModelConfig, evaluate_model

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.evaluate.evaluation import Evaluation


class Bench:
    """A folder with a model, a test split, perhaps a champion, and the files that evaluate_model writes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.model, self.test, self.champion = home / "model", home / "test", home / "champion"
        self.page, self.facts = home / "out" / "report", home / "out" / "result"

    def evaluate(self, **config: Any) -> Evaluation:
        checked = EvaluateModelConfig(**config)
        return evaluate_model(self.model, self.test, self.champion, checked, self.page, self.facts)

    @property
    def result(self) -> dict[str, Any]:
        return dict(json.loads(self.facts.read_text("utf-8")))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_regression_is_measured_as_scikit_learn_does(bench: Bench) -> None:
    regression(bench.model)
    table = numbers(bench.test).table()
    found = bench.evaluate()
    actual = table["y"].to_numpy()
    predicted = 2 * table["x"].to_numpy() + (table["c"].to_numpy(zero_copy_only=False) == "b")
    assert found.metrics == {
        "rmse": pytest.approx(sk.root_mean_squared_error(actual, predicted)),
        "mae": pytest.approx(sk.mean_absolute_error(actual, predicted)),
        "median_ae": pytest.approx(sk.median_absolute_error(actual, predicted)),
        "r2": pytest.approx(sk.r2_score(actual, predicted)),
    }
    assert found.decision == bench.result["verdict"] == "promote"
    assert bench.result["facts"]["metrics"] == found.metrics
    assert bench.result["facts"]["parity"] == 1e-12


def test_two_classes_are_measured_as_scikit_learn_does(bench: Bench) -> None:
    classification(bench.model)
    table = labels(bench.test).table()
    found = bench.evaluate().metrics
    said, actual = 1 / (1 + np.exp(-table["x"].to_numpy())), table["y"].to_numpy(zero_copy_only=False) == "yes"
    assert found == {
        "log_loss": pytest.approx(sk.log_loss(actual, said)),
        "accuracy": pytest.approx(sk.accuracy_score(actual, said > 0.5)),
        "roc_auc": pytest.approx(sk.roc_auc_score(actual, said)),
        "f1_macro": pytest.approx(sk.f1_score(actual, said > 0.5, average="macro")),
        "brier": pytest.approx(sk.brier_score_loss(actual, said)),
    }


def test_more_classes_have_the_mean_of_one_against_the_others(bench: Bench) -> None:
    classes = ("high", "low", "middle")
    classification(bench.model, classes)
    table = labels(bench.test, classes).table()
    found = bench.evaluate().metrics
    scores = np.exp(np.outer(table["x"].to_numpy(), range(3)))
    scores /= scores.sum(axis=1, keepdims=True)
    actual = table["y"].to_numpy(zero_copy_only=False)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(actual, scores, multi_class="ovr", labels=classes))
    assert "brier" not in found


def test_a_class_that_the_model_does_not_know_counts_as_wrong(bench: Bench) -> None:
    classification(bench.model)
    write_table(bench.test, pa.table({"x": [-3.0, 3.0, 0.5, 0.1], "y": ["no", "yes", "maybe", "yes"]}))
    found = bench.evaluate().metrics
    assert found["accuracy"] == 0.75
    assert found["log_loss"] > 1
    assert bench.result["facts"]["classes the model does not know"] == "maybe"


@pytest.mark.parametrize(
    ("kind", "values"), [("bool", [True, False, True, True]), ("int64", [1, 0, 1, 1]), ("string", list("1011"))]
)
def test_classes_are_the_texts_of_their_values(bench: Bench, kind: str, values: list[object]) -> None:
    classification(bench.model, ("false", "true") if kind == "bool" else ("0", "1"))
    write_table(bench.test, pa.table({"x": [1.0, -1.0, 2.0, 3.0], "y": values}))
    assert bench.evaluate().metrics["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("thresholds", "decision"),
    [
        ({"rmse": 0.2, "r2": 0.9}, "promote"),
        ({"rmse": 0.01}, "reject"),
        ({"r2": 0.99999}, "reject"),
        ({"rmse": 0.2, "r2": 0.99999}, "reject"),
        ({}, "promote"),
    ],
)
def test_errors_have_a_most_and_scores_a_least(bench: Bench, thresholds: dict[str, float], decision: str) -> None:
    regression(bench.model)
    numbers(bench.test)
    assert bench.evaluate(thresholds=thresholds).decision == decision
    assert bench.result["reasons"]


def test_a_threshold_on_a_metric_that_is_not_defined_rejects(bench: Bench) -> None:
    classification(bench.model)
    write_table(bench.test, pa.table({"x": [1.0, 2.0], "y": ["yes", "yes"]}))
    found = bench.evaluate(thresholds={"roc_auc": 0.5})
    assert found.decision == "reject"
    assert "not defined" in bench.result["reasons"][0]


@pytest.mark.parametrize("wrong", [{"thresholds": {"rmes": 1.0}}, {"primary_metric": "accuracy"}])
def test_an_unknown_metric_lists_those_of_the_task(bench: Bench, wrong: dict[str, Any]) -> None:
    regression(bench.model)
    numbers(bench.test)
    with pytest.raises(ConfigError, match="rmse, mae, median_ae, r2"):
        bench.evaluate(**wrong)


@pytest.mark.parametrize(
    ("slope", "slack", "decision"),
    [
        (1.0, 0.0, "promote"),
        (2.0, 0.0, "promote"),
        (2.01, 0.0, "promote"),
        (1.999, 0.0, "reject"),
        (1.999, 0.1, "promote"),
    ],
)
def test_the_champion_must_not_be_better(bench: Bench, slope: float, slack: float, decision: str) -> None:
    """The best slope for this data is a little below 2."""
    regression(bench.model, slope=2.0)
    regression(bench.champion, slope=slope)
    numbers(bench.test)
    found = bench.evaluate(max_regression=slack)
    assert found.champion is not None
    assert (found.metrics["rmse"] > found.champion["rmse"]) == (slope == 1.999)
    assert found.decision == decision


def test_scores_are_compared_the_other_way_round(bench: Bench) -> None:
    classification(bench.model, steep=-1.0)
    classification(bench.champion)
    labels(bench.test)
    found = bench.evaluate(primary_metric="roc_auc", max_regression=0.01)
    assert found.decision == "reject"
    assert "roc_auc beside the champion: expected at least" in bench.result["reasons"][0]


@pytest.mark.parametrize("present", [True, False])
def test_no_champion_is_a_missing_or_empty_directory(bench: Bench, present: bool) -> None:
    if present:
        bench.champion.mkdir()
    regression(bench.model)
    numbers(bench.test)
    found = bench.evaluate()
    assert (found.champion, found.decision) == (None, "promote")


@pytest.mark.parametrize(
    ("champion", "reason"),
    [
        (lambda path: regression(path, feature="gone"), "takes the column 'gone', which the test split lacks"),
        (lambda path: regression(path, feature="day"), "takes 'day' as a number, and in the test split it is date"),
        (lambda path: regression(path, target="other"), "a regression of 'other'"),
        (classification, "a classification of 'y'"),
        (lambda path: regression(path, slope=math.nan), "the model answers NaN or infinity"),
    ],
)
def test_a_champion_that_cannot_be_compared_is_told(bench: Bench, champion: Any, reason: str) -> None:
    regression(bench.model)
    numbers(bench.test, day=pa.array([0] * 200, pa.date32()))
    champion(bench.champion)
    found = bench.evaluate()
    assert (found.decision, found.champion) == ("reject", None)
    assert reason in bench.result["reasons"][0]
    assert "without a champion" in bench.result["reasons"][1]


def test_a_damaged_champion_is_an_error(bench: Bench) -> None:
    regression(bench.model)
    regression(bench.champion)
    numbers(bench.test)
    (bench.champion / "model.onnx").write_bytes(b"x")
    with pytest.raises(ArtifactError, match="changed or cut off"):
        bench.evaluate()


def test_slices_name_the_worst(bench: Bench) -> None:
    regression(bench.model)
    x, c = np.linspace(-1, 1, 100), np.array(["a", "b", "c", ""])[np.arange(100) % 4]
    write_table(bench.test, pa.table({"x": x, "c": c, "y": 2 * x + (c == "b") + 5 * (c == "c") * (x > 0)}))
    found = bench.evaluate(slices=["c", "x"], min_slice_rows=20)
    assert [(part.label, part.rows) for part in found.slices[:4]] == [("missing", 25), ("a", 25), ("b", 25), ("c", 25)]
    assert [part.rows for part in found.slices[4:]] == [25] * 4
    assert str(found.worst) == "c c"
    assert bench.result["facts"]["slices"][3]["value"] > 3
    assert bench.page.read_text("utf-8").count("<svg") == 4


def test_many_values_and_missing_numbers_are_slices_too(bench: Bench) -> None:
    regression(bench.model)
    many = [f"v{at:02}" for at in range(20)] * 10
    gaps = [None if at % 2 else 7.0 for at in range(200)]
    numbers(bench.test, many=many, gaps=gaps, flag=[True, False] * 100)
    found = bench.evaluate(slices=["many", "gaps", "flag"], min_slice_rows=1000)
    labels_of = {
        name: [part.label for part in found.slices if part.column == name] for name in ("many", "gaps", "flag")
    }
    assert labels_of["many"] == [*(f"v{at:02}" for at in range(8)), "12 other values"]
    assert labels_of["gaps"] == ["7", "missing"]
    assert labels_of["flag"] == ["false", "true"]
    assert found.worst is None


@pytest.mark.parametrize(("column", "message"), [("gone", "not in the data"), ("day", "point in time")])
def test_a_slice_that_cannot_be(bench: Bench, column: str, message: str) -> None:
    regression(bench.model)
    numbers(bench.test, day=pa.array([0] * 200, pa.date32()))
    with pytest.raises(DataError, match=message):
        bench.evaluate(slices=[column])


def test_rows_without_a_target_are_left_out(bench: Bench) -> None:
    regression(bench.model)
    write_table(bench.test, pa.table({"x": [1.0, 2.0, 3.0], "c": ["a"] * 3, "y": [2.0, None, math.nan]}))
    assert bench.evaluate().metrics["rmse"] == 0
    assert bench.result["facts"]["rows without a target"] == 2


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0], "c": ["a"]}, "not in the data"),
        ({"x": [1.0], "c": ["a"], "y": ["1"]}, "cannot have this target"),
        ({"x": [1.0], "c": ["a"], "y": pa.array([None], pa.float64())}, "no target"),
        ({"x": [1.0], "c": ["a"], "y": [math.inf]}, "a target is infinite"),
        ({"c": ["a"], "y": [1.0]}, "takes the column 'x', which the test split lacks"),
        ({"x": ["1"], "c": ["a"], "y": [1.0]}, "takes 'x' as a number, and in the test split it is string"),
        ({"x": [math.inf], "c": ["a"], "y": [1.0]}, "NaN or infinity"),
        ({name: pa.array([], pa.float64()) for name in "xcy"}, "no rows"),
    ],
)
def test_a_test_split_that_cannot_be_used(bench: Bench, columns: dict[str, Any], message: str) -> None:
    regression(bench.model)
    write_table(bench.test, pa.table(columns))
    with pytest.raises(DataError, match=message):
        bench.evaluate()
    assert not bench.page.exists()


def test_nan_answers_show_five_rows_and_the_count(bench: Bench) -> None:
    regression(bench.model)
    write_table(bench.test, pa.table({"x": [1.0, *[math.nan] * 7], "c": ["a"] * 8, "y": [None, *[1.0] * 7]}))
    with pytest.raises(DataError) as caught:
        bench.evaluate()
    assert caught.value.count == 7
    assert [row["row"] for row in caught.value.rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_same_inputs_give_the_same_small_page(tmp_path: Path, task: str) -> None:
    """Whatever the order in which the thresholds are handed over."""
    benches = [Bench(tmp_path / name) for name in ("one", "two")]
    bounds = {"rmse": 99.0, "r2": -99.0} if task == "regression" else {"log_loss": 99.0, "accuracy": 0.0}
    for bench, thresholds in zip(benches, (bounds, dict(reversed(bounds.items()))), strict=True):
        if task == "regression":
            regression(bench.model)
            numbers(bench.test, 5000)
        else:
            classification(bench.model)
            labels(bench.test, rows=5000)
        bench.evaluate(slices=["x"], thresholds=thresholds)
    one, two = benches
    assert one.page.read_bytes() == two.page.read_bytes()
    assert one.facts.read_bytes() == two.facts.read_bytes()
    drawings = re.findall(r"<svg.*?</svg>", one.page.read_text("utf-8"), re.DOTALL)
    assert len(drawings) >= 3
    assert max(map(len, drawings)) < 100_000
    assert str(tmp_path) not in one.page.read_text("utf-8")


@pytest.mark.parametrize(
    "hostile", ["</svg><script>alert(1)</script>", "--><b>", "$\\frac{", "中文 名", "a\nb", "<!--", "&amp;"]
)
def test_labels_from_the_data_stay_text(bench: Bench, hostile: str) -> None:
    classification(bench.model)
    write_table(bench.test, pa.table({"x": [1.0, -1.0, 0.3], "y": ["yes", "no", hostile], "s": [hostile, "a", "b"]}))
    bench.evaluate(slices=["s"])
    page = bench.page.read_text("utf-8")
    assert "<script" not in page
    assert "<b>" not in page
    assert not re.search(r"<!--", page)


def test_lightgbm_sized_test_splits_are_quick(bench: Bench) -> None:
    regression(bench.model)
    numbers(bench.test, 60_000)
    assert bench.evaluate(slices=["c"]).metrics["rmse"] == pytest.approx(0.1, abs=0.01)


def test_the_bundle_is_left_as_it_was(bench: Bench) -> None:
    before = regression(bench.model).fingerprint
    numbers(bench.test)
    bench.evaluate()
    assert ModelBundle.open(bench.model).fingerprint == before
