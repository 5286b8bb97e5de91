"""Raw files to a first schema, for a person to review and keep in git."""

from kfp import dsl

from fairlead.components import infer_schema, ingest_table


@dsl.pipeline(name="draft-schema", description="Raw files to a schema that a person reviews.")
def draft_schema(
    sources: dict[str, str],
    query: str = "",
    types: dict[str, str] = {},
    keys: list[list[str]] = [],
    max_categories: int = 100,
) -> None:
    """Reads raw files and drafts the schema that `check_table` will hold new data against."""
    ingested = ingest_table(sources=sources, query=query, types=types)
    infer_schema(data=ingested.outputs["data"], keys=keys, max_categories=max_categories)
