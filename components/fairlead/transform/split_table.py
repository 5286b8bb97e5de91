"""One Dataset into training, validation and test rows, the same row always on the same side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from fairlead.artifacts import column_types
from fairlead.artifacts.config import Config
from fairlead.artifacts.dataset import Dataset, write_dataset
from fairlead.errors import ConfigError, DataError
from fairlead.tables.duck import connect, literal, quote, view

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

BATCH_ROWS = 131_072
SIDE = quote("fairlead.side")  # a name that no table has
TIMES = ("date", "timestamp")
KEYS = ("int64", "string", "bool", *TIMES)


class SplitTableConfig(Config):
    """How to split.

    Attributes:
        method: "hash" of the key columns, at random but for ever; or "time", along a date or timestamp column.
        keys: for "hash": the columns that identify a row; not floating-point ones, since their text is not stable.
        validation_fraction: for "hash": the expected share of validation rows, 0 to 1.
        test_fraction: for "hash": the expected share of test rows, 0 to 1.
        time_column: for "time": the column.
        validation_from: for "time": the first instant of validation, ISO 8601, UTC.
        test_from: for "time": the first instant of test, ISO 8601, UTC.
    """

    method: Literal["hash", "time"] = "hash"
    keys: list[str] = []
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)
    test_fraction: float = Field(default=0.2, gt=0, lt=1)
    time_column: str = ""
    validation_from: str = ""
    test_from: str = ""

    @model_validator(mode="after")
    def _complete(self) -> SplitTableConfig:
        if self.method == "hash" and not self.keys:
            raise ValueError("a hash split needs `keys`, the columns that identify a row")
        if self.method == "hash" and self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction and test_fraction leave no row for training")
        if self.method == "time" and not (self.time_column and self.validation_from and self.test_from):
            raise ValueError("a time split needs `time_column`, `validation_from` and `test_from`")
        return self


@dataclass(frozen=True)
class Split:
    """The three sides."""

    train: Dataset
    validation: Dataset
    test: Dataset


def split_table(data: Path, config: SplitTableConfig, train: Path, validation: Path, test: Path) -> Split:
    """Splits a dataset; each side keeps the columns and the order of the rows.

    By hash: the first 13 hexadecimal digits of the MD5 of a row's key columns, as a fraction of 2^52, decide its side:
    test below `test_fraction`, then validation, then training. It depends on nothing but the keys, so more data, other
    rows or another machine never move a row. By time: test from `test_from` on, validation from `validation_from` on.

    Args:
        data: the Dataset to split.
        config: how.
        train: the Dataset of training rows to write.
        validation: the Dataset of validation rows to write.
        test: the Dataset of test rows to write.

    Raises:
        ConfigError: a bound is not a time, or the bounds are not in order.
        DataError: a column is missing or cannot be a key, a time is missing, or a side would be empty.
        ArtifactError: `data` is damaged, or a side cannot be written.
    """
    dataset = Dataset.open(data)
    with connect() as connection:
        view(connection, "data", dataset)
        side = _side_by_hash(dataset, config) if config.method == "hash" else _side_by_time(connection, dataset, config)
        lineage = {"component": "split_table", "config": config.facts, "data": dataset.fingerprint}
        connection.execute(f"CREATE TABLE sided AS SELECT {side} AS {SIDE}, * FROM data")
        for name, path in (("train", train), ("validation", validation), ("test", test)):
            _write_side(connection, dataset, path, {**lineage, "side": name})
    return Split(Dataset.open(train), Dataset.open(validation), Dataset.open(test))


def _side_by_hash(dataset: Dataset, config: SplitTableConfig) -> str:
    dataset.require(config.keys)
    for key in config.keys:
        if dataset.columns[key] not in KEYS:
            got, do = dataset.columns[key], f"name columns of type {', '.join(KEYS)}"
            raise DataError("a column cannot be a key", where=f"{dataset.path}, column {key!r}", got=got, do=do)
    # A length before each value keeps ("a", "bc") apart from ("ab", "c"); a missing value is no text at all.
    texts = [f"coalesce(length({quote(key)}::VARCHAR) || ':' || {quote(key)}::VARCHAR, '-')" for key in config.keys]
    share = f"('0x' || md5({' || '.join(texts)})[1:13])::BIGINT / {2**52}.0"
    held = config.test_fraction + config.validation_fraction
    return _case(f"{share} < {config.test_fraction}", f"{share} < {held}")


def _side_by_time(connection: duckdb.DuckDBPyConnection, dataset: Dataset, config: SplitTableConfig) -> str:
    dataset.require([config.time_column])
    where = f"{dataset.path}, column {config.time_column!r}"
    if dataset.columns[config.time_column] not in TIMES:
        raise DataError(
            "a time split needs a date or a timestamp", where=where, got=dataset.columns[config.time_column]
        )
    bounds = [_instant(connection, name, getattr(config, name)) for name in ("validation_from", "test_from")]
    if bounds[0] >= bounds[1]:
        got, do = f"{bounds[0]} and {bounds[1]}", "put validation_from before test_from"
        raise ConfigError("validation must begin before test", where="validation_from", got=got, do=do)
    column = quote(config.time_column)
    missing = connection.sql(f"SELECT * FROM data WHERE {column} IS NULL").to_arrow_table()
    if missing.num_rows:
        rows = missing.slice(0, 5).to_pylist()
        raise DataError(
            "rows have no time",
            where=where,
            rows=rows,
            count=missing.num_rows,
            do="drop them in the ingest query",
        )
    validation_from, test_from = (f"TIMESTAMP {literal(bound)}" for bound in bounds)
    return _case(f"{column} >= {test_from}", f"{column} >= {validation_from}")


def _case(is_test: str, is_validation: str) -> str:
    return f"CASE WHEN {is_test} THEN 'test' WHEN {is_validation} THEN 'validation' ELSE 'train' END"


def _instant(connection: duckdb.DuckDBPyConnection, name: str, text: str) -> str:
    found = connection.execute("SELECT TRY_CAST(? AS TIMESTAMP)::VARCHAR", [text]).fetchall()[0][0]
    if found is None:
        raise ConfigError(
            "a bound is not a time",
            where=name,
            got=repr(text),
            do="write it as 2013-11-01 or 2013-11-01T06:00:00",
        )
    return str(found)


def _write_side(connection: duckdb.DuckDBPyConnection, dataset: Dataset, path: Path, lineage: dict[str, Any]) -> None:
    side = f"SELECT * EXCLUDE ({SIDE}) FROM sided WHERE {SIDE} = {literal(lineage['side'])}"
    reader = connection.sql(side).to_arrow_reader(BATCH_ROWS)
    schema = column_types.normalise(reader.schema, dataset.path)
    with write_dataset(path, schema, sources=dataset.sources, lineage=lineage) as writer:
        for batch in reader:
            writer.write(batch.cast(schema))
        if not writer.rows:
            do = "change the fractions, the bounds or the keys, or bring more rows"
            got = f"{dataset.rows:,} rows in all"
            raise DataError(f"the {lineage['side']} side would be empty", where=dataset.path, got=got, do=do)
