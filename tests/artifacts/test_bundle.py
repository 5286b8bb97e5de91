"""ModelBundle: what was written is what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.artifacts.bundle import Feature, ModelBundle, Signature, features_of, write_bundle
from fairlead.artifacts.directory import MANIFEST, digest_of, read_json, sha256_of, write_json
from fairlead.errors import ArtifactError, DataError

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = Signature("classification", "y", (Feature("n", "number"), Feature("s", "category")), ("no", "yes"))


def write(path: Path, **changes: Any) -> ModelBundle:
    parts: dict[str, Any] = {
        "onnx": b"graph",
        "native": {"trees.txt": b"tree", "scaler.skops": b"zip"},
        "signature": SIGNATURE,
        "golden": {"inputs": {"n": [1.0, None], "s": ["ü", ""]}, "outputs": {"prediction": ["no", "yes"]}},
        "baseline": {"n": {"nulls": 1}},
        "metrics": {"auc": 0.75},
        "lineage": {"data": "d" * 64, "config": {"rate": 0.1}},
    }
    return write_bundle(path, **{**parts, **changes})


def test_every_part_comes_back(tmp_path: Path) -> None:
    bundle = ModelBundle.open(write(tmp_path / "a").path)
    assert bundle.signature == SIGNATURE
    assert bundle.golden["inputs"] == {"n": [1.0, None], "s": ["ü", ""]}
    assert bundle.baseline == {"n": {"nulls": 1}}
    assert bundle.metrics == {"auc": 0.75}
    assert bundle.lineage["config"] == {"rate": 0.1}
    assert bundle.onnx.read_bytes() == b"graph"
    assert (bundle.path / "native" / "scaler.skops").read_bytes() == b"zip"
    assert bundle.metadata == {"fingerprint": bundle.fingerprint, "task": "classification", "auc": 0.75}


@pytest.mark.parametrize(
    "change",
    [
        {"onnx": b"grapH"},
        {"native": {"trees.txt": b"tree"}},
        {"native": {"trees.txt": b"tree", "scaler": b"zip"}},
        {"signature": Signature("classification", "y", SIGNATURE.features[::-1], SIGNATURE.classes)},
        {"metrics": {"auc": 0.7500001}},
        {"lineage": {}},
    ],
)
def test_the_fingerprint_is_of_every_part(change: dict[str, Any], tmp_path: Path) -> None:
    assert write(tmp_path / "a", **change).fingerprint != write(tmp_path / "b").fingerprint


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_metric_that_json_cannot_hold_leaves_nothing(number: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path / "a", metrics={"auc": number})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [{}, [], 1, {"task": "regression"}, {"features": [1]}, {"features": [{"name": "n"}]}])
def test_a_signature_that_is_none_is_told(value: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a").path
    write_json(path / "signature.json", value)
    manifest = read_json(path / MANIFEST)
    del manifest["seal"]
    size = (path / "signature.json").stat().st_size
    manifest["files"]["signature.json"] = {"sha256": sha256_of(path / "signature.json"), "bytes": size}
    write_json(path / MANIFEST, {**manifest, "seal": digest_of(manifest)})
    with pytest.raises(ArtifactError, match="signature is incomplete") as caught:
        _ = ModelBundle.open(path).signature
    assert caught.value.where == str(path / "signature.json")


def test_columns_become_features() -> None:
    columns = {"b": "bool", "i": "int64", "f": "float64", "s": "string", "d": "date"}
    kinds = [feature.kind for feature in features_of(columns, ["b", "i", "f", "s"], "here")]
    assert kinds == ["number", "number", "number", "category"]


@pytest.mark.parametrize("kind", ["date", "timestamp"])
def test_a_point_in_time_is_no_feature(kind: str) -> None:
    with pytest.raises(DataError, match="point in time") as caught:
        features_of({"when": kind}, ["when"], "here")
    assert "'when'" in caught.value.where
