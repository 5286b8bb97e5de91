"""Dataset: rows come back as they were, and what it cannot hold is told."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import fairlead
from fairlead.artifacts.dataset import Dataset, write_dataset, write_table
from fairlead.artifacts.source import Source
from fairlead.errors import ArtifactError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = {
    "b": pa.array([True, None, False]),
    "i": pa.array([2**62, None, -1]),
    "f": pa.array([0.5, None, float("inf")]),
    "s": pa.array(["ü", None, ""]),
    "d": pa.array([dt.date(2013, 1, 1), None, dt.date(1, 1, 1)]),
    "t": pa.array([dt.datetime(2013, 1, 1, 5, 15, 0, 1), None, dt.datetime(1970, 1, 1)]),  # noqa: DTZ001 - zoneless
}
TYPES = {"b": "bool", "i": "int64", "f": "float64", "s": "string", "d": "date", "t": "timestamp"}


@pytest.mark.parametrize("part_rows", [1, 2, 100])
def test_rows_come_back_in_order(part_rows: int, tmp_path: Path) -> None:
    table = pa.table(ROWS)
    written = write_table(tmp_path / "a", table, part_rows=part_rows)
    dataset = Dataset.open(tmp_path / "a")
    assert dataset == written
    assert (dataset.rows, dataset.columns) == (3, TYPES)
    assert dataset.table().equals(table)
    assert dataset.table(["s", "b"]).equals(table.select(["s", "b"]))
    assert len(dataset.parts) == -(-3 // part_rows)


def test_no_rows_keep_their_columns(tmp_path: Path) -> None:
    dataset = write_table(tmp_path / "a", pa.table(ROWS).slice(0, 0))
    assert (dataset.rows, dataset.columns) == (0, TYPES)
    assert dataset.table().schema == pa.table(ROWS).schema


def test_an_iterator_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    table = pa.table(ROWS)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"), write_dataset(tmp_path / "a", table.schema) as writer:
        deque(map(writer.write, batches()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (pa.array([1], pa.int8()), "int64"),
        (pa.array([1], pa.uint64()), "int64"),
        (pa.array([1.5], pa.float32()), "float64"),
        (pa.array([decimal.Decimal("1.5")]), "float64"),
        (pa.array(["a"], pa.large_string()), "string"),
        (pa.array(["a"]).dictionary_encode(), "string"),
        (pa.array([dt.date(2013, 1, 1)], pa.date64()), "date"),
        (pa.array([0], pa.timestamp("s", "UTC")), "timestamp"),
    ],
)
def test_kindred_types_are_taken(column: pa.Array, name: str, tmp_path: Path) -> None:
    assert write_table(tmp_path / "a", pa.table({"c": column})).columns == {"c": name}


@pytest.mark.parametrize("column", [[[1]], [{"a": 1}], [b"a"], [None], [dt.time(1)], [dt.timedelta(1)]])
def test_other_types_are_told_with_the_column(column: list[Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no dataset holds") as caught:
        write_table(tmp_path / "a", pa.table({"c": column}))
    assert caught.value.where.endswith("column 'c'")


@pytest.mark.parametrize("column", [pa.array([2**64 - 1], pa.uint64()), pa.array([1], pa.timestamp("ns"))])
def test_a_value_that_would_be_cut_is_told(column: pa.Array, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not fit"):
        write_table(tmp_path / "a", pa.table({"c": column}))
    assert list(tmp_path.iterdir()) == []


def test_two_columns_of_one_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same name") as caught:
        write_table(tmp_path / "a", pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["c", "c"]))
    assert caught.value.where.endswith("column 'c'")


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_table(tmp_path / "a", pa.table(ROWS)).table(["i", "x"])
    assert (caught.value.got, caught.value.where[-10:]) == ("b, i, f, s, d, t", "column 'x'")


def test_sources_and_lineage_are_kept(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("a\n1\n")
    source = Source.of("raw.csv", raw)
    dataset = write_table(tmp_path / "a", pa.table(ROWS), sources=[source], lineage={"component": "test"})
    assert dataset.metadata == {"fingerprint": dataset.fingerprint, "rows": 3, "sources": [source.as_dict()]}
    assert dataset.manifest["lineage"] == {"component": "test"}


def test_a_source_knows_when_its_file_changed(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("a\n1\n")
    source = Source.of("raw.csv", raw)
    assert source.unchanged()
    raw.write_text("a\n2\n")
    assert not source.unchanged()
    raw.unlink()
    assert not source.unchanged()


def test_a_damaged_part_is_not_read(tmp_path: Path) -> None:
    part = write_table(tmp_path / "a", pa.table(ROWS)).parts[0]
    part.write_bytes(part.read_bytes().replace(b"PAR1", b"PAR2"))
    with pytest.raises(ArtifactError, match=re.escape("changed or cut off")):
        Dataset.open(tmp_path / "a")


def test_nothing_in_the_package_can_read_or_write_a_pickle() -> None:
    package = Path(fairlead.__file__).parent
    pattern = re.compile(r"^\s*(import|from)\s+(\w*pickle|joblib|dill|shelve|marshal)\b", re.MULTILINE)
    assert [str(path) for path in package.rglob("*.py") if pattern.search(path.read_text())] == []
