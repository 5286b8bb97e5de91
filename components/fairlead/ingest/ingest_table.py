"""Raw files, joined with SQL, into one Dataset."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from fairlead.artifacts import column_types
from fairlead.artifacts.config import Config
from fairlead.artifacts.dataset import Dataset, write_dataset
from fairlead.artifacts.source import Source
from fairlead.errors import ConfigError, DataError
from fairlead.ingest.load_csv import load_csv
from fairlead.ingest.locate import locate, unzip
from fairlead.tables.duck import connect, quote

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH_ROWS = 131_072


class IngestTableConfig(Config):
    """What to read.

    Attributes:
        sources: table name to path, `package:NAME/PATH` or URI (s3://, minio://, gs://); the ending says what it is
            (.csv, .csv.gz, .zip with one CSV file, .parquet).
        query: SQL over those tables; empty with a single source takes it as it is. The result is sorted by all
            its columns, so that its bytes do not depend on how a join was carried out. It sees no other file.
        types: column name to type, over what is found in a CSV file.
        null_values: texts that mean missing in a CSV file.
        delimiter: between the values of a CSV file.
    """

    sources: dict[str, str] = Field(min_length=1)
    query: str = ""
    types: dict[str, Literal["bool", "int64", "float64", "string", "date", "timestamp"]] = {}
    null_values: list[str] = ["", "NA"]
    delimiter: str = Field(default=",", min_length=1, max_length=1)

    @model_validator(mode="after")
    def _several_need_a_query(self) -> IngestTableConfig:
        if len(self.sources) > 1 and not self.query.strip():
            raise ValueError("several sources need a query that joins them")
        return self


def ingest_table(config: IngestTableConfig, data: Path) -> Dataset:
    """Reads the sources and writes the dataset.

    Args:
        config: what to read.
        data: the Dataset to write: Parquet parts in a defined row order, and where each row came from.

    Raises:
        ConfigError: a package is not installed, or the query does not run.
        DataError: a source that is missing, empty, ragged, not UTF-8, of wrong types, or with a column twice.
        ClusterError: an object store does not answer, or refuses.
        ArtifactError: `data` cannot be written.
    """
    connection = connect(threads=os.cpu_count() or 1)  # files keep their order whatever the number
    with connection, tempfile.TemporaryDirectory() as folder:
        named = sorted(config.sources.items())  # a cluster hands mappings over in an order of its own
        files = {name: locate(uri, Path(folder, "fetched", name)) for name, uri in named}
        sources = [Source.of(config.sources[name], path) for name, path in files.items()]
        for name, path in files.items():
            _load(connection, name, path, config, Path(folder))
        reader = _open_query(connection, _query(connection, config))
        schema = column_types.normalise(reader.schema, "the query's result")
        lineage = {"component": "ingest_table", "config": config.facts}
        with write_dataset(data, schema, sources=sources, lineage=lineage) as writer:
            for batch in reader:
                writer.write(batch.cast(schema))
            if not writer.rows:
                raise DataError("no row is left", where="the query's result", got="0 rows", do="loosen the query")
    return Dataset.open(data)


def _open_query(connection: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatchReader:
    import duckdb

    try:
        return connection.sql(query).to_arrow_reader(BATCH_ROWS)
    except duckdb.Error as error:  # a cast or a division that fails on some row
        raise DataError("the query fails on this data", where="query", got=error, do="correct the SQL") from None


def _load(
    connection: duckdb.DuckDBPyConnection, name: str, path: Path, config: IngestTableConfig, folder: Path
) -> None:
    if path.suffix == ".zip":
        path = unzip(path, folder / name)
    if path.suffix == ".parquet":
        _load_parquet(connection, name, path)
    elif path.suffix == ".csv" or path.name.endswith(".csv.gz"):
        options = {"types": config.types, "null_values": config.null_values, "delimiter": config.delimiter}
        load_csv(connection, name, path, **options)  # type: ignore[arg-type]  # the config's own fields
    else:
        do = "give a .csv, .csv.gz, .zip or .parquet file"
        raise ConfigError("a source has an ending that is not known", where=path, got=path.suffix or "none", do=do)


def _load_parquet(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    """By Arrow: the engine's own reader trusts the file's statistics, which leave NaN out, and so loses it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        connection.register("fairlead.file", pq.read_table(path, partitioning=None))
    except (pa.ArrowException, OSError) as error:
        got = str(error).splitlines()[0]
        raise DataError("a Parquet file cannot be read", where=path, got=got, do="fetch it again") from None
    connection.execute(f'CREATE TABLE {quote(name)} AS SELECT * FROM "fairlead.file"')
    connection.unregister("fairlead.file")


def _query(connection: duckdb.DuckDBPyConnection, config: IngestTableConfig) -> str:
    """The query with its rows in a defined order, after the door to other files has been closed."""
    import duckdb

    connection.execute("SET threads = 1")
    if not config.query.strip():
        return f"SELECT * FROM {quote(next(iter(config.sources)))}"
    connection.execute("SET enable_external_access = false")
    try:
        statements = connection.extract_statements(config.query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise ConfigError(
                "the query must be one SELECT", where="query", got=config.query.strip(), do="write one SELECT"
            )
        columns = [row[0] for row in connection.execute(f"DESCRIBE {statements[0].query}").fetchall()]
    except duckdb.Error as error:
        raise ConfigError("the query does not run", where="query", got=error, do="correct the SQL") from None
    twice = [column for column, times in Counter(columns).items() if times > 1]
    if twice:
        raise ConfigError(
            "the query names a column twice", where="query", got=", ".join(twice), do="rename one with AS"
        )
    return f"SELECT * FROM ({statements[0].query}) ORDER BY ALL"
