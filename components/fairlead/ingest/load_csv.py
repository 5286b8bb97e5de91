"""A CSV file into a table of the engine, with every ragged or wrongly typed line told."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, cast

from fairlead.errors import SHOWN_ROWS, DataError
from fairlead.tables.duck import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

#: What the engine calls the types of a Dataset.
SQL_TYPES = {
    "bool": "BOOLEAN",
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    path: Path,
    *,
    types: Mapping[str, str],
    null_values: Sequence[str],
    delimiter: str,
) -> None:
    """Creates table `name` from a CSV file in UTF-8 with a header line; types are found over all its lines.

    Args:
        connection: the engine.
        name: of the table to make.
        path: the file; `.gz` is unpacked on the way.
        types: column to type, over what would be found; columns that are not in this file are ignored.
        null_values: texts that mean missing.
        delimiter: one character.

    Raises:
        DataError: empty, not UTF-8, a column named twice, ragged lines, or values that are not of the given type.
    """
    import duckdb

    header = read_header(path, delimiter)
    chosen = {column: SQL_TYPES[kind] for column, kind in types.items() if column in header}
    forced = ", ".join(f"{literal(column)}: {literal(kind)}" for column, kind in chosen.items())
    options = [
        f"delim = {literal(delimiter)}, header = true, quote = '\"', escape = '\"', strict_mode = true",
        f"nullstr = [{', '.join(map(literal, null_values))}], sample_size = -1, store_rejects = true",
        *([f"types = {{{forced}}}"] if forced else []),
    ]
    try:
        connection.execute(
            f"CREATE TABLE {quote(name)} AS SELECT * FROM read_csv({literal(path)}, {', '.join(options)})"
        )
    except duckdb.Error as error:
        _refuse_encoding(path)
        got = str(error).splitlines()[0]
        raise DataError("a CSV file cannot be read", where=path, got=got, do="mend the file") from None
    _refuse_rejects(connection, path)
    if connection.execute(f"SELECT count(*) FROM {quote(name)}").fetchall() == [(0,)]:
        raise DataError("a CSV file holds no rows", where=path, got="a header line alone", do="check what wrote it")


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def read_header(path: Path, delimiter: str) -> list[str]:
    """The column names of a CSV file.

    Raises:
        DataError: the file is empty, not UTF-8, or names a column twice or not at all.
    """
    try:
        with _open(path) as stream:
            lines = io.TextIOWrapper(stream, "utf-8-sig", newline="")
            header = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
    except UnicodeDecodeError:
        _refuse_encoding(path)
        raise
    except (OSError, csv.Error) as error:
        raise DataError("a CSV file cannot be read", where=path, got=error, do="mend the file") from None
    if not any(header):
        raise DataError("a CSV file is empty", where=path, got=f"{path.stat().st_size} bytes", do="check what wrote it")
    repeated = [column for column, times in Counter(map(str.lower, header)).items() if times > 1]
    if repeated or not all(header):
        got = ", ".join(repeated) if repeated else "a column without a name"
        do = "give every column a name of its own; upper and lower case are the same to SQL"
        raise DataError("a CSV file's header names a column twice or not at all", where=path, got=got, do=do)
    return header


def _refuse_encoding(path: Path) -> None:
    bad: list[dict[str, Any]] = []
    count = 0
    with _open(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                count += 1
                if len(bad) < SHOWN_ROWS:
                    bad.append({"line": number, "bytes": line.rstrip()[:80]})
    if count:
        do = "write the file as UTF-8 (iconv -f LATIN1 -t UTF-8)"
        raise DataError("a CSV file is not UTF-8", where=path, do=do, rows=bad, count=count)


def _refuse_rejects(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    query = "SELECT line, any_value(column_name), any_value(error_message), any_value(csv_line) FROM reject_errors"
    rejects = connection.execute(f"{query} GROUP BY line ORDER BY line").fetchall()
    connection.execute("DELETE FROM reject_errors")
    if rejects:
        keys = ("line", "column", "problem", "text")
        rows = [dict(zip(keys, reject, strict=True)) for reject in rejects[:SHOWN_ROWS]]
        do = "mend these lines, or give the column another type with `types`"
        raise DataError("a CSV file has lines that do not fit", where=path, rows=rows, count=len(rejects), do=do)
