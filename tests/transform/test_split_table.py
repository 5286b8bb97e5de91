from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.artifacts.dataset import Dataset, write_table
from fairlead.errors import ArtifactError, ConfigError, DataError, FairleadError
from fairlead.transform.split_table import Split, SplitTableConfig, split_table

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def table(rows: range, name: str = "b") -> pa.Table:
    return pa.table(
        {
            "id": list(rows),
            name: [f"name {n % 7}" for n in rows],
            "size": [n / 3 for n in rows],
            "at": [START + timedelta(days=n) for n in rows],
        }
    )


def split(folder: Path, data: pa.Table | None = None, **values: Any) -> Split:
    write_table(folder / "data", table(range(400)) if data is None else data)
    config = SplitTableConfig(**values)
    return split_table(folder / "data", config, folder / "train", folder / "validation", folder / "test")


def ids(dataset: Dataset) -> list[int]:
    return dataset.table(["id"])["id"].to_pylist()


def test_every_row_lands_on_one_side_in_its_order(tmp_path: Path) -> None:
    sides = split(tmp_path, keys=["id"])
    found = [ids(side) for side in (sides.train, sides.validation, sides.test)]
    assert sorted(row for side in found for row in side) == list(range(400))
    assert all(side == sorted(side) for side in found)
    assert sides.train.columns == Dataset.open(tmp_path / "data").columns
    assert 40 < len(found[2]) < 120


@settings(max_examples=15, deadline=None)
@given(start=st.integers(-500, 500), rows=st.integers(60, 300))
def test_other_rows_never_move_a_row(tmp_path_factory: pytest.TempPathFactory, start: int, rows: int) -> None:
    folder = tmp_path_factory.mktemp("split")
    (folder / "all").mkdir()
    everything = split(folder / "all", table(range(-500, 800)), keys=["id", "b"])
    home = {row: name for name in ("train", "validation", "test") for row in ids(getattr(everything, name))}
    some = split(folder, table(range(start, start + rows)), keys=["id", "b"])
    assert all(home[row] == name for name in ("train", "validation", "test") for row in ids(getattr(some, name)))


def test_the_sides_are_those_of_the_documented_rule(tmp_path: Path) -> None:
    """Said again in plain Python: a change of the rule would leak rows that were tested on into training."""

    def share(row: int) -> float:
        return int(hashlib.md5(f"{len(str(row))}:{row}".encode()).hexdigest()[:13], 16) / 2**52  # noqa: S324 - no secret

    assert ids(split(tmp_path, keys=["id"]).test) == [row for row in range(400) if share(row) < 0.2]


def test_missing_keys_and_neighbouring_texts_are_told_apart(tmp_path: Path) -> None:
    rows = 300
    left = [None if n % 3 == 0 else "x" * (n % 5) for n in range(rows)]
    right = [str(n) for n in range(rows)]
    sides = split(tmp_path, pa.table({"id": list(range(rows)), "l": left, "r": right}), keys=["l", "r"])
    assert sides.train.rows + sides.validation.rows + sides.test.rows == rows


def test_by_time(tmp_path: Path) -> None:
    sides = split(
        tmp_path, method="time", time_column="at", validation_from="2024-06-01", test_from="2024-09-01T00:00:00"
    )
    assert (sides.train.rows, sides.validation.rows, sides.test.rows) == (152, 92, 156)


@pytest.mark.parametrize(
    ("values", "kind", "says"),
    [
        ({}, ConfigError, "needs `keys`"),
        ({"keys": ["id"], "test_fraction": 0.95}, ConfigError, "leave no row"),
        ({"keys": ["id"], "test_fraction": 1.5}, ConfigError, "less than 1"),
        ({"keys": ["gone"]}, DataError, "not in the data"),
        ({"keys": ["size"]}, DataError, "cannot be a key"),
        ({"keys": ["id"], "method": "random"}, ConfigError, "'hash' or 'time'"),
        ({"keys": ["id"], "nonsense": 1}, ConfigError, "not permitted"),
        ({"method": "time", "time_column": "at"}, ConfigError, "a time split needs"),
        (
            {"method": "time", "time_column": "id", "validation_from": "2024-02-01", "test_from": "2024-03-01"},
            DataError,
            "a date",
        ),
        (
            {"method": "time", "time_column": "at", "validation_from": "soon", "test_from": "2024-03-01"},
            ConfigError,
            "not a time",
        ),
        (
            {"method": "time", "time_column": "at", "validation_from": "2024-03-01", "test_from": "2024-02-01"},
            ConfigError,
            "before",
        ),
        (
            {"method": "time", "time_column": "at", "validation_from": "2024-02-01", "test_from": "2034-02-01"},
            DataError,
            "empty",
        ),
    ],
)
def test_what_cannot_be_split_is_told(
    tmp_path: Path, values: dict[str, Any], kind: type[FairleadError], says: str
) -> None:
    with pytest.raises(kind, match=says):
        split(tmp_path, **values)
    assert not (tmp_path / "test").exists()


def test_rows_without_a_time_are_shown(tmp_path: Path) -> None:
    data = table(range(30)).set_column(3, "at", pa.array([None] * 7 + [START] * 23, pa.timestamp("us")))
    with pytest.raises(DataError, match="no time") as caught:
        split(tmp_path, data, method="time", time_column="at", validation_from="2024-02-01", test_from="2024-03-01")
    assert (caught.value.count, len(caught.value.rows)) == (7, 5)


def test_damaged_data_is_refused(tmp_path: Path) -> None:
    write_table(tmp_path / "data", table(range(50)))
    part = tmp_path / "data" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="changed or cut off"):
        split_table(tmp_path / "data", SplitTableConfig(keys=["id"]), *(tmp_path / name for name in "abc"))
