"""What every trainer promises, for every task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
import skops.io
from training_tables import TARGETS, TRAINERS, features_table, flights, train

from fairlead.artifacts.bundle import ModelBundle
from fairlead.artifacts.scorer import Scorer, columns_of
from fairlead.train.training_data import read_training_data

every_trainer = pytest.mark.parametrize("trainer", TRAINERS)
every_task = pytest.mark.parametrize("task", TARGETS)
METRICS = {
    "regression": {"rmse", "mae", "r2"},
    "binary": {"log_loss", "accuracy", "roc_auc"},
    "multiclass": {"log_loss", "accuracy"},
}


@every_trainer
@every_task
def test_bundle_is_whole_and_the_model_has_learnt(tmp_path: Path, trainer: str, task: str) -> None:
    bundle = ModelBundle.open(train(tmp_path, trainer, task).path)
    assert set(bundle.metrics) - {"rounds"} == METRICS[task] | {"parity_max_abs"}
    assert bundle.metrics["parity_max_abs"] < 1e-9
    assert bundle.metrics.get("r2", 1.0) > 0.6
    assert bundle.metrics.get("accuracy", 1.0) > 0.7
    assert [(f.name, f.kind) for f in bundle.signature.features] == [
        ("distance", "number"),
        ("hour", "number"),
        ("weekend", "number"),
        ("carrier", "category"),
    ]
    classes = {"regression": (), "binary": ("false", "true"), "multiclass": ("fair", "good", "poor")}
    assert bundle.signature.classes == classes[task]


@every_trainer
@every_task
def test_a_fresh_scorer_gives_the_golden_answers_one_row_at_a_time(tmp_path: Path, trainer: str, task: str) -> None:
    bundle = train(tmp_path, trainer, task)
    golden, scorer = bundle.golden, Scorer.of(bundle)
    rows = len(golden["outputs"]["prediction"])
    assert rows == 18
    assert [golden["inputs"][f.name][-2] for f in bundle.signature.features] == [None] * 4
    assert golden["inputs"]["carrier"][-1] == "unseen"
    for row in range(rows):
        answers = scorer.predict({name: values[row : row + 1] for name, values in golden["inputs"].items()})
        for name, values in answers.items():
            if values.dtype == object:
                assert values[0] == golden["outputs"][name][row]
            else:
                np.testing.assert_allclose(values[0], golden["outputs"][name][row], rtol=1e-12, atol=1e-12)


@every_trainer
@every_task
def test_same_inputs_give_the_same_bytes(tmp_path: Path, trainer: str, task: str) -> None:
    first, second = train(tmp_path / "a", trainer, task), train(tmp_path / "b", trainer, task)
    assert first.fingerprint == second.fingerprint


@every_trainer
def test_threads_leave_no_trace_in_the_model(tmp_path: Path, trainer: str) -> None:
    bundles = [train(tmp_path / str(n), trainer, "regression", flights(3000), threads=n) for n in (1, 2, 3)]
    assert len({bundle.onnx.read_bytes() for bundle in bundles}) == 1
    assert len({json.dumps(bundle.metrics) for bundle in bundles}) == 1


@every_trainer
def test_the_environment_leaves_no_trace(tmp_path: Path, trainer: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from training_tables import train, flights\n"
        "print(train(Path(sys.argv[2]), sys.argv[3], 'binary', flights(2000)).fingerprint)"
    )
    found = set()
    for threads, seed in (("1", "1"), ("2", "2")):
        env = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / threads), trainer]
        found.add(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
    assert len(found) == 1


@every_task
def test_native_lightgbm_answers_as_the_graph(tmp_path: Path, task: str) -> None:
    bundle = train(tmp_path, "lightgbm", task)
    columns = columns_of(features_table(bundle, tmp_path), bundle.signature)
    listed = json.loads((bundle.path / "native" / "columns.json").read_text("utf-8"))
    assert [column["name"] for column in listed] == [feature.name for feature in bundle.signature.features]
    code = {text: place for place, text in enumerate(listed[-1]["categories"])}
    columns["carrier"] = np.array([code.get(text, np.nan) for text in columns["carrier"]])
    native = lightgbm.Booster(model_file=bundle.path / "native" / "model.txt").predict(
        np.column_stack([*columns.values()])
    )
    answers = Scorer.of(bundle).predict(columns_of(features_table(bundle, tmp_path), bundle.signature))
    ours = {"regression": "prediction"}.get(task, "probabilities")
    expected = answers[ours][:, 1] if task == "binary" else answers[ours]
    np.testing.assert_allclose(native, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("trainer", ["linear", "forest"])
@every_task
def test_native_sklearn_answers_as_the_graph(tmp_path: Path, trainer: str, task: str) -> None:
    bundle = train(tmp_path, trainer, task)
    path = bundle.path / "native" / "model.skops"
    untrusted = skops.io.get_untrusted_types(file=path)
    assert set(untrusted) <= {"numpy.dtype", "sklearn.tree._tree.Tree"}
    pipeline = skops.io.load(path, trusted=untrusted)
    columns = columns_of(features_table(bundle, tmp_path), bundle.signature)
    matrix = np.column_stack([values.astype(object) for values in columns.values()])
    answers = Scorer.of(bundle).predict(columns)
    native, name = (
        (pipeline.predict, "prediction") if task == "regression" else (pipeline.predict_proba, "probabilities")
    )
    np.testing.assert_allclose(native(matrix), answers[name], rtol=0, atol=1e-9)


@every_trainer
@every_task
def test_a_column_without_any_value_is_learnt_from_as_nothing(tmp_path: Path, trainer: str, task: str) -> None:
    table = (
        flights().append_column("empty", pa.nulls(300, pa.float64())).append_column("blank", pa.nulls(300, pa.string()))
    )
    bundle = train(tmp_path, trainer, task, table)
    assert bundle.metrics["parity_max_abs"] < 1e-9
    assert bundle.baseline["features"]["empty"]["mean"] is None
    assert bundle.baseline["features"]["blank"]["missing"] == 300


@every_trainer
@pytest.mark.parametrize("features", [["carrier"], ["distance"], ["hour", "carrier", "weekend"]])
def test_any_mix_of_kinds_is_enough(tmp_path: Path, trainer: str, features: list[str]) -> None:
    bundle = train(tmp_path, trainer, "multiclass", features=features)
    assert [feature.name for feature in bundle.signature.features] == features


@every_trainer
def test_a_target_that_never_varies_is_predicted(tmp_path: Path, trainer: str) -> None:
    table = flights().set_column(5, "delay", pa.array([7.5] * 300))
    bundle = train(tmp_path, trainer, "regression", table)
    assert "r2" not in bundle.metrics
    np.testing.assert_allclose(bundle.golden["outputs"]["prediction"], 7.5)


@every_trainer
def test_a_handful_of_rows_is_enough_to_run(tmp_path: Path, trainer: str) -> None:
    bundle = train(tmp_path, trainer, "binary", flights(6))
    assert len(bundle.golden["outputs"]["prediction"]) == 8


@every_trainer
def test_whole_numbers_are_classes_too(tmp_path: Path, trainer: str) -> None:
    table = flights().set_column(7, "grade", pa.array([2, 10, -1] * 100))
    bundle = train(tmp_path, trainer, "multiclass", table)
    assert bundle.signature.classes == ("-1", "10", "2")
    assert set(bundle.golden["outputs"]["prediction"]) <= {"-1", "10", "2"}


@every_trainer
@pytest.mark.parametrize(
    "name", ["a b", 'say "hi"', "{x}:[y],", "Concat_0_0", "constant_0_0", "größe", "x\ny", "scores"]
)
def test_any_name_can_be_a_feature(tmp_path: Path, trainer: str, name: str) -> None:
    names = [name if column == "distance" else column for column in flights().column_names]
    bundle = train(tmp_path, trainer, "binary", flights().rename_columns(names))
    assert name in bundle.baseline["features"]
    assert bundle.metrics["parity_max_abs"] < 1e-9


@every_trainer
def test_lineage_tells_of_data_config_and_versions_and_of_no_place(tmp_path: Path, trainer: str) -> None:
    bundle = train(tmp_path, trainer, "regression", seed=3)
    lineage = bundle.lineage
    assert lineage["component"] == ("train_lightgbm" if trainer == "lightgbm" else "train_sklearn")
    assert lineage["config"]["seed"] == 3
    assert set(lineage["inputs"]) == {"train", "validation"}
    assert lineage["libraries"]["onnxruntime"]
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in bundle.path.rglob("*") if path.is_file())


def test_early_stopping_keeps_the_best_round(tmp_path: Path) -> None:
    values = {"num_trees": 400, "learning_rate": 0.5, "early_stopping_rounds": 5}
    noise = flights(400).set_column(5, "delay", pa.array(np.random.default_rng(1).normal(size=400)))
    target = {"target": "delay", "task": "regression", "features": ["distance", "hour"]}
    from fairlead.artifacts.dataset import write_table
    from fairlead.train.train_lightgbm import TrainLightgbmConfig, train_lightgbm

    write_table(tmp_path / "train", noise.slice(0, 200))
    write_table(tmp_path / "validation", noise.slice(200))
    pair = tmp_path / "train", tmp_path / "validation"
    stopped = train_lightgbm(*pair, TrainLightgbmConfig(**target, **values), tmp_path / "stopped")
    ever = train_lightgbm(
        *pair, TrainLightgbmConfig(**target, **values | {"early_stopping_rounds": 0}), tmp_path / "ever"
    )
    assert stopped.metrics["rounds"] < 50 < ever.metrics["rounds"]
    assert stopped.metrics["rmse"] < ever.metrics["rmse"]
    assert stopped.onnx.stat().st_size < ever.onnx.stat().st_size


def test_rare_and_unseen_texts_share_a_column(tmp_path: Path) -> None:
    bundle = train(tmp_path, "linear", "regression", max_categories=3)
    row = {"distance": [1.0] * 3, "hour": [1.0] * 3, "weekend": [0.0] * 3}
    counts = bundle.baseline["features"]["carrier"]["counts"]
    rarest = min(counts, key=counts.__getitem__)
    answers = Scorer.of(bundle).predict({**row, "carrier": ["never", rarest, max(counts, key=counts.__getitem__)]})
    assert answers["prediction"][0] == answers["prediction"][1] != answers["prediction"][2]


def test_reading_does_not_change_the_data(tmp_path: Path) -> None:
    train(tmp_path, "linear", "regression")
    _, config = TRAINERS["linear"](target="delay", task="regression", exclude=["id", "late", "grade"])
    data = read_training_data(tmp_path / "train", tmp_path / "validation", config)
    np.testing.assert_array_equal(data.train.target, flights().column("delay").to_numpy())
    assert np.isnan(data.train.columns["hour"]).sum() == flights().column("hour").null_count
    assert (data.train.columns["carrier"] == "").sum() == flights().column("carrier").null_count
