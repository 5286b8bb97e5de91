"""The shims of this stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.dsl import component
from fairlead.images import TABULAR

if TYPE_CHECKING:
    from typing import NamedTuple

    from kfp.dsl import HTML, Artifact, Dataset, Input, Output


@component(image=TABULAR)
def infer_schema(
    data: Input[Dataset],
    schema: Output[Artifact],
    max_categories: int = 50,
    keys: list[list[str]] = [],
    null_slack: float = 0.05,
    range_slack: float = 0.1,
    data_fingerprint: str = "",
) -> NamedTuple("Outputs", [("schema_fingerprint", str)]):
    """Writes the schema that a Dataset follows, for a person to review and to keep.

    Args:
        data: the rows to learn from.
        schema: a YAML file of columns and rules.
        max_categories: a text column with at most this many different values allows only those.
        keys: lists of columns; the columns of each together identify a row.
        null_slack: added to the share of missing values of a column that has any.
        range_slack: widens each end of a number's range, as a share of its width.
        data_fingerprint: of data; other rows are refused. A pipeline fills it in.
        schema_fingerprint: of the file's bytes.
    """
    from pathlib import Path

    from fairlead.artifacts.directory import fingerprint_of
    from fairlead.artifacts.received import received
    from fairlead.validate.infer_schema import InferSchemaConfig, infer_schema

    config = InferSchemaConfig(max_categories=max_categories, keys=keys, null_slack=null_slack, range_slack=range_slack)
    found = infer_schema(data=received(data.path, data_fingerprint), config=config, schema=Path(schema.path))
    schema.metadata.update(columns=len(found.columns))
    return (fingerprint_of(Path(schema.path)),)


@component(image=TABULAR)
def check_table(
    data: Input[Dataset],
    schema: Input[Artifact],
    report: Output[HTML],
    result: Output[Artifact],
    allow_extra_columns: bool = False,
    raise_on_fail: bool = False,
    data_fingerprint: str = "",
    schema_fingerprint: str = "",
) -> NamedTuple("Outputs", [("verdict", str)]):
    """Holds a Dataset against a schema; the verdict is "pass" or "fail".

    Args:
        data: the rows to check.
        schema: a YAML file, as infer_schema writes it.
        report: the page that shows each broken rule with its rows.
        result: the same as JSON.
        allow_extra_columns: lets columns be that the schema does not know.
        raise_on_fail: ends the run with the first broken rule instead of a verdict.
        data_fingerprint: of data; other rows are refused. A pipeline fills it in.
        schema_fingerprint: of schema, likewise; of an imported one its URI.
        verdict: "pass" or "fail".
    """
    from pathlib import Path

    from fairlead.artifacts.received import received
    from fairlead.validate.check_table import CheckTableConfig, check_table

    config = CheckTableConfig(allow_extra_columns=allow_extra_columns, raise_on_fail=raise_on_fail)
    found = check_table(
        data=received(data.path, data_fingerprint),
        schema=received(schema.path, schema_fingerprint),
        config=config,
        report=Path(report.path),
        result=Path(result.path),
    )
    result.metadata.update(verdict=found.verdict, violations=len(found.violations))
    return (found.verdict,)
