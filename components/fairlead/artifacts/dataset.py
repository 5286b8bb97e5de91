"""Dataset: a directory of Parquet parts and a manifest with columns, rows, fingerprint and sources."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.artifacts import column_types
from fairlead.artifacts.directory import new_directory, open_sealed, seal
from fairlead.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fairlead.artifacts.source import Source

KIND = "dataset"
PART_ROWS = 1_000_000
ROW_GROUP_ROWS = 131_072


@dataclass(frozen=True)
class Dataset:
    """A table that was written by a step and is whole.

    Attributes:
        path: its directory.
        manifest: what `manifest.json` says; checked against every file.
    """

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """Opens and checks a dataset.

        Raises:
            ArtifactError: missing, damaged, truncated or tampered with; it names the file.
        """
        return cls(path, open_sealed(path, KIND))

    @property
    def parts(self) -> list[Path]:
        """The Parquet files in row order."""
        return [self.path / name for name in sorted(self.manifest["files"])]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.manifest["rows"])

    @property
    def columns(self) -> dict[str, str]:
        """Column names and types (of `column_types.TYPES`), in order."""
        return {column["name"]: column["type"] for column in self.manifest["columns"]}

    @property
    def fingerprint(self) -> str:
        """Of the content: the same for the same rows, however they are stored."""
        return str(self.manifest["fingerprint"])

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The files outside the run that this data came from: uri, path, sha256, bytes."""
        return list(self.manifest["sources"])

    @property
    def metadata(self) -> dict[str, Any]:
        """What a run records of it, shown in the Kubeflow UI and read by the cache."""
        return {"fingerprint": self.fingerprint, "rows": self.rows, "sources": self.sources}

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Reads the rows, all columns or those named, in order.

        Raises:
            DataError: a column is not there.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = list(self.columns) if columns is None else list(columns)
        self.require(names)
        return pa.concat_tables([pq.read_table(part, columns=names, partitioning=None) for part in self.parts])

    def require(self, names: Iterable[str]) -> None:
        """Checks that columns are there.

        Raises:
            DataError: it names the first that is not, and those that are.
        """
        for name in names:
            if name not in self.columns:
                got = ", ".join(self.columns)
                raise DataError(
                    "a column is not in the data",
                    where=f"{self.path}, column {name!r}",
                    got=got,
                    do="name one of these",
                )


class DatasetWriter:
    """Takes batches and writes parts; made by `write_dataset`."""

    def __init__(self, directory: Path, schema: pa.Schema, part_rows: int = PART_ROWS) -> None:
        from fairlead.artifacts.fingerprint import Fingerprint

        self.schema, self.rows = schema, 0
        self._directory, self._part_rows = directory, part_rows
        self._digest = Fingerprint(schema)
        self._parts: list[Any] = []
        self._room = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows with the dataset's columns, types already normalised."""
        self._digest.update(batch)
        self.rows += batch.num_rows
        while batch.num_rows:
            if not self._room:
                self._next_part()
            piece = batch.slice(0, self._room)
            self._parts[-1].write_batch(piece, row_group_size=ROW_GROUP_ROWS)
            self._room -= piece.num_rows
            batch = batch.slice(piece.num_rows)

    def _next_part(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.close()
        path = self._directory / f"part-{len(self._parts):05}.parquet"
        # A float column's statistics leave NaN out, and DuckDB then skips the rows that hold one: write none.
        told = [field.name for field in self.schema if not pa.types.is_floating(field.type)]
        self._parts.append(pq.ParquetWriter(path, self.schema, compression="zstd", write_statistics=told))
        self._room = self._part_rows

    def close(self) -> None:
        """Finishes the part that is open."""
        if self._parts:
            self._parts[-1].close()

    def finish(self, sources: Sequence[Source | dict[str, Any]], lineage: dict[str, Any]) -> None:
        """Writes the manifest; an empty dataset still gets one part with its columns."""
        if not self._parts:
            self._next_part()
        self.close()
        listed = [source if isinstance(source, dict) else source.as_dict() for source in sources]
        columns = [{"name": f.name, "type": column_types.of_arrow(f, self._directory)} for f in self.schema]
        seal(
            self._directory,
            KIND,
            self._digest.hexdigest(),
            rows=self.rows,
            columns=columns,
            sources=listed,
            lineage=lineage,
        )


@contextmanager
def write_dataset(
    path: Path,
    schema: pa.Schema,
    *,
    sources: Sequence[Source | dict[str, Any]] = (),
    lineage: dict[str, Any] | None = None,
    part_rows: int = PART_ROWS,
) -> Iterator[DatasetWriter]:
    """Writes a dataset whole or not at all.

    Args:
        path: the directory to make or replace.
        schema: Arrow columns; their types are those of `column_types.normalise`.
        sources: the files outside the run that were read.
        lineage: JSON facts to keep: the component, its config, the fingerprints of its inputs.
        part_rows: the most rows in one Parquet file.

    Raises:
        ArtifactError: the place cannot be written.
    """
    with new_directory(path) as directory:
        writer = DatasetWriter(directory, schema, part_rows)
        try:
            yield writer
            writer.finish(sources, lineage or {})
        finally:
            writer.close()


def write_table(path: Path, table: pa.Table, **facts: Any) -> Dataset:
    """Writes a table in memory as a dataset, columns cast to a Dataset's types; `facts` as for `write_dataset`.

    Raises:
        ArtifactError: the place cannot be written.
        DataError: a column or a value that a dataset cannot hold.
    """
    import pyarrow as pa

    schema = column_types.normalise(table.schema, path)
    try:
        cast = table.cast(schema)
    except pa.ArrowInvalid as error:
        raise DataError("a value does not fit its column", where=path, got=error, do="cast it in the query") from None
    with write_dataset(path, schema, **facts) as writer:
        for batch in cast.to_batches():
            writer.write(batch)
    return Dataset.open(path)
