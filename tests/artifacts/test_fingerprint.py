"""The fingerprint sees every value, name, type and the order of rows, and nothing of how a table is stored."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fairlead.artifacts.column_types import TYPES, to_arrow
from fairlead.artifacts.dataset import write_table
from fairlead.artifacts.fingerprint import fingerprint_table

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int64": INT64,
    "float64": st.floats(),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "date": st.dates(),
    "timestamp": st.datetimes(),
}
OTHER: dict[str, Any] = {
    "bool": True,
    "int64": 77_777,
    "float64": 77_777.5,
    "string": "other",
    "date": dt.date(1977, 7, 7),
    "timestamp": dt.datetime(1977, 7, 7),  # noqa: DTZ001 - a dataset's timestamps have no zone
}


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0) -> pa.Table:
    """Random columns of all six types with nulls, NaN, empty strings and any Unicode."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    rows = draw(st.integers(min_rows, 12))
    columns = {}
    for number, name in enumerate(types):
        values = draw(st.lists(st.none() | VALUES[name], min_size=rows, max_size=rows))
        columns[f"{name} {number}"] = pa.array(values, to_arrow(name))
    return pa.table(columns)


@given(tables(), st.integers(1, 12), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_parts_leave_no_trace(table: pa.Table, part_rows: int, chunk: int) -> None:
    chunked = pa.concat_tables([table.slice(start, chunk) for start in range(0, table.num_rows, chunk)] or [table])
    with TemporaryDirectory() as directory:
        whole = write_table(Path(directory) / "whole", table)
        split = write_table(Path(directory) / "split", chunked, part_rows=part_rows)
        assert whole.fingerprint == split.fingerprint == fingerprint_table(table)
        assert fingerprint_table(split.table()) == fingerprint_table(table)


@given(tables(min_rows=1), st.sampled_from(["none", "snappy", "gzip", "zstd"]), st.integers(1, 5), st.booleans())
@settings(max_examples=40, deadline=None)
def test_parquet_leaves_no_trace(table: pa.Table, compression: str, group: int, dictionary: bool) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression, row_group_size=group, use_dictionary=dictionary)
    again = pq.read_table(pa.BufferReader(sink.getvalue()))
    assert fingerprint_table(again.cast(table.schema)) == fingerprint_table(table)


@given(tables(min_rows=1), st.data())
def test_a_slice_is_as_its_copy(table: pa.Table, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, table.num_rows))
    part = table.slice(start, data.draw(st.integers(0, table.num_rows - start)))
    copy = pa.Table.from_pylist(part.to_pylist(), table.schema)
    assert fingerprint_table(part) == fingerprint_table(copy)


@given(tables(min_rows=1), st.data())
def test_every_value_counts(table: pa.Table, data: st.DataObject) -> None:
    row, column = data.draw(st.integers(0, table.num_rows - 1)), data.draw(st.integers(0, table.num_columns - 1))
    field, values = table.field(column), table.column(column).to_pylist()
    for value in (OTHER[field.name.split()[0]], None):
        changed = pa.array([*values[:row], value, *values[row + 1 :]], field.type)
        if not same(values[row], value):
            assert fingerprint_table(table.set_column(column, field, changed)) != fingerprint_table(table)


def same(one: Any, other: Any) -> bool:
    return bool(one is other or (one is not None and other is not None and one == other))


@given(tables(min_rows=2), st.randoms())
def test_the_order_of_rows_counts(table: pa.Table, random: Any) -> None:
    order = list(range(table.num_rows))
    random.shuffle(order)
    shuffled = table.take(order)
    assume(repr(shuffled.to_pylist()).replace("-0.0", "0.0") != repr(table.to_pylist()).replace("-0.0", "0.0"))
    assert fingerprint_table(shuffled) != fingerprint_table(table)


@given(tables())
def test_a_columns_name_counts(table: pa.Table) -> None:
    renamed = table.rename_columns(["renamed", *table.column_names[1:]])
    assert fingerprint_table(renamed) != fingerprint_table(table)


def test_the_order_of_columns_counts() -> None:
    table = pa.table({"a": [1], "b": [1]})
    assert fingerprint_table(table.select(["b", "a"])) != fingerprint_table(table)


@pytest.mark.parametrize("name", TYPES)
def test_a_columns_type_counts_even_without_rows(name: str) -> None:
    prints = {fingerprint_table(pa.table({"a": pa.array([], to_arrow(other))})) for other in TYPES}
    nulls = {fingerprint_table(pa.table({"a": pa.array([None], to_arrow(other))})) for other in TYPES}
    assert len(prints) == len(nulls) == len(TYPES)
    assert fingerprint_table(pa.table({"a": pa.array([], to_arrow(name))})) in prints


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["", None], [None, ""]),
        ([0.0, None], [None, 0.0]),
        ([float("nan"), 1.0], [None, 1.0]),
        ([True, None], [True, False]),
    ],
)
def test_near_twins_differ(one: list[Any], other: list[Any]) -> None:
    assert fingerprint_table(pa.table({"a": one})) != fingerprint_table(pa.table({"a": other}))


def test_every_nan_is_one_and_minus_zero_is_zero() -> None:
    odd_nan = pa.Array.from_buffers(
        pa.float64(), 2, [None, pa.py_buffer(bytes([1] + [0] * 5 + [0xF8, 0xFF]) + bytes(8))]
    )
    assert str(odd_nan[0]) == "nan"
    plain = pa.table({"a": [float("nan"), -0.0]})
    assert fingerprint_table(pa.table({"a": odd_nan})) == fingerprint_table(plain)
