"""The fingerprint of a table: its columns' names, types and values in row order, and nothing of how it is stored.

Each column feeds three SHA-256 streams (which rows are there, how long, which bytes), so chunk boundaries, Parquet
parts, row groups and compression leave no trace. Not-a-number has one form, and minus zero is zero.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairlead.artifacts.directory import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class Fingerprint:
    """Takes a table batch by batch.

    Args:
        schema: the columns, of the types that `column_types.TYPES` lists.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._rows = 0
        self._streams = [[hashlib.sha256() for _ in range(3)] for _ in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        """Adds the rows of a batch with the same columns."""
        self._rows += batch.num_rows
        for streams, column in zip(self._streams, batch.columns, strict=True):
            for stream, data in zip(streams, _parts(column), strict=True):
                stream.update(data)

    def hexdigest(self) -> str:
        """The fingerprint, 64 hexadecimal digits."""
        columns = [
            [field.name, str(field.type), *(stream.hexdigest() for stream in streams)]
            for field, streams in zip(self._schema, self._streams, strict=True)
        ]
        return digest_of({"rows": self._rows, "columns": columns})


def _parts(column: pa.Array) -> Iterable[bytes | memoryview]:
    """Validity, lengths and values of a column as bytes."""
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        filled = pc.fill_null(column, "")
        lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False).astype("<i4")
        return valid.tobytes(), lengths.tobytes(), _string_bytes(filled)
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    elif pa.types.is_date32(column.type):
        column = column.view(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.view(pa.int64())
    values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values + 0.0)
    return valid.tobytes(), b"", np.ascontiguousarray(values).tobytes()


def _string_bytes(column: pa.StringArray) -> memoryview | bytes:
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return b""
    bounds = np.frombuffer(offsets, np.int32)
    start, stop = bounds[column.offset], bounds[column.offset + len(column)]
    return memoryview(data)[start:stop]


def fingerprint_table(table: pa.Table) -> str:
    """The fingerprint of a whole table in memory."""
    digest = Fingerprint(table.schema)
    for batch in table.to_batches():
        digest.update(batch)
    return digest.hexdigest()
