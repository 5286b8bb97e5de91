"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import Dataset, Output


@component(image=TABULAR)
def ingest_table(
    data: Output[Dataset],
    sources: dict[str, str],
    query: str = "",
    types: dict[str, str] = {},
    null_values: list[str] = ["", "NA"],
    delimiter: str = ",",
) -> NamedTuple("Outputs", [("data_fingerprint", str)]):
    """Reads CSV, zipped CSV and Parquet files, joins them with SQL, and writes one Dataset.

    Args:
        data: the rows as Parquet parts with a manifest.
        sources: table name to path, `package:NAME/PATH` or URI (s3://, gs://); CSV (also .gz), zipped CSV or Parquet.
        query: SQL over those tables; empty with a single source takes it as it is.
        types: column name to type, over what is found in the file: bool, int64, float64, string, date, timestamp.
        null_values: texts that mean missing in a CSV file.
        delimiter: between the values of a CSV file.
        data_fingerprint: of the rows, whatever the files they came from.
    """
    from pathlib import Path

    from fairlead.ingest.ingest_table import IngestTableConfig, ingest_table

    config = IngestTableConfig(sources=sources, query=query, types=types, null_values=null_values, delimiter=delimiter)
    dataset = ingest_table(config=config, data=Path(data.path))
    data.metadata.update(dataset.metadata)
    return (dataset.fingerprint,)
