"""DuckDB connections with settings that give the same rows in the same order everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from fairlead.artifacts.dataset import Dataset


def connect(threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Opens an in-memory engine that fetches no extension; points in time are read as UTC.

    Args:
        threads: one by default, so that floating-point sums and the order of rows do not depend on the machine.
    """
    import duckdb

    connection = duckdb.connect(
        config={
            "threads": str(threads),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quote(identifier: str) -> str:
    """A column's or table's name, safe inside SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text, safe inside SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def listed(names: Iterable[str]) -> str:
    """Quoted names with commas between."""
    return ", ".join(map(quote, names))


def read_parquet(parts: Iterable[Path]) -> str:
    """The SQL of a table function over Parquet files, in this order."""
    return f"read_parquet([{', '.join(map(literal, parts))}], hive_partitioning = false)"


def view(connection: duckdb.DuckDBPyConnection, name: str, dataset: Dataset) -> None:
    """Registers a dataset's rows, in order, as a view."""
    connection.execute(f"CREATE OR REPLACE VIEW {quote(name)} AS SELECT * FROM {read_parquet(dataset.parts)}")
