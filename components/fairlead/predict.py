"""Answers for the rows of a file, by the same graph that the endpoint runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.artifacts.scorer import Scorer, columns_of
from fairlead.errors import ConfigError, DataError
from fairlead.served import find_model
from fairlead.tables.duck import connect, literal, read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.artifacts.bundle import Signature

READERS = {".csv": "read_csv({}, sample_size = -1, nullstr = ['', 'NA'])", ".json": "read_json({})"}


def predict_rows(name: str, rows: Path) -> Iterator[str]:
    """Scores a file.

    Args:
        name: a local service, or a bundle's folder.
        rows: a .csv, .parquet or .json file with a column per feature; an empty value is missing.

    Yields:
        A JSON object for each row: `prediction`, and `probabilities` of a classification.

    Raises:
        ServeError: there is no such model.
        ConfigError: the file's ending is not known.
        DataError: the file cannot be read, or lacks a feature.
    """
    bundle, _ = find_model(name)
    table = _read(rows, bundle.signature)
    answers = Scorer.of(bundle).predict(columns_of(table, bundle.signature))
    for row in range(table.num_rows):
        yield json.dumps(
            {
                key: value[row].tolist() if hasattr(value[row], "tolist") else value[row]
                for key, value in answers.items()
            }
        )


def _read(path: Path, signature: Signature) -> Any:
    import duckdb

    if not path.is_file():
        raise DataError("there is no such file", where=path, do="check the path")
    if path.suffix not in {*READERS, ".parquet"}:
        do = f"give a {', '.join([*READERS, '.parquet'])} file"
        raise ConfigError("rows come in another kind of file", where=path, got=path.suffix or "no ending", do=do)
    source = read_parquet([path]) if path.suffix == ".parquet" else READERS[path.suffix].format(literal(path))
    with connect() as connection:
        try:
            table = connection.sql(f"SELECT * FROM {source}").to_arrow_table()
        except duckdb.Error as error:
            got = str(error).splitlines()[0]
            raise DataError("the rows cannot be read", where=path, got=got, do="mend the file") from None
    missing = [feature.name for feature in signature.features if feature.name not in table.column_names]
    if missing:
        do = "give every feature of the model a column"
        raise DataError("the rows lack features of the model", where=path, got=f"without {', '.join(missing)}", do=do)
    return table
